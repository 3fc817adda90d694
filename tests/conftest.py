import pytest
from hypothesis import HealthCheck, settings

from darkroom.observability import logger
from tests.events import Lines

# How fast examples come is the machine's affair, not the code's.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What is logged, as a log group would keep it."""
    caught = Lines()
    monkeypatch.setattr(logger().registered_handler, "stream", caught)
    return caught
