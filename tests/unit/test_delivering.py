"""One attempt to deliver; every use case here runs over stores that pass the contract suites."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from darkroom import announcing, delivering
from darkroom.endpoints import DISABLED_AFTER
from darkroom.errors import StoreUnavailableError, TokenUnreadableError
from darkroom.standard_webhooks import new_secret
from tests.builders import NOW, TENANT, a_delivery, an_attempt, an_endpoint, an_event
from tests.fakes import Clock, FakeBus, FakeEvents
from tests.outgoing_fakes import (
    FakeDeliveryQueue,
    FakeEndpoints,
    FakeEndpointSecrets,
    FakeOutgoingDeliveries,
    FakeReceiver,
)

MINUTE = timedelta(minutes=1)


class World:
    """One endpoint, one event, one delivery that is due."""

    def __init__(self):
        self.clock = Clock()
        self.events = FakeEvents(self.clock)
        self.event = an_event()
        self.events.add(self.event)
        self.endpoints = FakeEndpoints(an_endpoint())
        self.secrets = FakeEndpointSecrets(self.endpoints)
        self.deliveries = FakeOutgoingDeliveries(self.clock)
        self.delivery = a_delivery(self.event)
        self.deliveries.add(self.delivery)
        self.receiver = FakeReceiver([an_attempt(200)])
        self.bus = FakeBus()
        self.queue = FakeDeliveryQueue()

    @property
    def ports(self):
        telling = announcing.Ports(self.events, lambda *told: self.bus.announce(*told, self.clock()), self.clock)
        return delivering.Ports(
            self.events, self.endpoints, self.secrets, self.deliveries, self.receiver, telling, self.clock
        )

    def deliver(self):
        return delivering.deliver(self.delivery.task, self.ports)

    def sweep(self):
        return delivering.queue_due(delivering.SweepPorts(self.deliveries, self.queue, self.clock))

    @property
    def stored(self):
        return self.deliveries.stored[self.delivery.task]

    @property
    def endpoint(self):
        return self.endpoints.get(TENANT, an_endpoint().id)


@pytest.fixture
def world():
    return World()


def test_an_event_is_sent_signed_and_as_the_documentation_shows_it(world):
    secret = new_secret()
    world.clock.now = datetime.now(UTC)  # the verifying library has a clock of its own
    world.endpoints.rotate(world.endpoint, secret, world.clock())
    assert world.deliver() == "delivered"
    ((url, headers, body),) = world.receiver.received
    assert url == an_endpoint().url
    assert headers["webhook-id"] == world.event.id
    verified = Webhook(secret).verify(body, headers)
    assert verified == {
        "type": "comment.created",
        "timestamp": "2026-11-23T09:30:00.000Z",
        "data": {
            "id": world.event.id,
            "account_id": world.event.account_id,
            "received_at": "2026-11-23T09:30:00.000Z",
            "refs": {"comment_id": "17900000000000001"},
            "data": {"text": "CANARY-comment"},
        },
    }
    assert [attempt.status for attempt in world.stored.attempts] == [200]


def test_a_second_message_for_the_same_delivery_sends_nothing(world):
    world.deliver()
    assert world.deliver() == "not due"
    assert len(world.receiver.received) == 1


def test_while_one_worker_attempts_another_does_not(world):
    seen = []
    world.receiver.on_send = lambda: seen.append(world.deliver())
    assert world.deliver() == "delivered"
    assert seen == ["not due"]
    assert len(world.receiver.received) == 1


def test_whoever_loses_the_race_for_the_lease_sends_nothing(world, monkeypatch):
    stale = world.deliveries.get
    monkeypatch.setattr(world.deliveries, "get", lambda *ids: world.delivery)
    world.deliveries.save(world.delivery.leased(NOW))
    assert world.deliver() == "taken"
    assert world.receiver.received == []
    assert stale is not None


@pytest.mark.parametrize("answer", [an_attempt(500), an_attempt(302), an_attempt(None), an_attempt(404)])
def test_a_failure_is_tried_again_after_a_minute(world, answer):
    world.receiver.answers = [answer, an_attempt(200)]
    assert world.deliver() == "to be tried again"
    assert world.endpoint.failing_since == NOW
    assert world.deliver() == "not due"
    world.clock.advance(2 * MINUTE)
    assert world.sweep() == 1
    assert world.queue.sent == [world.delivery.task]
    assert world.deliver() == "delivered"
    assert world.endpoint.failing_since is None
    (_, first, body), (_, second, again) = world.receiver.received
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-signature"] != second["webhook-signature"]
    assert body == again


def test_after_eight_attempts_it_is_given_up(world):
    world.receiver.answers = [an_attempt(503)]
    for _ in range(20):
        world.clock.advance(timedelta(hours=12))
        world.deliver()
    assert (world.stored.state, len(world.receiver.received)) == ("failed", 8)


def test_a_worker_that_dies_leaves_a_delivery_that_is_found_again(world):
    def die():
        raise SystemExit

    world.receiver.on_send = die
    with pytest.raises(SystemExit):
        world.deliver()
    world.receiver.on_send = lambda: None
    world.clock.advance(30)
    assert world.deliver() == "not due"
    world.clock.advance(60)
    assert world.sweep() == 1
    assert world.deliver() == "delivered"


def test_gone_means_gone(world):
    world.receiver.answers = [an_attempt(410)]
    world.deliver()
    assert (world.endpoint.is_enabled, world.endpoint.disabled_reason) == (False, "gone")
    ((name, detail),) = world.bus.announced
    assert name == "WebhookEndpointDisabled"
    assert (detail["endpoint_id"], detail["reason"]) == (world.endpoint.id, "gone")
    world.clock.advance(5 * MINUTE)
    assert world.deliver() == "endpoint_disabled"
    assert world.stored.state == "failed"
    assert len(world.receiver.received) == 1
    assert len(world.bus.announced) == 1


def test_after_five_days_of_failure_it_is_disabled_and_people_are_told_once(world):
    world.receiver.answers = [an_attempt(500)]
    world.endpoints.mark_failing(world.endpoint, NOW - DISABLED_AFTER + MINUTE)
    world.deliver()
    assert world.endpoint.is_enabled
    world.clock.advance(2 * MINUTE)
    world.deliver()
    assert world.endpoint.disabled_reason == "failing"
    assert [name for name, _ in world.bus.announced] == ["WebhookEndpointDisabled"]
    (told,) = [event for event in world.events.stored.values() if event.type == "webhook_endpoint.disabled"]
    assert told.refs == {"endpoint_id": world.endpoint.id, "reason": "failing"}


def test_one_success_makes_up_for_days_of_failure(world):
    world.endpoints.mark_failing(world.endpoint, NOW - timedelta(days=30))
    world.deliver()
    assert world.endpoint.is_enabled
    assert world.endpoint.failing_since is None


def test_when_the_bus_fails_after_disabling_the_next_worker_tells(world):
    world.receiver.answers = [an_attempt(410)]
    world.bus.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        world.deliver()
    world.bus.failure = None
    world.clock.advance(2 * MINUTE)
    assert world.deliver() == "endpoint_disabled"
    assert len(world.bus.announced) == 1


def test_an_endpoint_that_its_owner_disabled_is_no_news(world):
    world.endpoints.save(replace(world.endpoint, disabled_at=NOW, disabled_reason="caller"))
    assert world.deliver() == "endpoint_disabled"
    assert world.bus.announced == []
    assert world.receiver.received == []


def test_what_was_deleted_is_sent_nowhere(world):
    world.endpoints.remove(world.endpoint)
    assert world.deliver() == "endpoint_deleted"
    assert world.receiver.received == []


def test_an_event_that_was_erased_is_not_sent(world):
    world.events.stored.clear()
    assert world.deliver() == "event_gone"
    assert world.receiver.received == []


def test_a_delivery_that_is_gone_is_nothing_to_do(world):
    world.deliveries.stored.clear()
    assert world.deliver() == "gone"


def test_when_kms_refuses_nobody_is_blamed_and_the_attempt_is_not_counted(world):
    world.secrets.failure = TokenUnreadableError()
    assert world.deliver() == "token_unreadable"
    assert world.endpoint.failing_since is None
    assert world.stored.attempts == ()
    world.secrets.failure = None
    world.clock.advance(20 * MINUTE)
    assert world.deliver() == "delivered"


def test_while_kms_refuses_a_delivery_is_queued_every_quarter_of_an_hour_and_not_every_minute(world):
    """A message that is given back five times is a dead letter, and each lease that ends would make another."""
    world.secrets.failure = TokenUnreadableError()
    world.deliver()
    queued = 0
    for _ in range(60):
        world.clock.advance(MINUTE)
        if world.sweep():
            queued += 1
            world.deliver()
    assert queued == 3
    assert world.stored.failures == 0


def test_a_delivery_that_is_resent_during_an_attempt_is_attempted_once_more(world):
    world.receiver.on_send = lambda: world.deliveries.save(world.stored.again(world.clock()))
    assert world.deliver() == "changed meanwhile"
    world.receiver.on_send = lambda: None
    assert world.deliver() == "delivered"


def test_a_clock_that_is_a_second_behind_does_not_lose_a_message(world):
    world.clock.advance(-1)
    assert world.deliver() == "delivered"


def test_the_sweep_queues_what_is_due_once_in_a_quarter_of_an_hour(world):
    world.clock.advance(3 * MINUTE)
    assert world.sweep() == 1
    assert world.sweep() == 0
    world.clock.advance(16 * MINUTE)
    assert world.sweep() == 1


def test_what_could_not_be_queued_is_found_the_next_minute(world):
    world.clock.advance(3 * MINUTE)
    world.queue.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        world.sweep()
    world.queue.failure = None
    assert world.sweep() == 1


def test_no_content_is_on_the_bus(world):
    world.receiver.answers = [an_attempt(410)]
    world.deliver()
    assert "CANARY" not in json.dumps(world.bus.announced)
