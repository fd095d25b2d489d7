"""What can go wrong between Aryl and an API server, in our own terms.

ArylError
└── KubeError
    ├── Unreachable    no answer: nobody there, too late, or cut off in the middle
    ├── ServerFault    an answer of 5xx: the server, or etcd behind it, could not
    ├── TooMany        the server asks us to come back later
    ├── Unauthorized   the server does not know who we are
    ├── Forbidden      it knows, and we have no right to
    ├── NotFound       there is no such object, or no such kind of object
    ├── Clash          it has changed since it was looked at, or exists already
    ├── Gone           that far back the server does not remember: list again
    ├── Refused        a disruption budget allows no eviction now
    └── Invalid        the server finds fault with what was sent

Messages are made of what the server said and of names of objects and rights, never of a credential.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aryl.kube.paths import Subject
from aryl.model.errors import ArylError


class KubeError(ArylError):
    """The root of all that can go wrong with an API server."""


@dataclass
class Unreachable(KubeError):
    """No answer; a write may have been done or not. `cause` says what was met."""

    server: str
    cause: str

    def __str__(self) -> str:
        """Say who was asked and what happened."""
        return f"no answer from the API server {self.server}: {self.cause}"


@dataclass
class Answered(KubeError):
    """The server said no, in a `Status` object; `message` is its sentence."""

    subject: Subject
    message: str

    def __str__(self) -> str:
        """Say what was asked and what the server said."""
        return f"{self.subject}: {self.message}"


class ServerFault(Answered):
    """The server, or etcd behind it, could not; a write may have been done or not."""


@dataclass
class TooMany(Answered):
    """Nothing was done; the server asks us to come back in `retry_after_s` seconds."""

    retry_after_s: float


class Unauthorized(Answered):
    """The server does not know who we are: no token, an expired one, or a server just started."""


class Forbidden(Answered):
    """We have no right to; `subject` says which verb on which resource."""


class NotFound(Answered):
    """There is no such object, or no such kind of object."""


class Clash(Answered):
    """It has changed since it was looked at, or exists already."""


class Gone(Answered):
    """The server's memory does not reach that far back; list again."""


@dataclass
class Refused(Answered):
    """No eviction now; `budget` is the PodDisruptionBudget, where the answer names it."""

    budget: str | None


@dataclass
class Invalid(Answered):
    """The server finds fault with what was sent; `fields` says with what, field by field."""

    fields: Mapping[str, str]


# After these, the same may be asked again later: nothing is wrong with the question.
UNAVAILABLE: tuple[type[KubeError], ...] = (Unreachable, ServerFault, TooMany, Unauthorized)

_KINDS: Mapping[int, type[Answered]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Clash,
    410: Gone,
}
_BUDGET = "DisruptionBudget"
_SEVERAL = "more than one PodDisruptionBudget"
ASKED_AGAIN_S = 1.0  # where a server says "later" and no more


def error_of(
    subject: Subject, code: int, status: Mapping[str, Any], retry_after_s: float | None = None
) -> Answered:
    """The error that a `Status` object tells of; `retry_after_s` is what the header asked for."""
    message = _sentence(status) or f"the server answered {code}"
    details = status.get("details") or {}
    causes = details.get("causes") or []
    if (kind := _KINDS.get(code)) is not None:
        return kind(subject, message)
    if any(cause.get("reason") == _BUDGET for cause in causes) or _SEVERAL in message:
        return Refused(subject, message, _budget(causes))
    if code == 429 or (code == 503 and retry_after_s is not None):
        if retry_after_s is None:
            retry_after_s = float(details.get("retryAfterSeconds") or ASKED_AGAIN_S)
        return TooMany(subject, message, retry_after_s)
    if 400 <= code < 500:
        fields = {cause.get("field", ""): cause.get("message", "") for cause in causes}
        return Invalid(subject, message, fields)
    return ServerFault(subject, message)


def _sentence(status: Mapping[str, Any]) -> str:
    """What the server said, with the causes that its sentence leaves out."""
    message = str(status.get("message") or status.get("reason") or "").strip()
    causes = (status.get("details") or {}).get("causes") or []
    more = [said for cause in causes if (said := cause.get("message")) and said not in message]
    return "; ".join([message, *more] if message else more)


def _budget(causes: list[Mapping[str, Any]]) -> str | None:
    """The budget's name, from `The disruption budget NAME needs …` or `… NAME is still being …`."""
    said = " ".join(str(cause.get("message", "")) for cause in causes)
    found = re.search(r"disruption budget (\S+)", said)
    return found[1] if found else None
