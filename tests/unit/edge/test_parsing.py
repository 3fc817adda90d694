"""What tests/unit/edge/test_http.py does not show of parsing through the doorway."""

from dataclasses import dataclass

import pytest

from darkroom import parsing
from darkroom.authenticating import KeyRequest
from darkroom.errors import BadRequestError
from darkroom.views_posts import NewPost


@dataclass(frozen=True)
class Shape:
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 — nobody writes it

    number: int = 0
    text: str = ""


def refusals(parse, *arguments) -> list[tuple[str, str]]:
    with pytest.raises(BadRequestError) as caught:
        parse(*arguments)
    return [(error.pointer, error.code) for error in caught.value.errors]


def test_a_query_is_text_and_may_become_a_number():
    assert parsing.query(Shape, {"number": "7"}) == Shape(7)


def test_a_body_is_json_and_its_text_stays_text():
    assert parsing.body(Shape, "application/json", b'{"number": 7}') == Shape(7)
    assert refusals(parsing.body, Shape, "application/json", b'{"number": "7"}') == [("/number", "int_type")]
    assert refusals(parsing.body, Shape, "application/json", b'{"number": true}') == [("/number", "int_type")]


def test_the_name_of_an_unknown_field_is_clipped():
    ((pointer, code),) = refusals(parsing.body, Shape, "application/json", b'{"' + b"x" * 5000 + b'": 1}')
    assert code == "unknown_field"
    assert len(pointer) <= 81


def test_a_field_that_only_meta_knows_is_refused_with_the_reason():
    with pytest.raises(BadRequestError) as caught:
        parsing.body(NewPost, "application/json", b'{"kind": "image", "media": [{"url": "u", "product_tags": []}]}')
    (error,) = caught.value.errors
    assert (error.pointer, error.code) == ("/media/0/product_tags", "not_possible")
    assert "Facebook Login" in error.message


def test_an_adapter_is_built_once():
    assert parsing.adapter(Shape) is parsing.adapter(Shape)


def test_an_event_is_as_strict_as_a_body():
    wish = {"tenant_id": "acme", "scopes": ["admin"], "expires_at": "2027-01-01T00:00:00Z", "account_ids": ["acc_1"]}
    request = parsing.event(KeyRequest, wish)
    assert (request.scopes, request.account_ids) == (("admin",), ("acc_1",))
    assert refusals(parsing.event, KeyRequest, {"scopes": "admin", "tenant": "acme"}) == [
        ("/tenant_id", "missing"),
        ("/scopes", "array_type"),
        ("/tenant", "unknown_field"),
    ]
