"""Numbers from Prometheus: a query's value now, and what it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, Final

import httpx2

from aryl.model.errors import ArylError

STEP_S: Final = 60.0  # between two samples of the past: five in a demand bin
SAMPLES: Final = 10_000  # asked for at once; Prometheus gives 11,000 at most
SAID: Final = 200  # characters of what Prometheus says

Sample = tuple[float, float]  # when, in seconds, and the value


class Unit(StrEnum):
    """What a query's value counts."""

    GPUS = "gpus"
    SERVERS = "servers"


@dataclass(frozen=True, slots=True)
class DemandQuery:
    """What is asked, and where; times are wall time."""

    url: str  # of Prometheus: its API is below, at /api/v1
    query: str  # PromQL that answers one number
    unit: Unit = Unit.GPUS
    every_s: float = 15.0
    kept_s: float = 300.0  # the last answer counts for so long while none comes


class NoNumber(ArylError):
    """Prometheus refuses the query, or does not answer it with a number."""


async def value_now(http: httpx2.AsyncClient, query: str) -> float:
    """What the query answers now. Raises `NoNumber` and `httpx2.HTTPError`."""
    data = await _answer(http, "query", {"query": query})
    if data["resultType"] == "scalar":
        return _number(data["result"][1])
    return _number(_only(data["result"])["value"][1])


async def values_before(
    http: httpx2.AsyncClient, query: str, from_s: float, until_s: float
) -> list[Sample]:
    """What it answered in the past, a sample in `STEP_S`, as far back as is known without a break.

    Breaks are short of `SAMPLES`. Raises `NoNumber` and `httpx2.HTTPError`.
    """
    found: list[Sample] = []
    while from_s < until_s:
        start_s = max(from_s, until_s - (SAMPLES - 1) * STEP_S)
        span = {"start": f"{start_s:.3f}", "end": f"{until_s:.3f}", "step": f"{STEP_S:.0f}"}
        data = await _answer(http, "query_range", {"query": query, **span})
        if not data["result"]:
            break
        samples = _only(data["result"])["values"]
        found += [(float(at_s), float(value)) for at_s, value in samples]
        until_s = start_s - STEP_S
    return [(at_s, value) for at_s, value in found if isfinite(value) and value >= 0.0]


async def _answer(http: httpx2.AsyncClient, verb: str, asked: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    answer = await http.post(f"api/v1/{verb}", data=asked)  # a query may be too long for a URL
    try:
        body = answer.json()
        if answer.status_code == httpx2.codes.OK and body["status"] == "success":
            return body["data"]
        said = str(body["error"])
    except (ValueError, KeyError, TypeError):  # a proxy's page
        said = "no answer of Prometheus"
    raise NoNumber(f"{answer.status_code}: {said[:SAID]}")


def _only(result: list[Any]) -> Any:  # noqa: ANN401 - JSON
    if len(result) != 1:
        raise NoNumber(f"the query answers {len(result)} series, not one: put sum(…) around it")
    return result[0]


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value) or value < 0.0:
        raise NoNumber(f"the query answers {text}, which is no demand")
    return value
