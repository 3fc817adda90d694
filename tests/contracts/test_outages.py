"""The breaker's store: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom.aws import keys
from darkroom.aws.outages import DynamoDBOutages
from darkroom.errors import StoreUnavailableError
from darkroom.outages import GRAIN, PROBE_EVERY, THRESHOLD, WINDOW, Outage
from tests.builders import NOW
from tests.fakes import FakeOutages

STEP = "CreateContainer"
ID = "CreateContainer:2"
OPENED = Outage(ID, NOW, NOW + PROBE_EVERY)
SECOND = timedelta(seconds=1)


@pytest.fixture(params=["fake", "dynamodb"])
def outages(request, cloud):
    return FakeOutages() if request.param == "fake" else in_dynamodb(cloud)


@pytest.fixture
def stored(cloud):
    return in_dynamodb(cloud)


def in_dynamodb(cloud):
    return DynamoDBOutages(cloud.client("dynamodb"), cloud.table("PostsTable"))


def fail(outages, *accounts, at=NOW, step=STEP, signature="2"):
    return [outages.report(step, signature, account, at) for account in accounts]


def in_threads(count, call):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


# Opening.


def test_where_nothing_was_reported_there_is_no_outage(outages):
    assert outages.current() is None


def test_three_accounts_open_it_and_the_third_is_told(outages):
    assert fail(outages, "a", "b", "c") == [None, None, OPENED]
    assert outages.current() == OPENED


def test_two_accounts_do_not_open_it_however_often_they_fail(outages):
    for seconds in range(0, 60, 5):
        assert fail(outages, "a", "b", at=NOW + timedelta(seconds=seconds)) == [None, None]
    assert outages.current() is None


def test_different_troubles_and_different_steps_are_counted_apart(outages):
    fail(outages, "a", "b")
    assert fail(outages, "c", signature="instagram_unavailable") == [None]
    assert fail(outages, "d", step="PublishContainer") == [None]
    assert outages.current() is None


def test_an_account_counts_until_its_last_report_has_left_the_window(outages):
    fail(outages, "a", "b")
    assert fail(outages, "c", at=NOW + WINDOW) == [None]
    assert fail(outages, "a", at=NOW + WINDOW) == [None]
    (outage,) = fail(outages, "d", at=NOW + WINDOW + timedelta(minutes=5))
    assert outage.opened_at == NOW + WINDOW + timedelta(minutes=5)


def test_a_later_report_keeps_an_account_in_the_window(outages):
    fail(outages, "a", "b")
    fail(outages, "a", "b", at=NOW + WINDOW / 2)
    assert fail(outages, "c", at=NOW + WINDOW)[0] is not None


def test_a_worker_whose_clock_is_behind_counts_and_takes_nothing_back(outages):
    fail(outages, "a", "b", at=NOW + timedelta(minutes=6))
    fail(outages, "a", at=NOW + timedelta(minutes=5))
    (outage,) = fail(outages, "c", at=NOW + timedelta(minutes=5))
    outages.take_probe(outage, NOW + timedelta(minutes=7))
    fail(outages, "a", at=NOW)
    assert outages.current().probe_at == NOW + timedelta(minutes=9)


def test_of_fifty_reports_at_once_one_announces(outages):
    told = in_threads(50, lambda number: outages.report(STEP, "2", f"acc_{number}", NOW))
    assert [outage for outage in told if outage] == [OPENED]
    assert outages.current() == OPENED


def test_many_reports_of_two_accounts_at_once_do_not_stand_in_a_third_one_s_way(outages):
    told = in_threads(50, lambda number: outages.report(STEP, "2", "c" if number == 49 else "ab"[number % 2], NOW))
    assert [outage for outage in told if outage] == [OPENED]


def test_while_open_a_report_puts_the_probe_off_and_announces_nothing(outages):
    fail(outages, "a", "b", "c")
    later = NOW + timedelta(seconds=90)
    assert fail(outages, "d", "e", "f", "a", at=later) == [None] * 4
    assert outages.current() == replace(OPENED, probe_at=later + PROBE_EVERY)


def test_of_several_outages_the_oldest_is_the_current_one(outages):
    fail(outages, "a", "b", "c", step="PublishContainer")
    fail(outages, "a", "b", "c", at=NOW + SECOND)
    assert outages.current().id == "PublishContainer:2"
    outages.close("PublishContainer:2", NOW + SECOND)
    assert outages.current().id == ID


# Probing.


def test_a_probe_is_let_through_when_it_is_due_and_not_before(outages):
    fail(outages, "a", "b", "c")
    assert not outages.take_probe(OPENED, OPENED.probe_at - SECOND)
    assert outages.take_probe(OPENED, OPENED.probe_at)
    assert not outages.take_probe(OPENED, OPENED.probe_at)
    assert not outages.take_probe(outages.current(), OPENED.probe_at + SECOND)


def test_of_fifty_who_would_probe_one_may(outages):
    fail(outages, "a", "b", "c")
    assert sum(in_threads(50, lambda _: outages.take_probe(OPENED, OPENED.probe_at))) == 1


def test_when_the_worker_of_a_probe_dies_another_is_let_through(outages):
    """Nobody ever hears of a probe: neither a report nor a close. The clock alone lets the next one through."""
    fail(outages, "a", "b", "c")
    for number in range(1, 5):
        moment = NOW + number * PROBE_EVERY
        assert not outages.take_probe(outages.current(), moment - SECOND)
        assert outages.take_probe(outages.current(), moment)


def test_after_a_long_silence_the_first_that_comes_may_probe_at_once(outages):
    fail(outages, "a", "b", "c")
    next_week = NOW + timedelta(days=7)
    assert outages.take_probe(outages.current(), next_week)
    assert outages.close(ID, next_week).opened_at == NOW


def test_a_probe_that_fails_puts_the_next_one_off_from_its_failure(outages):
    fail(outages, "a", "b", "c")
    assert outages.take_probe(OPENED, OPENED.probe_at)
    failed_at = OPENED.probe_at + timedelta(seconds=40)
    fail(outages, "d", at=failed_at)
    assert outages.current().probe_at == failed_at + PROBE_EVERY


def test_who_read_an_earlier_outage_takes_no_probe_of_the_next(outages):
    fail(outages, "a", "b", "c")
    outages.close(ID, NOW)
    fail(outages, "a", "b", "c", at=NOW + SECOND)
    assert not outages.take_probe(OPENED, NOW + timedelta(hours=1))


def test_what_is_closed_or_never_was_cannot_be_probed(outages):
    assert not outages.take_probe(OPENED, NOW + timedelta(hours=1))
    fail(outages, "a", "b", "c")
    outages.close(ID, NOW)
    assert not outages.take_probe(OPENED, NOW + timedelta(hours=1))


# Closing.


def test_closing_tells_one_caller_what_has_ended(outages):
    fail(outages, "a", "b", "c")
    told = in_threads(20, lambda _: outages.close(ID, NOW + PROBE_EVERY))
    assert [outage for outage in told if outage] == [OPENED]
    assert outages.current() is None


def test_closing_what_is_not_open_changes_nothing(outages):
    assert outages.close(ID, NOW) is None
    fail(outages, "a", "b")
    assert outages.close(ID, NOW) is None
    assert fail(outages, "c") == [OPENED]


def test_it_opens_again_and_counts_from_nothing(outages):
    fail(outages, "a", "b", "c")
    outages.close(ID, NOW)
    later = NOW + timedelta(minutes=1)
    assert fail(outages, "d", "e", at=later) == [None, None]
    assert fail(outages, "f", at=later) == [Outage(ID, later, later + PROBE_EVERY)]
    assert outages.close(ID, later).opened_at == later


# What only DynamoDB can get wrong.


def item(stored):
    return stored.client.get_item(TableName=stored.table, Key=keys.outage(ID))["Item"]


def test_an_item_stays_small_when_thousands_fail(stored):
    fail(stored, *(f"acc_{number:026}" for number in range(THRESHOLD - 1)))
    assert len(item(stored)["seen"]["M"]) == THRESHOLD - 1
    fail(stored, *(f"acc_{number:026}" for number in range(200)))
    assert "seen" not in item(stored)


def test_thousands_of_reports_in_a_moment_are_not_thousands_of_writes(stored, wire):
    fail(stored, "a", "b", "c")
    writes = wire.counts(stored.client, "UpdateItem")
    fail(stored, *(f"acc_{number}" for number in range(100)), at=NOW + GRAIN)
    assert len(writes) == 1


def test_many_failures_of_one_account_in_a_moment_are_one_write(stored, wire):
    writes = wire.counts(stored.client, "PutItem")
    fail(stored, *["a"] * 20)
    assert len(writes) == 1


def test_a_report_that_others_overtake_gets_its_turn(stored, wire):
    fail(stored, "a", "b")
    moments = [NOW + number * SECOND for number in range(1, 9)]

    def overtake():
        fail(stored, "a", at=moments.pop())
        if moments:
            wire.before(stored.client, "PutItem", overtake)

    moments.reverse()
    wire.before(stored.client, "PutItem", overtake)
    assert fail(stored, "c") == [OPENED]
    assert not moments


def test_a_report_that_a_later_one_overtakes_does_not_bring_the_probe_forward(stored, wire):
    fail(stored, "a", "b", "c")
    wire.before(stored.client, "UpdateItem", lambda: fail(stored, "d", at=NOW + 5 * SECOND))
    fail(stored, "e", at=NOW + SECOND)
    assert stored.current().probe_at == NOW + 5 * SECOND + PROBE_EVERY


def test_asking_is_one_consistent_query(stored, wire):
    fail(stored, "a", "b", "c")
    queries = requests_of(stored.client, "Query", wire)
    stored.current()
    assert [query["ConsistentRead"] for query in queries] == [True]


def test_what_is_only_counted_expires_and_what_is_open_does_not(stored):
    fail(stored, "a")
    assert int(item(stored)["expires_at"]["N"]) == int((NOW + WINDOW).timestamp())
    fail(stored, "b", "c")
    assert "expires_at" not in item(stored)
    stored.close(ID, NOW)
    assert "expires_at" in item(stored)


def test_an_opening_whose_answer_was_lost_is_announced_by_who_wrote_it(stored, wire):
    """The SDK asks again and is refused, because its first try has opened it."""
    fail(stored, "a", "b")
    lose_first_answer(stored.client, "PutItem", wire)
    assert fail(stored, "c") == [OPENED]
    assert fail(stored, "d") == [None]


def test_a_closing_whose_answer_was_lost_is_announced_by_who_wrote_it(stored, wire):
    fail(stored, "a", "b", "c")
    lose_first_answer(stored.client, "UpdateItem", wire)
    assert stored.close(ID, NOW) == OPENED
    assert stored.close(ID, NOW) is None


def lose_first_answer(client, operation, wire):
    """What the SDK's own retry amounts to: the same request arrives twice, and the second answer is the one heard."""
    requests = requests_of(client, operation, wire)
    wire.before(client, operation, lambda: client._make_api_call(operation, requests[0]))


def requests_of(client, operation, wire):
    requests = []
    wire._register(client, "provide-client-params", operation, lambda params, **_: requests.append(params))
    return requests


def test_an_outage_that_opens_while_a_report_is_on_its_way_is_announced_once(stored, wire):
    fail(stored, "a", "b")
    told = []
    wire.before(stored.client, "PutItem", lambda: told.extend(fail(stored, "c")))
    told.extend(fail(stored, "d"))
    assert told == [OPENED, None]


def test_an_outage_that_closes_while_a_report_is_on_its_way_stays_closed(stored, wire):
    fail(stored, "a", "b", "c")
    wire.before(stored.client, "UpdateItem", lambda: stored.close(ID, NOW))
    assert fail(stored, "d", at=NOW + SECOND) == [None]
    assert stored.current() is None


def test_a_report_that_never_gets_its_turn_means_wait(stored, wire):
    wire.answers(stored.client, "PutItem", "ConditionalCheckFailedException")
    with pytest.raises(StoreUnavailableError):
        fail(stored, "a")


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("GetItem", lambda outages: fail(outages, "a")),
        ("PutItem", lambda outages: fail(outages, "a")),
        ("Query", lambda outages: outages.current()),
        ("UpdateItem", lambda outages: outages.take_probe(OPENED, NOW)),
        ("UpdateItem", lambda outages: outages.close(ID, NOW)),
    ],
)
def test_a_busy_table_means_wait(stored, wire, operation, call):
    wire.answers(stored.client, operation, "ThrottlingException")
    with pytest.raises(StoreUnavailableError):
        call(stored)
