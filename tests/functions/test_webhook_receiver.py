"""The door that Meta knocks at, and everybody else."""

import base64
import hashlib
import hmac
import json
import random

import pytest

from darkroom import bootstrap_events
from darkroom.deliveries import Keys
from darkroom.errors import ConfigurationError, StoreUnavailableError
from tests.events import event
from tests.functions.world import app, call

SECRET = "CANARY-app-secret"
BODY = b'{"object":"instagram","entry":[]}'


def signature(raw, secret=SECRET):
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def post(raw=BODY, *, headers=None, is_base64=False, secret=SECRET):
    made = event("webhook_receiver")
    made["headers"] = {"x-hub-signature-256": signature(raw, secret)} if headers is None else headers
    made["body"] = base64.b64encode(raw).decode() if is_base64 else raw.decode()
    made["isBase64Encoded"] = is_base64
    return made


def subscription(**query):
    made = event("webhook_subscription")
    made["queryStringParameters"] = {
        name: value for name, value in (made["queryStringParameters"] | query).items() if value is not None
    }
    return made


@pytest.fixture
def knock(world):
    handler = app("webhook_receiver").handler
    return lambda made: handler(made, None)


@pytest.fixture
def queued(world):
    """What is in the queue."""
    return lambda: [message.body for message in world.queues.queues[world.queue].visible]


# ── taking in ──


def test_a_signed_delivery_is_queued_whole_and_answered_with_an_empty_200(knock, queued):
    made = event("webhook_receiver")
    answer = knock(made)
    assert (answer["statusCode"], answer["body"]) == (200, "")
    assert queued() == [made["body"]]


def test_the_bytes_are_verified_as_they_came_escaped_or_not(knock, queued):
    bodies = [b'{"text":"Sch\\u00f6n \\ud83d\\ude00"}', '{"text":"Schön 😀"}'.encode(), b'{ "text":\t"x" }\r\n']
    assert [knock(post(raw))["statusCode"] for raw in bodies] == [200, 200, 200]
    assert [text.encode() for text in queued()] == bodies


def test_a_base64_body_is_decoded_before_it_is_verified(knock, queued):
    assert knock(post(is_base64=True))["statusCode"] == 200
    assert queued() == [BODY.decode()]


@pytest.mark.parametrize("name", ["X-Hub-Signature-256", "x-hub-signature-256", "X-HUB-SIGNATURE-256"])
def test_the_headers_name_may_be_in_any_case(knock, name):
    assert knock(post(headers={name: signature(BODY)}))["statusCode"] == 200


def test_a_body_that_sqs_would_not_take_goes_in_as_base64_and_a_big_one_by_pointer(knock, world, queued):
    big = b'"' + b"x" * 5000 + b'"'
    assert knock(post(b"\x00\xff", is_base64=True))["statusCode"] == 200
    assert knock(post(big))["statusCode"] == 200
    assert queued()[0] == base64.b64encode(b"\x00\xff").decode()
    assert world.deliveries.objects[queued()[1]] == big


@pytest.mark.parametrize(
    "raw",
    [
        b"not json",
        b"\x00",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":NaN}',
        b'{"a":1,"a":2}',
        b'"\\ud800"',
        b"1" * 400,
        b'{"object":"page","entry":[]}',
        b"x" * 4_000_000,
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_whatever_is_signed_is_taken_because_nothing_is_read_here(knock, raw):
    assert knock(post(raw, is_base64=True))["statusCode"] == 200


def test_an_empty_body_is_refused_even_if_it_is_signed(knock, queued):
    assert knock(post(b""))["statusCode"] == 400
    assert queued() == []


@pytest.mark.parametrize("body", ["not base64!", "ä"])
def test_what_api_gateway_would_never_hand_over_is_refused(knock, body):
    assert knock(post() | {"body": body, "isBase64Encoded": True})["statusCode"] == 400


# ── who signs ──


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature": "sha1=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest()},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": signature(BODY).upper()},
        {"x-hub-signature-256": signature(BODY).replace("sha256=", "")},
        {"x-hub-signature-256": signature(BODY).replace("sha256=", "sha1=")},
        {"x-hub-signature-256": signature(BODY)[:-1]},
        {"x-hub-signature-256": signature(BODY) + "0"},
        {"x-hub-signature-256": " " + signature(BODY)},
        {"x-hub-signature-256": signature(BODY) + "\n"},
        {"x-hub-signature-256": f"{signature(BODY)},{signature(BODY)}"},
        {"x-hub-signature-256": "sha256=" + "ä" * 64},
        {"x-hub-signature-256": signature(BODY, "another")},
        {"x-hub-signature-256": signature(BODY, "")},
        {"x-hub-signature-256": signature(BODY + b" ")},
    ],
    ids=range(15),
)
def test_every_bad_signature_gets_the_same_401_and_nothing_is_queued(knock, queued, lines, headers):
    good = knock(post(headers={"x-hub-signature-256": "sha256=" + "0" * 64}))
    answer = knock(post(headers=headers))
    assert answer == good
    assert (answer["statusCode"], answer["body"]) == (401, "")
    assert queued() == []
    assert lines.named("webhook")[1]["reason"] in {"sig_missing", "sig_malformed", "sig_mismatch"}


def test_ten_thousand_signatures_that_are_off_by_a_bit_are_refused(knock, queued):
    chance, right = random.Random(7), bytes.fromhex(signature(BODY).removeprefix("sha256="))
    for _ in range(10_000):
        wrong = bytearray(right)
        wrong[chance.randrange(32)] ^= 1 << chance.randrange(8)
        assert knock(post(headers={"x-hub-signature-256": f"sha256={wrong.hex()}"}))["statusCode"] == 401
    assert queued() == []


def test_both_apps_may_sign_and_the_log_says_which_secret_it_was(knock, world, lines):
    slots = {"instagram": "one", "instagram_previous": "two", "meta": "three", "meta_previous": "four"}
    world.key_ring.known = Keys(slots, "CANARY-verify-token")
    for secret in slots.values():
        assert knock(post(secret=secret))["statusCode"] == 200
    assert [line["key_slot"] for line in lines.named("webhook")] == list(slots)


def test_after_the_overlap_the_previous_secret_counts_no_more(knock, world):
    world.key_ring.known = Keys({"instagram": "new", "instagram_previous": "old"}, "t")
    assert knock(post(secret="old"))["statusCode"] == 200
    world.key_ring.known = Keys({"instagram": "new"}, "t")
    assert knock(post(secret="old"))["statusCode"] == 401


def test_a_secret_that_was_rotated_a_moment_ago_counts_at_once(knock, world):
    world.key_ring.latest = Keys({"instagram": "new", "instagram_previous": SECRET}, "t")
    assert knock(post(secret="new"))["statusCode"] == 200


def test_who_forges_headers_makes_nobody_read_secrets(knock, world):
    knock(post(headers={}))
    knock(post(headers={"x-hub-signature-256": "nonsense"}))
    assert world.key_ring.reads == [None, None]


# ── when we cannot ──


def test_without_a_secret_nothing_is_verified_and_the_log_says_what_to_do(knock, world, queued, lines):
    world.key_ring.failure = ConfigurationError(detail="The secret InstagramAppSecret has no usable app_secret.")
    for made in (post(secret=""), post(), subscription()):
        answer = knock(made)
        assert (answer["statusCode"], answer["body"]) == (500, "")
    assert queued() == []
    assert {(line["reason"], line["status"]) for line in lines.named("webhook")} == {("config_missing", 500)}
    assert "InstagramAppSecret" in lines.named("webhook")[0]["detail"]


def test_an_empty_secret_among_others_verifies_nothing(knock, world, queued):
    world.key_ring.known = Keys({"instagram": SECRET, "meta": ""}, "t")
    assert knock(post(secret=""))["statusCode"] == 500
    assert queued() == []


def test_a_variable_that_is_not_set_is_a_500_and_no_crash(monkeypatch, lines):
    monkeypatch.delenv("WEBHOOK_QUEUE_URL", raising=False)
    bootstrap_events.receiving_ports.cache_clear()
    answer = call("webhook_receiver", post())
    assert answer["statusCode"] == 500
    assert lines.named("webhook")[0]["reason"] == "config_missing"


def test_what_the_queue_does_not_take_is_answered_503_so_that_meta_sends_again(knock, world):
    def refuse(**_):
        raise StoreUnavailableError

    world.queues.send_message = refuse
    assert knock(post())["statusCode"] == 503


def test_a_big_body_that_cannot_be_put_aside_is_not_queued(knock, world, queued):
    world.deliveries.failure = StoreUnavailableError()
    assert knock(post(b"x" * 5000))["statusCode"] == 503
    assert queued() == []


def test_an_error_that_nobody_foresaw_is_a_500_without_its_words(knock, world, lines):
    world.key_ring.failure = RuntimeError("CANARY-words")
    answer = knock(post())
    assert (answer["statusCode"], answer["body"]) == (500, "")
    assert "CANARY" not in lines.getvalue()


def test_without_a_verify_token_deliveries_are_taken_all_the_same(knock, world, queued, lines):
    """It is asked for when somebody subscribes, and never again."""
    world.key_ring.known = Keys({"instagram": SECRET}, None)
    assert knock(post())["statusCode"] == 200
    assert knock(subscription())["statusCode"] == 500
    assert "verify_token" in lines.named("webhook")[-1]["detail"]
    assert queued() == [BODY.decode()]


# ── the subscription ──


def test_a_verify_token_that_was_set_a_moment_ago_counts_at_once(knock, world):
    for before in (None, "another"):
        world.key_ring.known = Keys({"instagram": SECRET}, before)
        world.key_ring.latest = Keys({"instagram": SECRET}, "CANARY-verify-token")
        assert knock(subscription())["statusCode"] == 200


def test_meta_gets_its_challenge_back_as_plain_text(knock):
    answer = knock(subscription())
    assert (answer["statusCode"], answer["body"]) == (200, "1158201444")
    assert answer["headers"]["content-type"].startswith("text/plain")
    assert answer["headers"]["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "query",
    [
        {"hub.verify_token": "wrong"},
        {"hub.verify_token": ""},
        {"hub.verify_token": None},
        {"hub.verify_token": "CANARY-verify-toke"},
        {"hub.verify_token": "CANARY-verify-token "},
        {"hub.verify_token": "CANARY-verify-token,CANARY-verify-token"},
        {"hub.verify_token": "\ud800"},
        {"hub.mode": None},
        {"hub.mode": "unsubscribe"},
        {"hub.mode": "subscribe", "hub.verify_token": "ä"},
    ],
    ids=str,
)
def test_who_does_not_know_the_token_hears_nothing(knock, lines, query):
    answer = knock(subscription(**query))
    assert (answer["statusCode"], answer["body"]) == (403, "")
    assert "CANARY" not in lines.getvalue()


@pytest.mark.parametrize(
    "challenge", [None, "", "<script>", "x" * 257, "a\r\nb", "one,two", "1158201444\n", "ä", "x y"], ids=repr
)
def test_a_challenge_that_could_do_harm_is_not_repeated(knock, lines, challenge):
    answer = knock(subscription(**{"hub.challenge": challenge}))
    assert (answer["statusCode"], answer["body"]) == (400, "")
    assert "script" not in lines.getvalue()


def test_a_query_that_is_missing_altogether_is_refused(knock):
    made = event("webhook_subscription")
    del made["queryStringParameters"]
    assert knock(made)["statusCode"] == 403


# ── the log ──


def test_one_line_says_what_came_and_nothing_of_what_it_said(knock, lines):
    raw = json.dumps({"text": "CANARY-comment \x1b[31m\r\n" + "x" * 3000}).encode()
    knock(post(raw))
    knock(post(raw, secret="wrong"))
    good, bad = lines.named("webhook")
    assert (good["bytes"], good["sha256"]) == (len(raw), hashlib.sha256(raw).hexdigest()[:12])
    assert (good["status"], good["key_slot"], bad["status"], bad["reason"]) == (200, "instagram", 401, "sig_mismatch")
    assert "CANARY" not in lines.getvalue()
    assert signature(raw) not in lines.getvalue()
