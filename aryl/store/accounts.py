"""Who may do what, and who did what: tokens, known by hash alone, and the audit trail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final

from sqlalchemy import Connection, func, select

from aryl.model.errors import Missing
from aryl.store.database import Database
from aryl.store.tables import AUDIT, TOKENS

PREFIX: Final = "aryl_"  # lets a leaked secret be recognised
SECRET_BYTES: Final = 32
PAGE: Final = 100


class Role(StrEnum):
    """What a principal may do; each role may do all that those before it may."""

    VIEWER = "viewer"
    SUBMITTER = "submitter"
    OPERATOR = "operator"

    def covers(self, needed: "Role") -> bool:
        """Whether it is that role or one above it."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks, by name, with a role."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret."""

    id: int
    name: str
    role: Role
    created_wall_s: float
    revoked_wall_s: float | None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token; its secret is stored nowhere, so that this is the only time to see it."""

    token: Token
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change that somebody asked for, and when."""

    id: int
    at_wall_s: float
    principal: str
    role: Role
    action: str
    subject: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does, for the audit trail."""

    who: Principal
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def append_audit(connection: Connection, deeds: Sequence[Deed], wall_s: float) -> None:
    """Append deeds to the audit trail, in the transaction that does them."""
    rows = [
        {
            "at_wall_s": wall_s,
            "principal": deed.who.name,
            "role": deed.who.role.value,
            "action": deed.action,
            "subject": deed.subject,
            "detail": deed.detail,
        }
        for deed in deeds
    ]
    if rows:
        connection.execute(AUDIT.insert(), rows)


@dataclass(frozen=True, slots=True)
class Audit:
    """Reads the audit trail."""

    database: Database

    def page(self, before: int | None = None, limit: int = PAGE) -> list[AuditRecord]:
        """Records before that one, newest first."""
        some = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
        if before is not None:
            some = some.where(AUDIT.c.id < before)
        with self.database.read() as connection:
            return [
                AuditRecord(**dict(row) | {"role": Role(row["role"])})
                for row in connection.execute(some).mappings()
            ]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Issues, checks and revokes tokens."""

    database: Database
    wall: Callable[[], float]

    def create(self, name: str, role: Role, who: Principal) -> IssuedToken:
        """Issue a token with a secret of 32 random bytes."""
        secret = PREFIX + token_urlsafe(SECRET_BYTES)
        now = self.wall()
        row = {
            "name": name,
            "role": role.value,
            "hash": _hash(secret),
            "created_wall_s": now,
        }
        with self.database.write() as connection:
            key = connection.execute(TOKENS.insert().values(row)).inserted_primary_key
            assert key is not None, "one row was written"
            deed = Deed(who, "create token", name, {"id": key[0], "role": role.value})
            append_audit(connection, [deed], now)
        return IssuedToken(Token(key[0], name, role, now, None), secret)

    def verify(self, secret: str) -> Principal | None:
        """Who holds a secret; None where nobody does, or no longer."""
        known = select(TOKENS.c.name, TOKENS.c.role).where(
            TOKENS.c.hash == _hash(secret), TOKENS.c.revoked_wall_s.is_(None)
        )
        with self.database.read() as connection:
            row = connection.execute(known).one_or_none()
        return None if row is None else Principal(row.name, Role(row.role))

    def list(self) -> list[Token]:
        """Every token, revoked ones too, oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(*_COLUMNS).order_by(TOKENS.c.id))
            return [_token_of(*row) for row in rows]

    def revoke(self, token_id: int, who: Principal) -> None:
        """Let a token hold no longer; a second time changes nothing. Raises `Missing`."""
        now = self.wall()
        this = TOKENS.c.id == token_id
        with self.database.write() as connection:
            row = connection.execute(select(*_COLUMNS).where(this)).one_or_none()
            if row is None:
                raise Missing("token", str(token_id))
            if row.revoked_wall_s is None:
                connection.execute(TOKENS.update().where(this).values(revoked_wall_s=now))
                deed = Deed(who, "revoke token", row.name, {"id": token_id})
                append_audit(connection, [deed], now)

    def any_exist(self) -> bool:
        """Whether a token was ever made: revoking the last one opens no door."""
        made = select(func.count()).select_from(TOKENS)
        with self.database.read() as connection:
            return connection.execute(made).scalar_one() > 0


_COLUMNS: Final = (
    TOKENS.c.id,
    TOKENS.c.name,
    TOKENS.c.role,
    TOKENS.c.created_wall_s,
    TOKENS.c.revoked_wall_s,
)


def _token_of(
    token_id: int, name: str, role: str, created_wall_s: float, revoked_wall_s: float | None
) -> Token:
    return Token(token_id, name, Role(role), created_wall_s, revoked_wall_s)


def _hash(secret: str) -> str:
    """A plain hash suffices: 32 random bytes can't be guessed."""
    return sha256(secret.encode()).hexdigest()
