"""The series that a process exports, and those that an expression asks for."""

import re

from prometheus_client import CollectorRegistry

from aryl.metrics import Metrics, process_registry

_NAME = re.compile(r"\b(?:aryl|process)[_:][a-z0-9_:]+")


def exported(registry: CollectorRegistry) -> set[str]:
    """Every name that a scrape may show, also of series that have no sample yet."""
    names = {"up"}
    for family in registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    return names


def named_in(expression: str) -> set[str]:
    """The series that an expression asks for."""
    return set(_NAME.findall(expression))


def everything() -> CollectorRegistry:
    """A registry with all that `aryl serve` registers."""
    registry = process_registry()
    Metrics(registry)
    return registry


EXPORTED = exported(everything())
