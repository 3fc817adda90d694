"""
The credentials of both apps, each from a Secrets Manager secret of its own; read anew every quarter of an hour, for
rotation, and every ten seconds while something is wrong with them.

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
from darkroom.errors import ConfigurationError, StoreUnavailableError
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_KEEP_SECONDS = 900
_ANY_AGE = float("inf")
_SOON = 10.0  # seconds; when to look again at what could not be read, or cannot be used
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
    is_down: bool = False  # Secrets Manager gave no answer when it was last asked
    _known: dict[str, str] | None = None
    _read_at: float = 0.0
    _is_doubtful: bool = False

    def credentials(self) -> AppCredentials:
        """Raises ConfigurationError, saying what to put where, while the secret is empty or malformed."""
        found = self.values(_KEEP_SECONDS, frozenset({"app_id", "app_secret"}))
        for name in ("app_id", "app_secret"):
            if name not in found:
                raise _missing(name, self.name)
        return AppCredentials(found["app_id"], found["app_secret"])

    def values(self, max_age: float, needed: frozenset[str] = frozenset()) -> dict[str, str]:
        """
        What of the secret can be used. It is read anew while it lacks what is needed: mended, it counts at once. What
        was known goes on while Secrets Manager does not answer, or somebody's slip has made the secret unreadable, and
        then it is read again soon; what was taken out of it counts no more.
        """
        keep = min(max_age, _SOON) if self._is_doubtful else max_age
        is_old = self.seconds() >= self._read_at + keep
        if self._known is None or is_old or not needed <= self._known.keys():
            self._known = self._renewed(self._known, needed)
            self._read_at = self.seconds()
        return self._known

    def _renewed(self, known: dict[str, str] | None, needed: frozenset[str]) -> dict[str, str]:
        try:
            found = self._read()
        except StoreUnavailableError:
            if known is None or not needed <= known.keys():
                raise
            self.is_down = self._is_doubtful = True
            return known
        known = known or {}
        broken = known.keys() if found is None else {name for name, text in found.items() if not _is_usable(text)}
        self.is_down, self._is_doubtful = False, found is None or bool(broken)
        usable = {name: text for name, text in (found or {}).items() if text and _is_usable(text)}
        return {name: known[name] for name in broken if name in known} | usable

    def _read(self) -> dict[str, Any] | None:
        """None for what is no JSON object."""
        try:
            with translated():
                found = json.loads(self.client.get_secret_value(SecretId=self.secret_arn)["SecretString"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return {}  # nobody has put anything into it
        except (KeyError, ValueError):
            return None
        return found if isinstance(found, dict) else None


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
        return self.keys(max_age).secrets

    def keys(self, max_age: float | None = None) -> Keys:
        """Raises ConfigurationError as `signing` does."""
        age = _KEEP_SECONDS if max_age is None else max_age
        keys = self._read(age)
        if not _signs(keys):
            keys = self._read(min(age, _SOON))  # whoever has just set it up need not wait
        if not _signs(keys):
            raise _missing("app_secret", self.instagram.name)
        return keys

    def _read(self, age: float) -> Keys:
        """While Secrets Manager does not answer, one of them waits for it: both together are longer than Meta waits."""
        instagram = self.instagram.values(age)
        apps = {"instagram": instagram, "meta": self.meta.values(_ANY_AGE if self.instagram.is_down else age)}
        secrets = {
            app + slot: found[name] for app, found in apps.items() for slot, name in _SIGNING.items() if name in found
        }
        return Keys(secrets, next((found["verify_token"] for found in apps.values() if "verify_token" in found), None))


def _signs(keys: Keys) -> bool:
    """A previous secret alone proves nothing any more."""
    return not keys.secrets.keys().isdisjoint(("instagram", "meta"))


def _is_usable(text: Any) -> bool:
    """An empty text, or null, is meant: there is none. What was pasted with its quotes or line end is a slip."""
    return text is None or (isinstance(text, str) and text == text.strip(" \"'\n"))


def _missing(name: str, secret: str) -> ConfigurationError:
    return ConfigurationError(detail=f"The secret {secret} has no usable {name} (docs/meta-setup.md).")
