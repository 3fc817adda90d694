import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

import pytest

from darkroom.errors import BadRequestError, NotAllowedError, StoreUnavailableError
from darkroom.http_events import Answer, Incoming, authorizer_context, encoded, outgoing, refused_context
from darkroom.problems import CATALOGUE
from tests.builders import NOW, a_caller
from tests.events import event, http_event


def incoming(made=None, **changes) -> Incoming:
    return Incoming((made or event("posts_api")) | changes, "req_1", NOW)


def said_by(context) -> Incoming:
    return incoming(http_event("GET /v1/posts", caller=context))


# What the authorizer writes is what the doorway reads


@pytest.mark.parametrize(
    "caller",
    [
        a_caller(),
        a_caller("globex", "posts:read", "posts:write"),
        a_caller(account_ids=("acc_1", "acc_2")),
        a_caller(account_ids=()),
    ],
)
def test_a_caller_survives_the_way_through_api_gateway(caller):
    context = authorizer_context(caller)
    assert all(isinstance(value, str) for value in context.values())
    assert said_by(context).caller() == caller


def test_a_refusal_survives_it_too():
    through = said_by(refused_context(NotAllowedError(detail="This API key has expired.")))
    assert through.caller() is None
    assert (through.refusal().code, through.refusal().detail) == ("unauthenticated", "This API key has expired.")


def test_a_failure_of_ours_is_not_made_a_refusal():
    through = said_by(refused_context(StoreUnavailableError()))
    assert through.caller() is None
    assert CATALOGUE[through.refusal().code].status == 503


def test_an_unforeseen_failure_shows_nothing_of_itself():
    context = refused_context(RuntimeError("CANARY"))
    assert "CANARY" not in json.dumps(context)
    assert said_by(context).refusal().code == "internal_error"


# Bodies, headers, cookies


def test_the_body_is_bytes_as_sent():
    assert incoming(body="grüße").raw_body() == "grüße".encode()
    assert incoming(body=b64encode(b"\x00\xff").decode(), isBase64Encoded=True).raw_body() == b"\x00\xff"


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_is_an_empty_one(body):
    assert incoming(body=body).raw_body() == b""


def test_a_body_that_cannot_be_decoded_is_the_callers_mistake():
    with pytest.raises(BadRequestError):
        incoming(body="*", isBase64Encoded=True).raw_body()


def test_a_header_that_was_not_sent_is_none():
    assert incoming().header("content-type") == "application/json"
    assert incoming().header("x-unknown") is None
    assert incoming(headers=None).header("content-type") is None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (None, {}),
        ([], {}),
        (["a=1", "b=2"], {"a": "1", "b": "2"}),
        ([" a = 1 "], {"a": "1"}),
        (["a=b=c=="], {"a": "b=c=="}),
        (["a"], {"a": ""}),
        ([""], {"": ""}),
    ],
)
def test_cookies_are_taken_apart(sent, expected):
    assert incoming(cookies=sent).cookies() == expected


# Answers


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Thing:
    at: datetime
    on: date
    colour: Colour
    inner: tuple["Thing", ...] = ()


def test_times_are_rfc_3339_in_utc():
    moment = datetime(2026, 11, 23, 10, 30, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    thing = Thing(moment, date(2026, 11, 23), Colour.RED, (Thing(NOW, date(2026, 1, 1), Colour.RED),))
    assert json.loads(encoded(thing)) == {
        "at": "2026-11-23T09:30:00.123Z",
        "on": "2026-11-23",
        "colour": "red",
        "inner": [{"at": "2026-11-23T09:30:00.000Z", "on": "2026-01-01", "colour": "red", "inner": []}],
    }


def test_text_goes_out_as_it_is():
    assert encoded("grüße 😀") == '"grüße 😀"'


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Thing])
def test_what_has_no_json_form_is_a_mistake_of_ours(value):
    with pytest.raises(TypeError):
        encoded(value)


def test_every_answer_has_its_id_and_is_not_kept_by_anybody():
    for body in (None, "<html>", {"a": 1}):
        headers = outgoing(Answer(200, body), "req_1")["headers"]
        assert headers["x-request-id"] == "req_1"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_an_answer_without_a_body_has_none():
    assert "body" not in outgoing(Answer(204), "req_1")


def test_cookies_go_their_own_way():
    answer = outgoing(Answer(302, "", {"location": "/x"}, ("a=1", "b=2")), "req_1")
    assert answer["cookies"] == ["a=1", "b=2"]
    assert "set-cookie" not in answer["headers"]
