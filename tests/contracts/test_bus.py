"""
The event bus: the fake, and EventBridge on moto, where what is announced reaches a queue through a rule as
docs/events.md shows one.
"""

import json

import pytest
from botocore.exceptions import ConnectTimeoutError

from darkroom.aws.bus import EventBridgeBus
from darkroom.errors import StoreUnavailableError
from darkroom.outages import BEGAN, ENDED
from tests.builders import NOW
from tests.fakes import FakeBus

BUS = "darkroom-events"
DETAIL = {"outage_id": "CreateContainer:2", "step": "CreateContainer", "opened_at": "2026-11-23T09:30:00+00:00"}
PATTERN = {"source": ["darkroom"], "detail-type": [BEGAN, ENDED]}


@pytest.fixture(scope="module")
def queue_url(cloud):
    """Of a queue that hears of outages."""
    events, sqs = cloud.client("events"), cloud.client("sqs")
    url = sqs.create_queue(QueueName="outages")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.create_event_bus(Name=BUS)
    events.put_rule(Name="outages", EventBusName=BUS, EventPattern=json.dumps(PATTERN))
    events.put_targets(Rule="outages", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])
    return url


@pytest.fixture
def bus(cloud, queue_url):
    return EventBridgeBus(cloud.client("events"), BUS)


def received(cloud, queue_url):
    found = cloud.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


@pytest.fixture(params=["fake", "eventbridge"])
def either(request, cloud):
    """A bus, what it has taken of outages, and how to make it fail."""
    if request.param == "fake":
        fake = FakeBus()
        return fake, lambda: list(fake.announced), lambda: setattr(fake, "failure", StoreUnavailableError())
    url, wire = request.getfixturevalue("queue_url"), request.getfixturevalue("wire")
    real = request.getfixturevalue("bus")

    def heard():
        return [(each["detail-type"], each["detail"]) for each in received(cloud, url)]

    return real, heard, lambda: wire.answers(real.client, "PutEvents", "InternalException", 500)


def test_a_bus_passes_on_what_it_took_as_it_was_and_as_often(either):
    bus, heard, _ = either
    for name in (BEGAN, ENDED, BEGAN):
        bus.announce(name, DETAIL, NOW)
    assert sorted(heard(), key=str) == sorted([(BEGAN, DETAIL), (ENDED, DETAIL), (BEGAN, DETAIL)], key=str)


def test_a_bus_keeps_what_it_was_told_and_not_what_became_of_it(either):
    bus, heard, _ = either
    detail = dict(DETAIL)
    bus.announce(BEGAN, detail, NOW)
    detail["step"] = "changed"
    assert heard() == [(BEGAN, DETAIL)]


def test_a_bus_that_fails_says_so_and_took_nothing(either):
    bus, heard, fail = either
    fail()
    with pytest.raises(StoreUnavailableError):
        bus.announce(BEGAN, DETAIL, NOW)
    assert heard() == []


def test_what_is_announced_reaches_who_has_a_rule_for_it(bus, cloud, queue_url):
    bus.announce(BEGAN, DETAIL, NOW)
    bus.announce("SomethingElseHappened", {}, NOW)
    (event,) = received(cloud, queue_url)
    assert (event["source"], event["detail-type"], event["detail"]) == ("darkroom", "PlatformOutageBegan", DETAIL)


def test_an_event_bears_the_time_at_which_it_happened(bus, wire):
    sent = []
    wire._register(bus.client, "provide-client-params", "PutEvents", lambda params, **_: sent.append(params))
    bus.announce(BEGAN, DETAIL, NOW)
    (entry,) = sent[0]["Entries"]
    assert entry["Time"] == NOW


def test_an_event_that_was_not_taken_is_not_lost_in_silence(bus, wire):
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}]}
    wire.answers(bus.client, "PutEvents", "", 200, json.dumps(refused))
    with pytest.raises(StoreUnavailableError) as caught:
        bus.announce(BEGAN, DETAIL, NOW)
    assert caught.value.detail == "The event bus did not take an event: InternalFailure."


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalException", 500)])
def test_a_busy_bus_means_wait(bus, wire, code, status):
    wire.answers(bus.client, "PutEvents", code, status)
    with pytest.raises(StoreUnavailableError):
        bus.announce(BEGAN, DETAIL, NOW)


def test_a_bus_that_cannot_be_reached_means_wait(bus, wire):
    wire.breaks(bus.client, "PutEvents", ConnectTimeoutError(endpoint_url="https://events.test"))
    with pytest.raises(StoreUnavailableError):
        bus.announce(BEGAN, DETAIL, NOW)
