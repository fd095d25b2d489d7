"""What the generated workload is made of: each number of the calibration, with its reason."""

from dataclasses import dataclass

PAPER_JOBS = 50_390  # paper §9
PAPER_DAYS = 15.0
PAPER_GPUS = 3_544  # 443 servers of 8

# Usage is measured from the first submission, on an empty cluster, and work outlives the last one:
# of an offered load of .75 about .72 is seen (paper §10, Table 5).
OFFERED_LOAD = 0.75

SIZES_GPUS = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parameters of the generator; shares are of submissions, hours are of the day."""

    # Run times by rank, log-linear in between. Half of the paper's jobs end within 13 minutes and a
    # quarter take over 8 hours, though the mean is only 4.6 hours: so hardly any lie between, and
    # the long ones crowd just above each published quantile (8 h, 1 day, 4.4 days).
    run_time_knots: tuple[tuple[float, float], ...] = (
        (0.0, 15.0),
        (0.30, 110.0),
        (0.50, 260.0),
        (0.66, 520.0),
        (0.72, 900.0),
        (0.755, 26_500.0),
        (0.90, 33_000.0),
        (0.95, 78_000.0),
        (0.985, 100_000.0),
        (0.99, 365_000.0),
        (1.0, 430_000.0),
    )
    long_run_s: float = 3_600.0  # a debugging run, or training in earnest
    days_run_s: float = 150_000.0

    # Odds of SIZES_GPUS. Long runs have 5 GPUs on average, which gives the paper's 65.6 k GPU-s per
    # job; runs of days stay small, or one of them would be a tenth of a day's load.
    short_sizes: tuple[float, ...] = (0.57, 0.11, 0.09, 0.11, 0.09, 0.02, 0.006, 0.001)
    long_sizes: tuple[float, ...] = (0.38, 0.12, 0.14, 0.21, 0.11, 0.028, 0.007, 0.002)
    days_sizes: tuple[float, ...] = (0.41, 0.15, 0.21, 0.20, 0.03, 0.0, 0.0, 0.0)

    # Arrivals: exp(swing * cos) over the day, times a factor by day of the week (from Monday).
    peak_hour: float = 15.0
    swing: float = 1.3
    weekday: tuple[float, ...] = (0.94, 1.06, 1.13, 1.06, 0.94, 0.97, 0.97)
    # Each block of this many submissions of like GPU-time is spread evenly over the whole trace,
    # so that the load of a day depends on the hour and the week more than on the seed.
    strata: int = 16

    # People. A project is one user's work on one model; its jobs resemble each other.
    jobs_per_user: int = 250
    user_skew: float = 0.8  # Zipf exponent of the users' activity
    project_likeness: float = 0.5  # share of the variance in run time and size that it explains
    sweep_share: float = 0.04  # submissions that are a batch of jobs alike
    sweep_jobs: float = 10.0  # mean size of such a batch
    sweep_gap_s: float = 4.0  # mean time between the jobs of a batch
    sweep_likeness: float = 0.99
    sweep_max_gpus: int = 8  # nobody sweeps over gangs


PAPER = Recipe()
