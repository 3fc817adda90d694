"""No post stays in limbo: what is due is started, what was left is run again, and only that."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom import watching
from darkroom.errors import ConflictError, NotFoundError, StoreUnavailableError
from darkroom.posts import MOST_RUNS, OPEN, PostState
from darkroom.workflow import PostTask
from tests.builders import NOW, TENANT, a_post
from tests.fakes import Clock, FakePosts, FakeQuota, FakeWorkflows

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LONG_AGO = NOW - HOUR
COUNTS = ("due", "overdue", "started", "open", "run_again", "given_up", "failed")
NOTHING = dict.fromkeys(COUNTS, 0) | {"is_finished": True}


class World:
    """With one post: left an hour ago, unless a test says otherwise."""

    def __init__(self, **changes):
        self.post_before = a_post(**{"accepted_at": LONG_AGO, **changes})
        self.posts, self.workflows, self.clock = FakePosts(self.post_before), FakeWorkflows(), Clock()
        self.told = []
        self.quota = FakeQuota()
        self.ports = watching.Ports(self.posts, self.workflows, self.quota, self.clock, self.told.append)

    @property
    def post(self):
        return self.posts.get(self.post_before.tenant_id, self.post_before.id)

    def start(self):
        return watching.start_post(PostTask(TENANT, self.post_before.id), self.ports)["outcome"]

    def watch(self, posts=10_000):
        """There is time for so many posts."""
        times = iter(range(posts))
        return watching.watch(self.ports, lambda: next(times, None) is not None)

    def ended(self, *runs):
        for run in runs:
            self.workflows.runs[self.post_before.id, run] = "ended"

    def before_saving(self, act):
        """Somebody else is faster, once."""
        save = self.posts.save

        def late(post):
            self.posts.save = save
            act()
            return save(post)

        self.posts.save = late


def scheduled(due=timedelta(), **changes):
    """Due that long ago."""
    return World(state=PostState.SCHEDULED, publish_at=NOW - due, queued_at=None, **changes)


# ── what is due ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("due", [timedelta(), SECOND, HOUR])
def test_a_post_whose_time_has_come_is_queued_and_started(due):
    world = scheduled(due)
    assert world.start() == "started"
    assert (world.post.state, world.post.queued_at, world.post.state_since) == (PostState.QUEUED, NOW, NOW)
    assert world.workflows.runs == {(world.post.id, 1): "running"}
    assert world.posts.moves == [(world.post.id, PostState.QUEUED)]


def test_a_post_that_was_moved_to_later_waits_for_its_new_time():
    world = scheduled(-SECOND * 4)
    assert world.start() == "not due"
    assert world.watch() == NOTHING
    assert (world.post, world.workflows.runs) == (world.post_before, {})
    world.clock.advance(5)
    assert world.watch()["started"] == 1


def test_a_schedule_that_fires_a_moment_early_by_its_own_clock_starts_the_post_all_the_same():
    world = scheduled(-SECOND)
    assert world.start() == "started"
    assert world.post.state is PostState.QUEUED


ELSEWHERE = sorted(set(PostState) - {PostState.SCHEDULED, PostState.QUEUED})


@pytest.mark.parametrize("state", ELSEWHERE)
def test_a_schedule_that_fires_for_a_post_that_is_elsewhere_by_now_changes_nothing(state):
    world = World(state=state, publish_at=NOW)
    assert world.start() == "not scheduled"
    assert (world.post, world.workflows.runs) == (world.post_before, {})


def test_a_schedule_of_a_post_that_does_not_exist_changes_nothing():
    world = World()
    world.posts.stored.clear()
    assert world.start() == "gone"
    assert world.workflows.runs == {}


def test_a_schedule_that_fires_twice_starts_one_execution():
    world = scheduled()
    assert [world.start(), world.start()] == ["started", "started"]
    assert world.workflows.runs == {(world.post.id, 1): "running"}
    assert world.posts.moves == [(world.post.id, PostState.QUEUED)]


def test_a_schedule_that_fires_again_after_the_post_was_published_starts_nothing():
    world = scheduled()
    world.start()
    published = replace(world.post, state=PostState.PUBLISHED)
    world.posts.stored[TENANT, published.id] = published
    assert world.start() == "not scheduled"
    assert world.post == published


def test_a_queued_post_whose_start_got_lost_is_started_by_the_same_schedule_again():
    world = scheduled()
    world.workflows.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        world.start()
    assert (world.post.state, world.workflows.runs) == (PostState.QUEUED, {})
    world.workflows.failure = None
    assert world.start() == "started"
    assert world.workflows.runs == {(world.post.id, 1): "running"}


def test_and_by_the_watchdog_if_the_schedule_never_comes_back():
    world = scheduled()
    world.workflows.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        world.start()
    world.workflows.failure = None
    world.clock.advance(watching.LEFT_AFTER + SECOND)
    assert world.watch() == NOTHING | {"open": 1, "run_again": 1, "overdue": 1}


@pytest.mark.parametrize("by", ["schedule", "watchdog"])
@pytest.mark.parametrize(
    "change",
    [
        lambda post: post.moved_to(PostState.CANCELLED, NOW, cancelled_at=NOW),
        lambda post: post.moved_to(PostState.DRAFT, NOW, publish_at=None),
        lambda post: replace(post, publish_at=NOW + HOUR),
    ],
    ids=["cancelled", "made a draft", "moved"],
)
def test_a_post_that_changes_while_it_is_being_started_is_not_started(by, change):
    world = scheduled()
    if by == "watchdog":
        world.clock.advance(1)
    world.before_saving(lambda: world.posts.save(change(world.post)))
    outcome = world.start() if by == "schedule" else world.watch()["started"]
    assert outcome in ("changed meanwhile", 0)
    assert world.post.state is not PostState.QUEUED
    assert world.workflows.runs == {}


def test_a_post_that_was_started_can_no_longer_be_cancelled_by_who_read_it_before():
    world = scheduled()
    read = world.post
    world.start()
    with pytest.raises(ConflictError):
        world.posts.save(read.moved_to(PostState.CANCELLED, NOW, cancelled_at=NOW))
    assert world.post.state is PostState.QUEUED


def test_a_schedule_and_two_watchdogs_at_once_start_one_execution():
    for _ in range(20):
        world = scheduled(SECOND)
        with ThreadPoolExecutor(3) as pool:
            outcomes = [pool.submit(act) for act in (world.start, world.watch, world.watch)]
        assert all(outcome.exception() is None for outcome in outcomes)
        assert world.workflows.runs == {(world.post.id, 1): "running"}
        assert world.posts.moves == [(world.post.id, PostState.QUEUED)]


@pytest.mark.parametrize(("due", "overdue"), [(SECOND, 0), (watching.OVERDUE_AFTER, 0), (MINUTE + SECOND, 1)])
def test_the_watchdog_starts_what_its_schedule_did_not_and_tells_what_is_overdue(due, overdue):
    world = scheduled(due)
    assert world.watch() == NOTHING | {"due": 1, "overdue": overdue, "started": 1}
    assert (world.post.state, world.post.queued_at) == (PostState.QUEUED, NOW)
    assert world.watch() == NOTHING


@pytest.mark.parametrize("state", ELSEWHERE)
def test_a_post_that_the_index_still_calls_scheduled_is_neither_started_nor_overdue(state):
    world = World(state=state, publish_at=LONG_AGO, queued_at=NOW, state_since=NOW)
    world.posts.due_before = lambda _moment, _limit: ((TENANT, world.post.id),)
    assert world.watch() == NOTHING | {"due": 1}
    assert (world.post, world.workflows.runs) == (world.post_before, {})


@pytest.fixture
def few(monkeypatch):
    """So many at once, instead of hundreds."""
    monkeypatch.setattr(watching, "MOST_DUE", 20)
    monkeypatch.setattr(watching, "MOST_LEFT", 20)


@pytest.mark.parametrize("posts", [20, 10_000])
def test_of_many_posts_the_longest_due_are_started_first_and_the_rest_the_next_minute(few, posts):
    due = [a_post(state=PostState.SCHEDULED, publish_at=NOW - SECOND * (seconds + 1)) for seconds in range(30)]
    world = World(state=PostState.PUBLISHED)
    for post in due:
        world.posts.add(post)
    assert world.watch(posts)["started"] == 20
    assert world.workflows.started.keys() == {post.id for post in due[10:]}
    assert world.watch(posts)["started"] == 10


def test_a_thousand_posts_that_are_due_at_once_are_started_in_one_run():
    world = World(state=PostState.PUBLISHED)
    for _ in range(1000):
        world.posts.add(a_post(state=PostState.SCHEDULED, publish_at=NOW - SECOND))
    assert world.watch()["started"] == 1000


def test_hundreds_of_delayed_posts_do_not_hide_one_whose_execution_was_lost():
    world = World(state=PostState.PUBLISHED)
    for _ in range(500):
        delayed = a_post(state=PostState.DELAYED, accepted_at=LONG_AGO, delayed_until=NOW + MINUTE)
        world.workflows.start(world.posts.add(delayed), 1)
    lost = world.posts.add(a_post(accepted_at=LONG_AGO + MINUTE))
    assert world.watch()["run_again"] == 1
    assert world.workflows.state(lost, 1) == "running"


def test_when_time_is_short_what_is_due_and_what_was_left_get_their_turns():
    world = World(state=PostState.PUBLISHED)
    for _ in range(10):
        world.posts.add(a_post(state=PostState.SCHEDULED, publish_at=NOW - SECOND))
        world.posts.add(a_post(accepted_at=LONG_AGO))
    found = world.watch(posts=6)
    assert (found["due"], found["open"], found["is_finished"]) == (10, 10, False)
    assert (found["started"], found["run_again"]) == (3, 3)


# ── one bad post ────────────────────────────────────────────────────────────────────────────────────────────────────


def poisoned(world, method, post, error):
    """That method fails for that post."""
    store = world.posts if hasattr(world.posts, method) else world.workflows
    works = getattr(store, method)

    def fails(*arguments):
        if post.id in (arguments[-1], getattr(arguments[0], "id", None)):
            raise error
        return works(*arguments)

    setattr(store, method, fails)


@pytest.mark.parametrize("error", [StoreUnavailableError(), NotFoundError(), KeyError("state")], ids=repr)
@pytest.mark.parametrize("method", ["get", "save", "start"])
def test_a_due_post_that_cannot_be_started_keeps_no_other_waiting(method, error):
    world = scheduled(HOUR)
    others = [world.posts.add(a_post(state=PostState.SCHEDULED, publish_at=NOW - MINUTE)) for _ in range(3)]
    lost = world.posts.add(a_post(accepted_at=LONG_AGO))
    poisoned(world, method, world.post_before, error)
    found = world.watch()
    assert (found["started"], found["run_again"], found["failed"]) == (3, 1, 1)
    assert {post.id for post in (*others, lost)} == {post_id for post_id, _ in world.workflows.runs}
    assert world.told == [error]


@pytest.mark.parametrize("method", ["get", "state", "start"])
def test_a_post_that_cannot_be_run_again_keeps_no_other_waiting(method):
    world = World()
    others = [world.posts.add(a_post(accepted_at=LONG_AGO + MINUTE)) for _ in range(3)]
    error = StoreUnavailableError()
    poisoned(world, method, world.post_before, error)
    overdue = 4 if method == "start" else 3  # the others are found out before
    assert world.watch() == NOTHING | {"open": 4, "run_again": 3, "overdue": overdue, "failed": 1}
    assert {post_id for post_id, _ in world.workflows.runs} == {post.id for post in others}
    assert world.told == [error]


# ── what was left ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", sorted(OPEN))
def test_a_post_that_was_stored_and_never_started_is_started_under_its_own_id(state):
    world = World(state=state)
    overdue = int(state is PostState.QUEUED)
    assert world.watch() == NOTHING | {"open": 1, "run_again": 1, "overdue": overdue}
    assert world.workflows.runs == {(world.post.id, 1): "running"}


def test_a_post_whose_execution_ended_without_a_record_is_run_again_under_the_next_number():
    world = World(state=PostState.PUBLISHING)
    world.ended(1, 2)
    world.watch()
    assert world.workflows.runs[world.post.id, 3] == "running"


def test_two_watchdogs_run_a_post_again_once():
    for _ in range(20):
        world = World(state=PostState.PROCESSING)
        world.ended(1)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda watch: watch(), [world.watch, world.watch]))
        assert world.workflows.runs == {(world.post.id, 1): "ended", (world.post.id, 2): "running"}


@pytest.mark.parametrize("ended", [(), (1,), (1, 2)])
def test_a_post_that_is_being_run_is_left_alone(ended):
    world = World()
    world.ended(*ended)
    world.workflows.start(world.post, len(ended) + 1)
    before = dict(world.workflows.runs)
    assert world.watch()["run_again"] == 0
    assert world.workflows.runs == before


@pytest.mark.parametrize("state", sorted(set(PostState) - OPEN))
def test_a_post_that_is_not_on_its_way_is_left_alone_even_if_the_index_is_behind(state):
    world = World(state=state)
    world.posts.left_before = lambda _moment, _limit: ((TENANT, world.post.id),)
    assert world.watch() == NOTHING | {"open": 1}
    assert world.workflows.runs == {}


def test_a_post_that_has_just_been_accepted_is_given_time_to_start():
    assert World(accepted_at=NOW - timedelta(seconds=90)).watch() == NOTHING


def test_a_scheduled_post_that_has_just_been_queued_is_given_time_however_old_it_is():
    assert World(queued_at=NOW - timedelta(seconds=90), state_since=NOW - timedelta(seconds=90)).watch() == NOTHING


def test_posts_that_take_long_make_room_for_those_behind_them(few):
    world = World(state=PostState.PUBLISHED)
    running = [world.posts.add(a_post(accepted_at=LONG_AGO)) for _ in range(20)]
    for post in running:
        world.workflows.start(post, 1)
    lost = world.posts.add(a_post(accepted_at=LONG_AGO + MINUTE))
    assert world.watch() == NOTHING | {"open": 20}
    world.clock.advance(MINUTE)
    assert world.watch() == NOTHING | {"open": 1, "run_again": 1, "overdue": 1}
    assert world.workflows.state(lost, 1) == "running"
    world.clock.advance(watching.LEFT_AFTER)
    assert world.watch()["open"] == 20, "those that run are looked at again"


def test_a_delayed_post_comes_after_all_others_until_its_time():
    world = World(state=PostState.DELAYED, delayed_until=NOW + HOUR)
    world.workflows.start(world.post, 1)
    assert world.watch()["open"] == 1
    world.clock.advance(HOUR - MINUTE)
    assert world.watch()["open"] == 0
    world.clock.advance(watching.LEFT_AFTER + MINUTE * 2)
    assert world.watch()["open"] == 1


# ── tries ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("tries", "first"), [(1, 1), (2, MOST_RUNS + 1), (3, 2 * MOST_RUNS + 1)])
def test_each_try_has_executions_of_its_own(tries, first):
    world = World(tries=tries)
    world.ended(*range(1, first))
    assert world.watch()["run_again"] == 1
    assert world.workflows.runs[world.post.id, first] == "running"
    world.ended(*range(first, first + MOST_RUNS - 1))
    world.clock.advance(HOUR)
    assert world.watch()["run_again"] == 1
    assert world.workflows.runs[world.post.id, first + MOST_RUNS - 1] == "running"


def test_a_retry_whose_start_got_lost_is_not_taken_for_the_try_before():
    world = World(tries=2, publish_at=NOW)
    world.ended(*range(1, MOST_RUNS + 1))
    assert world.start() == "started"
    assert world.workflows.runs[world.post.id, MOST_RUNS + 1] == "running"


@pytest.mark.parametrize("tries", [1, 2])
@pytest.mark.parametrize(
    ("attempted_at", "state", "code"),
    [(None, PostState.FAILED, "internal_error"), (LONG_AGO, PostState.UNCONFIRMED, "outcome_unknown")],
)
@pytest.mark.parametrize("left", [PostState.QUEUED, PostState.DELAYED, PostState.PUBLISHING])
def test_what_five_runs_could_not_end_is_ended_and_says_whether_it_may_be_live(left, attempted_at, state, code, tries):
    world = World(state=left, publish_attempted_at=attempted_at, tries=tries)
    world.ended(*range(world.post.first_run, world.post.first_run + MOST_RUNS))
    slot = (TENANT, world.post.account_id, world.post.id, world.post.slot_at)
    world.quota.reserve(*slot)
    before = dict(world.workflows.runs)
    assert world.watch() == NOTHING | {"open": 1, "given_up": 1}
    assert (world.post.state, world.post.problem["code"], world.post.failed_at) == (state, code, NOW)
    assert bool(world.quota.slots(*slot[:2], LONG_AGO, NOW)) is (state is PostState.UNCONFIRMED)
    assert world.workflows.runs == before


def test_a_post_that_ends_while_it_is_given_up_keeps_its_end():
    world = World(state=PostState.PUBLISHING)
    world.ended(1, 2, 3, 4, 5)
    world.before_saving(lambda: world.posts.save(world.post.moved_to(PostState.PUBLISHED, NOW, media_id="1")))
    assert world.watch()["given_up"] == 0
    assert world.post.state is PostState.PUBLISHED
