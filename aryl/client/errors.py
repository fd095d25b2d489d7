"""What can go wrong between a client and a service.

ArylError
├── BadInput        (exit code 2)
│   └── Invalid     the service finds fault with what was asked
├── Unreachable     nobody answers
├── NotAryl         somebody else answers
└── Refused         the service answers no: unknown job, no right to, wrong moment, its own fault
    └── Busy        not now, and not after several attempts either
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aryl.model.errors import ArylError, BadInput


@dataclass
class Unreachable(ArylError):
    """No answer from a service, after every attempt; `cause` says what the last one met."""

    server: str
    cause: str

    def __str__(self) -> str:
        """Say who was asked, what happened and what to do."""
        return (
            f"no answer from {self.server}: {self.cause}; start the service with `aryl serve`, or "
            "name another with --server, ARYL_SERVER or a profile"
        )


@dataclass
class NotAryl(ArylError):
    """An answer that no service of ours would give."""

    server: str
    answer: str

    def __str__(self) -> str:
        """Say who was asked and what came."""
        return f"{self.server} answered {self.answer}: is an Aryl service there?"


@dataclass
class Refused(ArylError):
    """The service said no; `problem` is its answer (RFC 9457)."""

    status: int
    problem: Mapping[str, Any]

    def __str__(self) -> str:
        """What the service said, and what can be done about it."""
        return sentence_of(self.problem) + REMEDIES.get(self.status, "")


class Busy(Refused):
    """The service can't answer now."""


class Invalid(BadInput):
    """The service finds fault with the request; `problem` is what it says."""

    def __str__(self) -> str:
        """What the service said."""
        return self.problem


REMEDIES: Mapping[int, str] = {
    401: "; put a token into ARYL_TOKEN, a --token-file or a profile (`aryl token create` makes "
    "one)",
    403: "; ask an operator for a token with another role",
    412: "; it has changed meanwhile: look at it again, then repeat",
    429: "; try again in a while",
}


def sentence_of(problem: Mapping[str, Any]) -> str:
    """The problem in one sentence: its detail, else its title."""
    return str(problem.get("detail") or problem.get("title") or "the service refused").rstrip(". ")
