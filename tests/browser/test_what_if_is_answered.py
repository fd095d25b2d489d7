"""A question about what would be has a clear answer, and changes nothing."""

from playwright.sync_api import Page, expect

from tests.browser.serving import Dashboard

LOOKING_AHEAD_MS = 30_000


def test_a_job_that_is_only_supposed_gets_a_start(page: Page, busy: Dashboard) -> None:
    before = busy.get("/api/v1/status")["jobs"]
    page.goto(f"{busy.url}/whatif")
    page.wait_for_function("window.did_handshake")

    page.get_by_label("GPUs", exact=True).fill("4")
    page.get_by_label("run time, hours").fill("1")
    page.get_by_role("button", name="Look ahead").click()

    answer = page.locator(".verdict")
    expect(answer).to_contain_text("It would start", timeout=LOOKING_AHEAD_MS)
    assert busy.get("/api/v1/status")["jobs"] == before


def test_a_question_that_makes_no_sense_is_told_so(page: Page, busy: Dashboard) -> None:
    page.goto(f"{busy.url}/whatif")
    page.wait_for_function("window.did_handshake")

    page.get_by_label("GPUs", exact=True).fill("")
    page.get_by_role("button", name="Look ahead").click()

    expect(page.get_by_role("alert")).to_contain_text("suppose something")
