"""
What Meta tells by webhook, taken apart: a notification has entries, one an account; an entry has changes. Each shape
that Meta's pages or real traffic have shown is read, in whatever order, and nothing is left out: what nobody knows is
a change of the kind `unsupported` with the JSON as it came.

Sources: Instagram Platform, Webhooks and Webhooks examples; Instagram Messaging, Webhooks; and, for the second form of
comments and for messages below `changes`, what the App Dashboard sends. Who signed it is the affair of `signatures`.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

OBJECT = "instagram"

type Kind = Literal[
    "comment",
    "live_comment",
    "mention",
    "story_insights",
    "message",
    "echo",
    "unsend",
    "edit",
    "reaction",
    "unreaction",
    "postback",
    "read",
    "referral",
    "optin",
    "thread_passed",
    "thread_taken",
    "thread_requested",
    "app_roles",
    "unsupported",
]
type Json = dict[str, Any]

_FIELDS: dict[str, Kind] = {
    "comments": "comment",
    "live_comments": "live_comment",
    "mentions": "mention",
    "story_insights": "story_insights",
}
_MEMBERS: dict[str, Kind] = {
    "message": "message",
    "message_edit": "edit",
    "reaction": "reaction",
    "postback": "postback",
    "read": "read",
    "referral": "referral",
    "optin": "optin",
    "pass_thread_control": "thread_passed",
    "take_thread_control": "thread_taken",
    "request_thread_control": "thread_requested",
    "app_roles": "app_roles",
}
_LISTS = ("changes", "messaging", "standby")  # of an entry
_DEEPEST = 32  # Meta's own go to eight
# Notifications, entries and changes of one body; each costs a read or a write. Meta batches up to 1,000 (Graph API,
# Webhooks, Getting started); a body of 6 MB could hold millions and would keep a worker from its neighbours.
_MOST = 3_000
_LONGEST_ID = 512
_MILLISECONDS = 10**11  # as seconds, this is the year 5138


class UnreadableNotificationError(ValueError):
    """The body is no JSON that Meta writes. `args` hold no part of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """
    `natural` is the same whenever Meta tells the same fact again, and different for any other fact of the same account:
    Meta's own ids, or a hash where it has none. `ids` are Meta's ids by name; `value` is the object as it came. `at` is
    when it happened by Meta's word, None where it gives no time that can be.
    """

    kind: Kind
    natural: tuple[str, ...]
    at: datetime | None
    ids: Mapping[str, str] = field(default_factory=dict)
    value: Any = field(default_factory=dict, repr=False)
    is_standby: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """`id` is the professional account (1784…), empty where there is none; `raw` is the entry as it came."""

    id: str
    changes: tuple[Change, ...]
    raw: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notification:
    """`object` is `instagram` for what concerns us; for another one the entries are left unread."""

    object: str
    entries: tuple[Entry, ...] = ()


def parse(raw: bytes) -> tuple[Notification, ...]:
    """
    One notification, or several: some pages print an array around it. Raises UnreadableNotificationError for what is
    no JSON, is nested deeper or holds more than anything Meta writes, or is neither an object nor an array of objects.
    """
    try:
        found = _listed(json.loads(raw, parse_constant=_refused, parse_float=_finite))
    except (ValueError, RecursionError):
        raise UnreadableNotificationError("not JSON") from None
    if _is_too_much(found):
        raise UnreadableNotificationError("too many changes")
    if not all(isinstance(each, dict) for each in found) or not _is_shallow(found, _DEEPEST):
        raise UnreadableNotificationError("not a notification")
    return tuple(_notification(each) for each in found)


def _is_too_much(found: list[Any]) -> bool:
    """Stops counting where it is enough: the lists themselves were cheap to read, going through them is not."""
    left = _MOST - len(found)
    for each in found if left >= 0 else ():
        entries = _listed(each.get("entry")) if isinstance(each, dict) and each.get("object") == OBJECT else []
        left -= len(entries)
        if left < 0:
            return True
        left -= sum(len(_listed(e.get(name))) for e in entries if isinstance(e, dict) for name in _LISTS)
    return left < 0


def _notification(found: Json) -> Notification:
    name = found.get("object")
    if name != OBJECT:
        return Notification(name if isinstance(name, str) else "")
    return Notification(OBJECT, tuple(_entry(each) for each in _listed(found.get("entry"))))


def _entry(found: Any) -> Entry:
    if not isinstance(found, dict):
        return Entry("", (_unsupported(found, None),), found)
    at = _moment(found.get("time"))
    changes = tuple(_changes(found, at)) or (_unsupported(found, at),)
    return Entry(_id(found.get("id")) or "", changes, found)


def _changes(entry: Json, at: datetime | None) -> Iterator[Change]:
    """`changes` and, in its second form, one of them directly in the entry; `messaging` and `standby`."""
    flat = [{"field": entry["field"], "value": entry.get("value")}] if "field" in entry else []
    for change in (*_listed(entry.get("changes")), *flat):
        yield from _of_field(change, at)
    for member in ("messaging", "standby"):
        for item in _listed(entry.get(member)):
            yield from _of_conversation(item, at, is_standby=member == "standby")


def _of_field(change: Any, at: datetime | None) -> Iterator[Change]:
    name, value = (change.get("field"), change.get("value")) if isinstance(change, dict) else (None, None)
    kind = _FIELDS.get(name) if isinstance(name, str) else None
    if isinstance(value, dict) and kind is None and _members(value):
        yield from _of_conversation(value, at, is_standby=name == "standby")
    elif not isinstance(value, dict) or kind is None:
        yield _unsupported(change, at)
    else:
        ids = _field_ids(value, kind)
        yield Change(kind, _field_natural(kind, ids, value, at), at, ids, value)


def _field_ids(value: Json, kind: Kind) -> dict[str, str]:
    """Facebook Login's pages call a comment's id `comment_id`; a media's is nested or not."""
    comment = value.get("comment_id") if kind == "mention" else value.get("id") or value.get("comment_id")
    return _ids(
        comment_id=comment,
        media_id=value.get("media_id") or _inner(value, "media", "id"),
        parent_id=value.get("parent_id"),
        from_id=_inner(value, "from", "id"),
        verb=value.get("verb"),
    )


def _field_natural(kind: Kind, ids: Mapping[str, str], value: Json, at: datetime | None) -> tuple[str, ...]:
    if kind in {"comment", "live_comment"} and "comment_id" in ids:
        return (kind, ids["comment_id"], *filter(None, [ids.get("verb")]))
    if kind == "mention" and "media_id" in ids:
        return kind, ids["media_id"], ids.get("comment_id", "")
    if kind == "story_insights" and "media_id" in ids:  # told again with other figures, it is another fact
        return kind, ids["media_id"], _hash(value)
    return kind, _hash([value, str(at)])


def _of_conversation(item: Any, at: datetime | None, *, is_standby: bool) -> Iterator[Change]:
    members = _members(item) if isinstance(item, dict) else []
    if not members:
        yield _unsupported(item, at, is_standby=is_standby)
        return
    own_at = _moment(item.get("timestamp")) or at
    for member in members:
        value = item[member]
        kind = _kind_of(_MEMBERS[member], value)
        ids = _ids(
            mid=value.get("mid"),
            sender_id=_inner(item, "sender", "id"),
            recipient_id=_inner(item, "recipient", "id"),
            num_edit=value.get("num_edit"),
        )
        yield Change(kind, _conversation_natural(kind, ids, item), own_at, ids, value, is_standby)


def _members(item: Json) -> list[str]:
    return [name for name in _MEMBERS if isinstance(item.get(name), dict)]


def _kind_of(kind: Kind, value: Json) -> Kind:
    if kind == "message":
        return "unsend" if value.get("is_deleted") is True else "echo" if value.get("is_echo") is True else kind
    return "unreaction" if kind == "reaction" and value.get("action") == "unreact" else kind


def _conversation_natural(kind: Kind, ids: Mapping[str, str], item: Json) -> tuple[str, ...]:
    """A reaction can be taken back and given again, so its moment belongs to what it is; so does an edit's number."""
    mid = ids.get("mid")
    if mid is None or (kind == "edit" and "num_edit" not in ids):
        return kind, _hash(item)
    if kind in {"reaction", "unreaction"}:
        return kind, mid, ids.get("sender_id", ""), str(_moment(item.get("timestamp")))
    return (kind, mid, ids["num_edit"]) if kind == "edit" else (kind, mid)


def _unsupported(found: Any, at: datetime | None, *, is_standby: bool = False) -> Change:
    return Change("unsupported", ("unsupported", _hash([found, str(at)])), at, {}, found, is_standby)


def _hash(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _listed(value: Any) -> list[Any]:
    """Where an array belongs there may be its only member, or nothing."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _ids(**given: Any) -> dict[str, str]:
    return {name: found for name, value in given.items() if (found := _id(value)) is not None}


def _id(value: Any) -> str | None:
    """As text: a number in some samples, and beyond 2^53 in some accounts. None for what can be no id."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.isascii() or not text.isprintable():
        return None
    return text if 0 < len(text) <= _LONGEST_ID else None


def _inner(value: Json, member: str, name: str) -> Any:
    found = value.get(member)
    return found.get(name) if isinstance(found, dict) else None


def _moment(value: Any) -> datetime | None:
    """Seconds in entries with `changes`, milliseconds in those with `messaging`, text in what the dashboard sends."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    members = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in members)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refused(text)


def _refused(_: str) -> Any:
    raise ValueError("no such number in JSON")
