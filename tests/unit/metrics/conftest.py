"""A reading for each test."""

import pytest

from tests.unit.metrics.reading import Reading


@pytest.fixture
def reading() -> Reading:
    return Reading()
