import json
from dataclasses import replace

import pytest

from darkroom import bootstrap
from darkroom.authenticating import KeyRequest, issue_key
from darkroom.errors import StoreUnavailableError
from darkroom.http_events import Incoming
from darkroom.tenants import subject_hash
from tests.builders import NOW, TENANT
from tests.events import event, http_event
from tests.functions.world import call

CANARY = "CANARY-44f0"


def key(world) -> str:
    ports = bootstrap.authenticating_ports()
    return issue_key(KeyRequest(tenant_id=TENANT, scopes=("posts:read",)), NOW, ports)[1]


def asked(credential: str | None):
    made = event("authorizer")
    made["headers"].pop("authorization")
    if credential is not None:
        made["headers"]["authorization"] = credential
    return call("authorizer", made)


def through(answer) -> Incoming:
    """As the function behind sees it."""
    return Incoming(http_event("GET /v1/posts", caller=answer["context"]), "req_1", NOW)


def test_a_good_key_is_a_caller(world):
    answer = asked(f"Bearer {key(world)}")
    assert answer == {"isAuthorized": True, "context": {"tenant_id": TENANT, "scopes": "posts:read"}}


@pytest.mark.parametrize("credential", [None, "", "Basic x", f"Bearer {CANARY}", f"Bearer drk_test_{CANARY}"])
def test_anybody_else_is_let_through_as_nobody_with_a_reason(world, credential):
    answer = asked(credential)
    assert answer["isAuthorized"] is True
    assert answer["context"].keys() == {"refused", "code"}
    assert through(answer).caller() is None
    assert through(answer).refusal().code == "unauthenticated"
    assert CANARY not in json.dumps(answer)


def test_the_event_as_api_gateway_sends_it_is_understood(world):
    assert call("authorizer", event("authorizer"))["context"]["refused"] == "This API key is not known."


@pytest.mark.parametrize("headers", [None, {}])
def test_no_headers_are_no_credential(world, headers):
    assert "refused" in call("authorizer", event("authorizer") | {"headers": headers})["context"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [(StoreUnavailableError(), "store_unavailable"), (RuntimeError(CANARY), "internal_error")],
)
def test_when_the_credential_cannot_be_judged_nobody_is_let_in_and_the_caller_is_not_blamed(
    world, lines, monkeypatch, failure, code
):
    def broken(sha256: str) -> None:
        raise failure

    secret = key(world)
    monkeypatch.setattr(world.keys, "find", broken)
    answer = asked(f"Bearer {secret}")
    assert through(answer).caller() is None
    assert through(answer).refusal().code == code
    assert CANARY not in json.dumps(answer) + lines.getvalue()
    assert secret not in lines.getvalue()


def test_a_blocked_user_is_nobody_and_hears_so_from_every_route(world, monkeypatch):
    class Jwts:
        def claims(self, _token):
            return {"iss": "https://issuer.example", "sub": CANARY, "tenant_id": TENANT, "scope": "admin"}

    jwts = replace(bootstrap.authenticating_ports(), jwts=Jwts())
    monkeypatch.setattr(bootstrap, "authenticating_ports", lambda: jwts)
    assert through(asked("Bearer a.b.c")).tenant_id == TENANT
    world.blocked.block(subject_hash("https://issuer.example", CANARY), NOW)
    answer = asked("Bearer a.b.c")
    assert through(answer).caller() is None
    assert CANARY not in json.dumps(answer)
    for function, route in (("posts_api", "GET /v1/posts"), ("posts_api", "POST /v1/posts")):
        refused = call(function, http_event(route, caller=answer["context"]))
        assert (refused["statusCode"], json.loads(refused["body"])["code"]) == (403, "subject_blocked")


def test_context_values_are_text_as_api_gateway_wants(world):
    for answer in (asked(None), asked(f"Bearer {key(world)}")):
        assert all(isinstance(value, str) for value in answer["context"].values())
