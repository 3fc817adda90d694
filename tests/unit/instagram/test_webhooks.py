"""Notifications in every shape that Meta's pages and real traffic have shown, and in many that nobody should send."""

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.instagram.webhooks import UnreadableNotificationError, parse

IG = "17841405309211844"
PERSON = "6841100000000000"
SECONDS, AT = 1754480000, datetime(2025, 8, 6, 11, 33, 20, tzinfo=UTC)
COMMENT = {
    "from": {"id": PERSON, "username": "alice"},
    "media": {"id": "17918195224117851", "media_product_type": "FEED"},
    "id": "17894227972186120",
    "text": "Nice!",
}


def notification(*entries, **more):
    return json.dumps({"object": "instagram", "entry": list(entries)} | more).encode()


def entry(**members):
    return {"id": IG, "time": SECONDS} | members


def said(**member):
    return {"sender": {"id": PERSON}, "recipient": {"id": IG}, "timestamp": SECONDS * 1000 + 123} | member


def only(raw):
    ((found,),) = ([each.changes for each in one.entries] for one in parse(raw))
    (change,) = found
    return change


def of_field(name, value):
    return only(notification(entry(changes=[{"field": name, "value": value}])))


def of_conversation(**member):
    return only(notification(entry(time=SECONDS * 1000, messaging=[said(**member)])))


# ── shapes ──


@pytest.mark.parametrize(
    "raw",
    [
        notification(entry(changes=[{"field": "comments", "value": COMMENT}])),
        notification(entry(field="comments", value=COMMENT)),
        notification(entry(changes={"field": "comments", "value": COMMENT})),
        json.dumps([{"object": "instagram", "entry": [entry(field="comments", value=COMMENT)]}]).encode(),
        json.dumps({"object": "instagram", "entry": entry(field="comments", value=COMMENT)}).encode(),
        notification(entry(field="comments", value={"comment_id" if n == "id" else n: v for n, v in COMMENT.items()})),
    ],
    ids=["changes", "flat", "one change", "array around", "one entry", "comment_id"],
)
def test_a_comment_is_the_same_in_every_form(raw):
    change = only(raw)
    assert (change.kind, change.natural, change.at) == ("comment", ("comment", COMMENT["id"]), AT)
    assert change.ids == {
        "comment_id": COMMENT["id"],
        "media_id": "17918195224117851",
        "from_id": PERSON,
    }
    assert change.value["text"] == "Nice!"


def test_a_reply_names_its_parent_and_a_verb_makes_another_fact():
    reply = of_field("comments", COMMENT | {"parent_id": "1789"})
    assert reply.ids["parent_id"] == "1789"
    assert of_field("comments", COMMENT | {"verb": "remove"}).natural == ("comment", COMMENT["id"], "remove")


def test_a_live_comment_is_not_the_comment_of_the_same_id():
    assert of_field("live_comments", COMMENT).natural == ("live_comment", COMMENT["id"])


@pytest.mark.parametrize("comment", [{"comment_id": "1789"}, {}])
def test_a_mention_in_a_comment_or_in_a_caption(comment):
    change = of_field("mentions", {"media_id": "1791"} | comment)
    assert change.natural == ("mention", "1791", comment.get("comment_id", ""))


def test_story_insights_told_again_with_other_figures_are_another_fact():
    one, same, other = (of_field("story_insights", {"media_id": "18", "reach": reach}) for reach in (17, 17, 18))
    assert one.natural == same.natural != other.natural
    assert one.ids == {"media_id": "18"}


MESSAGES = {
    "message": {"message": {"mid": "m", "text": "hi"}},
    "echo": {"message": {"mid": "m", "text": "hi", "is_echo": True}},
    "unsend": {"message": {"mid": "m", "is_deleted": True}},
    "edit": {"message_edit": {"mid": "m", "text": "new", "num_edit": "1"}},
    "reaction": {"reaction": {"mid": "m", "action": "react", "reaction": "love", "emoji": "\u2764\ufe0f"}},
    "unreaction": {"reaction": {"mid": "m", "action": "unreact"}},
    "postback": {"postback": {"mid": "m", "title": "Talk", "payload": "CARE"}},
    "read": {"read": {"mid": "m"}},
    "referral": {"referral": {"ref": "r", "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}},
    "optin": {"optin": {"type": "notification_messages"}},
    "thread_passed": {"pass_thread_control": {"new_owner_app_id": "1"}},
    "thread_taken": {"take_thread_control": {"previous_owner_app_id": "1"}},
    "thread_requested": {"request_thread_control": {"requested_owner_app_id": "1"}},
    "app_roles": {"app_roles": {"1": ["primary_receiver"]}},
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_each_member_of_a_conversation(kind):
    change = of_conversation(**MESSAGES[kind])
    assert change.kind == kind
    assert change.at == AT.replace(microsecond=123000)
    assert (change.ids["sender_id"], change.ids["recipient_id"]) == (PERSON, IG)
    assert change.value == next(iter(MESSAGES[kind].values()))


def test_each_kind_of_one_message_is_a_fact_of_its_own():
    naturals = {of_conversation(**member).natural for member in MESSAGES.values()}
    assert len(naturals) == len(MESSAGES)


def test_standby_is_read_like_messaging_and_says_so():
    change = only(notification(entry(standby=[said(message={"mid": "m", "text": "hi"})])))
    assert (change.kind, change.natural, change.is_standby) == ("message", ("message", "m"), True)


def test_a_reaction_given_again_later_is_another_fact():
    first, again = (
        only(notification(entry(messaging=[said(**MESSAGES["reaction"]) | {"timestamp": when}])))
        for when in (1_600_000_000_000, 1_600_000_000_001)
    )
    assert first.natural != again.natural


def test_what_the_dashboards_test_button_sends_as_a_message_is_one():
    """A message below `changes`, its time as text, in seconds."""
    value = {
        "sender": {"id": "12334"},
        "recipient": {"id": "23245"},
        "timestamp": "1527459824",
        "message": {"mid": "random_mid", "text": "random_text"},
    }
    change = of_field("messages", value)
    assert (change.kind, change.natural) == ("message", ("message", "random_mid"))
    assert change.at == datetime.fromtimestamp(1527459824, UTC)


def test_ids_that_come_as_numbers_are_text():
    change = of_field("comments", COMMENT | {"id": 17894227972186120})
    assert change.natural == ("comment", "17894227972186120")
    (found,) = parse(notification(entry(id=int(IG), field="comments", value=COMMENT)))
    assert found.entries[0].id == IG


def test_many_entries_with_many_changes_keep_their_order():
    (found,) = parse(
        notification(
            entry(changes=[{"field": "comments", "value": COMMENT | {"id": str(n)}} for n in range(3)]),
            entry(id="2", messaging=[said(message={"mid": str(n)}) for n in range(2)]),
        )
    )
    assert [each.id for each in found.entries] == [IG, "2"]
    assert [[c.natural[1] for c in each.changes] for each in found.entries] == [["0", "1", "2"], ["0", "1"]]


@pytest.mark.parametrize(
    "name", ["page", "user", "whatsapp_business_account", "permissions", "", None, 5, ["instagram"]]
)
def test_another_object_is_named_and_left_unread(name):
    (found,) = parse(json.dumps({"object": name, "entry": [entry(field="comments", value=COMMENT)]}).encode())
    assert (found.object, found.entries) == (name if isinstance(name, str) else "", ())


# ── what nobody knows ──


@pytest.mark.parametrize(
    "members",
    [
        {"changes": [{"field": "something_new", "value": {"a": 1}}]},
        {"changes": [{"field": "comments", "value": "text"}]},
        {"changes": [{"field": ["comments"], "value": COMMENT}]},
        {"changes": ["text"]},
        {"field": "something_new", "value": None},
        {"messaging": [said(something_new={"a": 1})]},
        {"messaging": [said(message="text")]},
        {"messaging": [None]},
        {"standby": [said()]},
        {"something_new": []},
        {},
    ],
    ids=str,
)
def test_what_nobody_knows_is_kept_as_it_came(members):
    change = only(notification(entry(**members)))
    assert (change.kind, change.natural[0], change.at) == ("unsupported", "unsupported", AT)
    (kept, *_) = (*members.values(), entry(**members))
    assert json.dumps(change.value) in json.dumps([kept, entry(**members), members])


@pytest.mark.parametrize("odd", ["text", 5, None, [], [[]]])
def test_an_entry_that_is_no_object_is_kept_too(odd):
    (found,) = parse(notification(odd))
    assert [(each.id, each.changes[0].kind) for each in found.entries] == [("", "unsupported")]


def test_a_field_that_nobody_knows_stays_in_the_value():
    assert of_field("comments", COMMENT | {"sparkle": {"level": 9}}).value["sparkle"] == {"level": 9}


@pytest.mark.parametrize("odd", ["", None, [], {}, True, "x" * 600, "ä", "\ud800", "line\nbreak", 1.5])
def test_a_comment_without_an_id_that_can_be_has_a_hash_of_its_own(odd):
    one, other = (of_field("comments", {"id": odd, "text": text}) for text in ("one", "other"))
    assert one.kind == other.kind == "comment"
    assert one.natural != other.natural
    assert one.natural == of_field("comments", {"id": odd, "text": "one"}).natural
    assert all(part.isascii() for part in one.natural)


@pytest.mark.parametrize("odd", ["", None, 0, -5, True, "soon", 10**400, 10**18, 1e300, [], "9" * 30, "٣"])
def test_a_time_that_cannot_be_is_none(odd):
    change = only(notification(entry(time=odd, field="comments", value=COMMENT)))
    assert change.at is None


# ── what is no notification ──


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"\x00",
        b'{"object":"instagram"',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"object":"instagram","entry":' + b"[" * 60 + b"]" * 60 + b"}",
        b'{"object":"instagram","entry":NaN}',
        b'{"object":"instagram","entry":Infinity}',
        b'{"object":"instagram","entry":1e999}',
        b'{"object":"instagram","entry":' + b"1" * 5000 + b"}",
        b"null"[:3],
        b"5",
        b'"text"',
        b'[{"object":"instagram"},5]',
        b"\xff\xfe\xfa",
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_no_notification_is_refused_without_its_words(raw):
    with pytest.raises(UnreadableNotificationError) as refused:
        parse(raw)
    assert refused.value.__cause__ is None
    assert len(str(refused.value)) < 40


MANY = ",".join(["{}"] * 3_500).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"[" + MANY + b"]",
        b'{"object":"instagram","entry":[' + MANY + b"]}",
        b'{"object":"instagram","entry":[{"id":"1","changes":[' + MANY + b"]}]}",
        b'{"object":"instagram","entry":[{"id":"1","messaging":[' + MANY + b"]}]}",
        b'{"object":"instagram","entry":{"id":"1","standby":[' + MANY + b"]}}",
        b"[" + b",".join([b'{"object":"instagram","entry":[{"changes":[{},{}]}]}'] * 1_000) + b"]",
    ],
    ids=["notifications", "entries", "changes", "messaging", "standby", "all together"],
)
def test_more_than_meta_ever_sends_at_once_is_refused_before_it_is_taken_apart(raw):
    with pytest.raises(UnreadableNotificationError, match="too many changes"):
        parse(raw)


def test_what_meta_may_send_at_once_is_read():
    changes = [{"field": "comments", "value": COMMENT | {"id": str(number)}} for number in range(1_000)]
    (one,) = parse(json.dumps({"object": "instagram", "entry": [{"id": IG, "changes": changes}]}).encode())
    assert len(one.entries[0].changes) == 1_000


@pytest.mark.parametrize(
    "raw", [b"null", b"[]", b"{}", b'{"object":"instagram"}', b'{"object":"instagram","entry":null}']
)
def test_what_says_nothing_is_nothing(raw):
    assert [each.entries for each in parse(raw)] in ([], [()])


def test_of_a_key_that_comes_twice_the_last_counts():
    raw = b'{"object":"page","object":"instagram","entry":[]}'
    assert parse(raw)[0].object == "instagram"


def test_half_a_surrogate_pair_is_kept():
    change = of_field("comments", COMMENT | {"text": "\ud83d"})
    assert change.value["text"] == "\ud83d"
    assert change.natural == ("comment", COMMENT["id"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    ["id", "time", "changes", "messaging", "standby", "field", "value", "message", "mid", "reaction", "timestamp",
     "sender", "recipient", "read", "comments", "mentions", "media", "from", "action", "is_deleted", "message_edit"]
)  # fmt: skip
meta_like = st.recursive(
    json_values | st.sampled_from(["comments", "mentions", "story_insights", IG, SECONDS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=25,
)


@given(meta_like)
def test_whatever_an_entry_holds_becomes_changes_that_can_be_keys(found):
    (one,) = parse(json.dumps({"object": "instagram", "entry": found}).encode())
    again = parse(json.dumps({"object": "instagram", "entry": found}).encode())[0]
    assert one == again
    for each in one.entries:
        assert each.changes
        for change in each.changes:
            assert change.natural
            assert "\n".join(change.natural).encode()
            assert json.dumps(change.value)
            assert all(value.isascii() for value in change.ids.values())


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_read_or_refused(raw):
    with contextlib.suppress(UnreadableNotificationError):
        parse(raw)
