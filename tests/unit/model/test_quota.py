"""Moving windows, against a definition that tries every window there is."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.quota import Allowance, is_full, next_free
from tests.builders import NOW

WINDOW = timedelta(minutes=10)
# Whole minutes, so that a window of minutes can begin at each of them and no other beginning tells apart more.
minutes = st.integers(-30, 30)
taken = st.lists(minutes.map(lambda minute: NOW + timedelta(minutes=minute)), max_size=25)
moments = minutes.map(lambda minute: NOW + timedelta(minutes=minute))
totals = st.integers(1, 5)


def full_by_definition(taken, at, total):
    """Some window of ten minutes that holds `at` would hold more than `total`."""
    starts = [at - timedelta(minutes=back) for back in range(10)]
    return any(1 + sum(start <= each < start + WINDOW for each in taken) > total for start in starts)


@given(taken, moments, totals)
def test_a_moment_is_full_when_some_window_around_it_would_hold_too_many(taken, at, total):
    assert is_full(taken, at, total, WINDOW) == full_by_definition(taken, at, total)


@given(taken, moments, totals)
def test_the_next_free_moment_is_the_first_minute_with_room(taken, at, total):
    minute = at
    while full_by_definition(taken, minute, total):
        minute += timedelta(minutes=1)
    assert next_free(taken, at, total, WINDOW) == minute


@given(taken, moments, totals)
def test_posts_that_only_take_free_moments_never_overfill_a_window(wanted, at, total):
    booked = []
    for each in [*wanted, at]:
        booked.append(next_free(booked, each, total, WINDOW))
    assert all(sum(start <= each < start + WINDOW for each in booked) <= total for start in booked)


def test_a_post_leaves_the_window_when_the_window_has_passed():
    assert is_full([NOW], NOW + WINDOW - timedelta(microseconds=1), 1, WINDOW)
    assert not is_full([NOW], NOW + WINDOW, 1, WINDOW)
    assert next_free([NOW], NOW, 1, WINDOW) == NOW + WINDOW


@pytest.mark.parametrize("total", [0, -1])
def test_where_nothing_may_be_published_it_is_worth_asking_again_a_window_later(total):
    assert is_full([], NOW, total, WINDOW)
    assert next_free([], NOW, total, WINDOW) == NOW + WINDOW


def test_a_pause_passes():
    allowance = Allowance(paused_until=NOW + timedelta(minutes=5))
    assert allowance.pause_left(NOW) == allowance.reads_wait(NOW) == timedelta(minutes=5)
    assert allowance.pause_left(NOW + timedelta(minutes=6)) == timedelta(0)
    assert Allowance().pause_left(NOW) == timedelta(0)


@pytest.mark.parametrize(
    ("percent", "minutes_ago", "sheds"),
    [(79, 0, False), (80, 0, True), (80, 59, True), (100, 60, False), (100, 61, False)],
)
def test_reads_are_shed_for_an_hour_after_most_of_the_allowance_was_used(percent, minutes_ago, sheds):
    allowance = Allowance(usage_percent=percent, usage_at=NOW - timedelta(minutes=minutes_ago))
    assert allowance.sheds_reads(NOW) is sheds
    assert allowance.reads_wait(NOW) == (timedelta(minutes=60 - minutes_ago) if sheds else timedelta(0))


def test_nothing_is_shed_before_anything_was_told():
    assert not Allowance().sheds_reads(NOW)


@pytest.mark.parametrize(("duration", "window"), [(86_400, 1), (0, 0), (-5, 0), (10**15, 7)])
def test_a_window_stays_within_reason_whatever_was_told(duration, window):
    told = Allowance(quota_duration=duration).window
    assert told.days == window
    assert told > timedelta(0)


def told(usage, total=3):
    return Allowance(quota_total=total, quota_usage=usage, measured_at=NOW)


def test_posts_that_no_slot_explains_take_room_until_they_must_have_left():
    assert told(3).room_from([], NOW) == NOW + timedelta(days=1)
    assert told(2).room_from([], NOW) == NOW


def test_a_post_of_ours_is_not_counted_twice():
    earlier = NOW - timedelta(hours=20)
    assert told(3).untold([earlier], NOW) == (NOW, NOW)
    assert told(3).room_from([earlier], NOW) == NOW + timedelta(hours=4)
    assert told(1).untold([earlier, earlier], NOW) == ()


def test_an_absurd_count_is_held_within_what_is_possible():
    assert len(told(10**15).untold([], NOW)) == 400


def test_what_was_told_a_window_ago_stands_in_nobodys_way():
    assert told(3).room_from([], NOW + timedelta(days=1)) == NOW + timedelta(days=1)


def test_without_a_total_there_is_room():
    assert Allowance().room_from([NOW] * 500, NOW) == NOW
