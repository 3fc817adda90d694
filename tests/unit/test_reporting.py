import json
from datetime import timedelta

import pytest

from darkroom import announcing, reporting
from darkroom.errors import StoreUnavailableError
from darkroom.posts import PostState
from tests.builders import NOW, TENANT, a_post, content
from tests.fakes import Clock, FakeBus, FakeEvents

PROBLEM = {"code": "media_rejected", "title": "CANARY-title"}


@pytest.fixture
def bus():
    return FakeBus()


@pytest.fixture
def ports(bus):
    clock = Clock()
    return announcing.Ports(FakeEvents(clock), lambda *told: bus.announce(*told, clock()), clock)


def published(**changes):
    return a_post(
        state=PostState.PUBLISHED, version=7, media_id="179", permalink="https://www.instagram.com/p/x/", **changes
    )


def stored(ports):
    (event,) = ports.events.stored.values()
    return event


def test_a_post_that_went_live_is_told(ports, bus):
    post = published(external_id="CANARY-campaign", content=content(caption="CANARY-caption"), group_id="grp_1")
    assert reporting.report(PostState.PUBLISHING, post, ports)
    event = stored(ports)
    assert (event.type, event.tenant_id, event.account_id) == ("post.published", TENANT, post.account_id)
    assert event.refs == {"post_id": post.id, "media_id": "179", "group_id": "grp_1"}
    assert event.data["permalink"] == post.permalink
    assert event.data["external_id"] == "CANARY-campaign"
    ((name, detail),) = bus.announced
    assert (name, detail["post_id"]) == ("PostPublished", post.id)
    assert "CANARY" not in json.dumps(bus.announced)
    assert "CANARY-caption" not in repr(event)


def test_a_post_that_failed_says_why(ports, bus):
    reporting.report(PostState.PROCESSING, a_post(state=PostState.FAILED, problem=PROBLEM), ports)
    assert (stored(ports).type, stored(ports).refs["problem_code"]) == ("post.failed", "media_rejected")
    assert stored(ports).data["problem"] == PROBLEM
    assert "CANARY" not in json.dumps(bus.announced)


@pytest.mark.parametrize(
    ("state", "is_told"),
    [
        ("published", True), ("failed", True), ("unconfirmed", True), ("delayed", True), ("cancelled", True),
        ("draft", False), ("scheduled", False), ("queued", False), ("processing", False), ("publishing", False),
    ],
)  # fmt: skip
def test_people_hear_of_ends_and_of_what_has_to_wait(ports, state, is_told):
    assert reporting.report(None, a_post(state=PostState(state)), ports) is is_told


def test_a_post_that_changed_in_the_state_it_was_in_is_no_news(ports, bus):
    assert not reporting.report(PostState.PUBLISHED, published(), ports)
    assert bus.announced == []


def test_the_same_change_once_more_is_told_once(ports, bus):
    post = published()
    reporting.report(PostState.PUBLISHING, post, ports)
    assert not reporting.report(PostState.PUBLISHING, post, ports)
    assert len(bus.announced) == 1


def test_a_post_that_fails_twice_is_told_twice(ports, bus):
    post = a_post(state=PostState.FAILED, problem=PROBLEM, version=3)
    again = a_post(id=post.id, state=PostState.FAILED, problem=PROBLEM, version=9, state_since=NOW + timedelta(hours=1))
    for each in (post, again):
        assert reporting.report(PostState.PROCESSING, each, ports)
    assert len(bus.announced) == 2


def test_what_could_not_be_told_is_told_when_the_record_comes_again(ports, bus):
    bus.failure = StoreUnavailableError()
    post = published()
    with pytest.raises(StoreUnavailableError):
        reporting.report(PostState.PUBLISHING, post, ports)
    bus.failure = None
    assert reporting.report(PostState.PUBLISHING, post, ports)
    assert len(bus.announced) == 1
