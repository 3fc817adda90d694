"""
No post stays in limbo. A post that is open and has no running execution is run again, minutes after it was left.

Running again is all it takes: every step finds what is done already, and a publish whose outcome is unknown is asked
about before anything is sent. So a post that was stored but never started, one whose execution was stopped, and one
whose end could not be written down are the same case. Two watchdogs at once do no harm: a run is started once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from darkroom import problems
from darkroom.errors import ConflictError, DarkroomError
from darkroom.instagram.errors import OutcomeUnknownError
from darkroom.posts import OPEN, Post, PostState, RunState

LEFT_AFTER = timedelta(minutes=2)  # longer than accepting a post and starting its execution can take
MOST_RUNS = 5
MOST_AT_ONCE = 100  # the rest is found the next minute


class Posts(Protocol):
    def open_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Tenant and post ids of open posts accepted before then, oldest first; some may have ended since."""
        ...

    def get(self, tenant_id: str, post_id: str) -> Post: ...
    def save(self, post: Post) -> Post: ...


class Workflows(Protocol):
    def start(self, post: Post, run: int) -> None: ...
    def state(self, post: Post, run: int) -> RunState: ...


@dataclass(frozen=True, slots=True)
class Ports:
    posts: Posts
    workflows: Workflows
    now: Callable[[], datetime]


def watch(ports: Ports) -> dict[str, Any]:
    """Looks after every post that was left. Answers how many there were, and how many were run again or given up."""
    found = ports.posts.open_before(ports.now() - LEFT_AFTER, MOST_AT_ONCE)
    outcomes = [_look_after(tenant_id, post_id, ports) for tenant_id, post_id in found]
    return {"open": len(found), "run_again": outcomes.count("run again"), "given_up": outcomes.count("given up")}


def _look_after(tenant_id: str, post_id: str, ports: Ports) -> str:
    post = ports.posts.get(tenant_id, post_id)
    if post.state not in OPEN:
        return "ended"
    for run in range(1, MOST_RUNS + 1):
        state = ports.workflows.state(post, run)
        if state == "running":
            return "running"
        if state == "none":
            ports.workflows.start(post, run)
            return "run again"
    return _given_up(post, ports)


def _given_up(post: Post, ports: Ports) -> str:
    """Five executions could not bring it to an end. The account may show it, if an attempt to publish stands."""
    is_unknown = post.publish_attempted_at is not None
    state = PostState.UNCONFIRMED if is_unknown else PostState.FAILED
    problem = problems.describe(OutcomeUnknownError() if is_unknown else DarkroomError())
    try:
        ports.posts.save(post.moved_to(state, problem=problem, failed_at=ports.now()))
    except ConflictError:
        return "ended"  # somebody was faster
    return "given up"
