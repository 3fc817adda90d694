"""Telling what happened to a post, from its timeline."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from darkroom.errors import NotFoundError
from darkroom.posts import Post
from darkroom.tenants import Caller
from darkroom.timeline import Entry
from darkroom.values import Value

# A post takes a dozen entries; one that is delayed for a day may take more than anybody reads.
MOST_ENTRIES = 1000


class Posts(Protocol):
    def get(self, tenant_id: str, post_id: str) -> Post:
        """Raises NotFoundError."""
        ...


class Timeline(Protocol):
    def read(self, tenant_id: str, post_id: str, now: datetime, limit: int) -> tuple[Entry, ...]:
        """The newest entries that have not expired, in order of time."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    posts: Posts
    timeline: Timeline
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Story(Value):
    """In order of time. `is_whole`: nothing came before these entries but what has expired."""

    entries: tuple[Entry, ...]
    is_whole: bool


def timeline_of(caller: Caller, post_id: str, ports: Ports) -> Story:
    """The newest MOST_ENTRIES. Raises NotFoundError where the caller may not see the post either."""
    post = ports.posts.get(caller.tenant_id, post_id)
    if not caller.may_use(post.account_id):
        raise NotFoundError
    found = ports.timeline.read(post.tenant_id, post.id, ports.now(), MOST_ENTRIES + 1)  # one more: is that all?
    return Story(found[-MOST_ENTRIES:], len(found) <= MOST_ENTRIES)
