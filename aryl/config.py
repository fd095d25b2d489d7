"""Reads clusters and policies from TOML files, and knows the built-in clusters (spec §3)."""

import tomllib
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from aryl.model.cluster import Cluster, build_cluster
from aryl.model.errors import BadInput
from aryl.policy.config import PolicyConfig
from aryl.policy.registry import load_policy

# Training and inference servers of 8 GPUs each: the paper's clusters (paper §9, §11), and Philly's
# at the size that suits its busiest 15 days.
BUILT_IN: Mapping[str, tuple[int, int]] = {
    "paper": (443, 520),
    "testbed": (4, 4),
    "philly": (275, 365),
}


# The tables of a service's file, so that what is simulated can be the very file that runs.
TABLES = frozenset({"policy", "server", "database", "scheduler", "cluster", "demand"})


def read_cluster(name_or_file: str) -> Cluster:
    """A built-in cluster, or the one that a TOML file describes. Raises `BadInput`."""
    if name_or_file in BUILT_IN:
        training, inference = BUILT_IN[name_or_file]
        return build_cluster(training_servers=training, inference_servers=inference)
    if not name_or_file.endswith(".toml") and not Path(name_or_file).is_file():
        expected = f"one of {', '.join(BUILT_IN)}, or a .toml file"
        raise BadInput("--cluster", "is no cluster", value=name_or_file, expected=expected)
    return _cluster(read_toml(Path(name_or_file)), name_or_file)


def read_policy(
    file: Path | None,
    scheme: str | None,
    knobs: Mapping[str, Any] | None = None,
    *,
    defaults: Mapping[str, Any] | None = None,
) -> PolicyConfig:
    """The policy that a TOML file's `[policy]` table gives; `scheme` and `knobs` win.

    `defaults` are for entries that neither gives. The tables that only a service reads may stand
    beside it. Raises `BadInput`.
    """
    given: Mapping[str, Any] = {}
    if file is not None:
        tables = read_toml(file)
        _only(tables, TABLES, str(file), "")
        given = _table(tables, "policy", str(file))
    source = "--scheme" if file is None else str(file)
    return load_policy({**(defaults or {}), **given, **(knobs or {})}, scheme=scheme, source=source)


def read_toml(file: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises `BadInput` where it can't be read or parsed."""
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise BadInput(str(file), f"can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(str(file), f"is not TOML: {error}") from error


def _cluster(tables: Mapping[str, Any], file: str) -> Cluster:
    _only(tables, {"pools", "gpu_types"}, file, "")
    pools = _table(tables, "pools", file)
    _only(pools, {"training", "inference"}, file, "pools.")
    training = _pool(pools, "training", file)
    inference = _pool(pools, "inference", file)
    factors = _factors(tables.get("gpu_types", {}), (training[2], inference[2]), file)
    return build_cluster(
        training_servers=training[0],
        inference_servers=inference[0],
        gpus_per_server=(training[1], inference[1]),
        factor=factors[inference[2]],
        gpu_types=(training[2], inference[2]),
    )


def _factors(types: object, used: tuple[str, str], file: str) -> dict[str, float]:
    """Workers for one training worker by GPU type; the training pool's own type has factor 1."""
    if not isinstance(types, dict):
        raise BadInput(file, "is no table", column="gpu_types", value=types, expected="[gpu_types]")
    factors = {name: _factor(types, name, file) for name in types}
    if factors.setdefault(used[0], 1.0) != 1.0:
        where = f"gpu_types.{used[0]}.workers_per_training_worker"
        raise BadInput(file, "is the training type's own factor", column=where, expected="1")
    if used[1] not in factors:
        where = f"gpu_types.{used[1]}.workers_per_training_worker"
        raise BadInput(file, "is missing", column=where, expected="a number of 1 or more")
    return factors


def _pool(pools: Mapping[str, Any], name: str, file: str) -> tuple[int, int, str]:
    pool = _table(pools, name, file, "pools.")
    _only(pool, {"servers", "gpus_per_server", "gpu_type"}, file, f"pools.{name}.")
    least = {"servers": 1 if name == "training" else 0, "gpus_per_server": 1}
    for key, bound in least.items():
        number = pool.get(key)
        if type(number) is not int or number < bound:
            column = f"pools.{name}.{key}"
            expected = f"a whole number of {bound} or more"
            raise BadInput(file, "is no size", column=column, value=number, expected=expected)
    gpu_type = pool.get("gpu_type")
    if not isinstance(gpu_type, str) or not gpu_type:
        column = f"pools.{name}.gpu_type"
        raise BadInput(file, "is no name", column=column, value=gpu_type, expected="a text")
    return pool["servers"], pool["gpus_per_server"], gpu_type


def _factor(types: Mapping[str, Any], name: str, file: str) -> float:
    entry = _table(types, name, file, "gpu_types.")
    _only(entry, {"workers_per_training_worker"}, file, f"gpu_types.{name}.")
    factor = entry.get("workers_per_training_worker")
    if not isinstance(factor, int | float) or isinstance(factor, bool) or not 1 <= factor < 1e6:
        column = f"gpu_types.{name}.workers_per_training_worker"
        expected = "a number of 1 or more"
        raise BadInput(file, "is no factor", column=column, value=factor, expected=expected)
    return float(factor)


def _table(tables: Mapping[str, Any], name: str, file: str, path: str = "") -> Mapping[str, Any]:
    table = tables.get(name)
    if not isinstance(table, dict):
        problem = "is missing" if table is None else "is no table"
        raise BadInput(file, problem, column=f"{path}{name}", expected=f"[{path}{name}]")
    return table


def _only(table: Mapping[str, Any], known: Set[str], file: str, path: str) -> None:
    for name in table:
        if name not in known:
            expected = ", ".join(f"{path}{key}" for key in sorted(known))
            raise BadInput(file, "is unknown", column=f"{path}{name}", expected=expected)
