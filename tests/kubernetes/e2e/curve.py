"""A day: how many replicas inference wants by the hour, and which jobs arrive."""

from dataclasses import dataclass
from enum import Enum
from random import Random

HOURS = 24.0
PEAK = 16  # replicas of a whole server each
BURST = (4.0, 5.5, 12)  # from, until, and how many replicas more than the curve has
# The share of the peak at each full hour: a low night, a steep morning, a long afternoon.
SHARES = (
    *(0.31, 0.26, 0.22, 0.19, 0.18, 0.19, 0.25, 0.40, 0.60, 0.78, 0.90, 0.96),
    *(0.97, 0.94, 0.98, 1.00, 0.97, 0.90, 0.78, 0.64, 0.52, 0.44, 0.38, 0.34),
)


class Way(Enum):
    """How a job comes to Aryl."""

    KUBECTL = "a TrainingJob"
    BATCH = "a managed Job"
    REST = "a job of the service"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job; each of its workers runs for `runs_s` wall seconds and then succeeds."""

    hour: float
    way: Way
    name: str
    gpus: int  # of each worker
    least: int
    most: int
    may_borrow: bool
    may_mix: bool
    runs_s: int


def replicas(hour: float) -> int:
    """What inference wants."""
    place = min(hour, HOURS - 0.001)
    before = int(place)
    after = (before + 1) % len(SHARES)
    share = SHARES[before] + (place - before) * (SHARES[after] - SHARES[before])
    burst = BURST[2] if BURST[0] <= place < BURST[1] else 0
    return round(PEAK * share) + burst


def arrivals(seed: int) -> list[Arrival]:
    """By night and in the evening more than the training pool can take, and a few by day."""
    random = Random(seed)
    waves = ((28, 0.0, 2.5, (1, 2, 3, 4)), (6, 7.0, 14.0, (1, 2)), (13, 18.0, 20.5, (1, 2, 3)))
    found: list[Arrival] = []
    for jobs, first, last, sizes in waves:
        for hour in sorted(random.uniform(first, last) for _ in range(jobs)):
            found.append(_arrival(len(found), hour, random.choice(sizes), random))
    return found


def _arrival(number: int, hour: float, least: int, random: Random) -> Arrival:
    is_elastic, suits_both = random.random() < 0.6, random.random() < 0.8
    return Arrival(
        hour=hour,
        way=(Way.KUBECTL, Way.REST, Way.REST, Way.BATCH)[number % 4],
        name=f"job-{number}",
        gpus=random.choice((2, 4, 8)),
        least=least,
        most=2 * least if is_elastic else least,
        may_borrow=suits_both,
        may_mix=suits_both and random.random() < 0.4,
        runs_s=random.randint(8, 16),
    )
