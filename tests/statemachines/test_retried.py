"""A failed or unconfirmed post is tried again: Instagram is asked first, and only what is not live is published."""

import pytest

from darkroom.accounts import AccountState
from darkroom.errors import AccountUnavailableError, ConflictError, TokenUnreadableError
from darkroom.posts import PostState
from tests.builders import content, image_item
from tests.statemachines.lab import CAROUSEL, IMAGE, STORY

CREATE, PUBLISH = "POST /{ig}/media", "POST /{ig}/media_publish"
CONTENTS = pytest.mark.parametrize("post_content", [IMAGE, CAROUSEL, STORY], ids=lambda each: each.kind)


def end_unconfirmed(lab, post_content, *, is_live):
    """Its answer is lost, and Instagram does not let us ask."""
    lab.instagram.switch(republish_mode="dup")
    lost = lab.instagram.fail(PUBLISH, "timeout", when="after" if is_live else "before")
    silent = []
    lab.points.meanwhile(
        "invoke ConfirmPublish", lambda: silent.append(lab.instagram.fail("GET *", "json_error", code=10))
    )
    lab.publish(post_content)
    assert (lab.post.state, lab.problem["code"]) == (PostState.UNCONFIRMED, "outcome_unknown")
    assert (len(lab.live), lab.called(PUBLISH)) == (is_live, 1)
    for fault in (lost, *silent):
        lab.instagram.mend(fault)


@CONTENTS
def test_a_post_that_is_live_already_is_found_and_not_published_again(lab, post_content):
    end_unconfirmed(lab, post_content, is_live=True)
    containers = lab.called(CREATE)
    execution = lab.retry()
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert (lab.called(PUBLISH), lab.called(CREATE)) == (1, containers)
    assert execution.path[:2] == ("BeginPost", "StartAsking")
    assert lab.post.permalink == lab.live[0]["permalink"]


@CONTENTS
def test_a_post_that_is_not_live_is_published_once_that_is_proven(lab, post_content):
    end_unconfirmed(lab, post_content, is_live=False)
    containers = lab.called(CREATE)
    execution = lab.retry()
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert (lab.called(PUBLISH), lab.called(CREATE)) == (2, containers)
    assert execution.visits("ConfirmPublish") == 4


@CONTENTS
def test_a_post_whose_container_expired_meanwhile_needs_one_try_to_know_and_one_to_publish(lab, post_content):
    end_unconfirmed(lab, post_content, is_live=False)
    lab.age_containers()
    lab.retry()
    assert (lab.post.state, lab.problem["code"], lab.called(PUBLISH)) == (PostState.FAILED, "container_expired", 1)
    lab.retry()
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert (lab.called(PUBLISH), lab.post.tries) == (2, 3)


@CONTENTS
def test_a_live_post_whose_container_expired_meanwhile_is_found(lab, post_content):
    end_unconfirmed(lab, post_content, is_live=True)
    lab.age_containers()
    lab.retry()
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.PUBLISHED, 1)


def test_an_unconfirmed_post_stays_so_while_nobody_can_ask(lab):
    end_unconfirmed(lab, IMAGE, is_live=True)
    lab.instagram.fail("GET /{container}", "http_5xx")
    lab.retry()
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.UNCONFIRMED, 1)


@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize("stale", [1, 3, 5])
def test_a_stale_status_misleads_no_retry(lab, is_live, stale):
    lab.instagram.switch(stale_status_reads=stale)
    end_unconfirmed(lab, IMAGE, is_live=is_live)
    lab.retry()
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])


def test_a_post_that_failed_before_it_had_a_container_begins_from_nothing(lab):
    lab.points.fail("tokens.token", TokenUnreadableError())
    lab.publish(IMAGE)
    assert (lab.post.state, lab.post.containers) == (PostState.FAILED, ())
    execution = lab.retry()
    assert (lab.post.state, lab.called(CREATE), execution.transitions) == (PostState.PUBLISHED, 1, 9)


@pytest.mark.parametrize("post_content", [IMAGE, CAROUSEL], ids=lambda each: each.kind)
def test_media_that_was_rejected_while_it_was_processed_gets_new_containers(lab, post_content):
    lab.points.meanwhile("GET id", lambda: lab.break_containers(2207026))
    lab.publish(post_content)
    assert (lab.post.state, lab.problem["code"]) == (PostState.FAILED, "media_rejected")
    before = {container.container_id for container in lab.post.containers}
    lab.retry()
    assert lab.post.state is PostState.PUBLISHED
    assert before.isdisjoint(container.container_id for container in lab.post.containers)


def test_media_that_instagram_never_takes_is_rejected_again(lab):
    lab.publish(content("image", caption="CANARY", media=(image_item("wide"),)))
    lab.retry()
    assert (lab.post.state, lab.problem["code"], lab.called(CREATE)) == (PostState.FAILED, "media_rejected", 2)


def test_a_post_that_was_given_up_after_three_attempts_is_asked_about_and_published_once(lab):
    lost = lab.instagram.fail(PUBLISH, "reset")
    lab.publish(IMAGE)
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.FAILED, 3)
    lab.instagram.mend(lost)
    execution = lab.retry()
    assert (lab.post.state, lab.called(PUBLISH)) == (PostState.PUBLISHED, 4)
    assert execution.path[1] == "StartAsking"


def test_a_token_that_was_dead_is_asked_for_again_once_the_owner_has_reconnected(lab):
    lab.revoke_token()
    lab.publish(IMAGE)
    assert lab.account.state is AccountState.REAUTHORIZATION_REQUIRED
    with pytest.raises(AccountUnavailableError):
        lab.retry()
    assert lab.post.state is PostState.FAILED
    lab.reconnect()
    lab.retry()
    assert lab.post.state is PostState.PUBLISHED


def test_only_one_of_two_retries_is_taken(lab):
    lab.publish(content("image", caption="CANARY", media=(image_item("wide"),)))

    def again():
        with pytest.raises(ConflictError):
            lab.retry()

    lab.points.meanwhile("invoke BeginPost", again)
    lab.retry()
    assert lab.post.tries == 2


def test_each_try_is_told_in_the_timeline(lab):
    end_unconfirmed(lab, IMAGE, is_live=False)
    lab.retry()
    assert lab.states == [
        PostState.QUEUED,
        PostState.PROCESSING,
        PostState.PUBLISHING,
        PostState.UNCONFIRMED,
        PostState.QUEUED,
        PostState.PUBLISHING,
        PostState.PROCESSING,
        PostState.PUBLISHING,
        PostState.PUBLISHED,
    ]
