"""Owners who leave: what the pretend Meta signs and posts."""

import base64
import hashlib
import hmac
import json

import pytest

from simulator import consent


@pytest.fixture
def control(bakery):
    def send(path, **body):
        return bakery.http.post(f"http://instagram.test/_sim{path}", json=body)

    return send


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_signed_request_is_as_meta_documents_it(control, instagram):
    signature, _, payload = control("/signed_requests", username="lumen.bakery").json()["signed_request"].partition(".")
    secret = instagram.world.options.app_secret.encode()
    assert decoded(signature) == hmac.new(secret, payload.encode(), hashlib.sha256).digest()
    assert "=" not in signature + payload
    said = json.loads(decoded(payload))
    account = instagram.world.account_named("lumen.bakery")
    assert said == {
        "user_id": account.id, "algorithm": "HMAC-SHA256", "issued_at": int(instagram.clock.now()), "expires": 0,
    }  # fmt: skip


def test_it_may_be_of_another_moment(control):
    signed = control("/signed_requests", username="lumen.bakery", issued_at=7).json()["signed_request"]
    assert json.loads(decoded(signed.partition(".")[2]))["issued_at"] == 7


def test_whoever_leaves_has_no_token_any_more_and_the_app_is_told(control, bakery, cycles, monkeypatch):
    told = []

    def post(url, data, **_):
        told.append((url, data))
        return consent.httpx.Response(200, text="thanks")

    monkeypatch.setattr(consent.httpx, "post", post)
    answer = control("/withdrawals", username="lumen.bakery", url="https://app.example/meta/deauthorize")
    assert answer.json() == {"status": 200, "body": "thanks"}
    ((url, data),) = told
    assert url == "https://app.example/meta/deauthorize"
    assert data.keys() == {"signed_request"}
    error = bakery.get("/me", fields="user_id").json()["error"]
    assert (error["code"], error["error_subcode"]) == (190, 458)
    assert cycles.get("/me", fields="user_id").status_code == 200


@pytest.mark.parametrize("body", [{}, {"username": "nobody", "url": "https://x"}, {"username": "lumen.bakery"}])
def test_what_cannot_be_understood_is_refused(control, body):
    assert control("/withdrawals", **body).status_code == 400


def test_an_app_that_cannot_be_reached_is_named(control):
    answer = control("/withdrawals", username="lumen.bakery", url="http://127.0.0.1:9/meta/deauthorize")
    assert answer.status_code == 400
    assert "cannot be reached" in answer.json()["error"]
