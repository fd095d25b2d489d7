"""Numbers from Prometheus: a query's value now, and what it was."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, Final

import httpx2

from aryl.model.errors import ArylError

STEP_S: Final = 60.0  # between two samples of the past: five in a demand bin
SAMPLES: Final = 10_000  # asked for at once; Prometheus gives 11,000 at most
SAID: Final = 200  # characters of what Prometheus says

Json = Any
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
    with _as_documented():
        if data["resultType"] == "scalar":
            return _number(data["result"][1])
        if data["resultType"] == "vector":
            return _number(_only(data["result"])["value"][1])
        raise NoNumber(f"the query answers a {data['resultType']}, not a number")


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
        with _as_documented():
            if not data["result"]:
                break
            samples = _only(data["result"])["values"]
            found += [(float(at_s), float(value)) for at_s, value in samples]
        until_s = start_s - STEP_S
    return [(at_s, value) for at_s, value in found if isfinite(value) and value >= 0.0]


async def _answer(http: httpx2.AsyncClient, verb: str, asked: Mapping[str, str]) -> Json:
    answer = await http.post(f"api/v1/{verb}", data=asked)  # a query may be too long for a URL
    with _as_documented():
        body = answer.json()
        if body["status"] == "success":
            return body["data"]
        raise NoNumber(f"{answer.status_code}: {str(body['error'])[:SAID]}")


@contextmanager
def _as_documented() -> Iterator[None]:
    """What is not as Prometheus documents it was said by somebody else: a proxy, a login page."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise NoNumber("no answer of Prometheus") from error


def _only(result: Sequence[Json]) -> Json:
    if len(result) != 1:
        raise NoNumber(f"the query answers {len(result)} series, not one: put sum(…) around it")
    return result[0]


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value) or value < 0.0:
        raise NoNumber(f"the query answers {text}, which is no demand")
    return value
