"""
The observer of our calls to Instagram: each is logged, and in a step of the workflow also written into the timeline of
its post, at once, so that a worker that dies leaves behind what it did before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from darkroom import timeline
from darkroom.observability import log, log_call, name_of
from darkroom.posts import Post
from darkroom.quota import SHED_FROM
from darkroom.timeline import Entry, Place
from darkroom.values import Value

if TYPE_CHECKING:
    from darkroom.instagram.client import Call
    from darkroom.instagram.protocol import Usage


class Timeline(Protocol):
    def add(self, tenant_id: str, post_id: str, entry: Entry) -> None: ...


class Posts(Protocol):
    def get(self, tenant_id: str, post_id: str) -> Post: ...


class Quota(Protocol):
    def used(self, tenant_id: str, account_id: str, percent: int, now: datetime) -> None: ...
    def pause(self, tenant_id: str, account_id: str, until: datetime) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recorder(Value):
    """
    What InstagramClient takes as `on_call`. When Instagram says that most of the allowance is used, or for how long
    nobody is to call, the account's quota is told. Entry and usage are written each for itself; one that cannot be is
    lost, and a line says so.
    """

    timeline: Timeline
    posts: Posts
    quota: Quota
    now: Callable[[], datetime]

    def __call__(self, call: "Call") -> None:
        ended_at, place = self.now(), timeline.here()
        log_call(call)
        if place is None:
            return
        try:
            self.timeline.add(place.tenant_id, place.post_id, _entry(call, ended_at, place.step))
        except Exception as error:  # noqa: BLE001 — whatever is wrong with the table, the post goes on
            log("timeline entry lost", error=name_of(error))
        try:
            self._tell_usage(place, call.usage, ended_at)
        except Exception as error:  # noqa: BLE001 — as above
            log("usage lost", error=name_of(error))

    def _tell_usage(self, place: Place, usage: "Usage", now: datetime) -> None:
        """Only where it has consequences: a rare read and write more, and calls that can wait are left out."""
        percent = max(usage.app_percent or 0, usage.account_percent or 0)
        if percent < SHED_FROM and not usage.retry_after:
            return
        post = self.posts.get(place.tenant_id, place.post_id)
        self.quota.used(post.tenant_id, post.account_id, percent, now)
        if usage.retry_after:
            self.quota.pause(post.tenant_id, post.account_id, now + timedelta(seconds=usage.retry_after))


def _entry(call: "Call", ended_at: datetime, step: str) -> Entry:
    return Entry(
        at=ended_at - timedelta(milliseconds=call.duration_ms),
        kind="call",
        step=step,
        method=call.method,
        path=call.path_template,
        status=call.status,
        duration_ms=call.duration_ms,
        error=call.error,
        code=call.code,
        error_subcode=call.subcode,
        fbtrace_id=call.trace_id,
        app_usage_percent=call.usage.app_percent,
        account_usage_percent=call.usage.account_percent,
    )
