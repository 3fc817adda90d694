"""Nobody knows whether the post is live: from here on Instagram is asked, and the post is never visible twice."""

import httpx
import pytest

from darkroom.accounts import AccountState
from darkroom.posts import PostState
from tests.statemachines.interpreter import TaskError
from tests.statemachines.lab import CAPTION, CAROUSEL, IMAGE, STORY
from tests.statemachines.virtual_time import WorkerKilledError

PUBLISH = "POST /{ig}/media_publish"
LOST = [
    ("timeout", {}),
    ("reset", {}),
    ("http_5xx", {"status": 500}),
    ("html", {}),
    ("truncate", {}),
    ("json_error", {"code": 4, "subcode": 2207051, "http_status": 403}),
    ("json_error", {"code": 2}),
    ("http_429", {}),
]
DEATHS = ["States.Timeout", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"]
CONTENTS = pytest.mark.parametrize("post_content", [IMAGE, CAROUSEL, STORY], ids=lambda each: each.kind)
REPUBLISHING = pytest.mark.parametrize(
    "switches",
    [
        {"republish_mode": "dup"},
        {"republish_mode": "same"},
        {"republish_mode": "error"},
        {"republish_mode": "error", "republish_error": "24/2207008"},
        {"republish_mode": "error", "republish_error": "9007/2207027"},
    ],
    ids=lambda switches: "-".join(switches.values()),
)


@CONTENTS
@pytest.mark.parametrize(("kind", "details"), LOST)
def test_a_lost_answer_to_a_publish_that_happened_is_found_out(lab, post_content, kind, details):
    lab.instagram.switch(republish_mode="dup")
    lab.instagram.fail(PUBLISH, kind, when="after", **details)
    execution = lab.publish(post_content)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert lab.post.permalink == lab.live[0]["permalink"]
    asks = 2 if kind == "http_429" else 1  # a throttled account is not asked about at first
    assert (lab.called(PUBLISH), execution.visits("ConfirmPublish")) == (1, asks)


@CONTENTS
@pytest.mark.parametrize(("kind", "details"), LOST)
def test_a_publish_that_did_not_happen_is_repeated_once_that_is_proven(lab, post_content, kind, details):
    lab.instagram.fail(PUBLISH, kind, nth=1, **details)
    execution = lab.publish(post_content)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    asks = 5 if kind == "http_429" else 4
    assert (lab.called(PUBLISH), execution.visits("ConfirmPublish")) == (2, asks)
    assert execution.seconds >= 240


@pytest.mark.parametrize("hours", [1, 12])
def test_an_instagram_that_is_down_while_it_is_asked_is_asked_until_it_answers(lab, hours):

    def goes_down():
        outage = lab.instagram.fail("GET /{container}", "http_5xx", status=500)
        lab.later(hours * 3600, lambda: lab.instagram.mend(outage))

    lab.instagram.fail(PUBLISH, "timeout", when="after")
    lab.points.meanwhile("invoke ConfirmPublish", goes_down)
    lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert lab.called(PUBLISH) == 1


def test_a_call_that_was_never_sent_needs_no_asking(lab):
    lab.points.fail("POST media_publish", httpx.ConnectError("no route"))
    execution = lab.publish(IMAGE)
    assert lab.post.state is PostState.PUBLISHED
    assert ("StartAsking" in execution.path, execution.retries, execution.seconds) == (False, 1, 5)


@pytest.mark.parametrize("kind", ["timeout", "reset", "http_5xx", "html"])
def test_an_instagram_that_never_publishes_is_given_up_after_three_attempts(lab, kind):
    lab.instagram.fail(PUBLISH, kind)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"]) == (PostState.FAILED, "instagram_unavailable")
    assert (lab.called(PUBLISH), execution.visits("ConfirmPublish")) == (3, 12)


def test_a_suspected_spammer_hears_instagrams_own_numbers_in_the_end(lab):
    lab.instagram.fail(PUBLISH, "json_error", code=4, subcode=2207051, http_status=403)
    lab.publish(IMAGE)
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.FAILED, 3)
    facts = lab.problem["instagram"]
    assert (facts["code"], facts["error_subcode"]) == (4, 2207051)


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize(("when", "calls"), [("before", 2), ("after", 1)])
def test_a_worker_that_dies_around_the_one_call_leaves_one_post(lab, death, when, calls):
    lab.instagram.switch(republish_mode="dup")
    lab.points.fail("POST media_publish", WorkerKilledError(death), when=when)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert len([point for point in lab.points.passed if point == "POST media_publish"]) == calls
    assert "StartAsking" in execution.path


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_worker_that_dies_while_asking_is_replaced(lab, death, nth):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.points.fail("invoke ConfirmPublish", WorkerKilledError(death), nth=nth)
    lab.publish(IMAGE)
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.PUBLISHED, 2)


def test_a_verdict_that_is_lost_after_it_was_written_down_is_given_again(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.points.fail("invoke ConfirmPublish", WorkerKilledError("Lambda.Unknown"), nth=4, when="after")
    lab.publish(IMAGE)
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.PUBLISHED, 2)


@REPUBLISHING
@pytest.mark.parametrize("stale", range(1, 6))
def test_a_stale_status_does_not_lead_to_a_second_post(lab, switches, stale):
    lab.instagram.switch(stale_status_reads=stale, **switches)
    lab.instagram.fail(PUBLISH, "timeout", when="after", nth=1)
    lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert lab.called(PUBLISH) == 1


@REPUBLISHING
def test_a_repeated_publish_that_did_not_happen_the_first_time_is_one_post_whatever_a_repetition_does(lab, switches):
    lab.instagram.switch(**switches)
    lab.instagram.fail(PUBLISH, "reset", nth=1)
    lab.instagram.fail(PUBLISH, "reset", nth=2, when="after")
    lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])


def test_a_second_publish_that_is_refused_as_not_ready_is_no_proof(lab):
    """The status was stale for longer than we look, and the list shows the post only when it is sent again."""
    lab.instagram.switch(republish_error="9007/2207027", stale_status_reads=5)
    lab.instagram.fail(PUBLISH, "timeout", when="after", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lab.hide_media)
    lab.points.meanwhile("POST media_publish", lab.show_media, nth=2)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert lab.called(PUBLISH) == 2
    assert execution.visits("StartAsking") == 2


@pytest.mark.parametrize("shown", ["list", "status"])
def test_what_shows_late_of_an_attempt_that_was_disproved_is_asked_about_and_not_sent_again(lab, shown):
    """Between the last clean read and the second attempt: a delay may lie there, of hours."""
    lab.instagram.switch(republish_mode="dup", stale_status_reads=4 if shown == "status" else 5)
    lab.instagram.fail(PUBLISH, "timeout", when="after", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lab.hide_media)
    shows = ("invoke PublishContainer", 2) if shown == "list" else ("invoke ConfirmPublish", 5)
    lab.points.meanwhile(shows[0], lab.show_media, nth=shows[1])
    lab.publish(IMAGE)
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.PUBLISHED, 1)


def test_an_account_that_cannot_be_asked_before_a_second_attempt_ends_it(lab):
    """Asking Instagram what became of an attempt that was disproved already would lead back here at once."""
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.instagram.fail("GET /{ig}/media", "json_error", nth=list(range(6, 99)), code=100, message="No")
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"], lab.live) == (PostState.FAILED, "instagram_refused", [])
    assert execution.visits("PublishContainer") == 2


def test_an_earlier_post_with_the_same_caption_is_not_taken_for_this_one(lab):
    lab.post_by_hand(CAPTION)
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert execution.visits("PublishContainer") == 2


def test_media_of_somebody_else_that_appears_meanwhile_is_not_taken_for_the_post(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lambda: lab.post_by_hand("Another caption"))
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert execution.visits("ConfirmPublish") == 4


def test_a_twin_that_appears_meanwhile_is_not_taken_for_the_post(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lambda: lab.post_by_hand(CAPTION))
    lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id, lab.live) == (PostState.UNCONFIRMED, None, [])


def test_media_without_a_caption_that_appears_meanwhile_stops_a_second_publish(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lambda: lab.post_by_hand(None))
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"]) == (PostState.UNCONFIRMED, "outcome_unknown")
    assert (execution.visits("ConfirmPublish"), execution.visits("PublishContainer")) == (30, 1)


def test_whoever_finds_the_post_published_but_not_in_the_list_publishes_no_more(lab):
    lab.instagram.fail(PUBLISH, "timeout", when="after", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lab.hide_media)
    lab.points.meanwhile("invoke MarkPublished", lab.show_media)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id, lab.called(PUBLISH)) == (PostState.PUBLISHED, None, 1)
    assert (execution.visits("ConfirmPublish"), execution.path[-1]) == (5, "ReadPermalink")


def test_a_container_that_expires_while_we_ask_was_never_published(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lab.age_containers)
    lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"], lab.live) == (PostState.FAILED, "container_expired", [])


def test_a_container_that_is_processed_again_is_asked_about_for_an_hour(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lambda: lab.instagram.switch(never_finish=True))
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"]) == (PostState.UNCONFIRMED, "outcome_unknown")
    assert execution.visits("ConfirmPublish") == 30
    assert execution.seconds < 3700


def test_throttled_asking_ends_within_hours(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)
    lab.points.meanwhile("invoke ConfirmPublish", lambda: lab.instagram.switch(never_finish=True))
    lab.instagram.fail("GET /{container}", "http_429", nth=[n for n in range(3, 400) if n % 6])
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"]) == (PostState.UNCONFIRMED, "outcome_unknown")
    assert execution.seconds < 4 * 3600


@pytest.mark.parametrize("kind", ["http_429", "http_5xx"])
def test_whoever_can_no_longer_ask_sends_a_person_to_look(lab, kind):
    lab.instagram.fail(PUBLISH, "timeout", when="after")
    lab.points.meanwhile("invoke ConfirmPublish", lambda: lab.instagram.fail("GET *", kind))
    lab.publish(IMAGE)
    assert lab.post.state is PostState.UNCONFIRMED
    assert (lab.problem["code"], lab.problem["status"]) == ("outcome_unknown", 502)


def test_a_token_that_dies_while_asking_flags_the_account_and_leaves_the_post_unconfirmed(lab):
    lab.instagram.fail(PUBLISH, "timeout", when="after")
    lab.points.meanwhile("invoke ConfirmPublish", lab.revoke_token)
    lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"]) == (PostState.UNCONFIRMED, "outcome_unknown")
    assert lab.problem["instagram"]["code"] == 190
    assert lab.account.state is AccountState.REAUTHORIZATION_REQUIRED


@pytest.mark.parametrize("point", ["posts.save", "POST media_publish"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_second_worker_at_the_one_call_only_asks(lab, point, when):
    """`posts.save`: the second in this workflow is the attempt."""
    lab.instagram.switch(republish_mode="dup")
    answers = []

    def second_worker():
        try:
            answers.append(lab.lambdas.invoke("PublishContainer", lab.lambdas.calls("BeginPost")[0].event))
        except TaskError as error:
            answers.append(error.name)

    lab.points.meanwhile(point, second_worker, when=when, nth=2 if point == "posts.save" else 1)
    lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert lab.called(PUBLISH) == 1
    is_winner = point == "posts.save" and when == "before"
    assert answers == [{"media_id": lab.post.media_id} if is_winner else "OutcomeUnknownError"]
