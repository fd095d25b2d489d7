"""Times a replay: the one place of the simulator that reads a real clock."""

import resource
import time

elapsed = time.perf_counter
cpu_s = time.process_time


def peak_rss_mib() -> float:
    """The most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
