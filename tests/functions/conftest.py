import pytest

from darkroom import bootstrap
from tests.functions.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions' bootstrap builds these ports."""
    made = World()
    for name, built in made.ports().items():
        monkeypatch.setattr(bootstrap, name, lambda built=built: built)
    return made
