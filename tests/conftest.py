"""What all tests share: how hard Hypothesis tries, and where the public traces lie."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("nightly", deadline=None, max_examples=5000)
settings.load_profile("ci")  # `pytest --hypothesis-profile nightly` has the last word


@pytest.fixture(scope="session")
def traces_dir() -> Path:
    """The folder of public traces, which are not part of the project."""
    folder = Path(os.environ.get("ARYL_TRACES") or ROOT.parent / "shared" / "traces")
    if not folder.is_dir():
        pytest.skip(f"left out: tests on public traces; set ARYL_TRACES ({folder} is no folder)")
    return folder
