import pytest

from darkroom.observability import logger
from tests.events import Lines


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What is logged, as a log group would keep it."""
    caught = Lines()
    monkeypatch.setattr(logger().registered_handler, "stream", caught)
    return caught
