"""A real browser before real services: what each test looks at, and what no page may do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.serving import Dashboard, served
from tests.service.processes import until

CHROMIUM = "/usr/bin/chromium"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio")
PATIENCE_MS = 30_000  # a busy machine may take its time


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"left out: tests in a browser; install chromium ({CHROMIUM} is missing)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A service on which some jobs run for ever, one for want of GPUs never."""
    with served(tmp_path_factory.mktemp("busy"), "--speed", "60") as dashboard:
        dashboard.submit("elastic", num_gpus=4, gpus_per_worker=1, min_workers=2, max_workers=6)
        dashboard.submit("rigid", num_gpus=8)
        dashboard.submit("<b>bold</b>", num_gpus=2, user="ada", queue="vision")
        dashboard.submit("too-wide", num_gpus=32)
        until(lambda: dashboard.jobs("running", at_least=3))
        until(lambda: dashboard.get("/api/v1/jobs?state=queued")["items"][0]["wait"])
        yield dashboard


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A service in shadow on the paper's 963 servers, with tokens and without jobs."""
    folder = tmp_path_factory.mktemp("guarded")
    with served(folder, "--cluster", "paper", "--shadow") as dashboard:
        until(lambda: dashboard.get("/api/v1/servers?limit=1")["items"])
        dashboard.add_tokens()
        yield dashboard


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser session of its own, in which pages neither ask strangers nor log errors."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    strangers: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: strangers.append(request.url))
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    yield context
    context.close()
    assert [url for url in strangers if not url.startswith("http://127.0.0.1:")] == []
    assert errors == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page of that session."""
    return context.new_page()
