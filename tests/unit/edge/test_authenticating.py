from datetime import timedelta
from typing import Any

import pytest

from darkroom.authenticating import Caller, KeyRequest, Ports, authenticate, issue_key
from darkroom.errors import BadRequestError, NotAllowedError, StoreUnavailableError
from darkroom.tenants import SCOPES, subject_hash
from tests.builders import NOW, TENANT
from tests.fakes import FakeApiKeys, FakeBlockedSubjects

CANARY = "CANARY-9d2e"
ISSUER = "https://issuer.example"


class Jwts:
    """An issuer whose every token says the same."""

    def __init__(self, **claims: Any) -> None:
        self.said = {"iss": ISSUER, "sub": "ada"} | claims
        self.asked: list[str] = []

    def claims(self, token: str) -> dict[str, Any]:
        self.asked.append(token)
        return self.said


def ports(jwts: Jwts | None = None, mode: str = "test", keys: FakeApiKeys | None = None) -> Ports:
    return Ports(keys or FakeApiKeys(), FakeBlockedSubjects(), jwts, "tenant_id", mode)


def refusal(authorization: str | None, given: Ports, now=NOW) -> str:
    with pytest.raises(NotAllowedError) as caught:
        authenticate(authorization, now, given)
    assert caught.value.code == "unauthenticated"
    return caught.value.detail or ""


def issued(given: Ports, **wish: Any) -> str:
    _, secret = issue_key(KeyRequest(**{"tenant_id": TENANT, "scopes": ("posts:read",)} | wish), NOW, given)
    return secret


# API keys


def test_an_issued_key_names_its_tenant_and_scopes():
    given = ports()
    secret = issued(given, scopes=("posts:read", "posts:write"))
    assert authenticate(f"Bearer {secret}", NOW, given) == Caller(TENANT, frozenset({"posts:read", "posts:write"}))


def test_a_key_may_be_held_to_accounts():
    given = ports()
    caller = authenticate(f"Bearer {issued(given, account_ids=('acc_1',))}", NOW, given)
    assert caller.may_use("acc_1")
    assert not caller.may_use("acc_2")


def test_a_key_for_no_account_at_all_is_refused_before_it_could_be_taken_for_one_of_every_account():
    with pytest.raises(BadRequestError) as refusal:
        issued(ports(), account_ids=())
    assert [error.pointer for error in refusal.value.errors] == ["/account_ids"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_bearer_in_any_case(scheme):
    given = ports()
    assert authenticate(f"{scheme} {issued(given)} ", NOW, given).tenant_id == TENANT


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer    ", "Basic dXNlcjpwYXNz", "drk_test_x", "Token x", "Bearer\tx"],
)
def test_a_header_of_another_form_is_refused(authorization):
    assert "Bearer <credential>" in refusal(authorization, ports(Jwts(tenant_id=TENANT)))


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None)])
def test_a_key_that_was_cut_is_not_known(cut):
    given = ports()
    secret = issued(given)
    assert refusal(f"Bearer drk_{secret.removeprefix('drk_')[cut]}", given) == "This API key is not known."


@pytest.mark.parametrize(
    "credential", ["drk_", "drk_test_", "drk_prod_" + "a" * 43, "drk_test_" + "é" * 43, "drk_test_" + "a" * 42 + "\n"]
)
def test_what_cannot_be_a_key_is_not_even_looked_up(credential):
    class Untouchable(FakeApiKeys):
        def find(self, sha256: str) -> None:
            raise AssertionError

    assert refusal(f"Bearer {credential}", ports(keys=Untouchable())) == "This API key is not known."


def test_a_revoked_key_is_dead_at_once():
    given = ports()
    secret = issued(given)
    authenticate(f"Bearer {secret}", NOW, given)
    given.api_keys.stored.clear()
    assert refusal(f"Bearer {secret}", given) == "This API key is not known."


def test_a_key_dies_on_the_second_it_expires():
    given = ports()
    end = NOW + timedelta(days=1)
    secret = issued(given, expires_at=end)
    assert authenticate(f"Bearer {secret}", end - timedelta(seconds=1), given).tenant_id == TENANT
    assert refusal(f"Bearer {secret}", given, end) == "This API key has expired."


@pytest.mark.parametrize(("issued_in", "used_in"), [("test", "live"), ("live", "test")])
def test_a_key_of_the_other_mode_is_refused(issued_in, used_in):
    keys = FakeApiKeys()
    secret = issued(ports(mode=issued_in, keys=keys))
    assert f"only {used_in} keys" in refusal(f"Bearer {secret}", ports(mode=used_in, keys=keys))


def test_two_credentials_in_one_header_are_none():
    given = ports()
    secret = issued(given)
    assert refusal(f"Bearer {secret},Bearer {secret}", given) == "This API key is not known."


def test_a_refusal_never_repeats_the_credential():
    given = ports(Jwts())
    for credential in (f"drk_test_{CANARY}", f"drk_live_{CANARY.ljust(43, 'x')}", CANARY):
        assert CANARY not in refusal(f"Bearer {credential}", given)


# Users who are blocked


@pytest.mark.parametrize("scope", ["posts:read", "posts:write", "admin"])
def test_a_blocked_user_is_refused_with_a_token_that_is_good_in_every_other_way(scope):
    given = ports(Jwts(tenant_id=TENANT, scope=scope))
    assert authenticate("Bearer a.b.c", NOW, given).tenant_id == TENANT
    given.blocked.block(subject_hash(ISSUER, "ada"), NOW)
    with pytest.raises(NotAllowedError) as refused:
        authenticate("Bearer a.b.c", NOW, given)
    assert refused.value.code == "subject_blocked"
    given.blocked.unblock(subject_hash(ISSUER, "ada"))
    assert authenticate("Bearer a.b.c", NOW, given).tenant_id == TENANT


@pytest.mark.parametrize(
    ("issuer", "subject"), [(ISSUER, "grace"), (ISSUER, "Ada"), ("https://other.example", "ada"), (ISSUER, "")]
)
def test_blocking_one_user_blocks_nobody_else(issuer, subject):
    given = ports(Jwts(tenant_id=TENANT))
    given.blocked.block(subject_hash(issuer, subject), NOW)
    assert authenticate("Bearer a.b.c", NOW, given).tenant_id == TENANT


def test_nobody_is_let_in_while_it_cannot_be_told_who_is_blocked(monkeypatch):
    def down(_sha256: str) -> bool:
        raise StoreUnavailableError

    given = ports(Jwts(tenant_id=TENANT))
    monkeypatch.setattr(given.blocked, "is_blocked", down)
    with pytest.raises(StoreUnavailableError):
        authenticate("Bearer a.b.c", NOW, given)


# Issuing


def test_what_is_stored_of_a_key_is_not_the_key():
    given = ports()
    key, secret = issue_key(KeyRequest(tenant_id=TENANT, scopes=("admin",), name="n" * 200), NOW, given)
    assert secret.startswith("drk_test_")
    assert len(secret) == 52
    assert secret not in repr(given.api_keys.stored)
    assert key.id.startswith("key_")
    assert len(key.name) == 100


def test_no_two_keys_are_alike():
    given = ports()
    assert len({issued(given) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({"tenant_id": ""}, ["/tenant_id"]),
        ({"tenant_id": "acme#POST"}, ["/tenant_id"]),
        ({"scopes": ("posts:read", "everything")}, ["/scopes/1"]),
        ({"scopes": ("*",), "tenant_id": " "}, ["/scopes/0", "/tenant_id"]),
        ({"scopes": ()}, ["/scopes"]),
        ({"mode": "live"}, ["/mode"]),
        ({"expires_at": NOW}, ["/expires_at"]),
    ],
)
def test_a_wrong_wish_is_refused_and_nothing_is_stored(wish, pointers):
    given = ports()
    with pytest.raises(BadRequestError) as caught:
        issued(given, **wish)
    assert [error.pointer for error in caught.value.errors] == pointers
    assert given.api_keys.stored == {}


# JWTs: what a verified token means. Whether it verifies is test_oidc.py's.


def test_a_token_names_its_tenant_and_scopes():
    jwts = Jwts(tenant_id=TENANT, scope="openid posts:read posts:write")
    assert authenticate("Bearer a.b.c", NOW, ports(jwts)) == Caller(TENANT, frozenset({"posts:read", "posts:write"}))
    assert jwts.asked == ["a.b.c"]


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "posts:read"}, {"posts:read"}),
        ({"scope": ["posts:read", "admin"]}, {"posts:read", "admin"}),
        ({"scp": ["posts:read"]}, {"posts:read"}),
        ({"scp": "posts:read posts:write"}, {"posts:read", "posts:write"}),
        ({}, set()),
        ({"scope": ""}, set()),
        ({"scope": None}, set()),
        ({"scope": 7}, set()),
        ({"scope": {"admin": True}}, set()),
        ({"scope": [["admin"], {"admin": 1}, None]}, set()),
        ({"scope": "ADMIN Posts:read posts:*"}, set()),
        ({"roles": ["admin"]}, set()),
    ],
)
def test_only_scopes_that_exist_are_granted(claims, scopes):
    caller = authenticate("Bearer a.b.c", NOW, ports(Jwts(tenant_id=TENANT, **claims)))
    assert caller.scopes == scopes
    assert caller.scopes <= set(SCOPES)


@pytest.mark.parametrize("tenant_id", [None, "", 7, ["acme"], {"id": "acme"}, "acme#ACCOUNT", "a b", "x" * 129, True])
def test_a_token_without_a_usable_tenant_is_refused(tenant_id):
    detail = refusal("Bearer a.b.c", ports(Jwts(tenant_id=tenant_id, scope="admin")))
    assert detail == "The token has no usable tenant_id claim."


def test_a_token_without_the_tenant_claim_is_refused():
    assert "tenant_id" in refusal("Bearer a.b.c", ports(Jwts(scope="admin", tenant=TENANT)))


def test_without_an_issuer_only_keys_are_accepted():
    assert "Only API keys" in refusal("Bearer a.b.c", ports(None))
