"""JWTs of a configured OIDC issuer: discovery, keys and verification by PyJWT. The authorizer's only network calls."""

import json
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError

import jwt

from darkroom.errors import ConfigurationError, NotAllowedError

_TIMEOUT = 3  # seconds, for discovery and for the keys
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")  # asymmetric only
_LEEWAY = 30  # seconds of clock skew
_SAFE = ("https://", "http://127.0.0.1:")  # loopback is for development
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash"})


@dataclass(frozen=True, eq=False, repr=False)
class OidcJwts:
    """Implements the `Jwts` port of authenticating.py."""

    issuer: str
    audience: str

    def claims(self, token: str) -> dict[str, Any]:
        claims = self._verified(token)
        if claims.get("token_use", "access") != "access" or _ID_TOKEN_CLAIMS & claims.keys():
            raise NotAllowedError(detail="This is an ID token; send an access token.")
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        """PyJWT's own words are dropped: they may quote the token."""
        try:
            header = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(header.get("kid", "")),
                algorithms=list(_ALGORITHMS),
                audience=self.audience,
                issuer=self.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotAllowedError(detail="This token has expired.") from None
        except (jwt.PyJWTError, RecursionError):
            raise NotAllowedError(detail="This token is not one that is accepted here.") from None
        return claims

    def _key(self, key_id: str) -> jwt.PyJWK:
        """
        Keys are kept for five minutes, so that one which the issuer withdraws dies. An unknown id makes PyJWT ask
        again, at most twice a minute. Raises PyJWKClientError for an id that the issuer does not have.
        """
        try:
            self._keys.get_signing_keys()
        except (jwt.PyJWTError, OSError, ValueError):
            raise ConfigurationError(detail="The OIDC issuer's keys could not be read.") from None
        try:
            return self._keys.get_signing_key(key_id)
        except (jwt.PyJWKClientConnectionError, OSError, ValueError):
            raise ConfigurationError(detail="The OIDC issuer's keys could not be read.") from None

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        if not url.startswith(_SAFE):
            raise ConfigurationError(detail="OidcIssuer has to be an https URL.")
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 — the scheme is checked above
                keys_url = str(json.load(answer)["jwks_uri"])
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            if isinstance(error, HTTPError):
                error.close()  # it holds the connection
            raise ConfigurationError(detail="The OIDC issuer's configuration could not be read.") from None
        if not keys_url.startswith(_SAFE):
            raise ConfigurationError(detail="The OIDC issuer's keys have to be at an https URL.")
        return jwt.PyJWKClient(keys_url, timeout=_TIMEOUT)
