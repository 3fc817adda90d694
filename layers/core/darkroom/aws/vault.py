"""
Token custody. Each token is encrypted with AES-256-GCM under a data key of its own; KMS wraps the data key. Tenant and
account are the encryption context of the KMS call and the associated data of the cipher, so that a ciphertext copied to
another account's item opens for nobody.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from darkroom.aws.dynamodb import NO_ANSWER, is_passing
from darkroom.aws.sealed import DOCUMENT, ONE_TOKEN, SealedToken
from darkroom.errors import StoreUnavailableError, TokenUnreadableError
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

_FORMATS = (ONE_TOKEN, DOCUMENT)
_NONCE = 12  # bytes, before the ciphertext with its tag
_MOST_CACHED = 100
_KEEP_SECONDS = 300  # so that disabling the key stops warm functions too


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DataKey(Value):
    plain: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    key_arn: str
    associated: bytes

    def seal(self, secret: str, form: int = ONE_TOKEN) -> SealedToken:
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self.plain).encrypt(nonce, secret.encode(), self.associated)
        return SealedToken(nonce + sealed, self.wrapped, self.key_arn, form)


@dataclass(slots=True)
class Vault:
    """
    Unwrapped data keys stay in memory for some minutes, so that a warm status check costs no KMS call. They are found
    by their wrapped form: a token sealed anew has a new data key and misses the cache.
    """

    kms: "KMSClient"
    key_arn: str
    seconds: Callable[[], float] = time.monotonic
    _unwrapped: dict[bytes, tuple[bytes, float]] = field(default_factory=dict, repr=False)

    def seal(self, secret: str, tenant_id: str, account_id: str, form: int = ONE_TOKEN) -> SealedToken:
        """`account_id`: whose; of a connection that is not made yet, the session's id."""
        return self.new_key(tenant_id, account_id).seal(secret, form)

    def seal_for_endpoint(self, secret: str, tenant_id: str, endpoint_id: str) -> SealedToken:
        """The signing secret of an endpoint for outgoing webhooks; no role that opens it opens a token."""
        return self._key(_endpoint_context(tenant_id, endpoint_id)).seal(secret)

    def open(self, sealed: SealedToken, tenant_id: str, account_id: str) -> str:
        """Raises TokenUnreadableError: KMS refuses, or this ciphertext was not made for this account."""
        return self._open(sealed, _context(tenant_id, account_id))

    def open_for_endpoint(self, sealed: SealedToken, tenant_id: str, endpoint_id: str) -> str:
        """As `open`, for the signing secret of an endpoint."""
        return self._open(sealed, _endpoint_context(tenant_id, endpoint_id))

    def new_key(self, tenant_id: str, account_id: str) -> DataKey:
        """For one token of this account, which may come later: sealing it then takes no call."""
        return self._key(_context(tenant_id, account_id))

    def _key(self, context: dict[str, str]) -> DataKey:
        try:
            made = self.kms.generate_data_key(KeyId=self.key_arn, KeySpec="AES_256", EncryptionContext=context)
        except (ClientError, *NO_ANSWER) as error:
            raise _unusable(error) from error
        return DataKey(made["Plaintext"], made["CiphertextBlob"], self.key_arn, _associated(context))

    def _open(self, sealed: SealedToken, context: dict[str, str]) -> str:
        if sealed.format not in _FORMATS:
            raise TokenUnreadableError(
                detail=f"The token is sealed in format {sealed.format}, which is not known here."
            )
        key = self._known(sealed) or self._unwrap(sealed, context)
        nonce, ciphertext = sealed.ciphertext[:_NONCE], sealed.ciphertext[_NONCE:]
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, _associated(context)).decode()
        except (InvalidTag, ValueError) as error:
            raise TokenUnreadableError from error

    def _known(self, sealed: SealedToken) -> bytes | None:
        key, until = self._unwrapped.get(sealed.wrapped_key, (None, 0.0))
        return key if self.seconds() < until else None

    def _unwrap(self, sealed: SealedToken, context: dict[str, str]) -> bytes:
        try:
            answer = self.kms.decrypt(
                KeyId=sealed.key_arn, CiphertextBlob=sealed.wrapped_key, EncryptionContext=context
            )
        except (ClientError, *NO_ANSWER) as error:
            raise _unusable(error) from error
        if len(self._unwrapped) >= _MOST_CACHED:
            self._unwrapped.clear()
        self._unwrapped[sealed.wrapped_key] = answer["Plaintext"], self.seconds() + _KEEP_SECONDS
        return answer["Plaintext"]


def _context(tenant_id: str, account_id: str) -> dict[str, str]:
    return {"tenant_id": tenant_id, "account_id": account_id}


def _endpoint_context(tenant_id: str, endpoint_id: str) -> dict[str, str]:
    return {"tenant_id": tenant_id, "endpoint_id": endpoint_id}


def _associated(context: dict[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True).encode()


def _unusable(error: ClientError | BotoCoreError) -> Exception:
    if not isinstance(error, ClientError) or is_passing(error):
        return StoreUnavailableError()
    return TokenUnreadableError(detail=f"KMS answered {error.response['Error']['Code']}.")
