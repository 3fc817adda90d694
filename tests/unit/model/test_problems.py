import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.errors import (
    BadRequestError,
    DarkroomError,
    FieldError,
    ProcessingTimeoutError,
    QuotaFullError,
    StoreUnavailableError,
)
from darkroom.instagram.errors import (
    InstagramError,
    InvalidRequestError,
    MediaRejectedError,
    MediaUnreachableError,
    OutcomeUnknownError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.problems import CATALOGUE, describe, dump


def test_a_problem_says_what_happened_and_whose_turn_it_is():
    assert describe(StoreUnavailableError(retry_after=2)) == {
        "type": "https://darkroom.example/problems/store_unavailable",
        "title": "Darkroom's storage is overloaded.",
        "status": 503,
        "detail": "Try again in a moment.",
        "code": "store_unavailable",
        "actor": "operator",
        "retry": {"allowed": True, "automatic": False, "after": 2},
    }


def test_a_problem_of_instagrams_holds_its_numbers_and_none_of_its_words():
    error = MediaUnreachableError(
        "Meta's sentence", code=9004, subcode=2207052, trace_id="A6LJ", is_transient=False, user_message="CANARY-url"
    )
    problem = describe(error, item=3)
    assert problem["title"] == "Instagram could not download item 3."
    assert problem["errors"] == [
        {"pointer": "/media/2", "code": "media_unreachable", "message": CATALOGUE["media_unreachable"].next_step}
    ]
    assert problem["instagram"] == {
        "code": 9004,
        "error_subcode": 2207052,
        "fbtrace_id": "A6LJ",
        "is_transient": False,
    }
    assert "Meta's sentence" not in json.dumps(problem)
    assert "CANARY" not in json.dumps(problem)


def test_without_an_item_the_title_names_the_media():
    assert describe(MediaRejectedError())["title"] == "Instagram did not accept the media."


@pytest.mark.parametrize("item", [None, 2])
@pytest.mark.parametrize("error", [MediaRejectedError(), InvalidRequestError(), ProcessingTimeoutError()], ids=repr)
def test_what_is_wrong_with_an_item_points_to_it_where_it_is_known_which(error, item):
    problem = describe(error, item)
    pointers = [each["pointer"] for each in problem.get("errors", [])]
    assert pointers == ([] if item is None else ["/media/1"])


@pytest.mark.parametrize("error", [RateLimitedError(), TokenInvalidError(), StoreUnavailableError(), ValueError()])
def test_what_no_item_is_to_blame_for_points_to_none(error):
    assert "errors" not in describe(error, 2)


def test_a_dump_says_of_a_throttle_whether_a_call_was_made():
    assert json.loads(dump(RateLimitedError(is_pause=True)))["is_pause"] is True
    assert "is_pause" not in json.loads(dump(RateLimitedError(status=429)))


def test_wrong_fields_are_listed():
    error = BadRequestError(errors=(FieldError("/a", "b", "C."),))
    assert describe(error)["errors"] == [{"pointer": "/a", "code": "b", "message": "C."}]


def test_a_flood_of_wrong_fields_is_cut_so_that_the_answer_stays_small():
    error = BadRequestError(errors=(FieldError("/a", "b", "C."),) * 100_000)
    assert len(describe(error)["errors"]) == 50


@pytest.mark.parametrize("error", [KeyError("CANARY"), RuntimeError("CANARY"), InstagramError("CANARY")])
def test_an_error_that_nobody_foresaw_shows_nothing_of_itself(error):
    problem = describe(error)
    assert (problem["code"], problem["status"], problem["actor"]) == ("internal_error", 500, "operator")
    assert "CANARY" not in dump(error)


def test_a_problem_that_is_over_says_when_the_caller_may_repeat():
    assert describe(RateLimitedError(retry_after=60.5))["retry"] == {
        "allowed": True,
        "automatic": False,
        "after": 60.5,
    }


def test_a_full_window_shows_where_there_is_room():
    slot = datetime(2026, 11, 24, 10, 30, tzinfo=timezone(timedelta(hours=1)))
    problem = describe(QuotaFullError(slot, retry_after=3600))
    assert (problem["code"], problem["next_free_slot"]) == ("publishing_limit_reached", "2026-11-24T09:30:00Z")
    assert problem["retry"]["after"] == 3600
    assert "next_free_slot" not in describe(PublishingLimitReachedError())


def test_repeating_is_not_allowed_while_nobody_knows_whether_it_happened():
    assert describe(OutcomeUnknownError())["retry"]["allowed"] is False


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_entry_is_complete(code):
    kind = CATALOGUE[code]
    assert kind.code == code
    assert 400 <= kind.status < 600
    assert kind.title.endswith(".")
    assert kind.next_step.endswith(".")
    assert "{" not in describe(DarkroomError(code))["title"]


def test_what_the_caller_can_mend_is_a_4xx_and_nothing_of_the_operators_is():
    for kind in CATALOGUE.values():
        if kind.actor == "operator":
            assert kind.status >= 500
        elif kind.actor in ("caller", "owner"):
            assert kind.status < 500 or kind.code == "processing_timeout"


@given(st.text(max_size=50))
def test_a_dump_is_one_line_of_json(detail):
    line = dump(BadRequestError(detail=detail))
    assert "\n" not in line
    assert json.loads(line)["code"] == "invalid_request"
