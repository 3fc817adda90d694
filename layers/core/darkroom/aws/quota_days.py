"""
A UTC day of the quota ledger as an item, and the writes that reserve a slot; pure, so that nothing here waits or fails.

    slot_<post>          the moment that a post has taken
    containers_<hour>    how many containers were made
    version              how many slots were ever taken

Attributes of their own, because a map would have to be there before the first entry could be put in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from darkroom.aws.dynamodb import marshal
from darkroom.quota import LONGEST_WINDOW, room
from darkroom.values import Value

CONTAINERS = "containers_"
_SLOT = "slot_"
_KEPT = LONGEST_WINDOW + timedelta(days=3)  # no window reaches back to it, with room for clocks and stragglers


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Day(Value):
    date: date
    version: int = 0
    slots: dict[str, datetime] = field(default_factory=dict)
    containers: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, item: dict[str, Any]) -> "Day":
        return cls(
            date=date.fromisoformat(item["sk"].rpartition("#")[2]),
            version=int(item.get("version", 0)),
            slots={
                name.removeprefix(_SLOT): datetime.fromisoformat(value)
                for name, value in item.items()
                if name.startswith(_SLOT)
            },
            containers={
                int(name.removeprefix(CONTAINERS)): int(value)
                for name, value in item.items()
                if name.startswith(CONTAINERS)
            },
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reservation(Value):
    """
    A post that wants the slot at `at`. `near` are all days that a window around it touches, `far` the one of the slot
    it had before, where that is none of these.
    """

    post_id: str
    at: datetime
    near: dict[date, Day]
    far: tuple[Day, ...] = ()

    @property
    def is_done(self) -> bool:
        return self._target.slots.get(self.post_id) == self.at and not self._left

    def room(self, total: int, window: timedelta, untold: tuple[datetime, ...]) -> int:
        return room((*others(self.near.values(), self.post_id), *untold), self.at, total, window)

    def writes(self, spare: int | None) -> list[tuple[str, date, dict[str, Any]]]:
        """
        Kind, day and body of each write of the transaction. `spare` is how many slots may be taken beside this one
        before a window is full, None for any number: each day may have gained its share of them since it was read, so
        that rivals only meet where room is short.
        """
        share = None if spare is None else spare // len(self.near)
        left = self._left
        watched = [] if share is None else [day for day in self.near.values() if day not in (self._target, *left)]
        return [
            ("Update", self._target.date, _on_condition(self._taking(), self._target, share)),
            *(("Update", day.date, _on_condition(releasing(self.post_id), day, share)) for day in left),
            *(("ConditionCheck", day.date, _on_condition({}, day, share)) for day in watched),
        ]

    @property
    def _target(self) -> Day:
        return self.near[day_of(self.at)]

    @property
    def _left(self) -> list[Day]:
        days = (*self.near.values(), *self.far)
        return [day for day in days if self.post_id in day.slots and day is not self._target]

    def _taking(self) -> dict[str, Any]:
        return {
            "UpdateExpression": "SET #slot = :slot, expires_at = :expires_at ADD version :one",
            "ExpressionAttributeNames": {"#slot": _SLOT + self.post_id},
            "ExpressionAttributeValues": marshal(
                {":slot": self.at, ":one": 1, ":expires_at": expiry(self._target.date)}
            ),
        }


def releasing(post_id: str) -> dict[str, Any]:
    return {"UpdateExpression": "REMOVE #slot", "ExpressionAttributeNames": {"#slot": _SLOT + post_id}}


def others(days: Iterable[Day], post_id: str) -> list[datetime]:
    return [each for day in days for post, each in day.slots.items() if post != post_id]


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def expiry(day: date) -> int:
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + _KEPT).timestamp())


def _on_condition(write: dict[str, Any], day: Day, share: int | None) -> dict[str, Any]:
    """Unless more than `share` slots of that day have been taken since it was read."""
    if share is None:
        return write
    values = marshal({":most": day.version + share})
    return write | {
        "ConditionExpression": "attribute_not_exists(version) OR version <= :most",
        "ExpressionAttributeValues": write.get("ExpressionAttributeValues", {}) | values,
    }
