"""The errors that Aryl raises on purpose.

ArylError
├── BadInput           a file, flag or field that can't be accepted: where, and what was expected
├── InvalidTransition  a job was told to do what its state does not allow
├── InvariantBroken    our own bug: a plan that breaks a rule; nothing of it is applied
├── SolverFailed       the solver gave neither an answer nor a limit
├── Missing            there is nothing by that name
├── Conflict           what is asked for does not agree with how things stand now
├── StalePlan          a job changed between a look at it and the plan; it is decided anew
└── LeaseLost          another scheduler leads now; this one may write nothing more
"""

from dataclasses import dataclass
from enum import Enum


class ArylError(Exception):
    """The root of every error that Aryl raises on purpose."""


@dataclass
class BadInput(ArylError):
    """Input that is refused before anything runs."""

    file: str
    problem: str
    row: int | None = None
    column: str | None = None
    value: object | None = None
    expected: str | None = None

    def __str__(self) -> str:
        """Say where, what and what was expected: `f.csv, row 3, column x: 'y' …; expected …`."""
        where = [self.file]
        if self.row is not None:
            where.append(f"row {self.row}")
        if self.column is not None:
            where.append(f"column {self.column}")
        found = "" if self.value is None else f"{self.value!r} "
        expected = "" if self.expected is None else f"; expected {self.expected}"
        return f"{', '.join(where)}: {found}{self.problem}{expected}"


class InvalidTransition(ArylError):
    """A job was told to do what its state does not allow."""


class InvariantBroken(ArylError):
    """A plan breaks a rule; it is our bug, and nothing of the plan is applied."""


class SolverFailed(ArylError):
    """The solver gave neither an answer nor a limit."""


@dataclass
class Missing(ArylError):
    """There is nothing by that name."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Say what is missing: `no job named job-1`."""
        return f"no {self.kind} named {self.name}"


class Clash(Enum):
    """What a request runs into; the value says it in words."""

    DUPLICATE = "exists already"
    KEY_REUSED = "was the idempotency key of another request"
    VERSION = "has changed since it was looked at"
    IN_FLIGHT = "is being changed by a plan; try again"
    RUNS = "runs, so its base workers can't change"
    ENDED = "has ended"


@dataclass
class Conflict(ArylError):
    """What is asked for does not agree with how things stand now.

    `version` is the stored one where the request named another.
    """

    subject: str
    clash: Clash
    version: int | None = None

    def __str__(self) -> str:
        """Say what runs into what: `job-1 has ended`."""
        stored = "" if self.version is None else f" (it is at version {self.version})"
        return f"{self.subject} {self.clash.value}{stored}"


class StalePlan(ArylError):
    """A job changed between a look at it and the plan; it is decided anew."""


class LeaseLost(ArylError):
    """Another scheduler leads now; this one may write nothing more."""
