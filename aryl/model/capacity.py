"""Free GPUs by server, indexed for best fit.

A set of servers is one integer with a bit per server. Integers are immutable and cheap to copy,
so a snapshot and each draft made from it have an index of their own for microseconds, at any
cluster size. The two classes here are the only mutable ones of the model: they are copied, never
shared.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum

from aryl.model.cluster import Cluster, Condition, Pool
from aryl.model.job import WorkerKind


class Group(IntEnum):
    """Where a server stands for placement (paper §5: base and flexible workers apart)."""

    TRAINING = 0
    VACANT_LOAN = 1
    BASE_LOAN = 2
    FLEXIBLE_LOAN = 3
    CLOSED = 4  # an inference server that is not on loan, or on its way back


Groups = tuple[Group, ...]


class FreeIndex:
    """Servers by group and number of free GPUs; `shut` ones are listed with none.

    What workers leave free on a shut server is nobody's: it may be left, not entered.
    """

    __slots__ = ("free", "group", "levels", "shut")

    def __init__(self, sizes: Sequence[int], groups: Sequence[Group], shut: int = 0) -> None:
        """Start with every GPU free; `shut` has a bit per server."""
        self.free = list(sizes)
        self.group = list(groups)
        self.shut = shut
        self.levels = [[0] * (max(sizes, default=0) + 1) for _ in Group]
        for index, group in enumerate(groups):
            bit = 1 << index
            self.levels[group][0 if shut & bit else sizes[index]] |= bit

    def copy(self) -> "FreeIndex":
        """An independent copy."""
        twin = object.__new__(FreeIndex)
        twin.free = self.free.copy()
        twin.group = self.group.copy()
        twin.shut = self.shut
        twin.levels = [bits.copy() for bits in self.levels]
        return twin

    def without(self, servers: int) -> "FreeIndex":
        """The index as though these servers, a bit each, were not there: to look at only."""
        if not servers:
            return self
        rest = object.__new__(FreeIndex)
        rest.free, rest.group, rest.shut = self.free, self.group, self.shut
        rest.levels = [[bits & ~servers for bits in levels] for levels in self.levels]
        return rest

    def move(self, index: int, free: int, group: Group) -> None:
        """Note that a server now has `free` GPUs free and stands in `group`."""
        bit = 1 << index
        is_shut = self.shut & bit
        self.levels[self.group[index]][0 if is_shut else self.free[index]] ^= bit
        self.levels[group][0 if is_shut else free] |= bit
        self.free[index] = free
        self.group[index] = group

    def best_fit(
        self, groups: Groups, gpus_per_worker: int, workers: int, picked: Mapping[int, int]
    ) -> dict[int, int]:
        """Servers for up to `workers` workers, by index, fullest first, then lowest index.

        `picked` counts workers of the same size that servers are to take already. The fullest
        server stays the fullest while it fits another worker, so each is filled in one go.
        """
        chosen: dict[int, int] = {}
        for free in range(gpus_per_worker, len(self.levels[0])):
            bits = 0
            for group in groups:
                bits |= self.levels[group][free]
            while bits and workers:
                low = bits & -bits
                bits ^= low
                server = low.bit_length() - 1
                count = min(workers, free // gpus_per_worker - picked.get(server, 0))
                if count:
                    chosen[server] = count
                    workers -= count
        return chosen

    def free_gpus(self, groups: Groups) -> int:
        """All free GPUs in the groups."""
        return self.workers_that_fit(groups, 1)

    def workers_that_fit(self, groups: Groups, gpus_per_worker: int) -> int:
        """How many workers of that size fit, none split over servers."""
        fitting = 0
        for group in groups:
            levels = self.levels[group]
            for free in range(gpus_per_worker, len(levels)):
                bits = levels[free]
                if bits:
                    fitting += (free // gpus_per_worker) * bits.bit_count()
        return fitting

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

    def count(self, group: Group) -> int:
        """How many servers stand in a group."""
        return sum(bits.bit_count() for bits in self.levels[group])


class Capacity:
    """What is free on each server now, and what would be if every flexible worker left."""

    __slots__ = ("now", "sizes", "without_flexible")

    def __init__(self, cluster: Cluster) -> None:
        """Start with training servers free and inference servers closed."""
        self.sizes: Sequence[int] = tuple(server.usable_gpus for server in cluster.servers)
        groups = [
            Group.TRAINING if server.pool is Pool.TRAINING else Group.CLOSED
            for server in cluster.servers
        ]
        shut = 0
        for server in cluster.servers:
            if server.condition is not Condition.OPEN:
                shut |= 1 << server.index
        self.now = FreeIndex(self.sizes, groups, shut)
        self.without_flexible = FreeIndex(self.sizes, groups, shut)

    def copy(self) -> "Capacity":
        """An independent copy."""
        twin = object.__new__(Capacity)
        twin.sizes = self.sizes
        twin.now = self.now.copy()
        twin.without_flexible = self.without_flexible.copy()
        return twin

    def open_loan(self, index: int) -> None:
        """Let training use an inference server."""
        assert self.now.group[index] is Group.CLOSED, "a server is lent once"
        self._regroup(index, Group.VACANT_LOAN)

    def close_loan(self, index: int) -> None:
        """Take a vacant on-loan server out of training's hands."""
        assert self.now.group[index] is Group.VACANT_LOAN, "only a vacant server goes back"
        self._regroup(index, Group.CLOSED)

    def take(self, index: int, gpus: int, kind: WorkerKind) -> None:
        """Give `gpus` of a server to workers of one kind."""
        assert 0 < gpus <= self.now.free[index], "a GPU is never given twice"
        self._change(index, -gpus, kind)

    def release(self, index: int, gpus: int, kind: WorkerKind) -> None:
        """Take `gpus` of a server back from workers of one kind."""
        assert 0 < gpus <= self.sizes[index] - self.now.free[index], "only held GPUs are released"
        self._change(index, gpus, kind)

    def _change(self, index: int, gpus: int, kind: WorkerKind) -> None:
        room = self.without_flexible.free[index]
        if kind is WorkerKind.BASE:
            room += gpus
            self.without_flexible.move(index, room, self._group(index, room, room))
        free = self.now.free[index] + gpus
        self.now.move(index, free, self._group(index, free, room))

    def _group(self, index: int, free: int, room: int) -> Group:
        """The group of a server with `free` GPUs free and `room` not held by base workers."""
        group = self.now.group[index]
        if group is Group.TRAINING:
            return group
        assert group is not Group.CLOSED, "nothing runs on a server that is not on loan"
        if room < self.sizes[index]:
            return Group.BASE_LOAN
        return Group.VACANT_LOAN if free == self.sizes[index] else Group.FLEXIBLE_LOAN

    def _regroup(self, index: int, group: Group) -> None:
        self.now.move(index, self.sizes[index], group)
        self.without_flexible.move(index, self.sizes[index], group)
