import pytest

from darkroom import fanning_out
from darkroom.errors import StoreUnavailableError
from darkroom.fanning_out import FanOutTask
from tests.builders import NOW, OTHER_TENANT, TENANT, a_delivery, an_endpoint, an_event
from tests.fakes import Clock, FakeEvents
from tests.outgoing_fakes import FakeDeliveryQueue, FakeEndpoints, FakeOutgoingDeliveries

WANTS_ALL = an_endpoint()
WANTS_POSTS = an_endpoint(id="wh_00000000000000000000000002", types=("post.*",))
THEIRS = an_endpoint(id="wh_00000000000000000000000003", tenant_id=OTHER_TENANT)


@pytest.fixture
def ports():
    clock = Clock()
    events = FakeEvents(clock)
    events.add(an_event())
    endpoints = FakeEndpoints(WANTS_ALL, WANTS_POSTS, THEIRS)
    return fanning_out.Ports(events, endpoints, FakeOutgoingDeliveries(clock), FakeDeliveryQueue(), clock)


TASK = FanOutTask(TENANT, an_event().id)


def test_every_endpoint_of_the_tenant_that_wants_it_gets_a_delivery(ports):
    assert fanning_out.fan_out(TASK, ports) == 1
    assert ports.queue.sent == [a_delivery().task]
    (delivery,) = ports.deliveries.stored.values()
    assert (delivery.endpoint_id, delivery.event_type, delivery.due_at) == (WANTS_ALL.id, "comment.created", NOW)


def test_the_same_event_once_more_is_nothing_new(ports):
    fanning_out.fan_out(TASK, ports)
    assert fanning_out.fan_out(TASK, ports) == 0
    assert len(ports.queue.sent) == 1


def test_what_was_made_and_not_queued_is_left_to_the_sweep(ports):
    ports.queue.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        fanning_out.fan_out(TASK, ports)
    ports.queue.failure = None
    fanning_out.fan_out(TASK, ports)
    ports.now.advance(180)
    assert ports.deliveries.due_before(ports.now(), 10) == (a_delivery().task,)


def test_an_event_that_nobody_stored_is_nobodys(ports):
    for task in (FanOutTask(TENANT, "evt_unknown"), FanOutTask(OTHER_TENANT, an_event().id)):
        assert fanning_out.fan_out(task, ports) == 0
    assert ports.queue.sent == []
