"""
Every single fault: each call of Instagram going wrong in each way, and each point at which a worker can die or a store
can fail, before and after the effect. The lab checks the invariants; here is what may come of it.
"""

import pytest

from darkroom.errors import StoreUnavailableError
from darkroom.posts import PostState
from tests.statemachines.lab import CAROUSEL, IMAGE, STORY
from tests.statemachines.virtual_time import WorkerKilledError

CONTENTS = pytest.mark.parametrize("post_content", [IMAGE, CAROUSEL, STORY], ids=lambda each: each.kind)
WHEN = pytest.mark.parametrize("when", ["before", "after"])
FAULTS = pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("timeout", {}),
        ("reset", {}),
        ("http_5xx", {}),
        ("html", {}),
        ("truncate", {}),
        ("json_error", {"code": 1, "message": "An unknown error occurred"}),
        ("json_error", {"code": 2}),
        ("json_error", {"code": -1}),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.get("code", "")),
)


def each_run(make_lab, post_content, count, plan):
    """A run for each number up to what `count` finds in an undisturbed run; `plan` disturbs it there."""
    undisturbed = make_lab()
    undisturbed.publish(post_content)
    for number in range(1, count(undisturbed) + 1):
        lab = make_lab()
        plan(lab, number)
        try:
            lab.publish(post_content)
        except AssertionError as error:
            error.add_note(f"the fault was number {number}; reached: {lab.points.passed}")
            raise
        yield number, lab


@CONTENTS
@WHEN
@FAULTS
def test_no_passing_fault_of_one_call_keeps_a_post_from_being_published(make_lab, post_content, when, kind, details):
    def goes_wrong(lab, number):
        lab.instagram.fail("*", kind, when=when, nth=number, **details)

    for number, lab in each_run(make_lab, post_content, lambda lab: len(lab.instagram.calls()), goes_wrong):
        assert lab.post.state is PostState.PUBLISHED, f"call {number}"
        assert lab.post.media_id == lab.live[0]["media_id"], f"call {number}"


@CONTENTS
@WHEN
def test_an_action_block_on_one_call_stops_the_post_unless_it_is_live(make_lab, post_content, when):
    def is_blocked(lab, number):
        lab.instagram.fail("*", "json_error", when=when, nth=number, code=4, subcode=2207051, http_status=403)

    for number, lab in each_run(make_lab, post_content, lambda lab: len(lab.instagram.calls()), is_blocked):
        assert lab.post.state is not PostState.UNCONFIRMED, f"call {number}"
        is_past_reading = lab.called("POST /{ig}/media_publish") > 0
        assert (lab.post.state is PostState.PUBLISHED) == is_past_reading, f"call {number}"


@CONTENTS
@WHEN
def test_no_death_of_one_worker_keeps_a_post_from_being_published(make_lab, post_content, when):
    def dies(lab, number):
        lab.points.fail("*", WorkerKilledError(), when=when, nth=number)

    for number, lab in each_run(make_lab, post_content, lambda lab: len(lab.points.passed), dies):
        assert lab.post.state is PostState.PUBLISHED, f"point {number}: {lab.points.passed[number - 1]}"
        assert lab.post.media_id == lab.live[0]["media_id"]


@CONTENTS
@WHEN
@pytest.mark.parametrize("port", ["posts", "accounts", "tokens"])
def test_no_fault_of_one_store_keeps_a_post_from_being_published(make_lab, post_content, when, port):
    def calls(lab):
        return [point for point in lab.points.passed if point.startswith(port)]

    for name in (f"{port}.{method}" for method in ("get", "save", "add_container", "token")):

        def fails(lab, number, name=name):
            lab.points.fail(name, StoreUnavailableError(), when=when, nth=number)

        for number, lab in each_run(make_lab, post_content, lambda lab, name=name: calls(lab).count(name), fails):
            assert lab.post.state is PostState.PUBLISHED, f"{name} {number}"
