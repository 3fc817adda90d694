"""From a delivery to the events of the one tenant that it concerns."""

import json
from datetime import timedelta

import pytest

from darkroom import announcing, processing
from darkroom.deliveries import Delivery
from darkroom.errors import MalformedDeliveryError, StoreUnavailableError
from darkroom.events import KEPT
from darkroom.ids import new_id
from tests.builders import NOW, OTHER_TENANT, TENANT, an_account
from tests.fakes import Clock, FakeAccounts, FakeBus, FakeDeliveries, FakeEvents, Fate, Killed

OURS, THEIRS = "17841400000000001", "17841400000000002"
PERSON = "6841100000000000"


class World:
    def __init__(self):
        self.clock = Clock()
        self.accounts = FakeAccounts(
            an_account(),
            an_account(id="acc_00000000000000000000000002", tenant_id=OTHER_TENANT, ig_user_id=THEIRS),
        )
        self.events, self.archive, self.bus = FakeEvents(self.clock), FakeDeliveries(), FakeBus()

    def ports(self, fate=None):
        mortal = fate.mortal if fate else (lambda port: port)
        events, bus = mortal(self.events), mortal(self.bus)
        telling = announcing.Ports(events, lambda name, detail: bus.announce(name, detail, self.clock()), self.clock)
        return processing.Ports(mortal(self.accounts), mortal(self.archive), telling)

    def process(self, *entries, received_at=NOW, **more):
        raw = json.dumps({"object": "instagram", "entry": list(entries)} | more).encode()
        return processing.process(Delivery(raw, "instagram", received_at), self.ports())

    def of(self, tenant_id):
        return [event for (owner, _), event in self.events.stored.items() if owner == tenant_id]

    def one(self):
        (event,) = self.events.stored.values()
        return event


@pytest.fixture
def world():
    return World()


def comment(number="1", ig_id=OURS, at=NOW, **more):
    value = {"id": f"179{number}", "text": f"CANARY {number}", "media": {"id": "1791"}, "from": {"id": PERSON}} | more
    return {"id": ig_id, "time": int(at.timestamp()), "changes": [{"field": "comments", "value": value}]}


def said(ig_id=OURS, at=NOW, sender=PERSON, **member):
    moment = int(at.timestamp() * 1000)
    people = {"sender": {"id": sender}, "recipient": {"id": PERSON if sender == ig_id else ig_id}}
    return {"id": ig_id, "time": moment, "messaging": [people | {"timestamp": moment} | member]}


def test_a_comment_becomes_an_event_of_its_tenant(world):
    world.process(comment())
    event = world.one()
    assert (event.type, event.tenant_id, event.account_id) == ("comment.created", TENANT, an_account().id)
    assert (event.occurred_at, event.received_at, event.is_read) == (NOW, NOW, False)
    assert event.refs == {"comment_id": "1791", "media_id": "1791", "from_id": PERSON}
    assert event.data["text"] == "CANARY 1"
    assert world.events.state(TENANT, f"COMMENTS#{an_account().id}#1791")["comments"] == 1


def test_the_bus_hears_ids_and_never_a_word(world):
    world.process(comment(), said(message={"mid": "m", "text": "CANARY"}))
    assert [name for name, _ in world.bus.announced] == ["CommentCreated", "MessageReceived"]
    assert "CANARY" not in json.dumps(world.bus.announced)


TYPES = {
    "message.received": {"message": {"mid": "m", "text": "hi"}},
    "message.deleted": {"message": {"mid": "m", "is_deleted": True}},
    "message.edited": {"message_edit": {"mid": "m", "text": "new", "num_edit": "1"}},
    "reaction.added": {"reaction": {"mid": "m", "action": "react", "reaction": "love"}},
    "reaction.removed": {"reaction": {"mid": "m", "action": "unreact"}},
    "postback.received": {"postback": {"mid": "m", "payload": "CARE"}},
    "message.seen": {"read": {"mid": "m"}},
    "referral.received": {"referral": {"ref": "r"}},
    "optin.received": {"optin": {"type": "x"}},
    "thread_control.passed": {"pass_thread_control": {"new_owner_app_id": "1"}},
    "change.unsupported": {"something_new": {"a": 1}},
}


@pytest.mark.parametrize("event_type", TYPES)
def test_each_change_has_a_type_in_the_past_tense(world, event_type):
    world.process(said(**TYPES[event_type]))
    assert world.one().type == event_type


def test_the_accounts_own_message_is_sent_and_opens_no_window(world):
    world.process(said(sender=OURS, message={"mid": "m", "text": "hi", "is_echo": True}))
    thread = world.events.state(TENANT, f"THREAD#{an_account().id}#{PERSON}")
    assert world.one().type == "message.sent"
    assert (thread["direction"], thread.get("window_expires_at")) == ("sent", None)


def test_the_accounts_own_reaction_opens_no_window(world):
    world.process(said(sender=OURS, reaction={"mid": "m", "action": "react"}))
    assert world.events.states == {}


def test_what_nobody_knows_is_stored_as_it_came(world):
    change = {"field": "something_new", "value": {"a": [1, 2]}}
    world.process({"id": OURS, "time": int(NOW.timestamp()), "changes": [change]})
    assert (world.one().type, world.one().data) == ("change.unsupported", {"raw": change})


def test_standby_says_so_in_the_data(world):
    entry = said(message={"mid": "m", "text": "hi"})
    entry["standby"] = entry.pop("messaging")
    world.process(entry)
    assert world.one().data == {"mid": "m", "text": "hi", "is_standby": True}


# ── once ──


def test_a_thousand_replays_are_one_event_and_one_effect(world):
    for _ in range(1000):
        world.process(comment())
    assert len(world.events.stored) == len(world.bus.announced) == 1
    assert world.events.state(TENANT, f"COMMENTS#{an_account().id}#1791")["comments"] == 1


def test_the_same_comment_in_another_batch_and_another_form_is_the_same(world):
    world.process(comment("1"), comment("2"))
    (change,) = comment("1")["changes"]
    world.process({"id": OURS, "time": int(NOW.timestamp()) + 9, **change})
    assert len(world.events.stored) == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_dies_anywhere_is_made_up_for_by_the_next(when):
    entries = [comment("1"), comment("2", THEIRS), said(message={"mid": "m", "text": "hi"})]
    raw = json.dumps({"object": "instagram", "entry": entries}).encode()
    for place in range(14):
        world = World()
        fate = Fate({place: (when, Killed())})
        try:
            processing.process(Delivery(raw, "instagram", NOW), world.ports(fate))
        except Killed:
            processing.process(Delivery(raw, "instagram", NOW), world.ports())
        assert len(world.events.stored) == 3
        assert {detail["event_id"] for _, detail in world.bus.announced} == {id_ for _, id_ in world.events.stored}
        assert world.events.state(TENANT, f"COMMENTS#{an_account().id}#1791")["comments"] == 1


def test_a_bus_that_is_down_fails_the_delivery_and_loses_nothing(world):
    world.bus.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        world.process(comment("1"), comment("2"))
    world.bus.failure = None
    world.process(comment("1"), comment("2"))
    assert len(world.events.stored) == len(world.bus.announced) == 2


def test_an_archive_that_is_down_fails_the_delivery_before_anything_is_told(world):
    world.archive.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        world.process(comment())
    assert world.events.stored == {}


# ── whose ──


def test_in_one_batch_each_change_goes_to_its_own_tenant_and_nobody_sees_the_others(world):
    world.process(comment("1", OURS), comment("2", THEIRS))
    assert [event.data["text"] for event in world.of(TENANT)] == ["CANARY 1"]
    assert [event.data["text"] for event in world.of(OTHER_TENANT)] == ["CANARY 2"]
    kept = {key.split("/")[1]: body.decode() for key, body in world.archive.objects.items()}
    assert "CANARY 1" in kept[TENANT]
    assert "CANARY 2" not in kept[TENANT]
    assert "CANARY 1" not in kept[OTHER_TENANT]


def test_one_message_between_two_accounts_is_two_facts(world):
    world.process(
        said(OURS, message={"mid": "m", "text": "hi"}),
        said(THEIRS, sender=THEIRS, message={"mid": "m", "text": "hi", "is_echo": True}),
    )
    assert [event.type for event in world.of(TENANT)] == ["message.received"]
    assert [event.type for event in world.of(OTHER_TENANT)] == ["message.sent"]


def test_a_delivery_of_one_account_is_kept_byte_for_byte(world):
    raw = b'{ "object":"instagram", "entry":[' + json.dumps(comment()).encode() + b"] }\n"
    delivery = Delivery(raw, "instagram", NOW)
    processing.process(delivery, world.ports())
    assert world.archive.objects == {f"tenants/{TENANT}/{an_account().id}/2026-11-23/{delivery.sha256}": raw}


@pytest.mark.parametrize("ig_id", ["17841499999999999", "0", "", 5, None, ["x"], "ä", "x" * 900])
def test_what_is_nobodys_is_counted_and_kept_nowhere(world, ig_id):
    facts = world.process(comment(ig_id=ig_id), comment("2"))
    assert facts["unrouted"] == 1
    assert [event.data["text"] for event in world.events.stored.values()] == ["CANARY 2"]
    assert all(b"CANARY 1" not in body for body in world.archive.objects.values())


def test_an_account_that_was_disconnected_hears_nothing_more(world):
    world.accounts.erase(an_account())
    assert world.process(comment())["unrouted"] == 1
    assert (world.events.stored, world.archive.objects) == ({}, {})


def test_what_happened_before_the_tenant_held_the_account_is_not_its_to_see(world):
    world.accounts.erase(an_account())
    since = NOW - timedelta(days=2)
    world.accounts.connect(an_account(id=new_id("acc", since), tenant_id=OTHER_TENANT), "token")
    facts = world.process(comment("1", at=since - timedelta(hours=1)), comment("2", at=since + timedelta(hours=1)))
    assert (facts["before_connection"], facts["told"]) == (1, 1)
    assert [event.data["text"] for event in world.of(OTHER_TENANT)] == ["CANARY 2"]


@pytest.mark.parametrize("name", ["page", "user", "whatsapp_business_account", "x" * 999, None])
def test_another_object_is_counted_and_nothing_else(world, name):
    facts = world.process(comment(), object=name)
    assert facts["ignored"] == (name or "none")
    assert world.events.stored == {}


# ── when ──


def test_what_comes_four_days_late_is_of_its_own_time(world):
    late = NOW - timedelta(days=4)
    world.process(comment(at=late))
    assert (world.one().occurred_at, world.one().received_at) == (late, NOW)


def test_a_replay_that_is_older_than_our_memory_has_no_effect(world):
    facts = world.process(comment(at=NOW - KEPT))
    assert facts["stale"] == 1
    assert world.events.stored == {}


def test_a_replay_within_our_memory_is_known_even_when_its_expired_item_still_lies_there(world):
    world.process(comment(at=NOW - timedelta(days=89)))
    world.clock.advance(timedelta(days=200))
    assert world.process(comment(at=NOW - timedelta(days=89)))["known"] == 1


@pytest.mark.parametrize("time", [None, "soon", 10**400, 10**13, -1])
def test_a_time_that_cannot_be_is_when_we_heard(world, time):
    world.process(comment() | {"time": time})
    assert world.one().occurred_at == NOW


# ── what is wrong with it ──


@pytest.mark.parametrize("raw", [b"", b"not json", b"\x00", b"[" * 10_000, b'{"entry":NaN}', b"5"], ids=repr)
def test_what_is_no_notification_is_for_the_dead_letter_queue(world, raw):
    with pytest.raises(MalformedDeliveryError) as refused:
        processing.process(Delivery(raw, "instagram", NOW), world.ports())
    assert refused.value.__cause__ is None


def test_a_change_that_is_too_big_for_an_item_is_left_where_the_delivery_lies(world):
    world.process(comment(text="x" * 300_000))
    (key,) = world.archive.objects
    assert world.one().data == {"left_out": "too_large", "delivery": key}
    assert world.one().refs["comment_id"] == "1791"


def test_the_line_says_how_much_and_nothing_of_what(world):
    facts = world.process(comment("1"), said(message={"mid": "m", "text": "CANARY"}), comment("2", "nobody"))
    assert len(facts.pop("sha256")) == 12
    assert facts == {"key_slot": "instagram", "ignored": None, "told": 2, "unrouted": 1}


def test_a_thousand_changes_in_one_delivery_are_all_told(world):
    facts = world.process(*(comment(str(number)) for number in range(1000)))
    assert facts["told"] == len(world.events.stored) == 1000
    assert world.events.state(TENANT, f"COMMENTS#{an_account().id}#1791")["comments"] == 1000
