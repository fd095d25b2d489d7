"""The cluster as cells: every server by pool, with what the map needs to colour and to name it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

from api.dashboard.words import count, several, share
from api.schemas.cluster import PoolOut, ServerOut

Cell = tuple[str, str, int, int, list[str], int | None]  # see `_cell`

TITLES: Final[Mapping[str, str]] = {"training": "Training pool", "inference": "Inference pool"}
_SIZES: Final = ((16, "named"), (64, "few"), (700, "some"))  # servers in a pool up to which…


def pools_of(servers: Sequence[ServerOut], pools: Sequence[PoolOut]) -> list[dict[str, Any]]:
    """Pools as the map draws them, each with its cells."""
    return [
        {
            "name": pool.name,
            "title": TITLES[pool.name],
            "note": _note(pool),
            "size": _size(pool.servers),
            "cells": [_cell(server) for server in servers if server.pool == pool.name],
        }
        for pool in pools
    ]


def look_of(server: ServerOut) -> str:
    """What a server looks like: its state, and for a training server how full it is."""
    if server.state == "on-loan":
        return "loan"
    if server.state != "busy":
        return server.state
    return "partly" if server.free_gpus else "full"


def _cell(server: ServerOut) -> Cell:
    """Name, look, GPUs in use, GPUs, jobs, and the hue of the job that holds most of it."""
    held: Counter[str] = Counter()
    for part in server.jobs:
        held[part.job_id] += part.gpus
    largest = max(held, key=lambda job: (held[job], job), default=None)
    hue = None if largest is None else crc32(largest.encode()) % 360
    return server.id, look_of(server), held.total(), server.gpus, list(held), hue


def _note(pool: PoolOut) -> str:
    usable = pool.used_gpus + pool.free_gpus
    used = f"{count(pool.used_gpus)} of {count(usable)} GPUs in use ({share(pool.usage)})"
    servers = f"{several(pool.servers, 'server')} with {pool.gpu_type}"
    if pool.name == "training":
        return f"{servers}, {used}"
    lent = f"{count(pool.on_loan_servers)} on loan"
    return f"{servers}, {lent}" + (f", {used}" if usable else "")


def _size(servers: int) -> str:
    return next((size for most, size in _SIZES if servers <= most), "many")
