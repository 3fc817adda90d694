"""The credentials of one app, from its Secrets Manager secret; read anew every quarter of an hour, for rotation."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws.dynamodb import translated
from darkroom.errors import ConfigurationError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_KEEP_SECONDS = 900


@dataclass(frozen=True, slots=True)
class AppCredentials:
    app_id: str
    app_secret: str = field(repr=False)


@dataclass(slots=True)
class AppSecret:
    client: "SecretsManagerClient"
    secret_arn: str
    seconds: Callable[[], float] = time.monotonic
    name: str = "InstagramAppSecret"  # as template.yaml calls it
    _known: AppCredentials | None = field(default=None, repr=False)
    _until: float = 0.0

    def credentials(self) -> AppCredentials:
        """Raises ConfigurationError, saying what to put where, while the secret is empty or malformed."""
        if self._known is None or self.seconds() >= self._until:
            self._known = _parsed(self._read(), self.name)
            self._until = self.seconds() + _KEEP_SECONDS
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


def _parsed(value: Any, secret: str) -> AppCredentials:
    found = value if isinstance(value, dict) else {}
    app_id, app_secret = found.get("app_id"), found.get("app_secret")
    for name, part in (("app_id", app_id), ("app_secret", app_secret)):
        if not isinstance(part, str) or not part.strip() or part != part.strip(" \"'\n"):
            raise ConfigurationError(detail=f"The secret {secret} has no usable {name} (docs/meta-setup.md).")
    return AppCredentials(str(app_id), str(app_secret))
