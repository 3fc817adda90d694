from datetime import timedelta

from darkroom.posts import PostState
from tests.builders import NOW, a_post
from tests.events import event
from tests.functions.world import call

HOUR = timedelta(hours=1)


def test_the_schedule_runs_again_what_was_left_starts_what_is_due_and_says_how_much(world, lines):
    left = world.posts.add(a_post(accepted_at=NOW - HOUR))
    due = world.posts.add(a_post(state=PostState.SCHEDULED, publish_at=NOW - HOUR, queued_at=None))
    expected = {"due": 1, "overdue": 1, "started": 1, "open": 1, "run_again": 1, "given_up": 0}
    assert call("watch_posts", event("watch_posts")) == expected
    assert world.workflows.started.keys() == {left.id, due.id}
    (line,) = lines.named("watched")
    assert expected.items() <= line.items()  # OverduePostsMetric of the template reads `message` and `overdue`
