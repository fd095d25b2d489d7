"""The kinds of fields that several shapes share, each with its limits."""

from typing import Annotated, Any, Generic, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_S = 1e9  # thirty years: nothing runs for longer, and no sum of such times overflows
MAX_TIME_S = 1e11  # of the cluster's clock, which may tell seconds since the epoch
MAX_WORKERS = 100_000
MAX_TEMPLATE_BYTES = 65_536
MAX_ID = 2**53 - 1  # the largest whole number that every JSON reader keeps

JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
KNOWN_JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,349}$"  # namespace and name of another system, too
NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"  # a text that databases, logs and terminals can hold


def _whole(value: object) -> object:
    """Take 4.0 for 4: JSON knows one kind of number, and some writers of it do too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is too large, or what can't be written as JSON and read again as it was."""
    try:
        text = orjson.dumps(value)
    except TypeError as error:  # numbers beyond 64 bits, halves of characters, far too deep
        raise ValueError(f"can't be kept: {error}") from error
    if len(text) > MAX_TEMPLATE_BYTES:
        raise ValueError(f"is of {len(text)} bytes, and {MAX_TEMPLATE_BYTES} is the most")
    if orjson.loads(text) != value:
        raise ValueError("holds a number that JSON has not")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
JobId = Annotated[str, Field(pattern=JOB_ID, description="The job's name among all jobs.")]
Label = Annotated[str, Field(max_length=100, pattern=NO_CONTROLS)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_CONTROLS)]
Seconds = Annotated[float, Field(ge=0, le=MAX_S, allow_inf_nan=False)]
Template = Annotated[dict[str, Any], AfterValidator(_plain)]
Workers = Annotated[Whole, Field(ge=1, le=MAX_WORKERS)]


class Asked(BaseModel):
    """What comes in: nothing unknown, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Told(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


Item = TypeVar("Item")


class Page(Told, Generic[Item]):
    """Some of many: `next` is the cursor of those that follow, null at the end."""

    items: list[Item]
    next: str | None = None
