import pytest

from darkroom import bootstrap
from tests.statemachines.lab import Lab


@pytest.fixture
def make_lab(monkeypatch):
    """`make_lab(image_seconds=5)`: a bench whose simulator has other options. The last one made is the one in use."""

    def make(**options):
        lab = Lab(**options)
        recording, calling = lab.recording_ports(), lab.calling_ports()
        monkeypatch.setattr(bootstrap, "recording_ports", lambda: recording)
        monkeypatch.setattr(bootstrap, "calling_ports", lambda: calling)
        return lab

    return make


@pytest.fixture
def lab(make_lab):
    return make_lab()
