"""
A delivery of Meta's becomes events: each change goes to the one tenant that holds the account of its entry, with a key
of its own, so that it counts once however often it comes, in whatever order, days late. Nothing here is undone or
locked: an event and its effect are one write (docs/decisions/0015-webhooks.md).
"""

import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from darkroom import announcing
from darkroom.deliveries import Delivery
from darkroom.effects import Act, CommentCounted, Conversed, StoryMeasured
from darkroom.errors import MalformedDeliveryError, StoreUnavailableError
from darkroom.events import KEPT, Effect, Event, Events, event_id
from darkroom.ids import made_at
from darkroom.instagram.webhooks import OBJECT, Change, Entry, Notification, UnreadableNotificationError, parse
from darkroom.values import Value

TYPES = {
    "comment": "comment.created",
    "live_comment": "live_comment.created",
    "mention": "mention.created",
    "story_insights": "story_insights.received",
    "message": "message.received",
    "echo": "message.sent",
    "unsend": "message.deleted",
    "edit": "message.edited",
    "reaction": "reaction.added",
    "unreaction": "reaction.removed",
    "postback": "postback.received",
    "read": "message.seen",
    "referral": "referral.received",
    "optin": "optin.received",
    "thread_passed": "thread_control.passed",
    "thread_taken": "thread_control.taken",
    "thread_requested": "thread_control.requested",
    "app_roles": "app_roles.changed",
    "unsupported": "change.unsupported",
}
_ACTS: dict[str, Act] = {
    "message": "received",
    "echo": "sent",
    "unsend": "unsent",
    "postback": "acted",
    "reaction": "acted",
    "referral": "acted",
    "optin": "acted",
    "read": "seen",
}
_FUTURE = timedelta(days=1)  # further ahead than any clock: such a time is a mistake
_TRUNCATED = timedelta(minutes=1)  # Meta's times are whole seconds, of another clock than ours
_MOST_CONTENT = 128 * 1024  # characters; a DynamoDB item takes 400 KB, and a message's may take in an edit's as well
_WORKERS = 8
_SPARE = 5.0  # seconds before the function is cut off; what was begun before ends in them, and the line is written


class Accounts(Protocol):
    def holder(self, ig_user_id: str) -> tuple[str, str] | None:
        """Tenant id and account id."""
        ...


class Archive(Protocol):
    def keep(self, tenant_id: str, account_id: str, delivery: Delivery, body: bytes) -> str:
        """The key under which `body` lies. Again is harmless."""
        ...


class OutOfTimeError(StoreUnavailableError):
    """What was told stays told; the next receive of the delivery finds that out at once and does the rest."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    accounts: Accounts
    archive: Archive
    telling: announcing.Ports
    seconds: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Home(Value):
    """Whose entry it is. `since` is when this tenant's connection began: what happened before is not its to see."""

    tenant_id: str
    account_id: str

    @property
    def since(self) -> datetime:
        return made_at(self.account_id) - _TRUNCATED


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class News(Value):
    """A change that is somebody's. `ig_id` is the account of its entry."""

    change: Change
    home: Home
    ig_id: str

    @property
    def event_id(self) -> str:
        """Of the account too: a message between two accounts of one tenant is two facts."""
        return event_id(self.home.tenant_id, "webhook", self.ig_id, *self.change.natural)

    @property
    def effect(self) -> Effect | None:
        return _effect_of(self.change, self.home.account_id, self.ig_id)

    @property
    def touched(self) -> tuple[str, ...]:
        """The event, and what it changes besides. Account ids are of one tenant each."""
        effect = self.effect
        return (self.event_id, *(effect.items if effect else ()))


def process(delivery: Delivery, ports: Ports, ends_at: float = math.inf) -> dict[str, Any]:
    """
    What the log line says: counts and ids. `ends_at`, by `ports.seconds`, is when the function is cut off. Raises
    MalformedDeliveryError for a body that is no notification, and StoreUnavailableError for what has to be processed
    again, which is harmless: OutOfTimeError where there was more than the time sufficed for.
    """
    try:
        notifications = parse(delivery.raw)
    except UnreadableNotificationError as error:
        raise MalformedDeliveryError(detail=str(error)) from None
    entries = [entry for each in notifications for entry in each.entries]
    homes = _homes(entries, ports.accounts)
    keys = _kept(delivery, entries, homes, ports.archive)
    news, counts = _sorted_out(entries, homes, delivery.received_at)
    counts.update(_told(news, keys, delivery.received_at, ports, ends_at - _SPARE))
    return _facts(delivery, notifications, counts)


def _homes(entries: Iterable[Entry], accounts: Accounts) -> dict[str, Home]:
    found = {ig_id: accounts.holder(ig_id) for ig_id in {entry.id for entry in entries} if ig_id}
    return {ig_id: Home(*holder) for ig_id, holder in found.items() if holder}


def _kept(delivery: Delivery, entries: list[Entry], homes: Mapping[str, Home], archive: Archive) -> dict[Home, str]:
    """
    The delivery as it came, for each account in it. Where it speaks of several, each account gets its own entries only:
    no object is ever shared between tenants. What nobody holds is not kept.
    """
    whose = {entry.id for entry in entries}
    keys = {}
    for ig_id, home in homes.items():
        mine = {"object": OBJECT, "entry": [entry.raw for entry in entries if entry.id == ig_id]}
        body = delivery.raw if whose == {ig_id} else json.dumps(mine).encode()
        keys[home] = archive.keep(home.tenant_id, home.account_id, delivery, body)
    return keys


def _sorted_out(
    entries: list[Entry], homes: Mapping[str, Home], received_at: datetime
) -> tuple[list[News], Counter[str]]:
    """What is to be told, and how much is left out and why."""
    counts = Counter(unrouted=sum(entry.id not in homes for entry in entries))
    news = []
    for entry in entries:
        if home := homes.get(entry.id):
            for change in entry.changes:
                if reason := _left_out_because(change, home, received_at):
                    counts[reason] += 1
                else:
                    news.append(News(change, home, entry.id))
    return news, counts


def _left_out_because(change: Change, home: Home, received_at: datetime) -> str | None:
    """
    Older than our memory, so a replay, because Meta gives up after 36 hours; or from before the connection, which may
    have been another tenant's.
    """
    if change.at is not None and change.at <= received_at - KEPT:
        return "stale"
    return "before_connection" if change.at is not None and change.at < home.since else None


def _told(
    news: list[News], keys: Mapping[Home, str], received_at: datetime, ports: Ports, until: float
) -> Iterable[str]:
    """What became of each. Groups go side by side; all are tried, and the first failure raised at the end."""

    def tell(one: News) -> str:
        if ports.seconds() >= until:
            raise OutOfTimeError
        event = event_of(one, received_at, keys[one.home])
        return "told" if announcing.tell(event, ports.telling, one.effect) else "known"

    def tell_in_turn(group: list[News]) -> None:
        failures: list[Exception] = []
        for one in group:
            try:
                outcomes.append(tell(one))
            except Exception as error:  # noqa: BLE001 — raised below, when those behind it have had their turn
                failures.append(error)
        if failures:
            raise failures[0]

    known = _known(news, ports.telling.events) if len(news) > 1 else set()
    outcomes = ["known" for one in news if one.event_id in known]
    groups = _grouped([one for one in news if one.event_id not in known])
    if len(groups) < 2:
        for group in groups:
            tell_in_turn(group)
        return outcomes
    with ThreadPoolExecutor(min(_WORKERS, len(groups))) as pool:
        running = [pool.submit(tell_in_turn, group) for group in groups]
    for each in running:
        each.result()
    return outcomes


def _known(news: list[News], events: Events) -> set[str]:
    """
    The ids of what needs nothing any more: a delivery that comes again, or facts that Meta batched anew. Asked a
    hundred at a time, which costs a small part of finding it out one by one.
    """
    asked: dict[str, list[str]] = defaultdict(list)
    for one in news:
        asked[one.home.tenant_id].append(one.event_id)
    return {event_id for tenant_id, ids in asked.items() for event_id in events.told(tenant_id, ids)}


def _grouped(news: list[News]) -> list[list[News]]:
    """
    What touches the same item, if only by way of a third, is one group, in its order: side by side they would do
    nothing but overtake each other. The longest come first, because they take longest.
    """
    above: dict[str, str] = {}

    def top(item: str) -> str:
        while (higher := above.setdefault(item, item)) != item:
            above[item] = above[higher]  # half the way for whoever comes next
            item = higher
        return item

    for one in news:
        first, *others = one.touched
        for other in others:
            above[top(first)] = top(other)
    groups: dict[str, list[News]] = defaultdict(list)
    for one in news:
        groups[top(one.event_id)].append(one)
    return sorted(groups.values(), key=len, reverse=True)


def event_of(news: News, received_at: datetime, key: str) -> Event:
    """`key` is where the raw delivery lies, for a change that is too big to be an item."""
    change = news.change
    data = change.value if change.kind != "unsupported" else {"raw": change.value}
    if _is_too_big(data):
        data = {"left_out": "too_large", "delivery": key}
    is_possible = change.at is not None and change.at < received_at + _FUTURE
    return Event(
        id=news.event_id,
        tenant_id=news.home.tenant_id,
        account_id=news.home.account_id,
        type=TYPES[change.kind],
        occurred_at=change.at if is_possible and change.at else received_at,
        received_at=received_at,
        refs=change.ids,
        data={**data, "is_standby": True} if change.is_standby else data,
    )


def _is_too_big(data: Mapping[str, Any]) -> bool:
    return len(json.dumps(data)) > _MOST_CONTENT


def _effect_of(change: Change, account_id: str, ig_id: str) -> Effect | None:
    ids = change.ids
    if change.kind in {"comment", "live_comment"} and "media_id" in ids:
        return CommentCounted(account_id, ids["media_id"])
    if change.kind in {"story_insights", "edit"} and _is_too_big(change.value):
        return None  # its item holds content too; the event says where the delivery lies
    if change.kind == "story_insights" and "media_id" in ids:
        metrics = {name: value for name, value in change.value.items() if name != "media_id"}
        return StoryMeasured(account_id, ids["media_id"], metrics)
    if change.kind in _ACTS or change.kind == "edit":
        return _conversed(change, account_id, ig_id)
    return None


def _conversed(change: Change, account_id: str, ig_id: str) -> Conversed | None:
    """An act of the account's own, such as its reaction, opens no window."""
    ids = change.ids
    sender, recipient = ids.get("sender_id", ""), ids.get("recipient_id", "")
    is_own = sender == ig_id
    act = _ACTS.get(change.kind)
    text = change.value.get("text")
    return Conversed(
        account_id,
        recipient if is_own else sender,
        None if is_own and act in {"acted", "seen"} else act,
        ids.get("mid"),
        (_number(ids.get("num_edit")), text) if change.kind == "edit" and isinstance(text, str) else None,
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


def _facts(delivery: Delivery, notifications: tuple[Notification, ...], counts: Counter[str]) -> dict[str, Any]:
    others = [each.object or "none" for each in notifications if each.object != OBJECT]
    return {
        "sha256": delivery.sha256[:12],
        "key_slot": delivery.key_slot,
        "ignored": others[0] if others else None,
        **{name: count for name, count in counts.items() if count},
    }
