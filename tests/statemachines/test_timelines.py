"""What a post's timeline tells afterwards, however the execution went."""

import pytest

from darkroom.errors import StoreUnavailableError
from darkroom.posts import PostState
from tests.statemachines.lab import CAROUSEL, IMAGE, REEL, STORY
from tests.statemachines.virtual_time import WorkerKilledError

CONTENTS = pytest.mark.parametrize("post_content", [IMAGE, CAROUSEL, REEL, STORY], ids=lambda each: each.kind)
PUBLISH = "POST /{ig}/media_publish"


def states(lab):
    return [entry.state for entry in lab.timeline if entry.kind == "state"]


def calls(lab):
    return [f"{entry.method} {entry.path}" for entry in lab.timeline if entry.kind == "call"]


@CONTENTS
def test_every_state_and_every_call_of_a_post_is_told_in_order(lab, post_content):
    lab.publish(post_content)
    assert states(lab) == [PostState.QUEUED, PostState.PROCESSING, PostState.PUBLISHING, PostState.PUBLISHED]
    assert len(calls(lab)) == len(lab.instagram.calls())
    assert [entry.at for entry in lab.timeline] == sorted(entry.at for entry in lab.timeline)
    steps = [entry.step for entry in lab.timeline if entry.kind == "call"]
    assert list(dict.fromkeys(steps)) == [
        "BeginPost",
        "CreateContainer",
        "CheckContainer",
        "PublishContainer",
        "ReadPermalink",
    ]


def test_a_publish_that_was_refused_but_happened_tells_the_question_and_the_proof(lab):
    lab.instagram.fail(PUBLISH, "json_error", when="after", code=4, subcode=2207051, http_status=403)
    lab.publish(IMAGE)
    story = [(entry.step, entry.state or f"{entry.method} {entry.path}", entry.status) for entry in lab.timeline]
    attempt = story.index(("PublishContainer", "POST /{ig-user-id}/media_publish", 403))
    assert story.index(("PublishContainer", PostState.PUBLISHING, None)) < attempt
    question = story.index(("ConfirmPublish", "GET /{container-id}", 200))
    proof = story.index(("MarkPublished", PostState.PUBLISHED, None))
    permalink = story.index(("ReadPermalink", "GET /{media-id}", 200))
    assert attempt < question < proof < permalink
    refused = lab.timeline[attempt]
    assert (refused.error, refused.code, refused.error_subcode) == ("OutcomeUnknownError", 4, 2207051)
    assert refused.fbtrace_id


@pytest.mark.parametrize("death", ["Sandbox.Timedout", "Runtime.ExitError"])
def test_a_worker_that_dies_leaves_behind_what_it_asked(lab, death):
    lab.points.fail("posts.add_container", WorkerKilledError(death), when="before")
    lab.publish(IMAGE)
    assert len(lab.instagram.calls("POST /{ig}/media")) == 2
    assert calls(lab).count("POST /{ig-user-id}/media") == 2


def test_a_call_that_was_not_answered_is_told_without_a_status(lab):
    lab.instagram.fail(PUBLISH, "timeout", when="after")
    lab.publish(IMAGE)
    (attempt,) = [entry for entry in lab.timeline if entry.path == "/{ig-user-id}/media_publish"]
    assert (attempt.status, attempt.error) == (None, "OutcomeUnknownError")


@CONTENTS
def test_a_timeline_that_cannot_be_written_keeps_no_post_from_being_published(lab, post_content):
    lab.points.fail("timeline.add", StoreUnavailableError(), nth=None)
    lab.publish(post_content)
    assert lab.post.state is PostState.PUBLISHED
    assert calls(lab) == []
    assert states(lab)[-1] is PostState.PUBLISHED, "written with the post"


def test_a_failure_is_told_with_its_code_and_nothing_of_its_text(lab):
    lab.instagram.fail("POST /{ig}/media", "json_error", code=36003, subcode=2207009)
    lab.publish(IMAGE)
    end = lab.timeline[-1]
    assert (end.step, end.state, end.problem) == ("MarkFailed", PostState.FAILED, lab.problem["code"])
