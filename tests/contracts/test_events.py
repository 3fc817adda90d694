"""The store of events: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from darkroom.aws.events import DynamoDBEvents
from darkroom.errors import NotFoundError
from darkroom.events import KEPT
from tests.builders import NOW, OTHER_TENANT, an_event
from tests.fakes import Clock, FakeEvents


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["fake", "dynamodb"])
def events(request, cloud, clock):
    if request.param == "fake":
        return FakeEvents(clock)
    return DynamoDBEvents(cloud.client("dynamodb"), cloud.table("EventsTable"), clock)


def test_a_new_event_is_stored_as_it_is_and_has_to_be_announced(events):
    event = an_event()
    assert events.add(event)
    assert events.get(event.tenant_id, event.id) == event


def test_whatever_others_send_comes_back_as_it_was(events):
    data = {"deep": [{"x": 0.1, "huge": 10**30, "none": None}], "text": "ä\u2028😀", "empty": ""}
    event = an_event(data=data)
    events.add(event)
    assert events.get(event.tenant_id, event.id).data == data


def test_an_event_that_was_announced_is_old_news(events):
    event = an_event()
    events.add(event)
    events.mark_announced(event, NOW)
    assert not events.add(event)


def test_an_event_whose_worker_died_before_announcing_has_to_be_announced_by_the_next(events):
    event = an_event()
    events.add(event)
    assert events.add(event)


def test_the_first_telling_counts(events):
    event = an_event()
    events.add(event)
    events.add(an_event(data={"text": "another"}, received_at=NOW + timedelta(hours=1)))
    assert events.get(event.tenant_id, event.id) == event


def test_an_event_without_an_account_is_the_tenants(events):
    event = an_event(account_id=None)
    events.add(event)
    assert events.get(event.tenant_id, event.id).account_id is None


def test_nobody_finds_another_tenants_event(events):
    event = an_event()
    events.add(event)
    with pytest.raises(NotFoundError):
        events.get(OTHER_TENANT, event.id)


def test_after_ninety_days_it_is_gone_whether_or_not_it_still_lies_there(events, clock):
    event = an_event()
    events.add(event)
    clock.now = NOW + KEPT
    with pytest.raises(NotFoundError):
        events.get(event.tenant_id, event.id)


def test_marking_what_is_not_there_does_nothing(events):
    event = an_event()
    events.mark_announced(event, NOW)
    with pytest.raises(NotFoundError):
        events.get(event.tenant_id, event.id)


def test_two_workers_store_one_event(events):
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: events.add(an_event()), range(4)))
    event = an_event()
    events.mark_announced(event, NOW)
    assert events.get(event.tenant_id, event.id) == event
