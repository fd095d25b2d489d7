"""Long lists in parts: pages put together are the whole, whatever is added meanwhile."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aryl.model.job import JobSpec
from aryl.store import Principal, Role, Submission
from tests.api.stage import Stage
from tests.builders import make_spec
from tests.contract.worlds import Desk, lend, reclaim

ADA = Principal("ada", Role.SUBMITTER)


def fill(stage: Stage, names: list[str]) -> None:
    """Submit jobs past the API, which is quicker."""
    batch = [_submission(make_spec(name)) for name in names]
    assert all(hasattr(answer, "job") for answer in stage.store.jobs.submit(batch))


def _submission(spec: JobSpec) -> Submission:
    return Submission(spec=spec, name="j", owner="ada", who=ADA)


def pages(stage: Stage, path: str, limit: int) -> list[list[Any]]:
    """The items of each page of a list, by following its links."""
    mark = "&" if "?" in path else "?"
    url, found = f"/api/v1{path}{mark}limit={limit}", list[list[Any]]()
    while url:
        response = stage.client.get(url)
        assert response.status_code == 200, response.text
        found.append(response.json()["items"])
        link = response.headers.get("Link", "")
        assert bool(link) is (response.json()["next"] is not None)
        url = link.removeprefix("<").removesuffix('>; rel="next"')
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_pages_put_together_are_all_jobs(stage: Stage, limit: int, order: str) -> None:
    names = [f"j{n}" for n in range(7)]
    fill(stage, names)

    found = pages(stage, f"/jobs?order={order}", limit)

    assert [job["id"] for page in found for job in page] == (
        names if order == "oldest" else names[::-1]
    )
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 4), order=st.sampled_from(["oldest", "newest"]), data=st.data())
def test_nothing_is_lost_or_repeated_while_jobs_come(
    stage: Stage, limit: int, order: str, data: st.DataObject
) -> None:
    known = [job["id"] for page in pages(stage, "/jobs", 100) for job in page]
    before = [f"b{len(known)}-{n}" for n in range(5)]
    fill(stage, before)
    url, seen, come = f"/jobs?order={order}&limit={limit}", list[str](), 0

    while url:
        page = stage.ask("GET", url).json()
        seen += [job["id"] for job in page["items"]]
        if come < 6 and data.draw(st.booleans()):
            fill(stage, [f"n{len(known)}-{come}"])
            come += 1
        cursor = page["next"]
        url = f"/jobs?order={order}&limit={limit}&cursor={cursor}" if cursor else ""

    assert len(seen) == len(set(seen))
    assert {*known, *before} <= set(seen)


def test_other_lists_are_paged_alike(stage: Stage) -> None:
    desk = Desk(stage.database)
    desk.carry_out(lend("infer-0001"), now=10.0)
    desk.carry_out(lend("infer-0002"), now=20.0)
    desk.carry_out(reclaim("infer-0002"), now=30.0)
    desk.store.demanded([(300.0 * n, float(n)) for n in range(5)])
    fill(stage, ["a", "b", "c"])

    whole = {
        path: [item for page in pages(stage, path, 1000) for item in page]
        for path in ("/plans", "/demand", "/servers", "/audit")
    }

    assert {path: len(items) for path, items in whole.items()} == {
        "/plans": 3,
        "/demand": 5,
        "/servers": 4,
        "/audit": 3,
    }
    for path, items in whole.items():
        assert [item for page in pages(stage, path, 2) for item in page] == items


def test_a_cursor_is_good_for_its_own_list_only(stage: Stage) -> None:
    fill(stage, ["a", "b"])
    cursor = stage.ask("GET", "/jobs?limit=1").json()["next"]

    response = stage.ask("GET", f"/plans?cursor={cursor}")

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "query.cursor"
