"""
What an event changes besides being stored: counters of comments, threads of messages, figures of stories, and what
became of a message. Pure folds that end the same in whatever order the events come (docs/decisions/0015-webhooks.md).

    COMMENTS#<account>#<media>     how many, and when the last one was made
    STORY#<account>#<media>        the latest figures
    THREAD#<account>#<person>      last event, direction, unread, until when the account may answer
    MESSAGE#<account>#<mid>        unsent? edited? which events hold its text
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from darkroom.events import ERASED, Applied, Event, State
from darkroom.values import Value

WINDOW = timedelta(hours=24)  # Meta's "standard messaging window", from the person's last act
_MOST_UNREAD = 100

type Act = Literal["received", "sent", "unsent", "acted", "seen"]


def _text(moment: datetime) -> str:
    """Sorts as text; also what the JSON of a state holds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _latest(*moments: str | None) -> str:
    return max(moment for moment in moments if moment)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CommentCounted(Value):
    account_id: str
    media_id: str

    @property
    def items(self) -> tuple[str, ...]:
        return (f"COMMENTS#{self.account_id}#{self.media_id}",)

    def applied(self, event: Event, before: Mapping[str, State]) -> Applied:
        (item,) = self.items
        was = before[item]
        last = _latest(_text(event.occurred_at), was.get("last_comment_at"))
        count = {"comments": was.get("comments", 0) + 1, "last_comment_at": last}
        return Applied(event=event, after={item: {"media_id": self.media_id, **count}})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StoryMeasured(Value):
    """The figures of the latest moment count; of two of the same moment either."""

    account_id: str
    media_id: str
    metrics: Mapping[str, Any]

    @property
    def items(self) -> tuple[str, ...]:
        return (f"STORY#{self.account_id}#{self.media_id}",)

    def applied(self, event: Event, before: Mapping[str, State]) -> Applied:
        (item,) = self.items
        at = _text(event.occurred_at)
        if at <= before[item].get("measured_at", ""):
            return Applied(event=event)
        state = {"media_id": self.media_id, "measured_at": at, "metrics": dict(self.metrics)}
        return Applied(event=event, after={item: state})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conversed(Value):
    """
    `act` is what the event is to the thread: the person's message, the account's, a message taken back, another act of
    the person's that opens the window, or the person having seen what was sent. `mid` names a message; `edit` is the
    number and the text of its new wording.
    """

    account_id: str
    participant_id: str
    act: Act | None
    mid: str | None = None
    edit: tuple[int, str] | None = field(default=None, repr=False)

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(filter(None, (self._thread, self._message)))

    @property
    def _thread(self) -> str | None:
        return f"THREAD#{self.account_id}#{self.participant_id}" if self.participant_id and self.act else None

    @property
    def _message(self) -> str | None:
        holds_text = self.act in {"received", "sent", "unsent"} or self.edit is not None
        return f"MESSAGE#{self.account_id}#{self.mid}" if self.mid and holds_text else None

    def applied(self, event: Event, before: Mapping[str, State]) -> Applied:
        message = before[self._message] if self._message else {}
        result = self._of_message(event, message, self._message) if self._message else Applied(event=event)
        if not self._thread:
            return result
        thread = self._of_thread(event, before[self._thread], is_deleted=message.get("is_deleted", False))
        return replace(result, after={**result.after, self._thread: thread})

    def _of_message(self, event: Event, was: State, item: str) -> Applied:
        """`messages` and `edits` are the events that hold its text; a message to oneself is two events."""
        messages, edits = was.get("messages", ()), was.get("edits", ())
        if self.act == "unsent":
            return Applied(event=event, after={item: {"is_deleted": True}}, erased=(*messages, *edits))
        if was.get("is_deleted"):
            return Applied(event=replace(event, data=ERASED))
        if self.edit is not None:
            return self._of_edit(event, {**was, "edits": (*edits, event.id)}, item, self.edit)
        worded = {**event.data, **was["edit"]["data"]} if "edit" in was else event.data
        after = {item: {**was, "messages": (*messages, event.id)}}
        return Applied(event=replace(event, data=worded), after=after)

    def _of_edit(self, event: Event, was: State, item: str, edit: tuple[int, str]) -> Applied:
        """The newest wording is the message's."""
        number, text = edit
        rank, data = [number, _text(event.occurred_at)], {"text": text, "num_edit": number}
        if "edit" in was and rank <= was["edit"]["rank"]:
            return Applied(event=event, after={item: was})
        edited = dict.fromkeys(was.get("messages", ()), data)
        return Applied(event=event, after={item: {**was, "edit": {"rank": rank, "data": data}}}, edited=edited)

    def _of_thread(self, event: Event, was: State, *, is_deleted: bool) -> State:
        at = _text(event.occurred_at)
        state: dict[str, Any] = {**was, "participant_id": self.participant_id}
        state["last_event_at"] = _latest(at, was.get("last_event_at"))
        unread: dict[str, str] = dict(was.get("unread", {}))
        latest = (was.get("last_message_at", ""), was.get("direction", ""))
        if self.act in {"received", "sent"} and (at, self.act) > latest:  # of one moment, the answer comes last
            state |= {"last_message_at": at, "direction": self.act}
        if self.act == "received" and self.mid and not is_deleted:
            unread[self.mid] = at
        elif self.act == "unsent" and self.mid:
            unread.pop(self.mid, None)
        elif self.act == "sent":
            state["last_sent_at"] = _latest(at, was.get("last_sent_at"))
        elif self.act == "seen":
            state["seen_at"] = _latest(at, was.get("seen_at"))
        if self.act in {"received", "acted"}:
            closes = _text(event.occurred_at + WINDOW)
            state["window_expires_at"] = _latest(closes, was.get("window_expires_at"))
        return state | {"unread": _still_unread(unread, state.get("last_sent_at", ""))}


def _still_unread(unread: Mapping[str, str], last_sent_at: str) -> dict[str, str]:
    """What was said after the account's last word; of very many the newest."""
    left = sorted(((at, mid) for mid, at in unread.items() if at > last_sent_at), reverse=True)
    return {mid: at for at, mid in left[:_MOST_UNREAD]}
