"""Deliveries behind the queue, as Lambda hands them over."""

import json

import pytest

from darkroom.errors import StoreUnavailableError
from devstack import template
from tests.builders import IG_USER_ID, NOW
from tests.events import event
from tests.functions.test_webhook_receiver import post
from tests.functions.world import FOLDER, app, call
from tests.queues import polled

COMMENT = json.loads(event("webhook_receiver")["body"])


def body(number=1, text="CANARY-comment"):
    made = json.loads(json.dumps(COMMENT))
    value = made["entry"][0]["changes"][0]["value"]
    value["id"], value["text"] = f"179{number}", text
    return json.dumps(made)


def records(*bodies, **attributes):
    made = event("webhook_processor")
    (sample,) = made["Records"]
    made["Records"] = [sample | {"messageId": f"message-{number}", "body": each} for number, each in enumerate(bodies)]
    for each in made["Records"]:
        each["messageAttributes"] = {
            name: {"stringValue": value, "dataType": "String"}
            for name, value in (
                {"schema": "1", "encoding": "text", "key_slot": "instagram", "received_at": NOW.isoformat()}
                | attributes
            ).items()
        }
    return made


def failed(answer):
    return [each["itemIdentifier"] for each in answer.get("batchItemFailures", [])]


def test_the_sample_is_an_unread_event_of_the_tenant_that_holds_the_account(world, lines):
    assert call("webhook_processor", event("webhook_processor")) == {}
    (stored,) = world.events.stored.values()
    assert (stored.type, stored.tenant_id, stored.account_id) == (
        "comment.created",
        world.account.tenant_id,
        world.account.id,
    )
    assert stored.data["text"] == "Schön!"
    (line,) = lines.named("message done")
    assert (line["told"], line["key_slot"], line["receives"]) == (1, "instagram", 1)


def test_from_the_door_to_the_event(world):
    """What the receiver puts into the queue is what the processor takes out, also in base64 and by pointer."""
    receiver, processor = app("webhook_receiver").handler, app("webhook_processor").handler
    for number, text in enumerate(("Schön", "\x00", "x" * 5000)):
        assert receiver(post(body(number, text).encode()), None)["statusCode"] == 200
    assert polled(world.queues, world.queue, processor) == 3
    assert sorted(len(each.data["text"]) for each in world.events.stored.values()) == [1, 5, 5000]


def test_one_bad_message_of_ten_comes_again_alone(world):
    bodies = [body(number) for number in range(10)]
    bodies[4] = "not json"
    assert failed(call("webhook_processor", records(*bodies))) == ["message-4"]
    assert len(world.events.stored) == 9


@pytest.mark.parametrize(
    "bad",
    ["", "null ", "[" * 10_000, '{"object":"instagram","entry":NaN}', "5", '"' + "x" * 6_000_000, "{}" * 2],
    ids=lambda bad: bad[:12],
)
def test_what_cannot_be_read_never_takes_its_neighbours_along(world, bad):
    answer = call("webhook_processor", records(body(1), bad, body(2)))
    assert failed(answer) in ([], ["message-1"])
    assert len(world.events.stored) == 2


def saying(value):
    """A comment that says this JSON, of an account that is connected."""
    return body(9, "@@").replace('"@@"', value, 1).encode()


def listing(entries):
    return b'{"object":"instagram","entry":[' + entries + b"]}"


MINE = COMMENT["entry"][0]["id"].encode()
# A body; and whether it can be read, so that it is an event, or done with because it is nobody's.
MALFORMED = {
    "NUL in the text": (saying('"a\\u0000b"'), 3),
    "NUL in the JSON": (saying('"a\0b"'), 2),
    "duplicate keys": (saying('"1","text":"2","id":"3","id":["4"]'), 3),
    "duplicate entries": (body(9).encode()[:-1] + b',"entry":[],"entry":{}}', 2),
    "lone surrogate": (saying('"a\\ud800b"'), 3),
    "lone surrogate as a key": (saying('1,"\\udfff":1'), 3),
    "lone surrogate in bytes": (body(9, "@@").encode().replace(b"@@", b"\xed\xa0\x80"), 3),
    "lone surrogate as the object": (b'{"object":"\\ud800","entry":[]}', 2),
    "10^400": (saying(str(10**400)), 3),
    "10^400 as an id": (saying('1,"id":' + str(10**400)), 3),
    # The event of the comment, and of the member that nobody knows.
    "10^400 as a time": (body(9).replace('"time":', f'"time": {10**400}, "was":', 1).encode(), 4),
    "10^400 as a float": (saying("1e400"), 2),
    "more digits than Python reads": (saying("9" * 5_000), 2),
    "depth 10,000": (saying("[" * 10_000 + "]" * 10_000), 2),
    "depth 10,000 of objects": (saying('{"a":' * 10_000 + "1" + "}" * 10_000), 2),
    "6 MB of text": (saying('"' + "x" * 6_000_000 + '"'), 3),
    "6 MB of depth": (b"[" * 6_000_000, 2),
    "6 MB of digits": (b"1" * 6_000_000, 2),
    "6 MB of NUL": (b"\0" * 6_000_000, 2),
    "6 MB of entries": (listing(b"{}," * 2_000_000 + b"{}"), 2),
    "6 MB of accounts": (listing(b",".join(b'{"id":"%d"}' % number for number in range(400_000))), 2),
    "6 MB of changes": (listing(b'{"id":"' + MINE + b'","changes":[' + b"1," * 3_000_000 + b"1]}"), 2),
    "not UTF-8": (b"\xff\xfe\xfd", 2),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_signed_and_malformed_is_taken_in_and_never_stalls_its_neighbours(world, lines, monkeypatch, name):
    """Bounded by what it costs: so many questions whose an account is, and so many events, whatever the body holds."""
    malformed, events = MALFORMED[name]
    asked = []
    holder = world.accounts.holder
    monkeypatch.setattr(world.accounts, "holder", lambda ig_id: asked.append(ig_id) or holder(ig_id))
    receiver, processor = app("webhook_receiver").handler, app("webhook_processor").handler
    for raw in (body(1).encode(), malformed, body(2).encode()):
        assert receiver(post(raw, is_base64=True), None)["statusCode"] == 200
    assert polled(world.queues, world.queue, processor) == 3
    assert len(world.events.stored) == events
    assert len(asked) <= 3
    assert len(lines.named("message done")) + len(lines.named("message failed")) == 3
    assert not lines.named("unforeseen error")
    for _ in range(6):  # and what cannot be read ends where it can be looked at
        world.queues.become_visible(world.queue)
        polled(world.queues, world.queue, processor)
    assert not world.queues.queues[world.queue].visible
    assert len(world.events.stored) == events


@pytest.mark.parametrize(
    "attributes", [{"schema": "2"}, {"schema": ""}, {"encoding": "zip"}, {"received_at": "?"}], ids=str
)
def test_a_record_that_nobody_of_ours_has_sent_fails_and_does_nothing(world, attributes):
    assert failed(call("webhook_processor", records(body(), **attributes))) == ["message-0"]
    assert world.events.stored == {}


def test_a_record_made_by_hand_fails_without_a_crash(world):
    made = records(body())
    del made["Records"][0]["messageAttributes"]
    assert failed(call("webhook_processor", made)) == ["message-0"]
    assert call("webhook_processor", {"Records": []}) == {}


def test_poison_ends_in_the_dead_letter_queue_as_meta_sent_it_and_others_are_not_held_up(world):
    receiver, processor = app("webhook_receiver").handler, app("webhook_processor").handler
    poison = b'{"object":"instagram","entry":[NaN]}'
    for raw in (poison, body(1).encode(), body(2).encode()):
        receiver(post(raw), None)
    for _ in range(6):
        polled(world.queues, world.queue, processor)
        world.queues.become_visible(world.queue)
    assert len(world.events.stored) == 2
    (dead,) = world.queues.queues["dead"].visible
    assert dead.body.encode() == poison


class Hurried:
    """The context of a function that is cut off in so many seconds."""

    function_name = "darkroom-dev-WebhookProcessor"

    def __init__(self, seconds):
        self.seconds = seconds

    def get_remaining_time_in_millis(self):
        return self.seconds * 1000


def test_a_delivery_that_the_time_does_not_suffice_for_comes_again_and_loses_nothing(world, lines):
    made = records(body(1))
    assert failed(app("webhook_processor").handler(made, Hurried(5.0001))) == ["message-0"]
    assert lines.named("message failed")[0]["error"] == "OutOfTimeError"
    assert app("webhook_processor").handler(made, Hurried(60)) == {}
    assert len(world.events.stored) == len(world.bus.announced) == 1


def test_a_delivery_has_the_time_of_its_function_to_itself():
    """With neighbours it could be begun with too little left, or be given back unread, and either costs a receive."""
    events = template.load(FOLDER.parent / "template.yaml")["Resources"]["WebhookProcessorFunction"]["Properties"]
    assert events["Events"]["Deliveries"]["Properties"]["BatchSize"] == 1


def test_redriving_twice_is_harmless(world):
    processor = app("webhook_processor").handler
    made = records(body())
    made["Records"][0]["attributes"]["DeadLetterQueueSourceArn"] = "arn:aws:sqs:eu-central-1:123456789012:queue"
    for _ in range(3):
        assert processor(made, None) == {}
    assert len(world.events.stored) == len(world.bus.announced) == 1


def test_a_store_that_is_down_sends_everything_back_and_nothing_is_lost(world):
    made = records(body(1), body(2))
    world.bus.failure = StoreUnavailableError()
    assert failed(call("webhook_processor", made)) == ["message-0", "message-1"]
    world.bus.failure = None
    assert call("webhook_processor", made) == {}
    assert len(world.events.stored) == len(world.bus.announced) == 2


def test_no_line_holds_a_word_of_what_was_said(world, lines):
    broken = json.dumps({"object": "CANARY\r\n\x1b[31m" * 9000, "entry": []})
    call("webhook_processor", records(body(), broken, "CANARY not json"))
    assert "CANARY-comment" not in lines.getvalue()
    ignored = next(line["ignored"] for line in lines.named("message done") if "ignored" in line)
    assert len(ignored) <= 300
    assert IG_USER_ID not in lines.getvalue()
