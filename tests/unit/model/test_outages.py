from datetime import timedelta

import pytest

from darkroom.errors import StoreUnavailableError
from darkroom.instagram.errors import (
    AccountRestrictedError,
    InstagramUnavailableError,
    MediaUnreachableError,
    OutcomeUnknownError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.outages import THRESHOLD, WINDOW, Outage, counted, is_platforms, outage_id, signature
from darkroom.problems import describe
from darkroom.workflow import GivenUpError
from tests.builders import NOW


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InstagramUnavailableError(code=2), "2"),
        (InstagramUnavailableError(code=-1, subcode=2207001, trace_id="AbC", status=500), "-1.2207001"),
        (GivenUpError(subcode=2207053), "*.2207053"),
        (InstagramUnavailableError(status=502), "instagram_unavailable"),
        (InstagramUnavailableError("No answer in time."), "instagram_unavailable"),
    ],
)
def test_instagram_s_own_trouble_is_told_apart_by_its_numbers(error, expected):
    assert is_platforms(describe(error))
    assert signature(describe(error)) == expected


@pytest.mark.parametrize(
    "error",
    [
        MediaUnreachableError(code=-2, subcode=2207003),
        InstagramUnavailableError(code=100, subcode=33),
        RateLimitedError(code=4),
        PublishingLimitReachedError(code=9, subcode=2207042),
        OutcomeUnknownError(code=2),
        AccountRestrictedError(code=25, subcode=2207050),
        TokenInvalidError(code=190),
        StoreUnavailableError(),
        ValueError("ours"),
    ],
)
def test_what_is_somebody_else_s_is_no_outage(error):
    assert not is_platforms(describe(error))


def test_the_same_trouble_has_one_signature_whatever_request_met_it():
    first, second = (InstagramUnavailableError(code=2, trace_id=trace, is_transient=True) for trace in ("A1", "B2"))
    assert signature(describe(first)) == signature(describe(second))


def test_counting_forgets_who_has_left_the_window():
    seen = {"old": NOW - WINDOW, "recent": NOW - WINDOW + timedelta(seconds=1)}
    assert set(counted(seen, "new", NOW)) == {"recent", "new"}


def test_counting_never_takes_a_later_report_back():
    assert counted({"a": NOW + timedelta(minutes=1)}, "a", NOW) == {"a": NOW + timedelta(minutes=1)}


def test_one_account_is_one_however_often_it_fails():
    seen = {}
    for seconds in range(THRESHOLD * 2):
        seen = counted(seen, "a", NOW + timedelta(seconds=seconds))
    assert len(seen) == 1


def test_an_event_tells_ids_and_times_only():
    outage = Outage(outage_id("CreateContainer", "-1.2207001"), NOW, NOW)
    assert outage.facts() == {
        "outage_id": "CreateContainer:-1.2207001",
        "step": "CreateContainer",
        "opened_at": "2026-11-23T09:30:00+00:00",
    }
