"""
Renewing a connection of Facebook Login: the person's token is exchanged for one with another 60 days, and the Page's
token, which acts for the account, is made anew from that. What refreshing is for Instagram Login.
"""

from dataclasses import dataclass, field
from typing import Protocol

from darkroom.accounts import Account
from darkroom.instagram.errors import PermissionDeniedError
from darkroom.instagram.facebook_models import FacebookPage
from darkroom.instagram.models import LongLivedToken
from darkroom.values import Value


class Facebook(Protocol):
    def exchange_long_lived(self, user_token: str) -> LongLivedToken: ...
    def page(self, user_token: str, page_id: str) -> FacebookPage: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Renewed(Value):
    """`token` is the Page's, `user_token` the person's with its `expires_in` (seconds); both replace what was there."""

    token: str = field(repr=False)
    user_token: str = field(repr=False)
    expires_in: int


def renewed(account: Account, user_token: str, facebook: Facebook) -> Renewed:
    """
    Repeating is harmless: the tokens before stay valid until they expire.

    Raises PermissionDeniedError when the person no longer has a role on the Page, or the account is linked to it no
    more: the owner has to connect again. TokenInvalidError as for any token.
    """
    long = facebook.exchange_long_lived(user_token)
    page = facebook.page(long.token, account.page_id or "")
    if page.token is None or page.account is None or page.account.id != account.ig_user_id:
        raise PermissionDeniedError("The account is not reached through its Page any more.")
    return Renewed(page.token, long.token, long.expires_in)
