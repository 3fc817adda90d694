"""Deliveries on their way to endpoints: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom.aws.outgoing_deliveries import DynamoDBOutgoingDeliveries
from darkroom.errors import ConflictError, NotFoundError
from darkroom.outgoing_deliveries import KEPT
from darkroom.pages import PageRequest, opened
from tests.builders import NOW, OTHER_TENANT, TENANT, a_delivery, an_attempt, an_event
from tests.fakes import Clock
from tests.outgoing_fakes import FakeOutgoingDeliveries

MINUTE = timedelta(minutes=1)
OTHER_ENDPOINT = "wh_00000000000000000000000002"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["fake", "dynamodb"])
def deliveries(request, cloud, clock):
    if request.param == "fake":
        return FakeOutgoingDeliveries(clock)
    return DynamoDBOutgoingDeliveries(cloud.client("dynamodb"), cloud.table("EndpointsTable"), clock)


def get(deliveries, delivery):
    return deliveries.get(delivery.tenant_id, delivery.endpoint_id, delivery.id)


def test_a_delivery_is_made_once(deliveries):
    delivery = a_delivery()
    assert deliveries.add(delivery)
    assert not deliveries.add(replace(delivery, failures=3))
    assert get(deliveries, delivery) == delivery


def test_two_workers_make_one_delivery(deliveries):
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: deliveries.add(a_delivery()), range(4))) == [False, False, False, True]


def test_attempts_come_back_as_they_were(deliveries):
    delivery = a_delivery()
    deliveries.add(delivery)
    for attempt in (an_attempt(503), an_attempt(None), an_attempt(200)):
        delivery = deliveries.save(delivery.after(attempt))
    assert get(deliveries, delivery) == delivery
    assert [attempt.status for attempt in delivery.attempts] == [503, None, 200]


def test_of_two_workers_one_takes_a_delivery(deliveries):
    delivery = a_delivery()
    deliveries.add(delivery)

    def takes(_):
        try:
            deliveries.save(delivery.leased(NOW))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(takes, range(4))) == [False, False, False, True]


def test_what_is_not_there_cannot_be_saved(deliveries):
    with pytest.raises(ConflictError):
        deliveries.save(a_delivery())
    with pytest.raises(NotFoundError):
        get(deliveries, a_delivery())


def test_a_delivery_is_found_under_its_own_tenant_and_endpoint(deliveries):
    delivery = a_delivery()
    deliveries.add(delivery)
    for ids in ((OTHER_TENANT, delivery.endpoint_id), (TENANT, OTHER_ENDPOINT)):
        with pytest.raises(NotFoundError):
            deliveries.get(*ids, delivery.id)


def test_a_new_delivery_is_left_to_its_maker_for_two_minutes(deliveries):
    delivery = a_delivery()
    deliveries.add(delivery)
    assert deliveries.due_before(NOW + MINUTE, 10) == ()
    assert deliveries.due_before(NOW + 2 * MINUTE + timedelta(seconds=1), 10) == (delivery.task,)


def test_a_failed_attempt_is_due_when_it_says_and_a_lease_when_it_ends(deliveries):
    delivery = a_delivery()
    deliveries.add(delivery)
    failed = deliveries.save(delivery.after(an_attempt(500)))
    assert deliveries.due_before(failed.due_at, 10) == ()
    assert deliveries.due_before(failed.due_at + MINUTE, 10) == (delivery.task,)
    leased = deliveries.save(failed.leased(NOW))
    assert deliveries.due_before(leased.due_at, 10) == ()


@pytest.mark.parametrize("end", ["delivered", "failed"])
def test_what_is_over_is_never_due(deliveries, end):
    delivery = a_delivery()
    deliveries.add(delivery)
    over = delivery.after(an_attempt(200)) if end == "delivered" else delivery.given_up("endpoint_deleted")
    assert deliveries.save(over).state == end
    assert deliveries.due_before(NOW + timedelta(days=9), 10) == ()


def test_what_was_resent_is_due_again(deliveries):
    delivery = a_delivery()
    deliveries.add(delivery)
    over = deliveries.save(delivery.after(an_attempt(200)))
    deliveries.save(over.again(NOW))
    assert deliveries.due_before(NOW + MINUTE, 10) == (delivery.task,)


def test_those_due_longest_come_first_and_the_rest_waits(deliveries):
    made = [a_delivery(an_event(str(number))) for number in range(3)]
    for minutes, delivery in zip((3, 1, 2), made, strict=True):
        deliveries.add(delivery)
        deliveries.save(replace(delivery, due_at=NOW + minutes * MINUTE))
    assert deliveries.due_before(NOW + 5 * MINUTE, 2) == (made[1].task, made[2].task)


def test_what_was_queued_lets_the_others_have_their_turn(deliveries):
    delivery = a_delivery()
    deliveries.add(delivery)
    deliveries.save(replace(delivery, due_at=NOW))
    seen = NOW + MINUTE
    deliveries.look_again_after([delivery.task], seen, NOW + 15 * MINUTE)
    assert deliveries.due_before(NOW + 15 * MINUTE, 10) == ()
    assert deliveries.due_before(NOW + 16 * MINUTE, 10) == (delivery.task,)
    assert get(deliveries, delivery).due_at == NOW, "it is as due as it was"


def test_what_has_moved_on_meanwhile_is_not_put_off(deliveries):
    delivery = a_delivery()
    deliveries.add(delivery)
    over = deliveries.save(delivery.after(an_attempt(200)))
    deliveries.look_again_after([over.task], NOW + MINUTE, NOW + 15 * MINUTE)
    assert deliveries.due_before(NOW + timedelta(days=1), 10) == ()
    failed = deliveries.save(over.again(NOW + 5 * MINUTE))
    deliveries.look_again_after([failed.task], NOW + MINUTE, NOW + 15 * MINUTE)
    assert deliveries.due_before(NOW + 6 * MINUTE, 10) == (failed.task,)


def test_the_log_of_an_endpoint_is_its_own_newest_first_in_pages(deliveries):
    made = [a_delivery(an_event(str(number), received_at=NOW + number * MINUTE)) for number in range(5)]
    for delivery in (*made, a_delivery(endpoint_id=OTHER_ENDPOINT), a_delivery(an_event(tenant_id=OTHER_TENANT))):
        deliveries.add(delivery)
    first = deliveries.page(TENANT, made[0].endpoint_id, PageRequest(3))
    assert first.data == (made[4], made[3], made[2])
    after = opened(first.next_cursor, TENANT)
    last = deliveries.page(TENANT, made[0].endpoint_id, PageRequest(3, after))
    assert (last.data, last.next_cursor) == ((made[1], made[0]), None)


def test_after_thirty_days_it_is_gone_whether_or_not_it_still_lies_there(deliveries, clock):
    delivery = a_delivery()
    deliveries.add(delivery)
    clock.now = NOW + KEPT
    with pytest.raises(NotFoundError):
        get(deliveries, delivery)
    assert deliveries.page(TENANT, delivery.endpoint_id, PageRequest()).data == ()
