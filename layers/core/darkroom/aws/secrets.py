"""
The app credentials, from one Secrets Manager secret; read anew every quarter of an hour, for rotation.

    {"app_id": "…", "app_secret": "…",                  the Instagram app
     "previous_app_secret": "…",                        optional, while the secret is being rotated
     "meta_app_secret": "…",                            optional: the Meta app's, which may sign webhooks as well
     "previous_meta_app_secret": "…",                   optional, as above
     "verify_token": "…"}                               what Meta has to say when webhooks are subscribed
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.dynamodb import translated
from darkroom.deliveries import Keys
from darkroom.errors import ConfigurationError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_KEEP_SECONDS = 900
# Which secrets may sign webhooks besides the Instagram app's: Meta does not say which of the two apps signs what.
_OTHER_SLOTS = {
    "instagram_previous": "previous_app_secret",
    "meta": "meta_app_secret",
    "meta_previous": "previous_meta_app_secret",
}


@dataclass(frozen=True, slots=True)
class AppCredentials:
    app_id: str
    app_secret: str = field(repr=False)


@dataclass(slots=True)
class AppSecret:
    """Implements also the `KeyRing` port of receiving.py."""

    client: "SecretsManagerClient"
    secret_arn: str
    seconds: Callable[[], float] = time.monotonic
    name: str = "InstagramAppSecret"  # as template.yaml calls it
    _known: dict[str, str] | None = field(default=None, repr=False)
    _read_at: float = 0.0

    def credentials(self) -> AppCredentials:
        """Raises ConfigurationError, saying what to put where, while the secret is empty or malformed."""
        found = self._values(_KEEP_SECONDS, frozenset({"app_id", "app_secret"}))
        return AppCredentials(found["app_id"], found["app_secret"])

    def keys(self, max_age: float | None = None) -> Keys:
        """Raises ConfigurationError as `credentials` does; an empty secret is none, so that it never verifies."""
        age = _KEEP_SECONDS if max_age is None else max_age
        found = self._values(age, frozenset({"app_secret", "verify_token"}))
        return Keys(_signing(found), found["verify_token"])

    def signing(self, max_age: float | None = None) -> dict[str, str]:
        """As `keys`, for whoever verifies signed requests and needs no verify token."""
        return _signing(self._values(_KEEP_SECONDS if max_age is None else max_age, frozenset({"app_secret"})))

    def _values(self, max_age: float, needed: frozenset[str]) -> dict[str, str]:
        """Only what is complete is remembered: a mended secret counts at once."""
        if self._known is not None and self.seconds() < self._read_at + max_age and needed <= self._known.keys():
            return self._known
        self._known = None
        value, self._read_at = self._read(), self.seconds()
        self._known = _usable(value, needed, self.name)
        return self._known

    def _read(self) -> Any:
        try:
            with translated():
                return json.loads(self.client.get_secret_value(SecretId=self.secret_arn)["SecretString"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """Implements the `Secrets` port of consents.py: of both apps, because either may be the one that was removed."""

    instagram: AppSecret
    meta: AppSecret

    def signing(self, max_age: float | None = None) -> dict[str, str]:
        """Raises ConfigurationError while the Instagram app has no secret; the Meta app need not be set up."""
        found = self.instagram.signing(max_age)
        try:
            others = self.meta.signing(max_age)
        except ConfigurationError:
            return found
        own = {slot.replace("instagram", "meta"): secret for slot, secret in others.items()}
        return found | own


def _signing(found: dict[str, str]) -> dict[str, str]:
    others = {slot: found[name] for slot, name in _OTHER_SLOTS.items() if name in found}
    return {"instagram": found["app_secret"], **others}


def _usable(value: Any, needed: frozenset[str], secret: str) -> dict[str, str]:
    """What of the secret can be used. Raises ConfigurationError unless that is all that is needed."""
    pairs = value.items() if isinstance(value, dict) else ()
    found = {name: text for name, text in pairs if isinstance(text, str) and text and text == text.strip(" \"'\n")}
    for name in sorted(needed - found.keys()):
        raise ConfigurationError(detail=f"The secret {secret} has no usable {name} (docs/meta-setup.md).")
    return found
