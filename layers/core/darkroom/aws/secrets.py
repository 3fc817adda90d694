"""
The credentials of both apps, each from a Secrets Manager secret of its own; read anew every quarter of an hour, for
rotation.

    {"app_id": "…", "app_secret": "…",
     "previous_app_secret": "…",     optional, while the secret is being rotated
     "verify_token": "…"}            what Meta has to say when webhooks are subscribed; in either app's
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
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_KEEP_SECONDS = 900
_SIGNING = {"": "app_secret", "_previous": "previous_app_secret"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AppCredentials(Value):
    app_id: str
    app_secret: str = field(repr=False)


@dataclass(slots=True, eq=False, repr=False)
class AppSecret:
    client: "SecretsManagerClient"
    secret_arn: str
    seconds: Callable[[], float] = time.monotonic
    name: str = "InstagramAppSecret"  # as template.yaml calls it
    _known: dict[str, str] | None = None
    _read_at: float = 0.0

    def credentials(self) -> AppCredentials:
        """Raises ConfigurationError, saying what to put where, while the secret is empty or malformed."""
        found = self.values(_KEEP_SECONDS, frozenset({"app_id", "app_secret"}))
        for name in ("app_id", "app_secret"):
            if name not in found:
                raise _missing(name, self.name)
        return AppCredentials(found["app_id"], found["app_secret"])

    def values(self, max_age: float, needed: frozenset[str] = frozenset()) -> dict[str, str]:
        """What of the secret can be used. It is read anew while it lacks what is needed: mended, it counts at once."""
        is_old = self.seconds() >= self._read_at + max_age
        if self._known is None or is_old or not needed <= self._known.keys():
            self._known, self._read_at = _usable(self._read()), self.seconds()
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SigningSecrets:
    """
    Implements the `KeyRing` port of receiving.py and the `Secrets` port of consents.py. Of both apps, because Meta does
    not say which of them signs what; one that is not set up is left out, and not asked about at every delivery.
    """

    instagram: AppSecret
    meta: AppSecret

    def signing(self, max_age: float | None = None) -> dict[str, str]:
        """By slot, such as `meta_previous`. Raises ConfigurationError while neither app has a secret."""
        return self._all(max_age)[0]

    def keys(self, max_age: float | None = None) -> Keys:
        """Raises ConfigurationError as `signing` does, and while nothing has a verify token."""
        secrets, verify_token = self._all(max_age)
        if verify_token is None:
            raise _missing("verify_token", self.instagram.name)
        return Keys(secrets, verify_token)

    def _all(self, max_age: float | None) -> tuple[dict[str, str], str | None]:
        age = _KEEP_SECONDS if max_age is None else max_age
        apps = {"instagram": self.instagram.values(age), "meta": self.meta.values(age)}
        secrets = {
            app + slot: found[name] for app, found in apps.items() for slot, name in _SIGNING.items() if name in found
        }
        if not secrets.keys() & apps.keys():  # a previous one alone proves nothing any more
            raise _missing("app_secret", self.instagram.name)
        return secrets, next((found["verify_token"] for found in apps.values() if "verify_token" in found), None)


def _usable(value: Any) -> dict[str, str]:
    """An empty text is none, so that it never verifies anything; nor is what was pasted with its quotes or line end."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {name: text for name, text in pairs if isinstance(text, str) and text and text == text.strip(" \"'\n")}


def _missing(name: str, secret: str) -> ConfigurationError:
    return ConfigurationError(detail=f"The secret {secret} has no usable {name} (docs/meta-setup.md).")
