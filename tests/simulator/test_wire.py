import pytest

from simulator.parameters import Parameters
from simulator.wire import Request, UnreadableBodyError, crumbs

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json; charset=utf-8"}


def test_the_body_wins_over_the_query_and_the_last_value_over_the_first():
    request = Request("POST", "/", "a=1&b=1&b=2&c=%20", FORM, b"a=3&d=")
    assert request.parameters == {"a": "3", "b": "2", "c": " ", "d": ""}
    assert request.query_parameters == {"a": "1", "b": "2", "c": " "}


def test_php_arrays_collect():
    assert Request("POST", "/", "", FORM, b"children[]=1&children[1]=2").parameters == {"children": ["1", "2"]}


def test_a_form_without_a_content_type_is_read_as_one():
    assert Request("POST", "/", "", {}, b"a=1").parameters == {"a": "1"}


def test_json_keeps_its_types():
    assert Request("POST", "/", "", JSON, b'{"a": [1, true], "b": null}').parameters == {"a": [1, True], "b": None}


@pytest.mark.parametrize(
    ("headers", "body"),
    [(JSON, b"nope"), (JSON, b"[1]"), (FORM, b"\xff"), ({"content-type": "multipart/form-data"}, b"x")],
)
def test_bodies_that_are_not_what_they_say_are_told_apart(headers, body):
    with pytest.raises(UnreadableBodyError):
        _ = Request("POST", "/", "", headers, body).parameters


def test_parameters_are_read_by_type_whatever_their_spelling():
    given = Parameters(
        {"a": "TRUE", "b": True, "c": "0", "d": "1,2", "e": "[1,2]", "f": [1, 2], "g": "{x:'y'}", "h": ""}
    )
    assert [given.flag(name) for name in "abch"] == [True, True, False, None]
    assert [given.listing(name) for name in "def"] == [["1", "2"]] * 3
    assert given.mapping("g") == {"x": "y"}
    assert "h" not in given


def test_crumbs_add_up_to_the_whole():
    for body in (b"", b"x", bytes(range(256)) * 3):
        assert b"".join(crumbs(body)) == body
