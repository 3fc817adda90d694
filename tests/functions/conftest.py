import pytest

from darkroom import bootstrap, bootstrap_events
from tests.functions.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions' bootstrap builds these ports."""
    made = World()
    for name, built in made.ports().items():
        module = bootstrap if hasattr(bootstrap, name) else bootstrap_events
        monkeypatch.setattr(module, name, lambda built=built: built)
    return made
