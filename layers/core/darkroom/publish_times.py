"""
When a post is to appear. A moment is written as RFC 3339 with its offset, or as the local time of an IANA time zone.

Time zones are read from the `tzdata` package and nowhere else: the names and rules are the same on a laptop and in
Lambda, which may bring none, and new rules come with an update of uv.lock.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Never

from darkroom import limits
from darkroom.errors import FieldError, InvalidPostError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from zoneinfo import ZoneInfo

_AT, _ZONE = "/publish_at", "/time_zone"
_ZULU = timezone(timedelta(), "Z")
_FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?",
    re.ASCII,
)


def moment(publish_at: str, time_zone: str | None) -> datetime:
    """
    In UTC, to the second: a fraction is cut off, because JavaScript writes one always and means it never. Seconds may
    be left out. `Z` says nothing about the clocks of a place, so it goes with any time zone; another offset has to be
    the one that the zone has then.

    Raises InvalidPostError with the one field that is wrong.
    """
    zone = None if time_zone is None else _zone(time_zone)
    local, offset = _parsed(publish_at)
    try:
        return _in_utc(local, offset, zone)
    except OverflowError:  # the first and last hours that a datetime can hold
        _refuse(_AT, "not_a_time", "This time is out of range.")


def is_local(publish_at: str) -> bool:
    """Whether it says nothing of its offset, and so needs a time zone."""
    found = _FORM.fullmatch(publish_at)
    return found is not None and not (found[7] or found[8])


def field_errors(publish_at: datetime, now: datetime) -> tuple[FieldError, ...]:
    """What is wrong with a moment that exists."""
    furthest = limits.SCHEDULE_AHEAD.value
    if publish_at <= now:
        return (FieldError(_AT, "in_the_past", "This time has passed."),)
    if publish_at > now + timedelta(days=furthest):
        return (FieldError(_AT, "too_far_ahead", f"A post can be scheduled at most {furthest} days ahead."),)
    return ()


def _parsed(publish_at: str) -> tuple[datetime, timezone | None]:
    """As the clock shows it, and its offset: `_ZULU` for `Z` and for `-00:00`, which mean the same in RFC 3339."""
    found = _FORM.fullmatch(publish_at)
    if not found:
        _refuse(
            _AT, "not_a_time", "Write it like 2027-03-01T09:00:00+01:00, or like 2027-03-01T09:00:00 with time_zone."
        )
    *numbers, zulu, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    if second == 60:
        _refuse(_AT, "leap_second", "Leap seconds are not supported; use the second before or after.")
    try:
        local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 — its zone is another field
    except ValueError:
        _refuse(_AT, "not_a_time", "There is no such day or time of day.")
    if zulu or (sign, hours, minutes) == ("-", "00", "00"):
        return local, _ZULU
    if not sign:
        return local, None
    if int(hours) > 23 or int(minutes) > 59:
        _refuse(_AT, "not_a_time", "There is no such offset.")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return local, timezone(-offset if sign == "-" else offset)


def _in_utc(local: datetime, offset: timezone | None, zone: "ZoneInfo | None") -> datetime:
    if offset is None:
        if zone is None:
            _refuse(_ZONE, "time_zone_needed", "publish_at has no offset; say whose local time it is.")
        return _local_in_utc(local, zone)
    found = local.replace(tzinfo=offset).astimezone(UTC)
    if zone is not None and offset is not _ZULU:
        there = found.astimezone(zone)
        if there.utcoffset() != offset.utcoffset(None):
            message = f"In {zone.key} this moment is {there.isoformat()}. Send that, or leave one of the two out."
            _refuse(_ZONE, "contradicts_offset", message)
    return found


def _local_in_utc(local: datetime, zone: "ZoneInfo") -> datetime:
    """Clocks that are put forward skip a time, and those that are put back show it twice."""
    shown = list(_moments(local, zone))
    if not shown:
        _refuse(_AT, "skipped_time", f"The clocks in {zone.key} are put forward and skip this time; choose another.")
    if len(shown) > 1:
        first, second = (each.astimezone(zone).isoformat() for each in shown)
        message = f"The clocks in {zone.key} show this time twice; send it with its offset: {first} or {second}."
        _refuse(_AT, "ambiguous_time", message)
    return shown[0]


def _moments(local: datetime, zone: "ZoneInfo") -> Iterator[datetime]:
    """When the clocks of the zone show this, in order."""
    readings = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return (each for each in sorted(readings) if each.astimezone(zone).replace(tzinfo=None) == local)


def _tzdata() -> "Traversable":
    from importlib.resources import files  # noqa: PLC0415 — dear at a cold start; most times come with an offset

    return files("tzdata")


@lru_cache(maxsize=64)
def _zone(name: str) -> "ZoneInfo":
    if name not in _names():
        _refuse(_ZONE, "unknown_time_zone", "Use a name of the IANA time zone database, such as Europe/Berlin.")
    from zoneinfo import ZoneInfo  # noqa: PLC0415 — as above

    with _tzdata().joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@cache
def _names() -> frozenset[str]:
    return frozenset(_tzdata().joinpath("zones").read_text(encoding="utf-8").split())


def _refuse(pointer: str, code: str, message: str) -> Never:
    raise InvalidPostError(errors=(FieldError(pointer, code, message),))
