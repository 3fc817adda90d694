import pytest

from darkroom import bootstrap
from darkroom.observability import logger
from tests.events import Lines
from tests.functions.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions' bootstrap builds these ports."""
    made = World()
    for name, built in made.ports().items():
        monkeypatch.setattr(bootstrap, name, lambda built=built: built)
    return made


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What is logged, as a log group would keep it."""
    caught = Lines()
    monkeypatch.setattr(logger().registered_handler, "stream", caught)
    return caught
