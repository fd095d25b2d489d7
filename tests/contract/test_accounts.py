"""Tokens are known by hash alone, and whoever changes something leaves a trace."""

import pytest

from aryl.model.errors import Missing
from aryl.store import Database, Principal, Role
from aryl.store.tables import TOKENS
from tests.builders import make_spec
from tests.contract.worlds import ADA, NOON_WALL_S, OPERATOR, Desk, wish


def test_a_secret_names_its_holder_until_it_is_revoked(database: Database) -> None:
    tokens = Desk(database).users.tokens
    assert not tokens.any_exist()

    issued = tokens.create("ci", Role.SUBMITTER, OPERATOR)

    assert tokens.any_exist()
    assert issued.secret.startswith("aryl_")
    assert len(issued.secret) == len("aryl_") + 43  # 32 bytes in base 64
    assert tokens.verify(issued.secret) == Principal("ci", Role.SUBMITTER)
    assert tokens.verify(issued.secret[:-1]) is None

    tokens.revoke(issued.token.id, OPERATOR)
    tokens.revoke(issued.token.id, OPERATOR)

    assert tokens.verify(issued.secret) is None
    assert tokens.any_exist()  # a door that was closed once stays closed
    (token,) = tokens.list()
    assert (token.name, token.revoked_wall_s) == ("ci", NOON_WALL_S)


def test_no_secret_is_stored_or_shown(database: Database) -> None:
    issued = Desk(database).users.tokens.create("ci", Role.VIEWER, OPERATOR)

    with database.read() as connection:
        (row,) = connection.execute(TOKENS.select())
    assert issued.secret not in repr(row)
    assert issued.secret not in repr(issued)


def test_no_two_secrets_are_equal(database: Database) -> None:
    tokens = Desk(database).users.tokens

    secrets = {tokens.create("same", Role.VIEWER, OPERATOR).secret for _ in range(5)}

    assert len(secrets) == 5
    assert len(tokens.list()) == 5


def test_an_unknown_token_can_not_be_revoked(database: Database) -> None:
    with pytest.raises(Missing, match="no token named 7"):
        Desk(database).users.tokens.revoke(7, OPERATOR)


def test_each_role_covers_those_before_it() -> None:
    assert Role.OPERATOR.covers(Role.VIEWER)
    assert Role.SUBMITTER.covers(Role.SUBMITTER)
    assert not Role.VIEWER.covers(Role.SUBMITTER)


def test_every_change_by_a_user_is_in_the_audit_trail(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("j", max_workers=4, checkpoint_s=1.0))
    desk.users.jobs.change_bounds("j", wish(1.0), max_workers=2)
    desk.users.jobs.report_checkpoint("j", 5.0, wish(2.0))
    desk.users.demand.push(10.0, 3.0, OPERATOR)
    token = desk.users.tokens.create("ci", Role.VIEWER, OPERATOR).token
    desk.wall.time_s += 5.0
    desk.users.tokens.revoke(token.id, OPERATOR)
    desk.users.jobs.request_cancel("j", wish(3.0))

    trail = desk.users.audit.page()

    assert [(it.principal, it.action, it.subject) for it in reversed(trail)] == [
        (ADA.name, "submit job", "j"),
        (ADA.name, "bounds changed", "j"),
        (ADA.name, "checkpoint reported", "j"),
        (OPERATOR.name, "push demand", "demand"),
        (OPERATOR.name, "create token", "ci"),
        (OPERATOR.name, "revoke token", "ci"),
        (ADA.name, "cancel requested", "j"),
    ]
    assert trail[0].role is Role.SUBMITTER
    assert trail[0].at_wall_s == NOON_WALL_S + 5.0
    assert trail[-2].detail == {"min_workers": 1, "max_workers": 2}


def test_the_audit_trail_is_read_in_pages(database: Database) -> None:
    desk = Desk(database)
    desk.submit(*(make_spec(f"j{n}") for n in range(5)))

    newest = desk.users.audit.page(limit=2)
    older = desk.users.audit.page(before=newest[-1].id, limit=9)

    assert [it.subject for it in newest + older] == ["j4", "j3", "j2", "j1", "j0"]


def test_what_is_refused_leaves_no_trace(database: Database) -> None:
    desk = Desk(database)

    with pytest.raises(Missing):
        desk.users.jobs.request_cancel("nobody", wish())

    assert desk.users.audit.page() == []
    assert desk.users.events.last_id() == 0
