"""
Tokens of a real issuer on loopback, signed by another library than the one that verifies them. RFC 8725 tells what a
verifier must not fall for.
"""

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from darkroom.errors import ConfigurationError, NotAllowedError
from darkroom.oidc import OidcJwts

AUDIENCE = "darkroom"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig", "alg": "ES256"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed-1", "use": "sig", "alg": "EdDSA"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})


class Issuer:
    """An OIDC issuer: discovery and keys over HTTP. `answers` may be changed; `hits` counts requests."""

    def __init__(self) -> None:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.hits.append(self.path)
                status, body = issuer.answers.get(self.path, (404, b"no"))
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.hits: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {
            "/.well-known/openid-configuration": (
                200,
                json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}).encode(),
            ),
        }
        self.publish(RSA, EC, ED)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def publish(self, *keys: Any) -> None:
        self.answers["/keys"] = (200, json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode())

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "user-7",
            "iat": now,
            "exp": now + 300,
            "tenant_id": "acme",
            "scope": "posts:read",
        }
        return {name: value for name, value in (claims | changes).items() if value is not ...}

    def token(
        self, key: Any = RSA, algorithm: str = "RS256", header: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        head = {"alg": algorithm, "kid": key.kid, "typ": "at+jwt"} | (header or {})
        return jwt.encode(head, self.claims(**changes), key, algorithms=[algorithm])


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


@pytest.fixture
def jwts(issuer: Issuer) -> OidcJwts:
    return OidcJwts(issuer.url, AUDIENCE)


def refusal(jwts: OidcJwts, token: str) -> str:
    with pytest.raises(NotAllowedError) as caught:
        jwts.claims(token)
    assert caught.value.__cause__ is None, "a library's words may hold the token"
    return caught.value.detail or ""


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by RFC 9864, which issuers do not follow yet
@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")],
)
def test_a_token_of_the_issuer_gives_its_claims(issuer, jwts, key, algorithm):
    claims = jwts.claims(issuer.token(key, algorithm))
    assert (claims["sub"], claims["tenant_id"]) == ("user-7", "acme")


def test_keys_are_fetched_once_while_the_function_is_warm(issuer, jwts):
    for _ in range(5):
        jwts.claims(issuer.token())
    assert issuer.hits == ["/.well-known/openid-configuration", "/keys"]


def test_an_audience_may_be_one_of_several(issuer, jwts):
    assert jwts.claims(issuer.token(aud=["other", AUDIENCE]))


WRONG = {
    "another audience": {"aud": "somebody-else"},
    "several other audiences": {"aud": ["a", "b"]},
    "no audience": {"aud": ...},
    "another issuer": {"iss": "https://evil.example.com"},
    "the issuer with a slash": {"iss": "SLASH"},
    "no issuer": {"iss": ...},
    "no subject": {"sub": ...},
    "subject is a number": {"sub": 7},
    "no expiry": {"exp": ...},
    "expiry is text": {"exp": "soon"},
    "not valid yet": {"nbf": int(time.time()) + 3600},
    "issued in the future": {"iat": int(time.time()) + 3600},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_token_with_a_wrong_claim_is_refused(issuer, jwts, changes):
    if changes.get("iss") == "SLASH":
        changes = {"iss": issuer.url + "/"}
    assert refusal(jwts, issuer.token(**changes)) == "This token is not one that is accepted here."


def test_an_expired_token_is_told_so(issuer, jwts):
    assert refusal(jwts, issuer.token(exp=int(time.time()) - 60)) == "This token has expired."


def test_a_clock_may_be_a_little_off(issuer, jwts):
    assert jwts.claims(issuer.token(exp=int(time.time()) - 10))


@pytest.mark.parametrize("changes", [{"token_use": "id"}, {"nonce": "n"}, {"at_hash": "h"}, {"c_hash": "h"}])
def test_an_id_token_is_no_access_token(issuer, jwts, changes):
    assert refusal(jwts, issuer.token(**changes)) == "This is an ID token; send an access token."


def test_a_token_that_says_it_is_for_access_is_accepted(issuer, jwts):
    assert jwts.claims(issuer.token(token_use="access"))


# Signatures


def test_a_strangers_signature_is_refused(issuer, jwts):
    assert refusal(jwts, issuer.token(STRANGER))


def test_a_changed_payload_is_refused(issuer, jwts):
    head, _, signature = issuer.token().split(".")
    assert refusal(jwts, f"{head}.{segment(issuer.claims(tenant_id='globex'))}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_an_unsigned_token_is_refused(issuer, jwts, algorithm, signature):
    head = segment({"alg": algorithm, "kid": RSA.kid, "typ": "JWT"})
    assert refusal(jwts, f"{head}.{segment(issuer.claims())}.{signature}")


@pytest.mark.parametrize(
    "secret", [RSA.as_pem(private=False), RSA.as_der(private=False), b""], ids=["PEM", "DER", "none"]
)
def test_our_public_key_used_as_a_shared_secret_is_refused(issuer, jwts, secret):
    """The classic confusion: HS256 with the issuer's public key, which everybody has."""
    signed = f"{segment({'alg': 'HS256', 'kid': RSA.kid})}.{segment(issuer.claims())}"
    assert refusal(jwts, f"{signed}.{segment(hmac.digest(secret, signed.encode(), 'sha256'))}")


def test_a_key_that_the_token_brings_along_is_not_used(issuer, jwts):
    header = {"jwk": STRANGER.as_dict(private=False), "jku": f"{issuer.url}/evil", "x5u": f"{issuer.url}/evil"}
    head = {"alg": "RS256", "kid": RSA.kid}
    forged = jwt.encode(head, issuer.claims(), STRANGER, algorithms=["RS256"]).split(".")
    assert refusal(jwts, ".".join([segment(head | header), *forged[1:]]))
    assert "/evil" not in issuer.hits


@pytest.mark.parametrize("kid", ["unknown", "", "../../keys", "x" * 5000])
def test_an_unknown_key_id_is_refused_and_cannot_flood_the_issuer(issuer, jwts, kid):
    for _ in range(20):
        assert refusal(jwts, issuer.token(header={"kid": kid}))
    assert issuer.hits.count("/keys") <= 2


GARBAGE = {
    "empty": "",
    "one part": "abc",
    "two parts": "a.b",
    "four parts": "a.b.c.d",
    "dots": "..",
    "not base64": "!.!.!",
    "not ASCII": "é.é.é",
    "not JSON": f"{segment(b'x')}.{segment(b'x')}.AAAA",
    "not objects": f"{segment([])}.{segment([])}.AAAA",
    "deep header": f"{segment(b'[' * 7000)}.{segment({})}.AAAA",
    "deeper header": f"{segment(b'[' * 100_000)}.{segment({})}.AAAA",
    "deep objects": f"{segment(b'{"a":' * 3000)}.{segment({})}.AAAA",
    "a number as key id": f"{segment({'alg': 'RS256', 'kid': 7})}.{segment({})}.AAAA",
    "an object as key id": f"{segment({'alg': 'RS256', 'kid': {}})}.{segment({})}.AAAA",
    "a list as algorithm": f"{segment({'alg': ['RS256'], 'kid': 'rsa-1'})}.{segment({})}.AAAA",
    "unencoded payload": f"{segment({'alg': 'RS256', 'kid': 'rsa-1', 'b64': False, 'crit': ['b64']})}.{{}}.AAAA",
    "encrypted": f"{segment({'alg': 'RSA-OAEP', 'enc': 'A128GCM'})}.a.b.c.d",
}


@pytest.mark.parametrize("token", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused(jwts, token):
    assert refusal(jwts, token) == "This token is not one that is accepted here."


def test_garbage_costs_the_issuer_nothing(issuer, jwts):
    for token in GARBAGE.values():
        refusal(jwts, token)
    assert issuer.hits in ([], ["/.well-known/openid-configuration", "/keys"])


# Keys change, issuers fail


def test_a_new_key_is_picked_up(issuer, jwts, monkeypatch):
    issuer.publish(EC)
    jwts.claims(issuer.token(EC, "ES256"))
    issuer.publish(EC, RSA)
    later(monkeypatch, 60)
    assert jwts.claims(issuer.token())


def test_a_withdrawn_key_is_dead_within_minutes(issuer, jwts, monkeypatch):
    token = issuer.token()
    jwts.claims(token)
    issuer.publish(EC)
    later(monkeypatch, 301)
    assert refusal(jwts, token)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + seconds)


BROKEN = {
    "down": (503, b""),
    "not found": (404, b""),
    "HTML": (200, b"<html>"),
    "a list": (200, b"[]"),
    "a word": (200, b'"x"'),
    "cut off": (200, b'{"jwks_uri": '),
    "nothing": (200, b""),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys"])
def test_an_issuer_that_cannot_be_read_is_our_failure_and_not_the_callers(issuer, jwts, path, answer):
    issuer.answers[path] = answer
    with pytest.raises(ConfigurationError) as caught:
        jwts.claims(issuer.token())
    assert caught.value.code == "configuration_error"


def test_an_issuer_that_comes_back_is_asked_again(issuer, jwts):
    good = issuer.answers["/keys"]
    issuer.answers["/keys"] = (503, b"")
    with pytest.raises(ConfigurationError):
        jwts.claims(issuer.token())
    issuer.answers["/keys"] = good
    assert jwts.claims(issuer.token())


def test_an_issuer_without_keys_is_our_failure(issuer, jwts):
    issuer.publish()
    with pytest.raises(ConfigurationError):
        jwts.claims(issuer.token())


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "ftp://127.0.0.1/keys", "http://keys.example.com/", "keys", 7])
def test_keys_come_over_https_or_loopback_only(issuer, jwts, uri):
    body = json.dumps({"issuer": issuer.url, "jwks_uri": uri}).encode()
    issuer.answers["/.well-known/openid-configuration"] = (200, body)
    with pytest.raises(ConfigurationError):
        jwts.claims(issuer.token())


@pytest.mark.parametrize(
    "url",
    ["http://issuer.example.com", "ftp://127.0.0.1:1", "file:///etc", "issuer", "http://127.0.0.1.evil.example.com:1"],
)
def test_an_issuer_is_an_https_url(issuer, url):
    with pytest.raises(ConfigurationError) as caught:
        OidcJwts(url, AUDIENCE).claims(issuer.token())
    assert "https" in (caught.value.detail or "")


def test_an_issuer_that_nobody_answers_for_is_our_failure(issuer):
    port = issuer.server.server_port
    token = issuer.token()
    jwts = OidcJwts(f"http://127.0.0.1:{port + 1 if port < 65535 else port - 1}", AUDIENCE)
    with pytest.raises(ConfigurationError):
        jwts.claims(token)
