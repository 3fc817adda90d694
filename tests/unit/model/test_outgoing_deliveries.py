from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from darkroom.ids import is_id
from darkroom.outgoing_deliveries import MOST_LOGGED, WAITS, delivery_of
from tests.builders import NOW, a_delivery, an_attempt, an_event


def failing(delivery, status=503):
    """All its attempts, each when it is due, and all in vain."""
    at = NOW
    while delivery.state == "pending":
        at = delivery.due_at
        delivery = delivery.after(an_attempt(status, at=at))
        yield delivery


def test_eight_attempts_are_made_over_a_day_and_then_none():
    states = list(failing(a_delivery()))
    assert len(states) == len(WAITS) + 1 == 8
    assert [each.state for each in states] == ["pending"] * 7 + ["failed"]
    assert states[-1].due_at is None
    took = states[-1].attempts[-1].at - states[-1].attempts[0].at
    assert timedelta(hours=22) <= took <= timedelta(hours=27)


def test_the_waits_differ_by_a_tenth_at_most_and_grow():
    for _ in range(50):
        states = list(failing(a_delivery()))
        moments = [attempt.at for attempt in states[-1].attempts]
        for wait, before, after in zip(WAITS, moments, moments[1:], strict=False):
            assert 0.9 <= (after - before) / wait <= 1.1
    due = {a_delivery().after(an_attempt(503)).due_at for _ in range(50)}
    assert len(due) > 1, "what failed together comes back at different moments"


def test_a_success_ends_it():
    over = a_delivery().after(an_attempt(None)).after(an_attempt(204))
    assert (over.state, over.due_at, over.failure, len(over.attempts)) == ("delivered", None, None, 2)


def test_a_redirect_is_no_success():
    assert a_delivery().after(an_attempt(302)).state == "pending"


def test_resending_begins_anew_and_keeps_the_log():
    *_, over = failing(a_delivery())
    again = over.again(NOW)
    assert (again.state, again.due_at, again.failures, len(again.attempts)) == ("pending", NOW, 0, 8)
    assert len(list(failing(again))) == 8


def test_the_log_keeps_the_latest_attempts():
    delivery = a_delivery()
    for number in range(30):
        delivery = delivery.again(NOW).after(an_attempt(500, duration_ms=number))
    assert [each.duration_ms for each in delivery.attempts] == list(range(30 - MOST_LOGGED, 30))


def test_the_same_event_and_endpoint_are_the_same_delivery_whenever_that_is_noticed():
    event = an_event()
    first, later = delivery_of(event, "wh_1", NOW), delivery_of(event, "wh_1", NOW + timedelta(hours=1))
    assert first.id == later.id
    assert len({first.id, delivery_of(event, "wh_2", NOW).id, delivery_of(an_event("2"), "wh_1", NOW).id}) == 3


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_ids_sort_by_the_time_of_the_event(seconds, later):
    first = delivery_of(an_event("1", received_at=NOW + timedelta(seconds=seconds)), "wh_1", NOW)
    second = delivery_of(an_event("2", received_at=NOW + timedelta(seconds=seconds + later)), "wh_1", NOW)
    assert first.id < second.id
    assert is_id(first.id, "dlv")


def test_it_is_due_when_its_time_has_come_unless_it_is_over_or_taken():
    delivery = a_delivery()
    assert delivery.is_due(NOW)
    assert not delivery.is_due(NOW - timedelta(seconds=1))
    assert not delivery.leased(NOW).is_due(NOW + timedelta(seconds=30))
    assert delivery.leased(NOW).is_due(NOW + timedelta(minutes=2)), "its worker has died"
    assert not delivery.after(an_attempt(200)).is_due(NOW + timedelta(days=1))
