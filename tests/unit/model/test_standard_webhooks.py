"""Signatures of outgoing webhooks, judged by the specification's own library and its published example."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from darkroom.standard_webhooks import headers, new_secret


def now():
    """The library compares with its own clock."""
    return datetime.now(UTC)


def verified(secret, made, body):
    return Webhook(secret).verify(body, made)


def test_the_published_example():
    """The vector of the reference implementations (standard-webhooks, libraries/*/test)."""
    made = headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.dictionaries(st.text(), st.text()))
def test_an_independent_library_accepts_any_body(content):
    secret, body = new_secret(), json.dumps(content).encode()
    assert verified(secret, headers("evt_1", now(), body, [secret]), body) == content


def test_while_two_secrets_are_valid_either_verifies():
    old, new, stranger = new_secret(), new_secret(), new_secret()
    made = headers("evt_1", now(), b"{}", [new, old])
    assert made["webhook-signature"].count(" ") == 1
    for secret in (old, new):
        verified(secret, made, b"{}")
    with pytest.raises(WebhookVerificationError):
        verified(stranger, made, b"{}")


def test_what_was_changed_on_the_way_is_noticed():
    secret = new_secret()
    made = headers("evt_1", now(), b"{}", [secret])
    another_id, later = {"webhook-id": "evt_2"}, {"webhook-timestamp": str(int(made["webhook-timestamp"]) + 1)}
    for wrong, body in ((made | another_id, b"{}"), (made | later, b"{}"), (made, b"{ }")):
        with pytest.raises(WebhookVerificationError):
            verified(secret, wrong, body)


def test_a_secret_is_new_each_time_and_as_long_as_the_specification_wants():
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
        assert 24 <= len(key) <= 64
        assert secret == "whsec_" + b64encode(key).decode()
