from datetime import timedelta

from tests.builders import NOW, a_post
from tests.events import event
from tests.functions.world import call


def test_the_schedule_runs_again_what_was_left_and_says_how_much(world, lines):
    left = world.posts.add(a_post(accepted_at=NOW - timedelta(hours=1)))
    assert call("watch_posts", event("watch_posts")) == {"open": 1, "run_again": 1, "given_up": 0}
    assert world.workflows.started == {left.id: left}
    (line,) = lines.named("watched")
    assert (line["open"], line["run_again"], line["given_up"]) == (1, 1, 0)
