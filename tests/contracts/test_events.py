"""The store of events: the fake and DynamoDB keep the same promises."""

import json
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


# ── what was told ──


def numbered(number, **fields):
    return an_event(id=f"evt_{number:026}", **fields)


def test_of_many_events_those_are_told_that_were_announced(events):
    known = [numbered(number) for number in range(250)]
    for event in known[::50]:
        events.add(event)
    for event in known[::100]:
        events.mark_announced(event, NOW)
    ids = [event.id for event in known]
    assert events.told(known[0].tenant_id, ids) == {event.id for event in known[::100]}
    assert events.told(OTHER_TENANT, ids) == frozenset()
    assert events.told(known[0].tenant_id, []) == frozenset()


def test_an_id_may_be_asked_about_twice(events):
    event = an_event()
    events.add(event)
    events.mark_announced(event, NOW)
    assert events.told(event.tenant_id, [event.id, event.id]) == {event.id}


@pytest.fixture
def real(cloud, clock):
    return DynamoDBEvents(cloud.client("dynamodb"), cloud.table("EventsTable"), clock)


def test_asking_what_was_told_takes_a_call_a_hundred_and_no_content(real, wire):
    event = an_event(data={"text": "CANARY"})
    real.add(event)
    real.mark_announced(event, NOW)
    heard = wire.hears(real.client, "BatchGetItem")
    real.told(event.tenant_id, [f"evt_{number:026}" for number in range(201)])
    assert [len(each["RequestItems"][real.table]["Keys"]) for each in heard] == [100, 100, 1]
    assert all(each["RequestItems"][real.table]["ProjectionExpression"] == "id, announced_at" for each in heard)


def test_what_the_table_did_not_answer_was_not_told_as_far_as_we_know(real, wire):
    event = an_event()
    body = {"Responses": {}, "UnprocessedKeys": {real.table: {"Keys": [{"pk": {"S": "a"}, "sk": {"S": "b"}}]}}}
    wire.answers(real.client, "BatchGetItem", "", 200, json.dumps(body))
    assert real.told(event.tenant_id, [event.id]) == frozenset()
