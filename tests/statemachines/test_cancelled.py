"""Its caller takes a post back at every moment of its way: it ends cancelled and unseen, or live and too late."""

import pytest

from darkroom.errors import ConflictError
from darkroom.posts import PostState
from tests.statemachines.lab import CAROUSEL, IMAGE, REEL, STORY

CREATE, STATUS, PUBLISH = "POST /{ig}/media", "GET /{container}", "POST /{ig}/media_publish"


def undisturbed(_lab):
    pass


def throttled(lab):
    lab.instagram.fail(CREATE, "http_429", nth=1)


def out_of_quota(lab):
    lab.instagram.fail(PUBLISH, "json_error", code=9, subcode=2207042, nth=1)


def not_ready(lab):
    lab.instagram.fail(PUBLISH, "json_error", code=9007, subcode=2207027, nth=1)


def unknown(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1)


def lost_answer(lab):
    lab.instagram.fail(PUBLISH, "timeout", nth=1, when="after")


def dead_container(lab):
    lab.points.meanwhile("GET id", lambda: lab.break_containers(2207053))


def slow(lab):
    lab.instagram.switch(never_finish=True)
    lab.later(30, lambda: lab.instagram.switch(never_finish=False))


@pytest.mark.parametrize(
    ("post_content", "day"),
    [
        (IMAGE, undisturbed),
        (CAROUSEL, undisturbed),
        (STORY, undisturbed),
        (IMAGE, throttled),
        (IMAGE, out_of_quota),
        (IMAGE, not_ready),
        (IMAGE, unknown),
        (IMAGE, lost_answer),
        (IMAGE, dead_container),
        (REEL, slow),
    ],
    ids=lambda each: getattr(each, "kind", None) or each.__name__,
)
def test_cancelling_at_any_point_ends_in_cancelled_and_unseen_or_in_too_late_and_live(make_lab, post_content, day):
    lab = make_lab()
    day(lab)
    lab.publish(post_content)
    ends = [ended(make_lab(), post_content, day, number) for number in range(1, len(lab.points.passed) + 1)]
    assert {"cancelled", "too late"} == set(ends)
    if day in {undisturbed, throttled, unknown, lost_answer, dead_container, slow}:
        assert ends == sorted(ends), "from the moment of sending it is too late, and stays so"


def ended(lab, post_content, day, number):
    """The API's own promise, held against what followers see; `number`: before which of the points it is called."""
    answers = []

    def cancels():
        try:
            answers.append(lab.cancel().state)
        except ConflictError as error:
            answers.append(error.code)

    day(lab)
    lab.points.meanwhile("*", cancels, nth=number)
    lab.publish(post_content)
    where = f"point {number}: {lab.points.passed[number - 1]}"
    if answers == ["cancelled"]:
        assert (lab.post.state, lab.live) == (PostState.CANCELLED, []), where
        return "cancelled"
    assert (answers, lab.post.state, len(lab.live)) == (["too_late_to_cancel"], PostState.PUBLISHED, 1), where
    return "too late"


@pytest.mark.parametrize("step", ["BeginPost", "CreateContainer", "CheckContainer", "PublishContainer"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancelled_post_stops_at_its_next_step(lab, step, when):
    answers = []

    def cancels():
        try:
            answers.append(lab.cancel().state)
        except ConflictError as error:
            answers.append(error.code)

    lab.points.meanwhile(f"invoke {step}", cancels, when=when)
    execution = lab.publish(IMAGE)
    is_late = (step, when) == ("PublishContainer", "after")
    assert answers == ["too_late_to_cancel" if is_late else PostState.CANCELLED]
    assert execution.path[-1] == ("ReadPermalink" if is_late else "MarkFailed")
    assert lab.states[-1] is (PostState.PUBLISHED if is_late else PostState.CANCELLED)


def test_a_post_that_was_cancelled_before_its_execution_began_makes_no_call(lab):
    lab.accept(CAROUSEL)
    lab.cancel()
    execution = lab.execute()
    assert (lab.instagram.calls(), execution.path) == ([], ("BeginPost", "MarkFailed"))
    assert lab.quota.taken[lab.post.tenant_id, lab.post.account_id] == {}, "its slot is free again"
