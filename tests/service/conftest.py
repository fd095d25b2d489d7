"""What the tests of whole services share: no process outlives its test."""

from collections.abc import Iterator

import pytest

from tests.service.processes import STARTED


@pytest.fixture(autouse=True)
def _no_process_stays() -> Iterator[None]:
    """Kill what a failed test has left running; services that other tests share live on."""
    before = len(STARTED)
    yield
    while len(STARTED) > before:
        process = STARTED.pop()
        if process.poll() is None:
            process.kill()
            process.wait()
