"""The watchdog: every post that is left on its way is found, and only such a one."""

from datetime import timedelta

import pytest

from darkroom import watching
from darkroom.posts import PostState
from tests.builders import NOW, a_post
from tests.fakes import Clock, FakePosts, FakeWorkflows

LONG_AGO = NOW - timedelta(hours=1)


class World:
    def __init__(self, **changes):
        self.post_before = a_post(**{"accepted_at": LONG_AGO, **changes})
        self.posts, self.workflows = FakePosts(self.post_before), FakeWorkflows()
        self.ports = watching.Ports(self.posts, self.workflows, Clock())

    @property
    def post(self):
        return self.posts.get(self.post_before.tenant_id, self.post_before.id)

    def ended(self, *runs):
        for run in runs:
            self.workflows.runs[self.post_before.id, run] = "ended"


@pytest.mark.parametrize("state", [PostState.QUEUED, PostState.PROCESSING, PostState.PUBLISHING])
def test_a_post_that_was_stored_and_never_started_is_started_under_its_own_id(state):
    world = World(state=state)
    assert watching.watch(world.ports) == {"open": 1, "run_again": 1, "given_up": 0}
    assert world.workflows.runs == {(world.post.id, 1): "running"}


def test_a_post_whose_execution_ended_without_a_record_is_run_again_under_the_next_number():
    world = World(state=PostState.PUBLISHING)
    world.ended(1, 2)
    watching.watch(world.ports)
    assert world.workflows.runs[world.post.id, 3] == "running"


@pytest.mark.parametrize("ended", [(), (1,), (1, 2)])
def test_a_post_that_is_being_run_is_left_alone(ended):
    world = World()
    world.ended(*ended)
    world.workflows.start(world.post, len(ended) + 1)
    before = dict(world.workflows.runs)
    assert watching.watch(world.ports)["run_again"] == 0
    assert world.workflows.runs == before


@pytest.mark.parametrize("state", [PostState.PUBLISHED, PostState.FAILED, PostState.UNCONFIRMED])
def test_a_post_that_has_ended_is_left_alone_even_if_the_index_is_behind(state):
    world = World(state=state)
    world.posts.left_before = lambda _moment, _limit: ((world.post.tenant_id, world.post.id),)
    assert watching.watch(world.ports) == {"open": 1, "run_again": 0, "given_up": 0}
    assert world.workflows.runs == {}


def test_a_post_that_has_just_been_accepted_is_given_time_to_start():
    assert watching.watch(World(accepted_at=NOW - timedelta(seconds=90)).ports)["open"] == 0


@pytest.mark.parametrize(
    ("attempted_at", "state", "code"),
    [(None, PostState.FAILED, "internal_error"), (LONG_AGO, PostState.UNCONFIRMED, "outcome_unknown")],
)
def test_what_five_runs_could_not_end_is_ended_and_says_whether_it_may_be_live(attempted_at, state, code):
    world = World(state=PostState.PUBLISHING, publish_attempted_at=attempted_at)
    world.ended(1, 2, 3, 4, 5)
    assert watching.watch(world.ports)["given_up"] == 1
    assert (world.post.state, world.post.problem["code"], world.post.failed_at) == (state, code, NOW)


def test_a_post_that_ends_while_it_is_given_up_keeps_its_end():
    world = World(state=PostState.PUBLISHING)
    world.ended(1, 2, 3, 4, 5)
    state_of = world.workflows.state

    def published_meanwhile(post, run):
        if run == watching.MOST_RUNS:
            world.posts.save(world.post.moved_to(PostState.PUBLISHED, NOW, media_id="1"))
        return state_of(post, run)

    world.workflows.state = published_meanwhile
    assert watching.watch(world.ports)["given_up"] == 0
    assert world.post.state is PostState.PUBLISHED
