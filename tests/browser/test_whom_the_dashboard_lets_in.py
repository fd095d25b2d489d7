"""With tokens, one logs in; what one may do, the role decides."""

import re

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.serving import Dashboard
from tests.service.processes import until


def log_in(page: Page, dashboard: Dashboard, role: str) -> None:
    log_in_with(page, dashboard, dashboard.tokens[role])


def log_in_with(page: Page, dashboard: Dashboard, secret: str) -> None:
    page.goto(f"{dashboard.url}/login")
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{dashboard.url}/")


def test_without_a_token_there_is_only_the_login(page: Page, guarded: Dashboard) -> None:
    page.goto(f"{guarded.url}/jobs")

    expect(page).to_have_url(f"{guarded.url}/login")
    expect(page.get_by_label("Token")).to_be_focused()


def test_a_wrong_token_is_told_as_such(page: Page, guarded: Dashboard) -> None:
    page.goto(f"{guarded.url}/login")

    page.get_by_label("Token").fill("aryl_wrong")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_have_text(re.compile("unknown or revoked"))


def test_the_session_is_a_cookie_that_nobody_else_can_use(
    page: Page, context: BrowserContext, guarded: Dashboard
) -> None:
    log_in(page, guarded, "viewer")

    (cookie,) = context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    forged = f"{cookie['value'][:-1]}x"
    context.add_cookies([{"name": cookie["name"], "value": forged, "url": guarded.url}])
    page.goto(guarded.url)
    expect(page).to_have_url(f"{guarded.url}/login")


def test_whoever_logs_out_is_out(page: Page, guarded: Dashboard) -> None:
    log_in(page, guarded, "operator")
    expect(page.locator(".controls")).to_contain_text("operator")

    page.get_by_role("button", name="Log out").click()

    expect(page).to_have_url(f"{guarded.url}/login")
    page.goto(guarded.url)
    expect(page).to_have_url(f"{guarded.url}/login")


def test_a_revoked_token_ends_its_session(page: Page, guarded: Dashboard) -> None:
    token = guarded.new_token("viewer")
    log_in_with(page, guarded, token["secret"])

    guarded.revoke(token)

    def is_out() -> bool:
        page.goto(guarded.url)
        return page.url == f"{guarded.url}/login"

    until(is_out, limit_s=10.0)


def test_only_who_may_change_a_job_is_offered_to(page: Page, guarded: Dashboard) -> None:
    job_id = guarded.submit("theirs", num_gpus=4)
    cancel = page.get_by_role("button", name="Cancel the job")

    log_in(page, guarded, "viewer")
    page.goto(f"{guarded.url}/jobs/{job_id}")
    expect(page.locator("h1")).to_have_text("theirs")
    expect(cancel).to_have_count(0)
    page.get_by_role("button", name="Log out").click()
    log_in(page, guarded, "submitter")
    page.goto(f"{guarded.url}/jobs/{job_id}")

    expect(cancel).to_be_visible()


def test_shadow_is_not_to_be_missed_and_963_servers_are_on_the_map(
    page: Page, guarded: Dashboard
) -> None:
    log_in(page, guarded, "viewer")

    expect(page.locator(".bar .shadow")).to_have_text("SHADOW")
    expect(page.locator(".cell[data-id]")).to_have_count(963)
    page.locator('.cell[data-id="infer-0520"]').click()
    expect(page.get_by_label("Server infer-0520", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/api/v1/nothing", 404, "application/problem+json"),
        ("DELETE", "/api/v1/status", 405, "application/problem+json"),
        ("GET", "/metrics", 200, "text/plain"),
        ("GET", "/healthz", 200, "application/json"),
        ("GET", "/nothing", 404, "text/html"),
    ],
)
def test_pages_leave_to_programs_what_is_theirs(
    busy: Dashboard, method: str, path: str, status: int, kind: str
) -> None:
    answer = httpx2.request(method, f"{busy.url}{path}")

    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (status, kind)


def test_a_page_may_be_framed_by_nobody_and_load_from_nowhere_else(busy: Dashboard) -> None:
    policy = httpx2.get(busy.url).headers["content-security-policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
