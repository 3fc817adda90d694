import pytest

from darkroom import resending
from darkroom.errors import ConflictError, NotFoundError
from darkroom.ids import new_id
from darkroom.pages import PageRequest
from tests.builders import NOW, OTHER_TENANT, TENANT, a_caller, a_delivery, an_attempt, an_endpoint
from tests.fakes import Clock, FakeEvents
from tests.outgoing_fakes import FakeDeliveryQueue, FakeEndpoints, FakeOutgoingDeliveries

ME = a_caller()
ENDPOINT = an_endpoint(account_ids=("acc_1",), types=("post.*",))
ULID = new_id("req", NOW).removeprefix("req_")


@pytest.fixture
def ports():
    clock = Clock()
    return resending.Ports(
        FakeEndpoints(ENDPOINT), FakeEvents(clock), FakeOutgoingDeliveries(clock), FakeDeliveryQueue(), clock
    )


def test_a_test_event_goes_to_this_endpoint_whatever_it_wants(ports):
    delivery = resending.send_test(ME, ENDPOINT.id, ULID, ports)
    assert ports.queue.sent == [delivery.task]
    event = ports.events.get(TENANT, delivery.event_id)
    assert (event.type, event.is_read, event.refs) == ("test.sent", True, {"endpoint_id": ENDPOINT.id})


def test_the_same_request_once_more_is_the_same_test(ports):
    first, second = (resending.send_test(ME, ENDPOINT.id, ULID, ports) for _ in range(2))
    assert first.id == second.id
    assert len(ports.deliveries.stored) == 1


def test_what_was_given_up_is_sent_again_by_hand(ports):
    delivery = a_delivery()
    ports.deliveries.add(delivery)
    ports.deliveries.save(delivery.after(an_attempt(500)).given_up("endpoint_disabled"))
    again = resending.resend(ME, ENDPOINT.id, delivery.id, ports)
    assert (again.state, again.due_at, again.failures) == ("pending", NOW, 0)
    assert ports.queue.sent == [delivery.task]


def test_to_a_disabled_endpoint_nothing_is_sent(ports):
    ports.deliveries.add(a_delivery())
    ports.endpoints.disable(ENDPOINT, "gone", NOW)
    for attempt in (
        lambda: resending.send_test(ME, ENDPOINT.id, ULID, ports),
        lambda: resending.resend(ME, ENDPOINT.id, a_delivery().id, ports),
    ):
        with pytest.raises(ConflictError) as raised:
            attempt()
        assert raised.value.code == "endpoint_disabled"
    assert len(resending.list_deliveries(ME, ENDPOINT.id, PageRequest(), ports).data) == 1


@pytest.mark.parametrize("caller", [a_caller(OTHER_TENANT), a_caller(account_ids=("acc_2",))])
def test_nobody_else_sees_or_sends_anything(ports, caller):
    ports.deliveries.add(a_delivery())
    for attempt in (
        lambda: resending.send_test(caller, ENDPOINT.id, ULID, ports),
        lambda: resending.resend(caller, ENDPOINT.id, a_delivery().id, ports),
        lambda: resending.list_deliveries(caller, ENDPOINT.id, PageRequest(), ports),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert ports.queue.sent == []


def test_a_delivery_of_another_endpoint_is_not_here(ports):
    other = a_delivery(endpoint_id="wh_00000000000000000000000002")
    ports.deliveries.add(other)
    with pytest.raises(NotFoundError):
        resending.resend(ME, ENDPOINT.id, other.id, ports)
