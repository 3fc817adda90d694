import pytest

from darkroom import bootstrap, bootstrap_compliance, bootstrap_events, bootstrap_tokens
from tests.functions.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions' bootstrap builds these ports."""
    made = World()
    for name, built in made.ports().items():
        modules = (bootstrap, bootstrap_events, bootstrap_tokens, bootstrap_compliance)
        module = next(each for each in modules if hasattr(each, name))
        monkeypatch.setattr(module, name, lambda *_, built=built: built)
    return made
