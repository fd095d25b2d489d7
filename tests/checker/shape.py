"""What a run was given, as its user states it; nothing here comes from the code under test."""

from dataclasses import dataclass

BIN_S = 300.0
SUSPENDING_SCHEMES = frozenset({"srtf", "las"})
OPPORTUNISTIC = "opportunistic"
RIGID_SCHEMES = SUSPENDING_SCHEMES | {"fifo", "fifo-backfill", "sjf", "aryl-loaning", OPPORTUNISTIC}
LENDING_SCHEMES = frozenset({"aryl", "aryl-loaning", OPPORTUNISTIC})


@dataclass(frozen=True, slots=True)
class Shape:
    """Two uniform pools; `factor` workers of the inference pool do the work of one."""

    training_servers: int
    inference_servers: int
    training_gpus: int = 8  # on each server
    inference_gpus: int = 8  # on each server
    factor: float = 3.0

    def gpus_on(self, server_id: str) -> int:
        """The GPUs of a server; 0: there is no such server."""
        pool, _, number = server_id.partition("-")
        if not number.isdigit():
            return 0
        if pool == "train" and 1 <= int(number) <= self.training_servers:
            return self.training_gpus
        if pool == "infer" and 1 <= int(number) <= self.inference_servers:
            return self.inference_gpus
        return 0


TESTBED = Shape(4, 4)
PHILLY = Shape(275, 365)


@dataclass(frozen=True, slots=True)
class Knobs:
    """The policy's knobs that decide what a run may look like; the defaults are the spec's."""

    preemption_overhead_s: float = 63.0
    resize_overhead_s: float = 0.0
    decision_latency_s: float = 0.0
    vacate_s: float = 0.0
    headroom: float = 0.02
    heterogeneous_efficiency: float = 0.7
    reclaim: str = "greedy"
    las_limits_gpu_s: tuple[float, ...] = (3_600.0, 28_800.0, 230_400.0)
