from datetime import timedelta
from types import SimpleNamespace

import pytest

from darkroom.posts import PostState
from darkroom.watching import IncompleteError
from tests.builders import NOW, a_post
from tests.events import event
from tests.functions.world import call_with

HOUR = timedelta(hours=1)


def watch(left_ms=60_000):
    context = SimpleNamespace(
        function_name="darkroom-dev-WatchPostsFunction-Ab1", get_remaining_time_in_millis=lambda: left_ms
    )
    return call_with("watch_posts", event("watch_posts"), context)


def test_the_schedule_runs_again_what_was_left_starts_what_is_due_and_says_how_much(world, lines):
    left = world.posts.add(a_post(accepted_at=NOW - HOUR))
    due = world.posts.add(a_post(state=PostState.SCHEDULED, publish_at=NOW - HOUR, queued_at=None))
    counts = {"due": 1, "overdue": 2, "started": 1, "open": 1, "run_again": 1, "given_up": 0, "failed": 0}
    expected = counts | {"is_finished": True}
    assert watch() == expected
    assert world.workflows.started.keys() == {left.id, due.id}
    (line,) = lines.named("watched")
    assert expected.items() <= line.items()  # OverduePostsMetric of the template reads `message` and `overdue`


def test_what_could_not_be_looked_after_fails_the_function_after_everything_else_is_done_and_said(world, lines):
    left = world.posts.add(a_post(accepted_at=NOW - HOUR))
    missing = (left.tenant_id, "post_00000000000000000000000009")
    world.posts.due_before = lambda _moment, _limit: (missing,)
    with pytest.raises(IncompleteError):
        watch()
    assert world.workflows.started.keys() == {left.id}
    (line,) = lines.named("watched")
    assert {"failed": 1, "run_again": 1}.items() <= line.items()
    assert [each["error"] for each in lines.named("unforeseen error")] == ["NotFoundError"]


def test_a_run_that_is_about_to_be_cut_off_begins_nothing_more_and_says_so(world, lines):
    left = world.posts.add(a_post(accepted_at=NOW - HOUR))
    found = watch(left_ms=15_000)
    assert (found["open"], found["run_again"], found["is_finished"]) == (1, 0, False)
    assert watch()["run_again"] == 1
    assert world.workflows.started.keys() == {left.id}
