"""
What an account may still publish. Instagram is asked each time, unless its calls are to be spared: a look at the quota
must never cost the call that publishes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from darkroom.accounts import Account
from darkroom.errors import NotFoundError
from darkroom.instagram.errors import RateLimitedError
from darkroom.instagram.models import Access, PublishingLimit
from darkroom.limits import MOST_CONTAINERS
from darkroom.quota import HORIZON, Allowance
from darkroom.tenants import Caller
from darkroom.values import Value

_CONTAINERS_COUNT_FOR = timedelta(days=1)
# Where a throttle answer does not say how long: Meta's own advice begins at one to five minutes.
_PAUSE = timedelta(minutes=5)
_TOLD = ("quota_usage", "quota_total", "quota_duration", "measured_at")


class Accounts(Protocol):
    def get(self, tenant_id: str, account_id: str) -> Account: ...


class Tokens(Protocol):
    def token(self, account: Account) -> str: ...


class Instagram(Protocol):
    def publishing_limit(self, access: Access) -> PublishingLimit: ...


class Quota(Protocol):
    def allowance(self, tenant_id: str, account_id: str) -> Allowance: ...

    def told(self, tenant_id: str, account_id: str, usage: int, total: int, duration: int, now: datetime) -> None:  # noqa: PLR0913, PLR0917 — Instagram's answer, whose, and when
        """Of two answers the later one counts."""
        ...

    def pause(self, tenant_id: str, account_id: str, until: datetime) -> None:
        """Never shortens a longer pause."""
        ...

    def slots(self, tenant_id: str, account_id: str, since: datetime, until: datetime) -> tuple[datetime, ...]: ...

    def containers_since(self, tenant_id: str, account_id: str, moment: datetime) -> int:
        """At most a day back. May count a few too many, and misses one whose maker died before it could be counted."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    accounts: Accounts
    tokens: Tokens
    instagram: Instagram
    quota: Quota
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AccountQuota(Value):
    """
    What Instagram counts, and what we know beside it. `quota_usage` of `quota_total` posts were published within
    `quota_duration` seconds before `measured_at`; `is_live` is false where Instagram was spared the question and an
    earlier answer is shown. `reserved` are the slots that our posts hold in the window to come. From `next_free_slot`
    on there is room for sure; posts that were published by other means may make room earlier. `containers_used` counts
    by the hour, and may be a few too many. While it is before `paused_until`, nothing is asked of Instagram.
    """

    quota_usage: int
    quota_total: int
    quota_duration: int
    measured_at: datetime
    is_live: bool
    reserved: int
    next_free_slot: datetime
    containers_used: int
    containers_total: int
    paused_until: datetime | None


def read_publishing_limit(caller: Caller, account_id: str, ports: Ports) -> AccountQuota:
    """
    Asks Instagram and keeps its answer. While calls are to be spared, answers what was told last; RateLimitedError,
    with how long to wait, when nothing ever was. AccountUnavailableError for an account that cannot publish at all.
    """
    if not caller.may_use(account_id):
        raise NotFoundError
    account = ports.accounts.get(caller.tenant_id, account_id)
    allowance, now = ports.quota.allowance(account.tenant_id, account.id), ports.now()
    is_live = False
    if not allowance.reads_wait(now):
        account.require_publishing(now)
        allowance, is_live = _asked(account, allowance, now, ports)
    if allowance.measured_at is None:
        wait = math.ceil(allowance.reads_wait(now).total_seconds())
        raise RateLimitedError("Calls for this account are being spared.", retry_after=wait)
    return _counted(account, allowance, now, ports, is_live=is_live)


def _asked(account: Account, allowance: Allowance, now: datetime, ports: Ports) -> tuple[Allowance, bool]:
    """The allowance as Instagram tells it, kept; and whether it told, or asked for fewer calls instead."""
    key = (account.tenant_id, account.id)
    try:
        limit = ports.instagram.publishing_limit(Access.of(account, ports.tokens.token(account)))
    except RateLimitedError as error:
        until = now + (timedelta(seconds=error.retry_after) if error.retry_after else _PAUSE)
        ports.quota.pause(*key, until)
        return replace(allowance, paused_until=until), False
    ports.quota.told(*key, limit.quota_usage, limit.quota_total, limit.quota_duration, now)
    return replace(
        allowance,
        quota_usage=limit.quota_usage,
        quota_total=limit.quota_total,
        quota_duration=limit.quota_duration,
        measured_at=now,
    ), True


def _counted(account: Account, allowance: Allowance, now: datetime, ports: Ports, *, is_live: bool) -> AccountQuota:
    key, window = (account.tenant_id, account.id), allowance.window
    taken = ports.quota.slots(*key, now - window, now + HORIZON)
    return AccountQuota(
        **{name: getattr(allowance, name) for name in _TOLD},
        is_live=is_live,
        reserved=sum(now <= each < now + window for each in taken),
        next_free_slot=allowance.room_from(taken, now),
        containers_used=ports.quota.containers_since(*key, now - _CONTAINERS_COUNT_FOR),
        containers_total=MOST_CONTAINERS.value,
        paused_until=allowance.paused_until if allowance.pause_left(now) else None,
    )
