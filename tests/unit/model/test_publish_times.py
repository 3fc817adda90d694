"""When a post is to appear: every way to write a moment, and every reason to refuse one."""

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom import limits
from darkroom.errors import InvalidPostError
from darkroom.publish_times import field_errors, moment
from tests.builders import NOW

EVERY_ZONE = files("tzdata").joinpath("zones").read_text().split()
BERLIN, LORD_HOWE, APIA = "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"
MINUTE = timedelta(minutes=1)
MODERN = {"min_value": datetime(2000, 1, 1), "max_value": datetime(2040, 1, 1)}  # noqa: DTZ001 — as Hypothesis wants them


@cache
def clocks_of(zone):
    """By the pinned rules: those of this machine may be older."""
    with files("tzdata").joinpath("zoneinfo", zone).open("rb") as rules:
        return ZoneInfo.from_file(rules)


def at(*numbers):
    return datetime(*numbers, tzinfo=UTC)


def refused(publish_at, time_zone=None):
    """Pointer, code and message of the one refusal."""
    with pytest.raises(InvalidPostError) as caught:
        moment(publish_at, time_zone)
    (error,) = caught.value.errors
    return error


# ── moments with an offset ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T09:00:00Z", at(2026, 11, 24, 9)),
        ("2026-11-24t09:00:00z", at(2026, 11, 24, 9)),
        ("2026-11-24T09:00:00+01:00", at(2026, 11, 24, 8)),
        ("2026-11-24T09:00:00-00:00", at(2026, 11, 24, 9)),
        ("2026-11-24T09:00:00+00:00", at(2026, 11, 24, 9)),
        ("2026-11-24T00:30:00+05:45", at(2026, 11, 23, 18, 45)),
        ("2026-12-31T23:00:00-03:30", at(2027, 1, 1, 2, 30)),
        ("2028-02-29T12:00:00Z", at(2028, 2, 29, 12)),
        ("2026-11-24T09:00Z", at(2026, 11, 24, 9)),
        ("2026-11-24T09:00:59.999Z", at(2026, 11, 24, 9, 0, 59)),
        ("2026-11-24T09:00:00.000000001Z", at(2026, 11, 24, 9)),
    ],
)
def test_a_moment_with_its_offset_is_kept_in_utc_to_the_second(text, expected):
    found = moment(text, None)
    assert found == expected
    assert found.tzinfo is UTC
    assert found.microsecond == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-11-24",
        "2026-11-24 09:00:00Z",
        "2026-11-24T9:00:00Z",
        "2026-11-24T09Z",
        "20261124T090000Z",
        "2026-W48-2T09:00:00Z",
        "2026-11-24T09:00:00 Z",
        "2026-11-24T09:00:00Z\n",
        " 2026-11-24T09:00:00Z",
        "2026-11-24T09:00:00+0100",
        "2026-11-24T09:00:00+01",
        "2026-11-24T09:00:00+01:00:00",
        "2026-11-24T09:00:00+24:00",
        "2026-11-24T09:00:00+01:60",
        "2026-11-24T09:00:00.Z",
        "2026-11-24T09:00:00,5Z",
        "2026-11-24T09:00:00Z[Europe/Berlin]",
        "2026-02-29T09:00:00Z",
        "2026-13-01T09:00:00Z",
        "2026-00-10T09:00:00Z",
        "0000-01-01T09:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T09:60:00Z",
        "2026-11-24T09:00:61Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "+2026-11-24T09:00:00Z",
        "1795510800",
        "٢٠٢٦-11-24T09:00:00Z",
    ],
)
@pytest.mark.parametrize("time_zone", [None, BERLIN])
def test_what_is_not_a_moment_is_refused(text, time_zone):
    error = refused(text, time_zone)
    assert (error.pointer, error.code) == ("/publish_at", "not_a_time")


@pytest.mark.parametrize(("text", "zone"), [("2016-12-31T23:59:60Z", None), ("2016-12-31T23:59:60", BERLIN)])
def test_a_leap_second_is_refused_under_its_name(text, zone):
    assert refused(text, zone).code == "leap_second"


@given(st.datetimes(at(1900, 1, 1).replace(tzinfo=None), at(2100, 1, 1).replace(tzinfo=None)), st.integers(-1439, 1439))
def test_any_second_and_offset_make_the_moment_they_mean(local, minutes):
    stated = local.replace(microsecond=0, tzinfo=timezone(minutes * MINUTE))
    assert moment(stated.isoformat(), None) == stated


@given(st.text(max_size=40), st.none() | st.text(max_size=40))
@example("2026-11-24T09:00:00Z", "../../etc/passwd")
def test_no_text_does_worse_than_be_refused(publish_at, time_zone):
    try:
        found = moment(publish_at, time_zone)
    except InvalidPostError as error:
        wrong = error.errors
    else:
        wrong = ()
        assert found.tzinfo is UTC
    assert {error.pointer for error in wrong} <= {"/publish_at", "/time_zone"}


# ── local times ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-11-24T09:00:00", BERLIN, at(2026, 11, 24, 8)),
        ("2026-07-24T09:00", BERLIN, at(2026, 7, 24, 7)),
        ("2026-07-24T09:00:00.5", BERLIN, at(2026, 7, 24, 7)),
        ("2026-07-04T09:00:00", "America/New_York", at(2026, 7, 4, 13)),
        ("2026-11-24T09:00:00", "Asia/Kolkata", at(2026, 11, 24, 3, 30)),
        ("2027-01-10T09:00:00", "America/Sao_Paulo", at(2027, 1, 10, 12)),  # no summer time since 2019
        ("2019-01-10T09:00:00", "America/Sao_Paulo", at(2019, 1, 10, 11)),
        ("2027-01-10T09:00:00", LORD_HOWE, at(2027, 1, 9, 22)),
        ("2026-07-10T09:00:00", LORD_HOWE, at(2026, 7, 9, 22, 30)),
        ("2026-07-10T09:00:00", "UTC", at(2026, 7, 10, 9)),
    ],
)
def test_a_local_time_is_what_the_clocks_of_the_zone_show(text, zone, expected):
    assert moment(text, zone) == expected


def test_a_local_time_needs_a_zone():
    error = refused("2026-11-24T09:00:00")
    assert (error.pointer, error.code) == ("/time_zone", "time_zone_needed")


@pytest.mark.parametrize(
    "name",
    ["", "Berlin", "europe/berlin", "Europe/Berlin ", "Europe", "Mars/Base", "/etc/localtime", "../../../etc/passwd",
     "Europe/../Europe/Berlin", "right/Europe/Berlin", "posixrules", "localtime", "tzdata.zi", "+01:00", "Europe\x00"],
)  # fmt: skip
@pytest.mark.parametrize("publish_at", ["2026-11-24T09:00:00", "2026-11-24T09:00:00Z"])
def test_a_name_that_is_not_in_the_database_is_refused(name, publish_at):
    error = refused(publish_at, name)
    assert (error.pointer, error.code) == ("/time_zone", "unknown_time_zone")


def test_every_zone_of_the_database_has_rules():
    for name in EVERY_ZONE:
        noon = moment("2026-11-24T12:00:00", name)
        assert noon.astimezone(clocks_of(name)).hour == 12, name


# The last hour or half-hour before clocks change, and what they show: (first that is skipped, first that is not).
SKIPPED = [
    (BERLIN, "2027-03-28T02:00:00", "2027-03-28T03:00:00"),
    ("America/New_York", "2027-03-14T02:00:00", "2027-03-14T03:00:00"),
    (LORD_HOWE, "2026-10-04T02:00:00", "2026-10-04T02:30:00"),
    ("America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T01:00:00"),  # midnight itself did not exist
    (APIA, "2011-12-30T00:00:00", "2011-12-31T00:00:00"),  # a whole day: the date line moved
]
TWICE = [
    (BERLIN, "2026-10-25T02:00:00", "2026-10-25T03:00:00", ("+02:00", "+01:00")),
    ("America/New_York", "2026-11-01T01:00:00", "2026-11-01T02:00:00", ("-04:00", "-05:00")),
    (LORD_HOWE, "2027-04-04T01:30:00", "2027-04-04T02:00:00", ("+11:00", "+10:30")),
    ("America/Sao_Paulo", "2019-02-16T23:00:00", "2019-02-17T00:00:00", ("-02:00", "-03:00")),
]


def edge(first, after):
    """Its first second, its middle, its last second; and the seconds around it."""
    begin, end = datetime.fromisoformat(first), datetime.fromisoformat(after)
    second = timedelta(seconds=1)
    return [begin, begin + (end - begin) / 2, end - second], [begin - second, end]


@pytest.mark.parametrize(("zone", "first", "after"), SKIPPED)
def test_a_local_time_that_the_clocks_skip_is_refused_to_the_second(zone, first, after):
    inside, around = edge(first, after)
    for local in inside:
        error = refused(local.isoformat(), zone)
        assert (error.pointer, error.code) == ("/publish_at", "skipped_time")
        assert zone in error.message
    before, then = (moment(local.isoformat(), zone) for local in around)
    assert then - before == timedelta(seconds=1)


@pytest.mark.parametrize(("zone", "first", "after", "offsets"), TWICE)
def test_a_local_time_that_happens_twice_is_refused_and_both_offsets_named(zone, first, after, offsets):
    inside, around = edge(first, after)
    for local in inside:
        error = refused(local.isoformat(), zone)
        assert (error.pointer, error.code) == ("/publish_at", "ambiguous_time")
        both = [f"{local.isoformat()}{offset}" for offset in offsets]
        assert error.message.endswith(f"{both[0]} or {both[1]}.")
        earlier, later = (moment(text, zone) for text in both)
        assert earlier < later
    for local in around:
        moment(local.isoformat(), zone)


def shown_at(local, zone):
    """An oracle that knows no fold: of all moments about then, those at which the clocks show this."""
    offsets = (quarter * 15 * MINUTE for quarter in range(-15 * 4, 15 * 4 + 1))
    moments = (local.replace(tzinfo=UTC) - offset for offset in offsets)
    return sorted(each for each in moments if each.astimezone(clocks_of(zone)).replace(tzinfo=None) == local)


NEAR_AN_EDGE = st.one_of(
    *(
        st.tuples(st.just(zone), st.timedeltas(timedelta(hours=-30), timedelta(hours=30)).map(
            lambda away, first=first: datetime.fromisoformat(first) + away))
        for zone, first, *_ in [*SKIPPED, *TWICE]
    )
)  # fmt: skip
ANYWHERE = st.tuples(st.sampled_from(EVERY_ZONE), st.datetimes(**MODERN))


@given(NEAR_AN_EDGE | ANYWHERE)
def test_a_local_time_is_accepted_if_and_only_if_it_happens_once(drawn):
    zone, local = drawn[0], drawn[1].replace(microsecond=0)
    expected = shown_at(local, zone)
    if len(expected) == 1:
        assert [moment(local.isoformat(), zone)] == expected
    else:
        assert refused(local.isoformat(), zone).code == ("ambiguous_time" if expected else "skipped_time")


# ── an offset and a zone ────────────────────────────────────────────────────────────────────────────────────────────


@given(st.sampled_from(EVERY_ZONE), st.datetimes(**MODERN, timezones=st.just(UTC)))
def test_any_moment_as_the_zone_itself_writes_it_is_accepted(zone, drawn):
    exact = drawn.replace(microsecond=0)
    assert moment(exact.astimezone(clocks_of(zone)).isoformat(), zone) == exact


@pytest.mark.parametrize("text", ["2026-07-24T09:00:00Z", "2026-07-24T09:00:00-00:00"])
def test_what_is_written_in_utc_goes_with_any_zone(text):
    """As the API shows a post: publish_at in UTC, beside the zone that it was asked for in."""
    assert moment(text, BERLIN) == at(2026, 7, 24, 9)


@pytest.mark.parametrize(
    "text", ["2026-07-24T09:00:00+01:00", "2026-07-24T09:00:00+00:00", "2027-03-28T02:30:00+01:00"]
)
def test_an_offset_that_the_zone_does_not_have_then_is_refused_and_the_right_one_named(text):
    error = refused(text, BERLIN)
    assert (error.pointer, error.code) == ("/time_zone", "contradicts_offset")
    assert moment(text, None).astimezone(clocks_of(BERLIN)).isoformat() in error.message


# ── moments that are not for us ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (timedelta(days=-1), "in_the_past"),
        (timedelta(), "in_the_past"),
        (timedelta(seconds=1), None),
        (timedelta(days=limits.SCHEDULE_AHEAD.value), None),
        (timedelta(days=limits.SCHEDULE_AHEAD.value, seconds=1), "too_far_ahead"),
    ],
)
def test_a_post_is_scheduled_between_now_and_a_year_ahead(ahead, code):
    errors = field_errors(NOW + ahead, NOW)
    assert [error.code for error in errors] == ([code] if code else [])
    assert {error.pointer for error in errors} <= {"/publish_at"}
