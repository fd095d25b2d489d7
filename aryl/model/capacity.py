"""Free GPUs by server, indexed for best fit.

A set of servers is one integer with a bit per server. Integers are immutable and cheap to copy,
so a snapshot and each draft made from it have an index of their own for microseconds, at any
cluster size. `Capacity` is the one mutable class of the model: it is copied, never shared.
"""

from collections.abc import Sequence
from enum import IntEnum

from aryl.model.cluster import Cluster, Pool
from aryl.model.job import WorkerKind


class Group(IntEnum):
    """Where a server stands for placement (paper §5: base and flexible workers apart)."""

    TRAINING = 0
    VACANT_LOAN = 1
    BASE_LOAN = 2
    FLEXIBLE_LOAN = 3
    CLOSED = 4  # an inference server that is not on loan, or on its way back


class Capacity:
    """GPUs free and held by base workers on each server, by server index."""

    __slots__ = ("base", "free", "group", "levels", "size")

    def __init__(self, cluster: Cluster) -> None:
        """Start with training servers free and inference servers closed."""
        self.size: Sequence[int] = tuple(server.gpus for server in cluster.servers)
        self.free = list(self.size)
        self.base = [0] * len(self.size)
        self.group = [
            Group.TRAINING if server.pool is Pool.TRAINING else Group.CLOSED
            for server in cluster.servers
        ]
        top = max(self.size, default=0)
        self.levels = [[0] * (top + 1) for _ in Group]
        for index, group in enumerate(self.group):
            self.levels[group][self.free[index]] |= 1 << index

    def copy(self) -> "Capacity":
        """An independent copy."""
        twin = object.__new__(Capacity)
        twin.size = self.size
        twin.free = self.free.copy()
        twin.base = self.base.copy()
        twin.group = self.group.copy()
        twin.levels = [bits.copy() for bits in self.levels]
        return twin

    def open_loan(self, index: int) -> None:
        """Let training use an inference server."""
        assert self.group[index] is Group.CLOSED
        self._move(index, self.free[index], Group.VACANT_LOAN)

    def close_loan(self, index: int) -> None:
        """Take a vacant on-loan server out of training's hands."""
        assert self.group[index] is Group.VACANT_LOAN, "only a vacant server goes back"
        self._move(index, self.free[index], Group.CLOSED)

    def take(self, index: int, gpus: int, kind: WorkerKind) -> None:
        """Give `gpus` of a server to workers of one kind."""
        assert 0 < gpus <= self.free[index], "a GPU is never given twice"
        if kind is WorkerKind.BASE:
            self.base[index] += gpus
        self._move(index, self.free[index] - gpus, self._group_when(index, self.free[index] - gpus))

    def release(self, index: int, gpus: int, kind: WorkerKind) -> None:
        """Take `gpus` of a server back from workers of one kind."""
        assert 0 < gpus <= self.size[index] - self.free[index], "only held GPUs are released"
        if kind is WorkerKind.BASE:
            self.base[index] -= gpus
        self._move(index, self.free[index] + gpus, self._group_when(index, self.free[index] + gpus))

    def best_fit(self, groups: Sequence[Group], gpus: int) -> int:
        """The server with the fewest free GPUs that still fits `gpus`; -1: none. Ties: lowest index."""
        for free in range(gpus, len(self.levels[0])):
            bits = 0
            for group in groups:
                bits |= self.levels[group][free]
            if bits:
                return (bits & -bits).bit_length() - 1
        return -1

    def free_gpus(self, groups: Sequence[Group]) -> int:
        """All free GPUs in the groups."""
        return sum(
            free * bits.bit_count()
            for group in groups
            for free, bits in enumerate(self.levels[group])
            if bits
        )

    def workers_that_fit(self, groups: Sequence[Group], gpus_per_worker: int) -> int:
        """How many workers of that size fit, none split over servers."""
        return sum(
            (free // gpus_per_worker) * bits.bit_count()
            for group in groups
            for free, bits in enumerate(self.levels[group])
            if bits
        )

    def members(self, group: Group) -> list[int]:
        """The servers of a group, by index."""
        bits = 0
        for level in self.levels[group]:
            bits |= level
        found = []
        while bits:
            low = bits & -bits
            found.append(low.bit_length() - 1)
            bits ^= low
        return found

    def _group_when(self, index: int, free: int) -> Group:
        if self.group[index] in (Group.TRAINING, Group.CLOSED):
            return self.group[index]
        if self.base[index]:
            return Group.BASE_LOAN
        return Group.VACANT_LOAN if free == self.size[index] else Group.FLEXIBLE_LOAN

    def _move(self, index: int, free: int, group: Group) -> None:
        bit = 1 << index
        self.levels[self.group[index]][self.free[index]] ^= bit
        self.levels[group][free] |= bit
        self.free[index] = free
        self.group[index] = group
