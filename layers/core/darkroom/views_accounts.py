"""Accounts and connecting them, as the API takes and shows them."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated

from annotated_types import MaxLen

from darkroom.accounts import Account, AccountState, ConnectSession
from darkroom.logins import Login
from darkroom.views import REFUSE_UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AccountView:
    id: str
    login: Login
    ig_user_id: str
    username: str
    name: str | None
    account_type: str | None
    page_id: str | None
    state: AccountState
    scopes: tuple[str, ...]
    connected_at: datetime
    token_expires_at: datetime
    is_webhook_subscribed: bool
    is_default: bool

    @classmethod
    def of(cls, account: Account, default_id: str | None) -> "AccountView":
        own = {field.name for field in fields(cls)} - {"is_default"}
        return cls(**{name: getattr(account, name) for name in own}, is_default=account.id == default_id)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NewConnectSession:
    """`return_url` is a path of ours or a URL of an allowed origin; without it the owner sees a plain page."""

    __pydantic_config__ = REFUSE_UNKNOWN

    login: Login = "instagram"
    return_url: Annotated[str, MaxLen(2048)] | None = None
    scopes: Annotated[tuple[str, ...], MaxLen(50)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ConnectSessionView:
    """Send the owner's browser to `authorize_url` before `expires_at`; whoever opens it last connects."""

    id: str
    login: Login
    scopes: tuple[str, ...]
    authorize_url: str
    expires_at: datetime

    @classmethod
    def of(cls, session: ConnectSession, link: str) -> "ConnectSessionView":
        own = {field.name for field in fields(cls)} - {"authorize_url"}
        return cls(**{name: getattr(session, name) for name in own}, authorize_url=link)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DisconnectedView:
    """`is_instagram_told` is false when Instagram could not be reached or no longer knew the token."""

    id: str
    is_instagram_told: bool
