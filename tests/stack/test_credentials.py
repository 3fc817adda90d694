"""Who may call what: every route of the template, with every kind of wrong credential."""

import base64
import hashlib
import json
import re
import time

import pytest
from joserfc.jwk import RSAKey

from devstack import cli
from tests.stack import aws
from tests.stack.problems import refused
from tests.stack.routes import routes

UNUSED_SCOPE = "messages:write"  # no route asks for it


@pytest.fixture(scope="module")
def guarded(template):
    return [route for route in routes(template) if not route.is_public]


def test_a_stranger_is_refused_on_every_route_that_is_not_public(stranger, guarded):
    assert len(guarded) >= 11
    for route in guarded:
        assert refused(stranger.request(route.method, route.filled()))["code"] == "unauthenticated", route


def test_public_routes_answer_a_stranger(stranger):
    assert stranger.get("/v1/health").json()["is_healthy"] is True
    assert stranger.get("/v1/errors/media_rejected").json()["code"] == "media_rejected"
    assert refused(stranger.get("/v1/errors/nonsense"), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "Bearer",
        "Basic dXNlcjpwYXNz",
        "Bearer drk_test_short",
        f"Bearer drk_test_{'x' * 43}",
        f"Bearer drk_live_{'x' * 43}",
        f"Bearer drk_test_{'x' * 43} drk_test_{'y' * 43}",
        f"Bearer {'x' * 4000}",
        "Bearer a.b.c",
    ],
)
def test_a_malformed_or_unknown_credential_is_refused(stranger, guarded, credential):
    route = next(route for route in guarded if str(route) == "GET /v1/posts")
    refused(stranger.get(route.path, headers={"authorization": credential}))


def test_a_key_with_one_letter_changed_or_added_is_another_key(stranger, key_of):
    key = key_of("letters")
    changed = key[:-1] + ("a" if key[-1] != "a" else "b")
    assert stranger.get("/v1/posts", headers={"authorization": f"Bearer {key}"}).status_code == 200
    for wrong in (changed, key + "a", key.upper(), f"{key}, {key}"):
        refused(stranger.get("/v1/posts", headers={"authorization": f"Bearer {wrong}"}))


def test_a_live_key_is_refused_in_test_mode_even_if_it_is_known(cloud, stranger, key_of, canaries):
    live = canaries.meet("api key", f"drk_live_{'L' * 43}")
    digest, known = _digest(live), f"KEY#{_digest(key_of('live'))}"
    stored = next(item for item in aws.items(cloud, "CallersTableName") if item["pk"]["S"] == known)
    copy = stored | {"pk": {"S": f"KEY#{digest}"}, "sha256": {"S": digest}}
    cloud.client("dynamodb").put_item(TableName=cloud.outputs["CallersTableName"], Item=copy)
    told = refused(stranger.get("/v1/posts", headers={"authorization": f"Bearer {live}"}))
    assert told["detail"] == "This is a live key, and here only test keys are accepted."


def _digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


def test_every_guarded_route_wants_a_scope_of_its_own(stranger, guarded, key_of):
    """The refusal names the scope; a key with just that scope gets further."""
    powerless = {"authorization": f"Bearer {key_of('scopes', UNUSED_SCOPE)}"}
    keys = {}
    for route in guarded:
        told = refused(stranger.request(route.method, route.filled(), headers=powerless), 403)
        assert told["code"] == "scope_missing", route
        scope = re.search(r"the scope ([a-z:]+)\.", told["detail"])[1]
        key = keys.setdefault(scope, key_of("scopes", scope))
        answer = stranger.request(route.method, route.filled(), headers={"authorization": f"Bearer {key}"})
        assert answer.status_code not in {401, 403}, route
    of_nouns = {f"{noun}:{right}" for noun in ("accounts", "events", "posts") for right in ("read", "write")}
    assert set(keys) == {*of_nouns, "admin"}


def test_reading_is_not_writing(stranger, guarded, key_of):
    scopes = [f"{noun}:read" for noun in ("accounts", "events", "posts")]
    readers = {"authorization": f"Bearer {key_of('readers', *scopes)}"}
    for route in guarded:
        answer = stranger.request(route.method, route.filled(), headers=readers)
        is_for_admins = route.path.startswith(("/v1/webhook-endpoints", "/v1/export"))
        assert (answer.status_code == 403) == (route.method != "GET" or is_for_admins), route


def test_a_deleted_key_is_dead_at_once(cloud, stranger, key_of):
    key = key_of("deleted")
    headers = {"authorization": f"Bearer {key}"}
    assert stranger.get("/v1/posts", headers=headers).status_code == 200
    item = {"pk": {"S": f"KEY#{_digest(key)}"}, "sk": {"S": "KEY"}}
    cloud.client("dynamodb").delete_item(TableName=cloud.outputs["CallersTableName"], Key=item)
    refused(stranger.get("/v1/posts", headers=headers))


# ── JWTs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def with_jwt(stranger, issuer, canaries):
    def call(path="/v1/posts", method="GET", key=None, **claims):
        token = issuer.token(key=key, **({"tenant_id": "jwt-tenant", "scope": "posts:read"} | claims))
        canaries.meet("jwt", token)
        return stranger.request(method, path, headers={"authorization": f"Bearer {token}"})

    return call


def test_a_jwt_of_the_configured_issuer_works_with_its_scopes(with_jwt):
    assert with_jwt().status_code == 200
    assert refused(with_jwt("/v1/accounts"), 403)["detail"] == "This credential lacks the scope accounts:read."
    assert with_jwt("/v1/accounts", scope="posts:read accounts:read").status_code == 200
    assert refused(with_jwt(method="POST"), 403)["code"] == "scope_missing"


def test_a_blocked_users_token_is_refused_at_once_everywhere_and_the_others_of_the_tenant_are_not(
    cloud, with_jwt, monkeypatch, capsys
):
    """Through `darkroom subject`, as its operator does it."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    subject, everything = "ada@example.com", {"scope": "posts:read posts:write"}
    assert with_jwt(sub=subject, **everything).status_code == 200
    assert cli.main(["subject", "block", "--subject", subject]) == 0
    assert "are refused from now on" in capsys.readouterr().out
    for method in ("GET", "POST"):
        assert refused(with_jwt(method=method, sub=subject, **everything), 403)["code"] == "subject_blocked"
    assert with_jwt(sub="grace@example.com", **everything).status_code == 200
    assert subject not in json.dumps(aws.items(cloud, "CallersTableName"), default=str)
    assert cli.main(["subject", "unblock", "--subject", subject]) == 0
    assert cli.main(["subject", "unblock", "--subject", subject]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["Unblocked", "Was not blocked"]
    assert with_jwt(sub=subject, **everything).status_code == 200


def test_a_jwt_speaks_for_its_own_tenant_only(with_jwt, tenant):
    assert with_jwt(f"/v1/accounts/{tenant.account.id}", scope="admin").status_code == 404
    assert with_jwt(f"/v1/accounts/{tenant.account.id}", scope="admin", tenant_id=tenant.id).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody-else"},
        {"iss": "https://other.example"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
        {"tenant_id": None},
        {"tenant_id": "a#b"},
        {"tenant_id": ["list"]},
        {"nonce": "an-id-token"},
        {"token_use": "id"},
    ],
    ids=" ".join,
)
def test_a_jwt_with_a_wrong_claim_is_refused(with_jwt, claims):
    refused(with_jwt(**claims))


def test_a_jwt_signed_by_somebody_else_or_by_nobody_is_refused(with_jwt, issuer, stranger):
    forged = RSAKey.generate_key(2048, {"kid": "key-1"})
    refused(with_jwt(key=forged))
    header, claims = ({"alg": "none", "kid": "key-1"}, {"iss": issuer.url, "aud": "darkroom", "tenant_id": "t"})
    unsigned = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in (header, claims))
    refused(stranger.get("/v1/posts", headers={"authorization": f"Bearer {unsigned}."}))
