"""openapi.json is what the code generates, and a document that its readers can use."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from darkroom.http import PUBLIC
from darkroom.problems import CATALOGUE
from devstack import openapi

ROOT = Path(__file__).parent.parent.parent.parent
DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
ROUTES = {
    key: route
    for path in sorted((ROOT / "functions").glob("*/app.py"))
    if (api := openapi.api_of(path))
    for key, route in api.routes.items()
}


def resolved(reference: str) -> Any:
    node: Any = DOCUMENT
    assert reference.startswith("#/")
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def nodes(node: Any) -> Any:
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


def opened(node: Any) -> Any:
    return resolved(node["$ref"]) if "$ref" in node else node


def test_the_file_is_what_the_code_generates():
    assert (ROOT / "openapi.json").read_text() == openapi.text(), "run `make openapi`"


def test_generating_twice_gives_the_same():
    assert openapi.text() == openapi.text()


def test_every_route_of_the_code_is_described():
    assert OPERATIONS.keys() == ROUTES.keys()


def test_every_reference_leads_somewhere():
    references = [node["$ref"] for node in nodes(DOCUMENT) if isinstance(node, dict) and "$ref" in node]
    assert references
    for reference in references:
        resolved(reference)


def test_every_component_is_used():
    used = {node["$ref"] for node in nodes(DOCUMENT) if isinstance(node, dict) and "$ref" in node}
    for kind in ("schemas", "responses", "headers"):
        assert {f"#/components/{kind}/{name}" for name in DOCUMENT["components"][kind]} <= used


def test_names_are_ones_that_code_generators_take():
    for kind in ("schemas", "responses", "headers"):
        assert all(re.fullmatch(r"[A-Za-z0-9.\-_]+", name) for name in DOCUMENT["components"][kind])
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z_]+", name) for name in ids)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_one(name):
    Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


@pytest.mark.parametrize("key", OPERATIONS)
def test_an_operation_is_complete(key):
    operation = OPERATIONS[key]
    assert operation["summary"]
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", key))
    for status, response in operation["responses"].items():
        assert re.fullmatch(r"[2-5]\d\d|default", status)
        told = opened(response)
        assert told["description"]
        assert "X-Request-Id" in told["headers"]


@pytest.mark.parametrize("key", OPERATIONS)
def test_an_operation_is_open_only_where_its_route_is(key):
    is_open = OPERATIONS[key].get("security") == []
    assert is_open == (ROUTES[key].scope == PUBLIC)
    assert ("401" in OPERATIONS[key]["responses"]) != is_open
    assert ("403" in OPERATIONS[key]["responses"]) != is_open


@pytest.mark.parametrize(
    "key", [key for key, operation in OPERATIONS.items() if "default" not in operation["responses"]]
)
def test_every_problem_that_a_route_declares_is_under_its_status(key):
    for code in ROUTES[key].problems:
        response = opened(OPERATIONS[key]["responses"][str(CATALOGUE[code].status)])
        assert f"`{code}`" in response["description"]


@pytest.mark.parametrize("key", [key for key, route in ROUTES.items() if route.scope != PUBLIC])
def test_a_parameter_that_a_route_does_not_know_is_a_problem_that_is_described(key):
    """Also where it knows none: `http.Api` refuses it, as it refuses an unknown field."""
    assert "`invalid_request`" in opened(OPERATIONS[key]["responses"]["422"])["description"]


def test_what_a_browser_opens_answers_with_pages():
    pages = {key for key, operation in OPERATIONS.items() if "default" in operation["responses"]}
    assert pages == {
        "GET /data-deletion/{code}",
        "GET /oauth/facebook/callback",
        "GET /oauth/facebook/start",
        "GET /oauth/instagram/callback",
        "GET /oauth/instagram/start",
        "POST /oauth/facebook/choose",
    }


def test_a_form_is_described_as_browsers_send_it():
    content = OPERATIONS["POST /oauth/facebook/choose"]["requestBody"]["content"]
    assert set(content["application/x-www-form-urlencoded"]["schema"]["properties"]) == {"state", "page_id"}


def test_an_idempotency_key_is_offered_where_it_counts():
    offering = {
        key
        for key, operation in OPERATIONS.items()
        if "Idempotency-Key" in [parameter["name"] for parameter in operation.get("parameters", [])]
    }
    assert offering == {key for key, route in ROUTES.items() if route.records is not None}
    assert offering == {"POST /v1/posts", "POST /v1/posts/{id}/publish", "POST /v1/posts/{id}/retry"}


def test_a_request_cannot_hold_what_nobody_knows():
    for name in ("NewPost", "NewConnectSession", "MediaItem", "ReelOptions", "UserTag"):
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_a_stale_file_is_told(tmp_path, capsys):
    path = tmp_path / "openapi.json"
    assert openapi.main([str(path), "--check"]) == 1
    assert openapi.main([str(path)]) == 0
    assert openapi.main([str(path), "--check"]) == 0
    path.write_text(path.read_text().replace("NewPost", "OldPost"))
    assert openapi.main([str(path), "--check"]) == 1
    assert "make openapi" in capsys.readouterr().err
