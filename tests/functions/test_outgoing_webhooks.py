"""Events for people and outgoing webhooks, through their functions and with events as AWS hands them over."""

import json

import pytest

from darkroom import reading
from darkroom.errors import StoreUnavailableError
from tests.builders import OTHER_TENANT, TENANT, a_delivery, an_endpoint, an_event
from tests.events import answered, event
from tests.functions.test_http_functions import ask, promised, refused
from tests.functions.world import call

SURROGATE = "half a \ud800 pair"


def made(**body):
    return answered(ask("POST /v1/webhook-endpoints", body={"url": "https://hooks.example.com/x"} | body))


def test_events_are_listed_read_counted_and_marked(world):
    stored = an_event()
    world.events.add(stored)
    answer = call("events_api", event("events_api"))
    promised("GET /v1/events", answer)
    assert [each["id"] for each in answered(answer)["data"]] == [stored.id]
    shown = answered(ask("GET /v1/events/{id}", parameters={"id": stored.id}))
    assert (shown["type"], shown["is_read"], shown["refs"]) == ("comment.created", False, dict(stored.refs))
    assert answered(ask("GET /v1/events/unread-count")) == {"unread": 1, "is_capped": False}
    for _ in range(2):
        told = answered(ask("POST /v1/events/read", body={"ids": [stored.id, "evt_unknown"]}))
        assert told == {"ids": [stored.id], "not_found": ["evt_unknown"], "has_more": False, "next_cursor": None}
    assert answered(ask("GET /v1/events/unread-count"))["unread"] == 0
    assert answered(ask("GET /v1/events", query={"unread": "true"}))["data"] == []


def test_all_are_marked_read_of_one_account_or_of_every_one(world):
    first, second = an_event("1", account_id="acc_1"), an_event("2", account_id="acc_2")
    for each in (first, second):
        world.events.add(each)
    until = "2100-01-01T00:00:00Z"
    told = answered(ask("POST /v1/events/read", body={"all": True, "account_id": "acc_1", "until": until}))
    assert told["ids"] == [first.id]
    assert answered(ask("POST /v1/events/read", body={"all": True, "until": until}))["ids"] == [second.id]


def test_marking_all_goes_on_where_it_stopped(world, monkeypatch):
    monkeypatch.setattr(reading, "MOST_MARKED", 2)
    stored = [an_event(str(number)) for number in range(5)]
    for each in stored:
        world.events.add(each)
    body, marked, rounds = {"all": True, "until": "2100-01-01T00:00:00Z"}, [], 0
    while True:
        told = answered(ask("POST /v1/events/read", body=body))
        marked, rounds = [*marked, *told["ids"]], rounds + 1
        assert told["has_more"] == (told["next_cursor"] is not None)
        if not told["has_more"]:
            break
        body |= {"cursor": told["next_cursor"]}
    assert (sorted(marked), rounds) == (sorted(each.id for each in stored), 3)
    assert refused(ask("POST /v1/events/read", body=body | {"cursor": "nonsense"})) == (400, "cursor_invalid")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"all": False},
        {"ids": []},
        {"ids": ["evt_1"], "all": True},
        {"ids": ["evt_1"], "cursor": "x"},
        {"all": True, "until": "yesterday"},
    ],
)
def test_a_mark_that_does_not_say_what_is_meant_is_refused(world, body):
    assert refused(ask("POST /v1/events/read", body=body)) == (422, "invalid_request")


@pytest.mark.parametrize("query", [{"since": "2026-11-23T09:30:00"}, {"until": "x"}, {"limit": "0"}, {"state": "x"}])
def test_a_list_that_is_asked_for_wrongly_is_refused(world, query):
    assert refused(ask("GET /v1/events", query=query)) == (422, "invalid_request")


def test_another_tenants_cursor_and_event_are_none(world):
    theirs = an_event(tenant_id=OTHER_TENANT)
    world.events.add(theirs)
    world.events.add(an_event("2", tenant_id=OTHER_TENANT))
    caller = {"tenant_id": OTHER_TENANT, "scopes": "admin"}
    cursor = answered(ask("GET /v1/events", query={"limit": "1"}, caller=caller))["next_cursor"]
    assert refused(ask("GET /v1/events", query={"cursor": cursor})) == (400, "cursor_invalid")
    assert refused(ask("GET /v1/events/{id}", parameters={"id": theirs.id})) == (404, "not_found")
    assert answered(ask("POST /v1/events/read", body={"ids": [theirs.id]}))["not_found"] == [theirs.id]
    assert not world.events.stored[OTHER_TENANT, theirs.id].is_read


def test_a_key_for_one_account_sees_the_events_of_that_one(world):
    mine, other = an_event("1", account_id="acc_1"), an_event("2", account_id="acc_2")
    for each in (mine, other, an_event("3", account_id=None)):
        world.events.add(each)
    key = {"tenant_id": TENANT, "scopes": "events:read events:write", "account_ids": "acc_1"}
    assert [each["id"] for each in answered(ask("GET /v1/events", caller=key))["data"]] == [mine.id]
    assert refused(ask("GET /v1/events/{id}", parameters={"id": other.id}, caller=key)) == (404, "not_found")
    assert answered(ask("GET /v1/events/unread-count", caller=key))["unread"] == 1


def test_text_that_no_utf8_has_is_no_failure(world):
    world.events.add(an_event(data={"text": SURROGATE}))
    (shown,) = answered(ask("GET /v1/events"))["data"]
    assert shown["data"]["text"] == "half a ? pair"


@pytest.mark.parametrize("scopes", ["events:read events:write", "posts:write"])
def test_endpoints_are_for_administrators(world, scopes):
    caller = {"tenant_id": TENANT, "scopes": scopes}
    assert refused(ask("GET /v1/webhook-endpoints", caller=caller)) == (403, "scope_missing")


def test_an_endpoint_is_made_and_its_secret_shown_once(world, lines):
    answer = call("webhook_endpoints_api", event("webhook_endpoints_api"))
    promised("POST /v1/webhook-endpoints", answer)
    secret = answered(answer)["secret"]
    listed = ask("GET /v1/webhook-endpoints")
    assert len(answered(listed)["data"]) == 1
    assert secret not in listed["body"] + lines.getvalue()
    rotated = answered(ask("POST /v1/webhook-endpoints/{id}/rotate-secret", parameters={"id": answered(answer)["id"]}))
    assert rotated["secret"] != secret
    assert rotated["secret"] not in lines.getvalue()


def test_an_endpoint_is_changed_by_whoever_read_it_and_deleted(world):
    endpoint = made()
    which = {"id": endpoint["id"]}
    route = "PATCH /v1/webhook-endpoints/{id}"
    body = {"types": ["post.*"], "is_enabled": False}
    assert refused(ask(route, parameters=which, body=body)) == (428, "precondition_required")
    changed = ask(route, parameters=which, body=body, headers={"if-match": '"1"'})
    assert (changed["headers"]["etag"], answered(changed)["disabled_reason"]) == ('"2"', "caller")
    assert refused(ask(route, parameters=which, body=body, headers={"if-match": '"1"'})) == (412, "precondition_failed")
    assert refused(ask("POST /v1/webhook-endpoints/{id}/test", parameters=which)) == (409, "endpoint_disabled")
    assert answered(ask("DELETE /v1/webhook-endpoints/{id}", parameters=which)) == which
    assert refused(ask("GET /v1/webhook-endpoints/{id}", parameters=which)) == (404, "not_found")


def test_a_url_that_is_refused_is_not_repeated_to_the_log(world, lines):
    answer = ask("POST /v1/webhook-endpoints", body={"url": "https://CANARY@169.254.169.254/"})
    assert refused(answer) == (422, "invalid_request")
    assert [each["pointer"] for each in answered(answer)["errors"]] == ["/url"]
    assert "CANARY" not in lines.getvalue() + answer["body"]


def test_a_test_is_sent_logged_and_resent(world, lines):
    which = {"id": made()["id"]}
    sent = answered(ask("POST /v1/webhook-endpoints/{id}/test", parameters=which))
    task = world.outgoing_queue.sent[0]
    message = event("deliver_webhooks")
    message["Records"][0]["body"] = json.dumps(
        {"tenant_id": task.tenant_id, "endpoint_id": task.endpoint_id, "delivery_id": task.delivery_id}
    )
    assert call("deliver_webhooks", message) == {}
    (log,) = answered(ask("GET /v1/webhook-endpoints/{id}/deliveries", parameters=which))["data"]
    assert (log["id"], log["state"], log["attempts"][0]["status"]) == (sent["id"], "delivered", 200)
    resent = ask(
        "POST /v1/webhook-endpoints/{id}/deliveries/{delivery_id}/resend",
        parameters={**which, "delivery_id": sent["id"]},
    )
    assert answered(resent)["state"] == "pending"
    assert "hooks.example.com" not in lines.getvalue()


def test_an_event_on_the_bus_becomes_a_delivery(world):
    world.endpoints.add(an_endpoint(), "whsec_Y3VycmVudC1zZWNyZXQtb2YtdGhlLWZha2U=")
    world.events.add(an_event())
    assert call("fan_out_events", event("fan_out_events")) == {}
    assert world.outgoing_queue.sent == [a_delivery().task]
    assert call("deliver_webhooks", event("deliver_webhooks")) == {}
    assert len(world.receiver.received) == 1


def test_what_is_due_is_queued_every_minute(world):
    world.outgoing.add(a_delivery())
    world.clock.advance(180)
    assert call("queue_deliveries", event("queue_deliveries")) == {"queued": 1}


def test_a_post_that_went_live_is_told_from_the_stream(world):
    assert call("announce_posts", event("announce_posts")) == {"batchItemFailures": []}
    assert [name for name, _ in world.bus.announced] == ["PostPublished"]


def test_a_change_that_cannot_be_told_comes_again_by_its_number(world):
    world.bus.failure = StoreUnavailableError()
    record = event("announce_posts")["Records"][0]
    answer = call("announce_posts", event("announce_posts"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}


@pytest.mark.parametrize("name", ["fan_out_events", "deliver_webhooks"])
@pytest.mark.parametrize("body", ["", "[]", "{}", "[" * 10_000, '{"tenant_id": 1}', "\x00"])
def test_a_message_of_another_form_fails_alone(world, name, body):
    batch = event(name)
    batch["Records"].append(batch["Records"][0] | {"body": body, "messageId": "bad"})
    assert call(name, batch) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
