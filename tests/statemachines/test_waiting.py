"""Trouble that passes: the post is published later, and nobody has to do anything."""

import pytest

from darkroom.errors import StoreUnavailableError
from darkroom.posts import PostState
from tests.statemachines.lab import CAROUSEL, IMAGE
from tests.statemachines.virtual_time import WorkerKilledError

CREATE, STATUS, LIST, PUBLISH = "POST /{ig}/media", "GET /{container}", "GET /{ig}/media", "POST /{ig}/media_publish"
PASSING = [("http_5xx", {"status": 500}), ("html", {}), ("html", {"status": 502}), ("truncate", {}), ("empty", {})]
DEATHS = ["States.Timeout", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown", "Lambda.ServiceException"]


def seconds_until_live(lab):
    return (lab.post.published_at - lab.post.accepted_at).total_seconds()


@pytest.mark.parametrize("route", [CREATE, STATUS, LIST])
@pytest.mark.parametrize(("kind", "details"), PASSING)
def test_an_instagram_that_answers_nonsense_three_times_is_asked_again(lab, route, kind, details):
    lab.instagram.fail(route, kind, nth=[1, 2, 3], **details)
    execution = lab.publish(IMAGE)
    assert lab.post.state is PostState.PUBLISHED
    assert execution.retries == 3


@pytest.mark.parametrize("route", [CREATE, STATUS, LIST])
@pytest.mark.parametrize(("kind", "details"), PASSING)
def test_an_instagram_that_never_answers_sense_ends_in_a_failure_that_says_so(lab, route, kind, details):
    lab.instagram.fail(route, kind, **details)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"]) == (PostState.FAILED, "instagram_unavailable")
    assert lab.problem["title"] == "Instagram does not answer properly at the moment."
    assert lab.problem["retry"] == {"allowed": True, "automatic": False, "after": None}
    assert (execution.visits("WaitDelayed"), PostState.DELAYED in lab.states) == (8, True)
    assert 2 * 3600 < execution.seconds < 3 * 3600


@pytest.mark.parametrize("route", [CREATE, STATUS, LIST])
def test_an_instagram_that_is_down_for_an_hour_costs_nothing_but_time(lab, route):
    outage = lab.instagram.fail(route, "http_5xx")
    lab.later(3600, lambda: lab.instagram.mend(outage))
    lab.publish(IMAGE)
    assert lab.post.state is PostState.PUBLISHED
    assert 3600 < seconds_until_live(lab) < 3600 + 1800


@pytest.mark.parametrize(("regain_minutes", "seconds"), [(0, 60 + 120), (5, 300 + 300), (19, 1140 + 1140)])
def test_a_throttled_account_waits_minutes_not_seconds(lab, regain_minutes, seconds):
    """As many as Instagram says, and when it does not say, more each time."""
    lab.instagram.fail(CREATE, "http_429", nth=[1, 2], regain_minutes=regain_minutes)
    execution = lab.publish(IMAGE)
    assert lab.post.state is PostState.PUBLISHED
    assert (seconds_until_live(lab), execution.visits("DelayPost")) == (seconds + 2, 2)


def test_media_that_instagram_could_not_fetch_once_is_offered_again(lab):
    lab.instagram.fail(CREATE, "json_error", code=9004, subcode=2207052, nth=2)
    lab.publish(CAROUSEL)
    assert lab.post.state is PostState.PUBLISHED
    assert lab.called(CREATE) == 5


def test_a_container_that_instagram_does_not_find_yet_is_looked_for_again(lab):
    lab.instagram.switch(fresh_read_lag=6.0)
    lab.publish(IMAGE)
    assert lab.post.state is PostState.PUBLISHED


def test_a_container_that_is_not_ready_after_all_is_waited_for(lab):
    lab.instagram.fail(PUBLISH, "json_error", code=9007, subcode=2207027, nth=[1, 2])
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.PUBLISHED, 3)
    assert execution.visits("WaitForContainer") == 2
    assert "StartAsking" not in execution.path


def test_a_container_that_is_never_ready_to_be_published_fails_in_the_end(lab):
    lab.instagram.fail(PUBLISH, "json_error", code=9007, subcode=2207027)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"]) == (PostState.FAILED, "processing_timeout")
    assert execution.seconds < 420


@pytest.mark.parametrize("call", ["posts.get", "posts.save", "posts.add_container", "accounts.get", "tokens.token"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_throttled_store_delays_a_post_but_does_not_change_it(lab, call, when):
    for nth in (1, 2, 4):
        lab.points.fail(call, StoreUnavailableError(), when=when, nth=nth)
    lab.publish(IMAGE)
    assert lab.post.state is PostState.PUBLISHED


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "function", ["BeginPost", "CreateContainer", "CheckContainer", "PublishContainer", "MarkPublished"]
)
def test_a_worker_that_dies_is_replaced(lab, function, when, death):
    lab.points.fail(f"invoke {function}", WorkerKilledError(death), when=when)
    execution = lab.publish(IMAGE)
    assert lab.post.state is PostState.PUBLISHED
    assert lab.post.media_id == lab.live[0]["media_id"]
    assert execution.retries >= 1


def test_a_publish_that_cannot_be_written_down_is_written_down_later_and_never_repeated(lab):
    for nth in range(3, 9):
        lab.points.fail("posts.save", StoreUnavailableError(), nth=nth)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert (lab.called(PUBLISH), execution.retries) == (1, 6)


def test_a_publish_that_cannot_be_written_down_for_an_hour_is_written_down_after_it(lab):
    for nth in range(3, 15):
        lab.points.fail("posts.save", StoreUnavailableError(), nth=nth)
    lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert lab.called(PUBLISH) == 1


def test_a_publish_that_nobody_could_write_down_fails_the_execution_so_that_the_alarm_rings(lab):
    """The watchdog then runs it again, and that asks."""
    for nth in range(3, 16):
        lab.points.fail("posts.save", StoreUnavailableError(), nth=nth)
    execution = lab.publish(IMAGE)
    assert (execution.status, lab.post.state, lab.called(PUBLISH)) == ("FAILED", PostState.PUBLISHING, 1)
    lab.execute()
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert lab.called(PUBLISH) == 1


def test_an_end_that_can_not_be_written_down_fails_the_execution_so_that_the_alarm_rings(lab):
    lab.points.fail("posts.save", StoreUnavailableError(), nth=None)
    execution = lab.publish(IMAGE)
    assert (execution.status, execution.error, execution.path[-1]) == ("FAILED", "StoreUnavailableError", "MarkFailed")
    assert (lab.post.state, lab.live) == (PostState.QUEUED, [])
