"""
The first step of every execution, and of every new beginning after a delay: may this post go out now?

What can be known before Instagram works for us is asked here: the account's state, a throttle, the containers of a
day, an outage, the publishing quota. Each answer of "not now" is an error that leads to `delaying`.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from darkroom import containers
from darkroom.accounts import Account
from darkroom.errors import PlatformOutageError
from darkroom.instagram.errors import (
    InstagramUnavailableError,
    InvalidRequestError,
    OutcomeUnknownError,
    PublishingLimitReachedError,
    RateLimitedError,
)
from darkroom.limits import MOST_CONTAINERS
from darkroom.posts import Post, PostState
from darkroom.workflow import AccountAccess, CallingPorts, PostTask, account_of, uncancelled

DAY = timedelta(days=1)


def begin_post(task: PostTask, ports: CallingPorts) -> dict[str, Any]:
    """
    Answers `{items}`, the numbers of a carousel's items. Raises AccountUnavailableError before anything is sent, and
    OutcomeUnknownError when an attempt of an earlier run or try stands: then Instagram is asked first.
    """
    post = uncancelled(task, ports)
    account = account_of(post, ports)
    account.require_publishing(ports.now(), post.content)
    if post.publish_attempted_at is not None:
        if post.state is PostState.QUEUED:
            ports.posts.save(post.moved_to(PostState.PUBLISHING, ports.now()))
        raise OutcomeUnknownError
    if post.media_id is None:
        _let_through(post, account, ports)
    return {"items": list(range(len(containers.plan(post.content).items)))}


def _let_through(post: Post, account: Account, ports: CallingPorts) -> None:
    let_through = _through(post, account, ports)
    if post.state in (PostState.QUEUED, PostState.DELAYED):
        ports.posts.save(let_through.moved_to(PostState.PROCESSING, ports.now(), delayed_until=None, problem=None))
    elif let_through.probes != post.probes:
        ports.posts.save(let_through)


def _through(post: Post, account: Account, ports: CallingPorts) -> Post:
    """The post, let through; or an error that says what it has to wait for."""
    now = ports.now()
    allowance = ports.quota.allowance(post.tenant_id, post.account_id)
    if pause := allowance.pause_left(now):
        raise RateLimitedError(retry_after=pause.total_seconds(), is_pause=True)
    _require_containers(post, now, ports)
    post = _through_outage(post, now, ports)  # last of what costs no call: who cannot go out finds out nothing
    if not allowance.sheds_reads(now):
        _require_quota(post, account, now, ports)
    return post


def _through_outage(post: Post, now: datetime, ports: CallingPorts) -> Post:
    outage = ports.outages.current()
    if outage is None:
        return post
    if not ports.outages.take_probe(outage, now):
        raise PlatformOutageError(retry_after=max(1, int((outage.probe_at - now).total_seconds())))
    return replace(post, probes=outage.id)


def _require_containers(post: Post, now: datetime, ports: CallingPorts) -> None:
    """A post that has them all is not kept back by others that have none left."""
    needed = len(containers.plan(post.content).items) + 1 - len(post.containers)
    if needed <= 0:
        return
    if ports.quota.containers_since(post.tenant_id, post.account_id, now - DAY) + needed > MOST_CONTAINERS.value:
        raise PublishingLimitReachedError


def _require_quota(post: Post, account: Account, now: datetime, ports: CallingPorts) -> None:
    """Where Instagram does not say, the post goes on: it is asked again when it is published."""
    try:
        limit = ports.instagram.publishing_limit(AccountAccess.by(account, ports.tokens))
    except (InstagramUnavailableError, InvalidRequestError):
        return
    ports.quota.told(post.tenant_id, post.account_id, limit.quota_usage, limit.quota_total, limit.quota_duration, now)
    if limit.quota_usage >= limit.quota_total:
        raise PublishingLimitReachedError
