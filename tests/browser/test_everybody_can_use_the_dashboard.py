"""By keyboard, on a phone, by day and by night, and with what reads a page aloud."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.serving import Dashboard

AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
PHONE = {"width": 390, "height": 844}
PATHS = ("/", "/jobs", "/servers", "/loans", "/plans", "/whatif", "/plans/1", "/login")
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
FOCUSED = "document.activeElement"


def paths(dashboard: Dashboard) -> list[str]:
    return [*PATHS, f"/jobs/{dashboard.jobs('running')[0]['id']}"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_and_heard(page: Page, busy: Dashboard, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    faults = {}
    for path in paths(busy):
        page.goto(f"{busy.url}{path}")
        expect(page.locator("h1")).to_be_attached()
        faults[path] = page.evaluate(AUDIT)

    assert {path: found for path, found in faults.items() if found} == {}


def test_nothing_sticks_out_of_a_phone(page: Page, busy: Dashboard) -> None:
    page.set_viewport_size({"width": 390, "height": 844})

    overflows = {}
    for path in paths(busy):
        page.goto(f"{busy.url}{path}")
        expect(page.locator("h1")).to_be_attached()
        overflows[path] = page.evaluate(OVERFLOW)

    assert {path: px for path, px in overflows.items() if px > 0} == {}


def test_the_keyboard_skips_the_bar(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)
    expect(page.locator("[data-kpi]").first).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    assert page.evaluate(f"{FOCUSED}.id") == "main"


def test_the_keyboard_walks_the_map_and_opens_a_server(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)
    page.locator(".cell").first.focus()

    page.keyboard.press("ArrowRight")
    server = page.evaluate(f"{FOCUSED}.dataset.id")
    page.keyboard.press("Enter")

    assert server == "train-0002"
    expect(page.get_by_label("Server train-0002", exact=True)).to_be_visible()
    assert page.evaluate(f"getComputedStyle({FOCUSED}).outlineStyle") == "solid"


def test_a_pool_is_one_stop_of_the_tab_key(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)
    page.locator(".cell").first.focus()

    page.keyboard.press("Tab")

    assert page.evaluate(f"{FOCUSED}.dataset.id") == "infer-0001"


def test_enter_opens_the_job_of_a_row(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)
    row = page.locator("section[aria-labelledby=running] tbody tr").first
    job_id = row.get_attribute("data-key")

    row.get_by_role("link").focus()
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{busy.url}/jobs/{job_id}")


def test_focus_stays_where_it_is_while_the_page_changes(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)
    page.wait_for_function("window.did_handshake")
    link = page.locator("section[aria-labelledby=queue] tbody tr").last.get_by_role("link")
    job_id = page.locator("section[aria-labelledby=queue] tbody tr").last.get_attribute("data-key")
    link.focus()

    newer = busy.submit("newcomer", num_gpus=24)

    expect(page.locator(f'tr[data-key="{newer}"]')).to_be_visible()
    assert page.evaluate(f"{FOCUSED}.closest('tr')?.dataset.key") == job_id


def test_dark_mode_follows_the_system_and_remembers_a_choice(page: Page, busy: Dashboard) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(busy.url)
    dark = page.evaluate(BACKGROUND)

    page.get_by_role("button", name="Light or dark").click()
    light = page.evaluate(BACKGROUND)
    page.reload()

    assert light != dark
    assert page.evaluate(BACKGROUND) == light


def test_a_chart_has_a_table_beside_it(page: Page, busy: Dashboard) -> None:
    page.goto(busy.url)

    page.get_by_text("As a table", exact=True).first.click()

    expect(page.get_by_role("table", name="Lending")).to_be_visible()
    expect(page.get_by_role("img", name="Inference demand")).to_be_visible()


def test_a_system_without_motion_gets_none(browser: Browser, busy: Dashboard) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(busy.url)
    expect(page.locator("[data-kpi]").first).to_be_visible()

    moving = (
        "[...document.querySelectorAll('#main *')].filter(e => e.getAnimations().length).length"
    )
    assert page.evaluate(moving) == 0
    context.close()
