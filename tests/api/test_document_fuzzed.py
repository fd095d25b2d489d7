"""The whole document against a real server: whatever is asked, the answer is one that it names.

Schemathesis draws requests from the document, right ones and wrong ones. The service must never
have a fault, never answer with what the document does not describe, never refuse what the document
allows nor accept what it does not, and never serve without the role that an operation names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, CheckFunction, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from aryl.model.cluster import Loan
from aryl.model.plan import Outlook
from aryl.store import Role
from tests.api.served import served
from tests.api.stage import Stage, copied, stage_on
from tests.api.test_document import OPERATIONS
from tests.builders import base, make_spec
from tests.contract.worlds import Desk, start

NAMES = sorted(OPERATIONS.keys() - {"follow_events"})  # its stream has no end, and tests of its own
KEYLESS = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
# What suits each other in a body, and which cursors there are, no schema can say.
MORE_THAN_THEY_SAY = {
    "submit_job",
    "change_job",
    "ask_whatif",
    *(name for name in NAMES if name.startswith("list_")),
}
BOUNDED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Site:
    """A service at work, and its document."""

    stage: Stage
    url: str
    document: OpenApiSchema


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with jobs, loans, plans and demand, for which tokens are needed."""
    with copied(sqlite_template, tmp_path_factory.mktemp("fuzzed")) as database:
        stage = stage_on(database, requests_per_s=1e6, burst_requests=10**6)
        stage.scheduler()
        stage.lock()
        with served(stage) as (_, url):
            _set_up(stage)
            document = schemathesis.openapi.from_dict(stage.app.openapi(), config=KEYLESS)
            yield Site(stage, url, document)


def _set_up(stage: Stage) -> None:
    desk = Desk(stage.database)
    desk.submit(make_spec("a", num_gpus=4), make_spec("b", min_workers=2, max_workers=4))
    desk.store.lent({"infer-0001": Loan("infer-0001", 0.0)}, 0.0)
    desk.carry_out(start("a", base(1)), now=100.0)
    desk.record(now=300.0, outlook=Outlook(1.5, 1))
    desk.store.demanded([(0.0, 1.0), (300.0, 2.0)])


def excluded_from(name: str) -> list[CheckFunction]:
    """What an operation need not hold."""
    return [positive_data_acceptance] if name in MORE_THAN_THEY_SAY else []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_one_that_the_document_names(site: Site, name: str) -> None:
    operation = site.document.find_operation_by_id(name)
    modes = [GenerationMode.POSITIVE]
    if operation.query or operation.body or operation.path_parameters or operation.headers:
        modes.append(GenerationMode.NEGATIVE)
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

    @BOUNDED
    @given(case=cases)
    def ask(case: Case[Any]) -> None:
        headers = site.stage.as_(Role.OPERATOR)
        case.call_and_validate(
            base_url=site.url, headers=headers, excluded_checks=excluded_from(name)
        )

    ask()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_served_without_the_role(site: Site, name: str) -> None:
    operation = site.document.find_operation_by_id(name)
    requirement = operation.definition.raw.get("security", [])
    needed = [Role(role) for one in requirement for role in one["bearer"]]
    lower = [role for role in Role if needed and not role.covers(needed[0])]

    @BOUNDED
    @given(case=operation.as_strategy(), role=st.sampled_from([None, *lower]))
    def ask(case: Case[Any], role: Role | None) -> None:
        response = case.call(base_url=site.url, headers=site.stage.as_(role))
        assert response.status_code == (401 if role is None else 403)

    site.stage.lock()  # with new tokens: other tests may have revoked the last ones
    before = site.stage.rows()
    if needed:
        ask()
    assert site.stage.rows() == before
