"""Runs a test on every level."""

from collections.abc import Iterator

import pytest

from tests.unit.kernels.levels import BACKENDS, using


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the level (or the reference) that computes during the test."""
    with using(request.param):
        yield request.param
