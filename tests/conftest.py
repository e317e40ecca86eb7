"""What all tests share: golden files, hypothesis profiles, and where to import from."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

_ROOT = Path(__file__).parent.parent

# Reference implementations live beside the tests (`tests.reference`); a checkout need not be installed to be tested.
sys.path.insert(0, str(_ROOT))
if importlib.util.find_spec("elanus") is None:
    sys.path.insert(0, str(_ROOT / "src"))

# `ELANUS_TEST_PROFILE` chooses how many examples property tests look at; derandomised in CI so that a run repeats.
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("fast", max_examples=25, deadline=None, derandomize=True, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("ci", max_examples=150, deadline=None, derandomize=True, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile(
    "find", max_examples=600, deadline=None, suppress_health_check=_SLOW_IS_FINE, phases=[Phase.generate]
)
settings.register_profile("nightly", max_examples=10_000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("ELANUS_TEST_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written, for review as a diff."""
    return bool(request.config.getoption("--update-golden"))
