"""
The quota ledger in DynamoDB: one item an account for what Instagram told, one a UTC day for the slots its posts have
taken (`slot_<post>`: the moment) and the containers it made (`containers_<hour>`: how many).

Slots are attributes of their own and not a map, because a map would have to be made before the first can be put in.
A reservation reads every day that a window around it touches and writes on condition that none of them has gained a
slot since: `version` counts those. Whoever loses the race reads again.
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import uniform
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import (
    is_condition_failure,
    is_conflict,
    marshal,
    moment,
    translated,
    unless_in_vain,
    unmarshal,
)
from darkroom.errors import QuotaFullError, StoreUnavailableError
from darkroom.quota import HORIZON, LONGEST_WINDOW, Allowance, is_full, next_free

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_SLOT = "slot_"
_CONTAINERS = "containers_"
_DAY_KEPT = LONGEST_WINDOW + timedelta(days=3)  # no window reaches back to it, with room for clocks and stragglers
_ALLOWANCE_KEPT = timedelta(days=90)  # of an account that nobody calls Instagram for
_ROLLING_DAY = timedelta(days=1)
# Seconds between attempts, at most; all together less than one. Each lost race is somebody else's success.
_PAUSES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.16, 0.16, 0.16)


@dataclass(frozen=True, slots=True)
class _Day:
    date: date
    version: int | None = None
    slots: dict[str, datetime] = field(default_factory=dict)
    containers: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, item: dict[str, Any]) -> "_Day":
        return cls(
            date=date.fromisoformat(item["sk"].rpartition("#")[2]),
            version=int(item["version"]) if "version" in item else None,
            slots={
                name.removeprefix(_SLOT): datetime.fromisoformat(value)
                for name, value in item.items()
                if name.startswith(_SLOT)
            },
            containers={
                int(name.removeprefix(_CONTAINERS)): int(value)
                for name, value in item.items()
                if name.startswith(_CONTAINERS)
            },
        )


@dataclass(frozen=True, slots=True)
class DynamoDBQuota:
    """Implements the `Quota` ports."""

    client: "DynamoDBClient"
    table: str
    sleep: Callable[[float], None] = time.sleep

    # What Instagram told.

    def allowance(self, tenant_id: str, account_id: str) -> Allowance:
        with translated():
            answer = self.client.get_item(
                TableName=self.table, Key=keys.quota(tenant_id, account_id), ConsistentRead=True
            )
        return _allowance(unmarshal(answer.get("Item", {})))

    def told(self, tenant_id: str, account_id: str, usage: int, total: int, duration: int, now: datetime) -> None:  # noqa: PLR0913, PLR0917 — Instagram's answer, whose, and when
        """Of two answers the later one counts, in whatever order they are stored."""
        changes = {"quota_usage": usage, "quota_total": total, "quota_duration": duration, "measured_at": now}
        self._remember(tenant_id, account_id, changes, "measured_at")

    def used(self, tenant_id: str, account_id: str, percent: int, now: datetime) -> None:
        self._remember(tenant_id, account_id, {"usage_percent": percent, "usage_at": now}, "usage_at")

    def pause(self, tenant_id: str, account_id: str, until: datetime) -> None:
        """Never shortens a longer pause."""
        self._remember(tenant_id, account_id, {"paused_until": until}, "paused_until")

    def _remember(self, tenant_id: str, account_id: str, changes: dict[str, Any], newest: str) -> None:
        """Nothing happens unless the moment called `newest` is later than the stored one."""
        changes |= {"expires_at": int((changes[newest] + _ALLOWANCE_KEPT).timestamp())}
        self._update(
            Key=keys.quota(tenant_id, account_id),
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in changes),
            ConditionExpression=f"attribute_not_exists({newest}) OR {newest} < :{newest}",
            ExpressionAttributeValues=marshal({f":{name}": value for name, value in changes.items()}),
        )

    # Slots.

    def reserve(
        self, tenant_id: str, account_id: str, post_id: str, at: datetime, before: datetime | None = None
    ) -> None:
        """
        Takes the slot at that moment, and gives up the one the post had at `before`. Repeating is harmless. Raises
        QuotaFullError, StoreUnavailableError also when too many reserve at once.
        """

        def attempt() -> bool:
            writes = self._reservation(tenant_id, account_id, post_id, at, before)
            return not writes or self._won(writes)

        self._insist(attempt)

    def release(self, tenant_id: str, account_id: str, post_id: str, at: datetime) -> None:
        """Frees the post's slot of that UTC day; nothing happens when it has none."""
        self._update(
            Key=keys.quota_day(tenant_id, account_id, _day(at)),
            UpdateExpression="REMOVE #slot",
            ConditionExpression="attribute_exists(#slot)",
            ExpressionAttributeNames={"#slot": _SLOT + post_id},
        )

    def slots(self, tenant_id: str, account_id: str, since: datetime, until: datetime) -> tuple[datetime, ...]:
        """The moments taken from `since` on and before `until`, in order."""
        days = self._days(tenant_id, account_id, since, until)
        return tuple(sorted(each for day in days for each in day.slots.values() if since <= each < until))

    def _reservation(
        self, tenant_id: str, account_id: str, post_id: str, at: datetime, before: datetime | None
    ) -> list[Any]:
        """The writes of one attempt; none when the post has that slot already."""
        allowance = self.allowance(tenant_id, account_id)
        near = self._around(tenant_id, account_id, at, allowance.window)
        target = near[_day(at)]
        left = [day for day in near.values() if post_id in day.slots and day is not target]
        if before is not None and _day(before) not in near:
            left += [day for day in self._days(tenant_id, account_id, before, before) if post_id in day.slots]
        if target.slots.get(post_id) == at and not left:
            return []
        total = allowance.quota_total
        if total is not None and is_full(_others(near.values(), post_id), at, total, allowance.window):
            later = self._days(tenant_id, account_id, at - allowance.window, at + HORIZON)
            raise _refusal(at, next_free(_others(later, post_id), at, total, allowance.window))
        unchanged = [day for day in near.values() if day is not target and day not in left] if total is not None else []
        return [
            {"Update": self._taking(target, tenant_id, account_id, post_id, at)},
            *({"Update": self._leaving(day, tenant_id, account_id, post_id)} for day in left),
            *({"ConditionCheck": self._untouched(day, tenant_id, account_id)} for day in unchanged),
        ]

    def _taking(self, day: _Day, tenant_id: str, account_id: str, post_id: str, at: datetime) -> dict[str, Any]:
        known = self._untouched(day, tenant_id, account_id)
        values = {":slot": at, ":one": 1, ":expires_at": _expiry(day.date)}
        return known | {
            "UpdateExpression": "SET #slot = :slot, expires_at = :expires_at ADD version :one",
            "ExpressionAttributeNames": {"#slot": _SLOT + post_id},
            "ExpressionAttributeValues": known.get("ExpressionAttributeValues", {}) | marshal(values),
        }

    def _leaving(self, day: _Day, tenant_id: str, account_id: str, post_id: str) -> dict[str, Any]:
        names = {"#slot": _SLOT + post_id}
        known = self._untouched(day, tenant_id, account_id)
        return known | {"UpdateExpression": "REMOVE #slot", "ExpressionAttributeNames": names}

    def _untouched(self, day: _Day, tenant_id: str, account_id: str) -> dict[str, Any]:
        """The condition that nobody has taken a slot of this day since it was read."""
        item = {"TableName": self.table, "Key": keys.quota_day(tenant_id, account_id, day.date)}
        if day.version is None:
            return item | {"ConditionExpression": "attribute_not_exists(version)"}
        values = marshal({":version": day.version})
        return item | {"ConditionExpression": "version = :version", "ExpressionAttributeValues": values}

    # Containers.

    def count_container(self, tenant_id: str, account_id: str, now: datetime) -> None:
        self._update(
            Key=keys.quota_day(tenant_id, account_id, _day(now)),
            UpdateExpression="SET expires_at = :expires_at ADD #hour :one",
            ExpressionAttributeNames={"#hour": f"{_CONTAINERS}{now.astimezone(UTC).hour:02}"},
            ExpressionAttributeValues=marshal({":one": 1, ":expires_at": _expiry(_day(now))}),
        )

    def containers_since(self, tenant_id: str, account_id: str, moment: datetime) -> int:
        """At most a day back. Counted by the hour: the whole hour of `moment` is in it."""
        first = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return sum(
            count
            for day in self._days(tenant_id, account_id, first, moment + _ROLLING_DAY)
            for hour, count in day.containers.items()
            if datetime(day.date.year, day.date.month, day.date.day, hour, tzinfo=UTC) >= first
        )

    # How it is read and written.

    def _days(self, tenant_id: str, account_id: str, first: datetime, last: datetime) -> list[_Day]:
        """Those that have anything on them."""
        start: dict[str, Any] = {}
        found: list[_Day] = []
        while True:
            with translated():
                answer = self.client.query(
                    TableName=self.table,
                    KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                    ExpressionAttributeValues={
                        ":pk": {"S": keys.tenant(tenant_id)},
                        ":first": keys.quota_day(tenant_id, account_id, _day(first))["sk"],
                        ":last": keys.quota_day(tenant_id, account_id, _day(last))["sk"],
                    },
                    ConsistentRead=True,
                    **start,
                )
            found += [_Day.of(unmarshal(item)) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _around(self, tenant_id: str, account_id: str, at: datetime, window: timedelta) -> dict[date, _Day]:
        """Every day that a window which holds `at` can touch, empty ones too."""
        first, last = _day(at - window), _day(at + window)
        days = {each: _Day(each) for each in (first + timedelta(days=n) for n in range((last - first).days + 1))}
        return days | {day.date: day for day in self._days(tenant_id, account_id, at - window, at + window)}

    def _won(self, writes: list[Any]) -> bool:
        with translated():
            try:
                self.client.transact_write_items(TransactItems=writes)
            except ClientError as error:
                if not is_condition_failure(error) and not is_conflict(error):
                    raise
                return False
        return True

    def _update(self, **write: Any) -> None:
        """Nothing happens when the write has a condition that does not hold."""

        def attempt() -> bool:
            with unless_in_vain():
                try:
                    self.client.update_item(TableName=self.table, **write)
                except ClientError as error:
                    if not is_conflict(error):
                        raise
                    return False
            return True

        self._insist(attempt)

    def _insist(self, attempt: Callable[[], bool]) -> None:
        for pause in _PAUSES:
            if attempt():
                return
            self.sleep(uniform(0, pause))  # noqa: S311 — scatters rivals, keeps no secret
        raise StoreUnavailableError


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _expiry(day: date) -> int:
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + _DAY_KEPT).timestamp())


def _others(days: Iterable[_Day], post_id: str) -> list[datetime]:
    return [each for day in days for post, each in day.slots.items() if post != post_id]


def _refusal(at: datetime, slot: datetime) -> QuotaFullError:
    return QuotaFullError(slot, retry_after=math.ceil((slot - at).total_seconds()))


def _allowance(item: dict[str, Any]) -> Allowance:
    numbers = ("quota_total", "quota_usage", "quota_duration", "usage_percent")
    moments = ("measured_at", "usage_at", "paused_until")
    known: dict[str, Any] = {name: int(item[name]) for name in numbers if name in item}
    return Allowance(**known | {name: moment(item.get(name)) for name in moments})
