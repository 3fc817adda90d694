"""
The quota ledger in DynamoDB: one item an account for what Instagram told, one a UTC day for the slots its posts have
taken and the containers it made (quota_days.py).

A reservation reads every day that a window around it touches, and writes on condition that they have not gained more
slots since than there was room for. Whoever loses that race reads again.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
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
from darkroom.aws.quota_days import CONTAINERS, Day, Reservation, day_of, expiry, others, releasing
from darkroom.errors import QuotaFullError, StoreUnavailableError
from darkroom.quota import HORIZON, Allowance, next_free

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_ALLOWANCE_KEPT = timedelta(days=90)  # of an account that nobody calls Instagram for
_ROLLING_DAY = timedelta(days=1)
# Seconds between attempts, at most; three in all.
_PAUSES = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 0.64, 0.64)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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

    def require_room(self, tenant_id: str, account_id: str, at: datetime) -> None:
        """Raises QuotaFullError as `reserve` would for a post that has no slot yet."""
        self._reservation(tenant_id, account_id, "", at, None)

    def release(self, tenant_id: str, account_id: str, post_id: str, at: datetime) -> None:
        """Frees the post's slot of that UTC day; nothing happens when it has none."""
        self._update(
            Key=keys.quota_day(tenant_id, account_id, day_of(at)),
            ConditionExpression="attribute_exists(#slot)",
            **releasing(post_id),
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
        window, total = allowance.window, allowance.quota_total
        known = self._days(tenant_id, account_id, allowance.counts_from(at) - window, at + window)
        near = _around(known, at, window)
        untold = allowance.untold([each for day in known for each in day.slots.values()], at)
        far = self._days(tenant_id, account_id, before, before) if before and day_of(before) not in near else []
        wanted = Reservation(post_id, at, near, tuple(far))
        if wanted.is_done:
            return []
        spare = None
        if total is not None:
            spare = wanted.room(total, window, untold) - 1
            if spare < 0:
                taken = others(self._days(tenant_id, account_id, at - window, at + HORIZON), post_id)
                raise _refusal(at, next_free((*taken, *untold), at, total, window))
        return [
            {kind: {"TableName": self.table, "Key": keys.quota_day(tenant_id, account_id, day)} | body}
            for kind, day, body in wanted.writes(spare)
        ]

    # Containers.

    def count_container(self, tenant_id: str, account_id: str, now: datetime) -> None:
        self._update(
            Key=keys.quota_day(tenant_id, account_id, day_of(now)),
            UpdateExpression="SET expires_at = :expires_at ADD #hour :one",
            ExpressionAttributeNames={"#hour": f"{CONTAINERS}{now.astimezone(UTC).hour:02}"},
            ExpressionAttributeValues=marshal({":one": 1, ":expires_at": expiry(day_of(now))}),
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

    def _days(self, tenant_id: str, account_id: str, first: datetime, last: datetime) -> list[Day]:
        """Those that have anything on them."""
        start: dict[str, Any] = {}
        found: list[Day] = []
        while True:
            with translated():
                answer = self.client.query(
                    TableName=self.table,
                    KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                    ExpressionAttributeValues={
                        ":pk": {"S": keys.tenant(tenant_id)},
                        ":first": keys.quota_day(tenant_id, account_id, day_of(first))["sk"],
                        ":last": keys.quota_day(tenant_id, account_id, day_of(last))["sk"],
                    },
                    ConsistentRead=True,
                    **start,
                )
            found += [Day.of(unmarshal(item)) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

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


def _around(known: list[Day], at: datetime, window: timedelta) -> dict[date, Day]:
    """Every day that a window which holds `at` can touch, empty ones too."""
    first, last = day_of(at - window), day_of(at + window)
    days = {each: Day(each) for each in (first + timedelta(days=n) for n in range((last - first).days + 1))}
    return days | {day.date: day for day in known if day.date in days}


def _refusal(at: datetime, slot: datetime) -> QuotaFullError:
    return QuotaFullError(slot, retry_after=math.ceil((slot - at).total_seconds()))


def _allowance(item: dict[str, Any]) -> Allowance:
    numbers = ("quota_total", "quota_usage", "quota_duration", "usage_percent")
    moments = ("measured_at", "usage_at", "paused_until")
    known: dict[str, Any] = {name: int(item[name]) for name in numbers if name in item}
    return Allowance(**known | {name: moment(item.get(name)) for name in moments})
