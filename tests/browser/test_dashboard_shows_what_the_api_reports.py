"""Every number and row is the API's, and follows it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.serving import Dashboard, served
from tests.service.processes import until

TWO_SECONDS_MS = 2_000
REBORN_MS = 60_000  # mostly what a busy machine takes to start the service


def rows(page: Page, card: str) -> Locator:
    return page.locator(f"section[aria-labelledby={card}] tbody tr")


def kpi(page: Page, name: str) -> Locator:
    return page.locator(f'[data-kpi="{name}"]')


def test_the_header_tells_policy_leader_and_speed(page: Page, busy: Dashboard) -> None:
    status = busy.get("/api/v1/status")

    page.goto(busy.url)

    facts = page.locator(".facts")
    expect(facts).to_contain_text(status["policy"]["scheme"])
    expect(facts).to_contain_text(status["leader"]["holder"])
    expect(facts).to_contain_text("60\N{MULTIPLICATION SIGN}")
    expect(facts).to_contain_text("healthy")
    assert re.fullmatch(r"day\s\d+ \d\d:\d\d", page.locator(".clock").inner_text())


def test_the_figures_are_the_status(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)

    status = busy.get("/api/v1/status")
    used = sum(pool["used_gpus"] for pool in status["pools"])
    expect(kpi(page, "Running")).to_have_text(str(status["jobs"]["running"]))
    expect(kpi(page, "Queued")).to_have_text(str(status["jobs"]["queued"]))
    expect(page.locator(".kpis")).to_contain_text(f"{used} of ")


def test_the_running_jobs_are_those_that_run(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)

    running = busy.jobs("running")
    expect(rows(page, "running")).to_have_count(len(running))
    for job in running:
        row = page.locator(f'section[aria-labelledby=running] tr[data-key="{job["id"]}"]')
        expect(row).to_contain_text(job["name"])
        expect(row).to_contain_text(_workers(job))
        expect(row).to_contain_text(job["placements"][0]["server_id"])


def test_a_queued_job_has_its_reason_and_its_place(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)

    (job,) = (job for job in busy.jobs("queued") if job["name"] == "too-wide")
    row = page.locator(f'section[aria-labelledby=queue] tr[data-key="{job["id"]}"]')
    expect(row).to_contain_text(job["wait"]["text"])
    expect(row).to_contain_text(str(job["num_gpus"]))
    expect(row.locator("td").nth(5)).to_have_text(re.compile(r"\d+"))


def test_every_server_is_a_cell_that_says_how_full_it_is(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)

    for server in busy.get("/api/v1/servers?limit=1000")["items"]:
        used = sum(part["gpus"] for part in server["jobs"])
        label = page.locator(f'.cell[data-id="{server["id"]}"]').get_attribute("aria-label")
        assert label is not None
        assert f"{used} of {server['gpus']} GPUs used" in label


def test_a_click_on_a_server_shows_its_jobs(page: Page, busy: Dashboard) -> None:
    servers = busy.get("/api/v1/servers?pool=training")["items"]
    server = next(server for server in servers if server["jobs"])

    page.goto(busy.url)
    page.locator(f'.cell[data-id="{server["id"]}"]').click()

    detail = page.get_by_label(f"Server {server['id']}", exact=True)
    expect(detail.locator("tbody tr")).to_have_count(len(server["jobs"]))
    expect(detail).to_contain_text(server["jobs"][0]["job_id"])


def test_what_is_submitted_shows_up_within_two_seconds(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)
    expect(rows(page, "running").first).to_be_visible()
    page.wait_for_function("window.did_handshake")

    job_id = busy.submit("just-now", num_gpus=32)

    row = page.locator(f'section[aria-labelledby=queue] tr[data-key="{job_id}"]')
    expect(row).to_be_visible(timeout=TWO_SECONDS_MS)


def test_names_are_text_and_never_markup(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)

    expect(rows(page, "running").get_by_text("<b>bold</b>")).to_be_visible()


def test_decisions_come_with_their_reasons(page: Page, busy: Dashboard) -> None:
    job = busy.jobs("running")[0]

    page.goto(busy.url)

    feed = page.locator("section[aria-labelledby=decisions]")
    expect(feed).to_contain_text(job["id"])
    expect(feed).to_contain_text("GPUs fit")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/jobs?state=queued", "too-wide"),
        ("/servers?pool=training", "train-0001"),
        ("/loans", "oan"),
        ("/plans", "orchestrate"),
    ],
)
def test_lists_hold_what_was_asked_for(page: Page, busy: Dashboard, path: str, found: str) -> None:
    page.goto(f"{busy.url}{path}")

    expect(page.locator("#main")).to_contain_text(found)


def test_a_jobs_page_tells_its_life(page: Page, busy: Dashboard) -> None:
    job = next(job for job in busy.jobs("running") if job["name"] == "elastic")

    page.goto(f"{busy.url}/jobs/{job['id']}")

    expect(page.locator("h1")).to_have_text("elastic")
    expect(page.locator("ol.life li.runs").first).to_be_attached()
    explained = busy.get(f"/api/v1/jobs/{job['id']}/explain")
    expect(page.locator("ol.story > li")).to_have_count(len(explained["history"]))
    expect(page.locator("ol.story")).to_contain_text(explained["history"][1]["text"])


def test_a_job_is_cancelled_from_its_page(page: Page, busy: Dashboard) -> None:
    job_id = busy.submit("unwanted", num_gpus=32)
    page.on("dialog", lambda dialog: dialog.accept())

    page.goto(f"{busy.url}/jobs/{job_id}")
    page.get_by_role("button", name="Cancel the job").click()

    until(lambda: busy.get(f"/api/v1/jobs/{job_id}")["state"] == "cancelled", limit_s=10.0)
    expect(page.locator(".title .badge").first).to_have_text("cancelled")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("jobs/nobody", "nobody"),
        ("jobs/a%00b", "job"),
        ("plans/999999", "999999"),
        ("plans/first", "first"),
        ("jobs?cursor=none", "cursor"),
    ],
)
def test_what_is_not_there_is_told_as_such(
    page: Page, busy: Dashboard, path: str, told: str
) -> None:
    page.goto(f"{busy.url}/{path}")

    expect(page.get_by_role("alert")).to_contain_text(told)


def test_an_open_page_says_how_to_submit_and_follows_a_service_that_died_and_came_back(
    browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with served(tmp_path_factory.mktemp("dying"), "--speed", "60") as dashboard:
        page = browser.new_page()
        page.goto(dashboard.url)
        expect(page.locator("#main")).to_contain_text("aryl submit")

        dashboard.restart()
        job_id = dashboard.submit("after", num_gpus=4)

        expect(page.locator(f'tr[data-key="{job_id}"]')).to_be_visible(timeout=REBORN_MS)
        page.close()


def _workers(job: dict[str, Any]) -> str:
    base, flexible = job["workers"]["base"], job["workers"]["flexible"]
    return f"{base} + {flexible}" if flexible else str(base)
