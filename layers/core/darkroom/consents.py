"""
Whose consent an account rests on, as Meta's two callbacks name them; what both of them share. Meta signs with the
secret of the app that was removed, and its pages do not agree which app that is: both are tried, the likelier first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from darkroom.accounts import Account
from darkroom.errors import BadRequestError
from darkroom.instagram import signed_request
from darkroom.instagram.signed_request import SignedRequest, SignedRequestError
from darkroom.values import Value

_LATEST = 60.0  # seconds; how old secrets may be that refuse a signature
_LOGINS = ("instagram", "facebook")


class Secrets(Protocol):
    def signing(self, max_age: float | None = None) -> Mapping[str, str]:
        """Secrets by slot, not older than so many seconds. Raises ConfigurationError, StoreUnavailableError."""
        ...


class MetaUsers(Protocol):
    def accounts_of(self, login: str, app_scoped_id: str) -> tuple[Account, ...]: ...

    def deauthorize(self, ended: Account) -> bool:
        """
        Erases the account's token and stores how it stands from now on, in one. False, and nothing happens, unless the
        stored account has the token's version before this one.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Consent(Value):
    """What Meta said of a person. `accounts` were connected before; `stale` counts those connected since."""

    request: SignedRequest
    accounts: tuple[Account, ...]
    stale: int


def withdrawn(text: str, secrets: Secrets, users: MetaUsers) -> Consent:
    """Raises BadRequestError(signed_request_invalid), the same for every reason, which is its cause."""
    request = _verified(text, secrets)
    found = _accounts(request, users)
    before = tuple(account for account in found if is_meant(account, request.issued_at))
    return Consent(request, before, len(found) - len(before))


def is_meant(account: Account, issued_at: datetime) -> bool:
    """Not one that was connected after Meta spoke: what is replayed must not end it. Meta counts in whole seconds."""
    return account.connected_at.replace(microsecond=0) <= issued_at


def _verified(text: str, secrets: Secrets) -> SignedRequest:
    """A signature that fits nothing may be of a secret that was rotated a moment ago, so the secrets are read anew."""
    try:
        return signed_request.read(text, secrets.signing())
    except SignedRequestError as error:
        if error.reason != "sig_mismatch":
            raise BadRequestError("signed_request_invalid") from error
    try:
        return signed_request.read(text, secrets.signing(_LATEST))
    except SignedRequestError as error:
        raise BadRequestError("signed_request_invalid") from error


def _accounts(request: SignedRequest, users: MetaUsers) -> tuple[Account, ...]:
    """Ids of two apps could be the same number, so the other login is asked only when the likelier one knows nobody."""
    is_meta = request.key_slot.startswith("meta")
    for login in reversed(_LOGINS) if is_meta else _LOGINS:
        if found := users.accounts_of(login, request.user_id):
            return found
    return ()
