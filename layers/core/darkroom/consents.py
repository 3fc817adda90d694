"""
Whose consent an account rests on, as Meta's two callbacks name them; what both of them share. Meta signs with the
secret of the app that was removed, and its pages do not agree which app that is: both are tried, the likelier first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from darkroom.accounts import Account, Consent
from darkroom.errors import BadRequestError
from darkroom.instagram import signed_request
from darkroom.instagram.signed_request import SignedRequest, SignedRequestError
from darkroom.logins import Login
from darkroom.values import Value

_LATEST = 60.0  # seconds; how old secrets may be that refuse a signature
_LOGINS: tuple[Login, ...] = ("instagram", "facebook")


class Secrets(Protocol):
    def signing(self, max_age: float | None = None) -> Mapping[str, str]:
        """Secrets by slot, not older than so many seconds. Raises ConfigurationError, StoreUnavailableError."""
        ...


class MetaUsers(Protocol):
    def consents_of(self, login: Login, app_scoped_id: str) -> tuple[Consent, ...]:
        """All that the person has ever given and nobody has erased."""
        ...

    def deauthorize(self, ended: Account) -> bool:
        """
        Erases the account's token and stores how it stands from now on, in one. False, and nothing happens, unless the
        stored account has the token's version before this one.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Withdrawal(Value):
    """What Meta said of a person. `consents` were given before; `stale` counts those that were not."""

    request: SignedRequest
    consents: tuple[Consent, ...]
    stale: int


def withdrawn(text: str, secrets: Secrets, users: MetaUsers, *, with_past: bool) -> Withdrawal:
    """
    `with_past`: also consents that no connection rests on any more. Raises BadRequestError(signed_request_invalid), the
    same for every reason, which is its cause.
    """
    request = _verified(text, secrets)
    found = _consents(request, users, with_past=with_past)
    before = tuple(consent for consent in found if consent.is_meant(request.issued_at))
    return Withdrawal(request, before, len(found) - len(before))


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


def _consents(request: SignedRequest, users: MetaUsers, *, with_past: bool) -> tuple[Consent, ...]:
    """Ids of two apps could be the same number, so the other login is asked only when the likelier one knows nobody."""
    is_meta = request.key_slot.startswith("meta")
    for login in reversed(_LOGINS) if is_meta else _LOGINS:
        found = users.consents_of(login, request.user_id)
        if counting := tuple(consent for consent in found if with_past or consent.is_current):
            return counting
    return ()
