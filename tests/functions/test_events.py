"""The payloads of `events/` and their README."""

import json
import re

import pytest

from tests.events import FOLDER, event
from tests.functions.world import FOLDER as FUNCTIONS

NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def test_every_function_has_an_event():
    assert {path.name for path in FUNCTIONS.iterdir() if path.is_dir()} <= set(NAMES)


def test_the_readme_has_a_line_for_each():
    listed = re.findall(r"^\| `(\w+)\.json` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert listed == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_event_holds_no_real_secret(name):
    text = json.dumps(event(name))
    assert not re.search(r"IGAA|EAA[A-Za-z0-9]{20}|AKIA", text)
    assert not re.findall(r"drk_(?:live|test)_(?!0{43})", text)


@pytest.mark.parametrize("name", [name for name in NAMES if "routeKey" in event(name)])
def test_an_http_event_has_the_form_of_payload_2_0(name):
    made = event(name)
    assert made["version"] == "2.0"
    assert made["requestContext"]["routeKey"] == made["routeKey"]
    assert made["requestContext"]["http"]["path"] == made["rawPath"]
    assert all(key == key.lower() for key in made["headers"])
    assert "cookie" not in made["headers"]
    if name != "authorizer":  # is asked before the body is handed over
        assert int(made["headers"]["content-length"]) == len(made.get("body", "").encode())
