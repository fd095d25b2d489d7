"""Servers, the two pools they belong to, and loans between the pools."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from math import ceil, floor

ROUNDING = 1e-9  # at factor 2.2, 15 training workers are 33, and 33 / 2.2 is 14.999999999999998


class Pool(IntEnum):
    """A server's home, for ever."""

    TRAINING = 0
    INFERENCE = 1

    @property
    def label(self) -> str:
        """The name in files and messages."""
        return self.name.lower()


class Condition(StrEnum):
    """What may be done with a server now; only an open one is given new workers."""

    OPEN = "open"
    BUSY = "busy"  # inference runs on it: it is not lent, or if it is, goes back once vacant
    PINNED = "pinned"  # on loan, and its workers may not be evicted now
    AWAY = "away"  # cordoned, not ready or long overdue: it serves nobody new, in either pool


@dataclass(frozen=True, slots=True)
class Server:
    """One machine with GPUs; `index` is its place in `Cluster.servers`.

    `shut_gpus` of its GPUs can't be given to workers, whoever holds them.
    """

    id: str
    pool: Pool
    gpus: int
    index: int
    shut_gpus: int = 0
    condition: Condition = Condition.OPEN

    @property
    def usable_gpus(self) -> int:
        """The GPUs that workers hold or may be given."""
        return self.gpus - self.shut_gpus

    @property
    def serves(self) -> bool:
        """Whether it does its pool any good."""
        return self.condition is not Condition.AWAY


@dataclass(frozen=True, slots=True)
class Loan:
    """An inference server that training may use; from `reclaim_s` on it is being given back."""

    server_id: str
    start_s: float
    reclaim_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether training may still place work on it."""
        return self.reclaim_s is None


@dataclass(frozen=True, eq=False)
class Cluster:
    """The shape of both pools at one moment; compared by identity.

    `factor` is the number of workers on the inference pool's GPU type that do the work of one
    training worker (paper §7.5: three T4 servers for one V100 server).
    """

    servers: tuple[Server, ...]
    factor: float = 1.0
    training_gpu_type: str = "V100"
    inference_gpu_type: str = "T4"
    by_id: Mapping[str, Server] = field(init=False, repr=False, compare=False)
    training_gpus: int = field(init=False, compare=False)
    inference_servers: tuple[Server, ...] = field(init=False, repr=False, compare=False)
    serving: int = field(init=False, repr=False, compare=False)  # inference servers that do

    def __post_init__(self) -> None:
        """Derive the look-ups once."""
        assert all(server.index == place for place, server in enumerate(self.servers))
        put = object.__setattr__
        put(self, "by_id", {server.id: server for server in self.servers})
        training = [s.gpus for s in self.servers if s.pool is Pool.TRAINING]
        put(self, "training_gpus", sum(training))
        inference = tuple(s for s in self.servers if s.pool is Pool.INFERENCE)
        put(self, "inference_servers", inference)
        put(self, "serving", sum(server.serves for server in inference))

    def pool_of(self, server_id: str) -> Pool:
        """The home of a server."""
        return self.by_id[server_id].pool

    def workers_on(self, pool: Pool, training_workers: int) -> int:
        """How many workers of the pool's GPU type do the work of `training_workers`."""
        if pool is Pool.TRAINING:
            return training_workers
        return ceil(training_workers * self.factor - ROUNDING)

    def training_workers_of(self, pool: Pool, workers: int) -> int:
        """How many whole training workers `workers` of the pool's GPU type stand for."""
        if pool is Pool.TRAINING:
            return workers
        return floor(workers / self.factor + ROUNDING)


def build_cluster(
    *,
    training_servers: int,
    inference_servers: int,
    gpus_per_server: int | tuple[int, int] = 8,
    factor: float = 3.0,
    gpu_types: tuple[str, str] = ("V100", "T4"),
) -> Cluster:
    """A cluster of two uniform pools with servers `train-0001…` and `infer-0001…`."""
    sizes = gpus_per_server if isinstance(gpus_per_server, tuple) else (gpus_per_server,) * 2
    width = max(4, len(str(max(training_servers, inference_servers))))  # names sort as numbers do
    names = [(f"train-{n:0{width}d}", Pool.TRAINING) for n in range(1, training_servers + 1)]
    names += [(f"infer-{n:0{width}d}", Pool.INFERENCE) for n in range(1, inference_servers + 1)]
    servers = tuple(
        Server(id=name, pool=pool, gpus=sizes[pool], index=index)
        for index, (name, pool) in enumerate(names)
    )
    return Cluster(servers, factor, *gpu_types)
