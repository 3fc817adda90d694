from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from darkroom.errors import StoreUnavailableError
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.errors import InstagramError, OutcomeUnknownError
from darkroom.instagram.models import Access
from darkroom.recording import Recorder
from darkroom.timeline import Entry, Place, at, here
from tests.builders import NOW, a_post
from tests.fakes import FakePosts, FakeQuota, FakeTimeline

CANARY = "CANARY-9d1e"
ACCESS = Access("17841400000000001", "IGAA" + CANARY)
POST = a_post(id="post_1")
PLACE = Place("acme", "post_1", "PublishContainer")
BLOCKED = {
    "error": {
        "message": CANARY,
        "code": 4,
        "error_subcode": 2207051,
        "fbtrace_id": "A6LJylpZRKw2xKLFsAP",
        "error_user_msg": CANARY,
    }
}


@pytest.fixture
def timeline():
    return FakeTimeline()


def client(timeline, answer, quota=None):
    recorder = Recorder(timeline, FakePosts(POST), quota or FakeQuota(), lambda: NOW)
    return InstagramClient(transport=httpx.MockTransport(answer), on_call=recorder)


def blocked(_request):
    return httpx.Response(403, json=BLOCKED, headers={"x-app-usage": '{"call_count": 28}'})


def silent(request):
    raise httpx.ReadTimeout(CANARY, request=request)


def publish(timeline, answer):
    with at(PLACE), pytest.raises(OutcomeUnknownError):
        client(timeline, answer).publish_container(ACCESS, "17900000000000001")
    (entry,) = timeline.stored["acme", "post_1"]
    return entry


def test_a_call_is_an_entry_of_the_post_at_hand(timeline):
    entry = publish(timeline, blocked)
    assert entry == Entry(
        at=entry.at,
        kind="call",
        step="PublishContainer",
        method="POST",
        path="/{ig-user-id}/media_publish",
        status=403,
        duration_ms=entry.duration_ms,
        error="OutcomeUnknownError",
        code=4,
        error_subcode=2207051,
        fbtrace_id="A6LJylpZRKw2xKLFsAP",
        app_usage_percent=28,
    )


def test_an_entry_is_dated_by_the_beginning_of_its_call(timeline):
    entry = publish(timeline, blocked)
    assert entry.duration_ms > 0
    assert entry.at + timedelta(milliseconds=entry.duration_ms) == NOW


def test_a_call_that_nobody_answered_has_no_status(timeline):
    entry = publish(timeline, silent)
    assert (entry.status, entry.error, entry.code) == (None, "OutcomeUnknownError", None)


def test_a_call_that_went_well_is_an_entry_too(timeline):
    with at(PLACE):
        client(timeline, lambda _: httpx.Response(200, json={"id": "17900000000000002"})).publish_container(
            ACCESS, "17900000000000001"
        )
    (entry,) = timeline.stored["acme", "post_1"]
    assert (entry.status, entry.error) == (200, None)


@pytest.mark.parametrize("answer", [blocked, silent])
def test_an_entry_holds_no_id_no_text_and_no_token(timeline, answer, lines):
    entry = publish(timeline, answer)
    for told in (str(entry), lines.getvalue()):
        assert not any(secret in told for secret in (CANARY, ACCESS.ig_user_id, "17900000000000001"))


def test_outside_a_step_a_call_is_only_logged(timeline, lines):
    with pytest.raises(OutcomeUnknownError):
        client(timeline, blocked).publish_container(ACCESS, "17900000000000001")
    assert timeline.stored == {}
    assert len(lines.named("instagram call")) == 1


@pytest.mark.parametrize("failure", [StoreUnavailableError(), RuntimeError(CANARY)])
def test_a_timeline_that_cannot_be_written_disturbs_nothing_and_is_told(failure, lines):
    class Broken:
        def add(self, *_):
            raise failure

    answer = httpx.Response(200, json={"id": "17900000000000002"})
    with at(PLACE):
        assert client(Broken(), lambda _: answer).publish_container(ACCESS, "17900000000000001") == "17900000000000002"
    (line,) = lines.named("timeline entry lost")
    assert line["error"] == type(failure).__name__
    assert CANARY not in lines.getvalue()
    assert len(lines.named("instagram call")) == 1


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"x-app-usage": '{"call_count": 85}'}, 85),
        ({"x-business-use-case-usage": '{"1784": [{"type": "instagram", "call_count": 91, "total_time": 3}]}'}, 91),
        ({"x-app-usage": '{"call_count": 79}'}, None),
        ({}, None),
    ],
)
def test_an_allowance_that_is_nearly_used_up_is_told_to_the_quota_of_the_account(timeline, headers, told):
    quota = FakeQuota()
    with at(PLACE):
        client(timeline, lambda _: httpx.Response(200, json={"id": "1"}, headers=headers), quota).publish_container(
            ACCESS, "17900000000000001"
        )
    assert quota.allowance(POST.tenant_id, POST.account_id).usage_percent == told


REGAINED = '{"1784": [{"type": "instagram", "call_count": 85, "estimated_time_to_regain_access": 10}]}'
LATER_ON = {"x-business-use-case-usage": REGAINED}


class Broken:
    def add(self, *_):
        raise StoreUnavailableError


def test_a_timeline_that_cannot_be_written_keeps_nobody_from_hearing_of_usage_and_pause(lines):
    quota = FakeQuota()
    with at(PLACE), suppress(InstagramError):
        client(Broken(), lambda _: httpx.Response(429, headers=LATER_ON), quota).media(ACCESS, "17900000000000001")
    allowance = quota.allowance(POST.tenant_id, POST.account_id)
    assert (allowance.usage_percent, allowance.pause_left(NOW)) == (85, timedelta(seconds=600))
    assert len(lines.named("timeline entry lost")) == 1


def test_usage_that_cannot_be_written_is_a_line_of_its_own_and_the_entry_stands(timeline, lines):
    quota = FakeQuota()
    quota.used = lambda *_: Broken().add()
    with at(PLACE), suppress(InstagramError):
        client(timeline, lambda _: httpx.Response(429, headers=LATER_ON), quota).media(ACCESS, "17900000000000001")
    assert len(timeline.stored["acme", "post_1"]) == len(lines.named("usage lost")) == 1
    assert lines.named("timeline entry lost") == []


def test_places_lie_within_each_other_and_end():
    inner = Place("acme", "post_2", "BeginPost")
    with at(PLACE):
        with at(inner):
            assert here() == inner
        assert here() == PLACE
    assert here() is None
