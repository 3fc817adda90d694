import hashlib
import hmac
import json
from urllib.parse import parse_qs

import httpx
import pytest

from simulator.clock import Clock
from simulator.instagram import Instagram
from simulator.payloads import PAYLOADS
from simulator.testing import sample_media
from simulator.webhooks import CallbackError
from simulator.wire import Request

START = 1_800_000_000.0
CALLBACK = "https://app.example/webhooks"
TOKEN = "a-verify-token"


class Receiver:
    """Somebody's callback. `statuses` are answered one after the other; the last one stays."""

    def __init__(self):
        self.statuses = [200]
        self.heard = []

    def __call__(self, request):
        if request.method == "GET":
            query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
            knows = query["hub.mode"] == "subscribe" and query["hub.verify_token"] == TOKEN
            return httpx.Response(200, text=query["hub.challenge"]) if knows else httpx.Response(403)
        self.heard.append((request.headers["x-hub-signature-256"], request.read()))
        return httpx.Response(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])

    @property
    def bodies(self):
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
def instagram(receiver):
    made = Instagram(
        clock=Clock(START), media_transport=sample_media(), webhook_transport=httpx.MockTransport(receiver), seed=1
    )
    made.subscribe_webhooks(CALLBACK, TOKEN)
    return made


def control(instagram, method, path, **body):
    answer = instagram.handle(Request(method, f"/_sim/{path}", body=json.dumps(body).encode() if body else b""))
    return answer.status, answer.json()


def test_a_callback_that_does_not_know_the_token_is_not_subscribed(instagram):
    with pytest.raises(CallbackError):
        instagram.subscribe_webhooks(CALLBACK, "another")
    status, answer = control(instagram, "POST", "webhooks", callback_url=CALLBACK, verify_token="another")
    assert (status, "403" in answer["error"]) == (400, True)


def test_deliveries_are_signed_over_their_bytes_with_lower_case_escapes(instagram, receiver):
    instagram.send_webhook("comment", "lumen.bakery", text="Grüße ☕")
    assert instagram.deliver_webhooks() == 1
    ((signature, body),) = receiver.heard
    assert b"Gr\\u00fc\\u00dfe \\u2615" in body
    secret = instagram.world.options.app_secret.encode()
    assert signature == "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def test_a_switch_sends_raw_utf_8(instagram, receiver):
    instagram.switch(webhook_text="raw")
    instagram.send_webhook("comment", "lumen.bakery", text="Grüße")
    instagram.deliver_webhooks()
    assert "Grüße".encode() in receiver.heard[0][1]


def test_a_wrong_secret_makes_another_signature(instagram, receiver):
    instagram.send_webhook("comment", "lumen.bakery", comment_id="1")
    instagram.switch(webhook_secret="wrong")
    instagram.deliver_webhooks()
    ((signature, body),) = receiver.heard
    secret = instagram.world.options.app_secret.encode()
    assert signature != "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def test_a_followers_comment_reaches_the_app_once_the_account_has_subscribed(instagram, receiver, caller_for):
    bakery = caller_for(instagram, instagram.token_for("lumen.bakery"))
    media = bakery.published(bakery.photo())
    comment = {"username": "mira.draws", "media_id": media, "text": "Lovely"}
    control(instagram, "POST", "comments", **comment)
    assert instagram.deliver_webhooks() == 0
    bakery.post("/me/subscribed_apps", subscribed_fields="comments")
    _, made = control(instagram, "POST", "comments", **comment)
    instagram.deliver_webhooks()
    (entry,) = receiver.bodies[0]["entry"]
    assert entry["id"] == bakery.get("/me", fields="user_id").json()["user_id"]
    assert entry["time"] == int(instagram.clock.now())
    (change,) = entry["changes"]
    assert change["field"] == "comments"
    assert change["value"]["id"] == made["id"]
    assert change["value"]["from"]["username"] == "mira.draws"


def test_the_owners_own_comment_says_so(instagram, receiver, caller_for):
    bakery = caller_for(instagram, instagram.token_for("lumen.bakery"))
    bakery.post("/me/subscribed_apps", subscribed_fields="comments")
    bakery.post(f"/{bakery.published(bakery.photo())}/comments", message="Thank you all")
    instagram.deliver_webhooks()
    author = receiver.bodies[0]["entry"][0]["changes"][0]["value"]["from"]
    assert author["self_ig_scoped_id"] == author["id"]


@pytest.mark.parametrize("kind", PAYLOADS)
def test_every_kind_is_sent_by_its_name(instagram, receiver, kind):
    status, answer = control(instagram, "POST", "webhooks/send", kind=kind, username="lumen.bakery")
    assert (status, len(answer["sent"])) == (200, 1)
    assert instagram.deliver_webhooks() == 1
    assert receiver.bodies[0]["object"] == "instagram"


def test_times_are_seconds_for_changes_and_milliseconds_for_messages(instagram, receiver):
    instagram.send_webhook("comment", "lumen.bakery")
    instagram.send_webhook("message", "lumen.bakery")
    instagram.deliver_webhooks()
    comment, message = (body["entry"][0] for body in receiver.bodies)
    assert comment["time"] == START
    assert message["time"] == message["messaging"][0]["timestamp"] == START * 1000


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("changes", [["changes"], ["changes"]]),
        ("flat", [["field"], ["field"]]),
        ("array", [["changes"], ["changes"]]),
        ("batched", [["changes"]]),
    ],
)
def test_each_disputed_shape(instagram, receiver, shape, expected):
    instagram.switch(webhook_shape=shape)
    for _ in range(2):
        instagram.send_webhook("comment", "lumen.bakery")
    instagram.deliver_webhooks()
    found = [body[0] if isinstance(body, list) else body for body in receiver.bodies]
    assert [isinstance(body, list) for body in receiver.bodies] == [shape == "array"] * len(expected)
    assert [[name for name in ("changes", "field") if name in body["entry"][0]] for body in found] == expected


def test_copies_come_backwards_and_under_the_other_name(instagram, receiver):
    instagram.switch(webhook_copies=2, webhook_order="backwards", webhook_comment_id="comment_id")
    for comment_id in ("1", "2"):
        instagram.send_webhook("comment", "lumen.bakery", comment_id=comment_id)
    instagram.deliver_webhooks()
    told = [body["entry"][0]["changes"][0]["value"]["comment_id"] for body in receiver.bodies]
    assert told == ["2", "2", "1", "1"]


def test_what_is_not_answered_200_is_retried_at_once_and_then_ever_later_for_36_hours(instagram, receiver):
    receiver.statuses = [500]
    instagram.send_webhook("comment", "lumen.bakery")
    assert [instagram.deliver_webhooks() for _ in range(3)] == [1, 1, 0]
    instagram.clock.advance(10)
    assert instagram.deliver_webhooks() == 1
    for _ in range(40):
        instagram.clock.advance(3600)
        instagram.deliver_webhooks()
    (delivery,) = control(instagram, "GET", "webhooks")[1]["deliveries"]
    assert (delivery["state"], delivery["status"]) == ("dropped", 500)
    assert 8 <= delivery["attempts"] <= 16
    assert len({body for _, body in receiver.heard}) == 1


def test_after_an_hour_of_failures_the_account_may_lose_its_subscription(instagram, receiver, caller_for):
    bakery = caller_for(instagram, instagram.token_for("lumen.bakery"))
    bakery.post("/me/subscribed_apps", subscribed_fields="comments")
    instagram.switch(webhook_patience="1h")
    receiver.statuses = [503]
    instagram.send_webhook("comment", "lumen.bakery")
    for _ in range(20):
        instagram.clock.advance(400)
        instagram.deliver_webhooks()
    assert bakery.get("/me/subscribed_apps").json()["data"] == []


def test_what_was_delivered_in_the_end_is_not_sent_again(instagram, receiver):
    receiver.statuses = [500, 200]
    instagram.send_webhook("comment", "lumen.bakery")
    instagram.deliver_webhooks()
    instagram.deliver_webhooks()
    instagram.clock.advance(86400)
    assert instagram.deliver_webhooks() == 0
    assert len(receiver.heard) == 2


@pytest.mark.parametrize(
    "wish", [{"kind": "gossip"}, {"kind": "comment", "colour": "red"}, {"kind": "comment", "at": "x"}]
)
def test_a_wish_that_cannot_be_is_explained(instagram, wish):
    status, answer = control(instagram, "POST", "webhooks/send", username="lumen.bakery", **wish)
    assert (status, bool(answer["error"])) == (400, True)


def test_the_log_of_deliveries_holds_no_body(instagram):
    instagram.send_webhook("message", "lumen.bakery", text="CANARY-words")
    instagram.deliver_webhooks()
    assert "CANARY" not in json.dumps(control(instagram, "GET", "webhooks")[1])
