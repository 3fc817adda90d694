"""
No post stays in limbo. A scheduled post that is due is started, by its own schedule or, behind that, by the watchdog;
a post that is open and has no running execution is run again, minutes after it was left.

Running again is all it takes: every step finds what is done already, and a publish whose outcome is unknown is asked
about before anything is sent. So a post that was stored but never started, one whose execution was stopped, and one
whose end could not be written down are the same case. Two watchdogs at once do no harm: a run is started once.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Protocol

from darkroom import problems
from darkroom.errors import ConflictError, DarkroomError, NotFoundError
from darkroom.instagram.errors import OutcomeUnknownError
from darkroom.posts import MOST_RUNS, OPEN, Post, PostState, RunState
from darkroom.workflow import PostTask

LEFT_AFTER = timedelta(minutes=2)  # longer than accepting a post and starting its execution can take
CLOCKS_DIFFER = timedelta(seconds=2)  # a schedule that fires a moment early is not to wait for the watchdog
OVERDUE_AFTER = timedelta(minutes=1)  # what has not been started by then breaks the promise
# Of each kind, as far as the time goes; the rest is found the next minute. Step Functions lets an account ask after 900
# executions a minute, over time; each post that is on its way takes one question or more.
MOST_DUE = 1000
MOST_LEFT = 600


class Posts(Protocol):
    def due_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Tenant and post ids of scheduled posts, the one due longest first; some may have been started since."""
        ...

    def left_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Tenant and post ids of open posts nobody has looked at since then, oldest first; some may have ended."""
        ...

    def look_again_after(self, post: Post, moment: datetime) -> None:
        """So that those behind it get their turn."""
        ...

    def get(self, tenant_id: str, post_id: str) -> Post: ...
    def save(self, post: Post) -> Post: ...


class Workflows(Protocol):
    def start(self, post: Post, run: int) -> None: ...
    def state(self, post: Post, run: int) -> RunState: ...


class Quota(Protocol):
    def release(self, tenant_id: str, account_id: str, post_id: str, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """`tell` is told what kept a post from being looked after."""

    posts: Posts
    workflows: Workflows
    quota: Quota
    now: Callable[[], datetime]
    tell: Callable[[Exception], None]


type Looking = Callable[[Post, Ports], Iterator[str]]


class IncompleteError(Exception):
    """Some post could not be looked after; all the others were."""


def start_post(task: PostTask, ports: Ports) -> dict[str, Any]:
    """
    What a post's schedule does when it fires. Answers `{outcome}`. May be done twice, and too early or too late for a
    post that was moved or cancelled meanwhile: what is stored decides.
    """
    try:
        return {"outcome": _started(ports.posts.get(task.tenant_id, task.post_id), ports)}
    except NotFoundError:
        return {"outcome": "gone"}


def watch(ports: Ports, is_time_left: Callable[[], bool]) -> dict[str, Any]:
    """
    Looks after every post that is due or was left, both in turns, so that many of one kind do not keep the other
    waiting. Answers how many were found, whether there was time for all of them, and what became of them; `overdue` are
    those that should have been started long ago and were not, `failed` those that have to wait for the next minute.
    """
    now = ports.now()
    due = [(_due, ids) for ids in ports.posts.due_before(now, MOST_DUE)]
    left = [(_left, ids) for ids in ports.posts.left_before(now - LEFT_AFTER, MOST_LEFT)]
    seen: Counter[str] = Counter()
    in_turns = (each for pair in zip_longest(due, left) for each in pair if each is not None)
    is_finished = True
    for looking, ids in in_turns:
        if not is_time_left():
            is_finished = False
            break
        _look(looking, ids, seen, ports)
    counts = {name: seen[name] for name in ("overdue", "started", "run_again", "given_up", "failed")}
    return {"due": len(due), "open": len(left), "is_finished": is_finished, **counts}


def _look(looking: Looking, ids: tuple[str, str], seen: Counter[str], ports: Ports) -> None:
    """One post that cannot be helped keeps nobody else waiting, whatever is wrong with it."""
    try:
        for outcome in looking(ports.posts.get(*ids), ports):
            seen[outcome] += 1
    except Exception as error:  # noqa: BLE001 — as above; it is told
        ports.tell(error)
        seen["failed"] += 1


def _due(post: Post, ports: Ports) -> Iterator[str]:
    if post.state is PostState.SCHEDULED and _is_late(post, ports.now()):  # the index may be behind
        yield "overdue"
    yield _started(post, ports)


def _is_late(post: Post, now: datetime) -> bool:
    return now - post.slot_at > OVERDUE_AFTER


def _started(post: Post, ports: Ports) -> str:
    now = ports.now()
    if post.state is PostState.SCHEDULED:
        if post.publish_at is None or post.publish_at > now + CLOCKS_DIFFER:
            return "not due"
        try:
            post = ports.posts.save(post.moved_to(PostState.QUEUED, now, queued_at=now))
        except ConflictError:
            return "changed meanwhile"  # started by somebody else, moved or cancelled: they know better
    elif post.state is not PostState.QUEUED:
        return "not scheduled"
    ports.workflows.start(post, post.first_run)
    return "started"


def _left(post: Post, ports: Ports) -> Iterator[str]:
    if post.state not in OPEN:
        yield "ended"
        return
    now = ports.now()
    for run in range(post.first_run, post.first_run + MOST_RUNS):
        state = ports.workflows.state(post, run)
        if state == "running":
            ports.posts.look_again_after(post, max(now, post.delayed_until or now))
            yield "running"
            return
        if state == "none":
            if run == post.first_run and post.state is PostState.QUEUED and _is_late(post, now):
                yield "overdue"
            ports.workflows.start(post, run)
            yield "run_again"
            return
    yield _given_up(post, ports)


def _given_up(post: Post, ports: Ports) -> str:
    """Five executions could not bring it to an end. The account may show it, if an attempt to publish stands."""
    is_unknown = post.publish_attempted_at is not None
    state = PostState.UNCONFIRMED if is_unknown else PostState.FAILED
    problem = problems.describe(OutcomeUnknownError() if is_unknown else DarkroomError())
    now = ports.now()
    try:
        ports.posts.save(post.moved_to(state, now, problem=problem, failed_at=now, delayed_until=None))
    except ConflictError:
        return "ended"  # somebody was faster
    if not is_unknown:
        ports.quota.release(post.tenant_id, post.account_id, post.id, post.slot_at)
    return "given_up"
