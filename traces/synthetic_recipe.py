"""What the generated workload is made of: each number of the calibration, with its reason.

docs/calibration.md says how they were found and what they come to.
"""

from dataclasses import dataclass

PAPER_JOBS = 50_390  # paper §9
PAPER_DAYS = 15.0
PAPER_GPUS = 3_544  # 443 servers of 8

# Usage is measured from the first submission, on an empty cluster, to the last one, with work still
# to do: of this offered load the paper's usage of .72 is seen (paper §10, Table 5).
OFFERED_LOAD = 0.768

SIZES_GPUS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def suited_gpus(jobs: int, days: float) -> int:
    """The GPUs at which jobs per GPU and day are the paper's, so that run times are too."""
    return max(8, round(PAPER_GPUS * jobs / PAPER_JOBS * PAPER_DAYS / days))


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Arrivals over the day go as exp(swing * cos), highest at `peak_hour`."""

    peak_hour: float
    swing: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parameters of the generator."""

    # Run times in seconds by share of jobs, log-linear in between. Half of the paper's jobs end
    # within 13 minutes, waiting included, while 5 % take a day and 1 % four days, yet the mean is
    # only 4.6 hours: so few lie between, and the long ones crowd just above 1 and 4.4 days.
    run_time_knots: tuple[tuple[float, float], ...] = (
        (0.0, 15.0),
        (0.34, 135.0),
        (0.60, 330.0),
        (0.78, 630.0),
        (0.85, 1_150.0),
        (0.89, 36_000.0),
        (0.95, 82_500.0),
        (0.985, 108_000.0),
        (0.99, 378_000.0),
        (1.0, 450_000.0),
    )
    long_run_s: float = 3_600.0  # below: debugging and tuning; above: training in earnest
    days_run_s: float = 150_000.0

    # Odds of SIZES_GPUS. Short runs have many gangs: these block the head of the queue for minutes,
    # which half of the paper's submissions feel, and only a quarter for half an hour. Long runs
    # have the 5 GPUs that make the paper's GPU-time per job; those of days stay small, or one of
    # them would be a tenth of a day's load.
    short_sizes: tuple[float, ...] = (0.28, 0.05, 0.05, 0.13, 0.19, 0.13, 0.08, 0.05, 0.04)
    long_sizes: tuple[float, ...] = (0.41, 0.12, 0.14, 0.20, 0.09, 0.03, 0.01, 0.005, 0.0)
    days_sizes: tuple[float, ...] = (0.41, 0.15, 0.21, 0.20, 0.03, 0.0, 0.0, 0.0, 0.0)

    # Training in earnest is started around noon and fills the cluster; the short runs peak later,
    # when it is full, so that more submissions wait than the hours of waiting would suggest.
    short_rhythm: Rhythm = Rhythm(peak_hour=14.5, swing=2.2)
    long_rhythm: Rhythm = Rhythm(peak_hour=13.0, swing=1.8)
    weekday: tuple[float, ...] = (0.95, 1.05, 1.10, 1.05, 0.95, 0.85, 0.85)  # from Monday
    # Each block of this many submissions of like GPU-time is dealt evenly over the whole trace (one
    # per four hours or so), so that a day's load follows the rhythm more than the seed.
    strata: int = 84

    # A project is one user's work on one model; its jobs resemble each other.
    jobs_per_user: int = 250
    user_skew: float = 0.8  # Zipf exponent of the users' activity
    project_likeness: float = 0.5  # its share of the variance of run times and sizes, as scores

    # Some submissions are sweeps: batches of jobs alike, of short runs that are no gangs.
    sweep_job_share: float = 0.35
    sweep_jobs: float = 70.0  # the mean of a geometric distribution
    sweep_gap_s: float = 10.0  # mean time between its jobs
    sweep_shortness: float = 2.5  # standard deviations of run time's score
    sweep_spread: float = 0.1  # the same, within a sweep
    sweep_max_gpus: int = 16


PAPER = Recipe()
