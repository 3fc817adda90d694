"""JWTs of a configured OIDC issuer: discovery, keys and verification by PyJWT. The authorizer's only network calls."""

import json
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt

from darkroom.errors import ConfigurationError, NotAllowedError

_TIMEOUT = 3  # seconds, for discovery and for the keys; both are cached while the function is warm
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")  # asymmetric only
_LEEWAY = 30  # seconds of clock skew
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash"})


@dataclass(frozen=True)
class OidcJwts:
    """Implements the `Jwts` port of authenticating.py."""

    issuer: str
    audience: str

    def claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self.audience,
                issuer=self.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotAllowedError(detail="This token has expired.") from None
        except jwt.PyJWKClientConnectionError:
            raise ConfigurationError(detail="The OIDC issuer's keys could not be fetched.") from None
        except jwt.PyJWTError:
            raise NotAllowedError(detail="This token is not one that is accepted here.") from None
        if claims.get("token_use", "access") != "access" or _ID_TOKEN_CLAIMS & claims.keys():
            raise NotAllowedError(detail="This is an ID token; send an access token.")
        return claims

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        if not url.startswith(("https://", "http://127.0.0.1:")):
            raise ConfigurationError(detail="OidcIssuer has to be an https URL.")
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 — the scheme is checked above
                return jwt.PyJWKClient(str(json.load(answer)["jwks_uri"]), cache_keys=True, timeout=_TIMEOUT)
        except (OSError, ValueError, KeyError, TypeError):
            raise ConfigurationError(detail="The OIDC issuer's configuration could not be read.") from None
