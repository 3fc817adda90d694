"""
The flight recorder of a post: every change of its state and every call to Instagram made for it, kept for 90 days.

Entries hold numbers and names only: no id of Instagram's, no caption, no URL, no token.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from darkroom.posts import Post, PostState
from darkroom.values import Value

KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Entry(Value):
    """
    A `state` entry tells the state the post came to and, of an end, the code of its problem. A `call` entry tells what
    Instagram was asked (`path` is a template: no ids) and what it answered; `status` is None when no answer came, and
    `error` names what was made of it. Usage is in per cent of what Meta allows. `step` is the part of the workflow at
    work; None for the API and the watchdog.
    """

    at: datetime
    kind: Literal["state", "call"]
    step: str | None = None
    state: PostState | None = None
    problem: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None
    duration_ms: float | None = None
    error: str | None = None
    code: int | None = None
    error_subcode: int | None = None
    fbtrace_id: str | None = None
    app_usage_percent: int | None = None
    account_usage_percent: int | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Place(Value):
    """Whose story is being written, and by which step."""

    tenant_id: str
    post_id: str
    step: str


def arrival(post: Post) -> Entry:
    """The entry of the state that this post has just come to."""
    place = here()
    return Entry(
        at=post.state_since,
        kind="state",
        step=place.step if place else None,
        state=post.state,
        problem=post.problem["code"] if post.problem else None,
    )


_here: ContextVar[Place | None] = ContextVar("timeline", default=None)


def here() -> Place | None:
    return _here.get()


@contextmanager
def at(place: Place) -> Iterator[None]:
    """What happens inside belongs to this post and step."""
    token = _here.set(place)
    try:
        yield
    finally:
        _here.reset(token)
