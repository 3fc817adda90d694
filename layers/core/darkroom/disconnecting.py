"""Ending a connection: Instagram is told if it can be, and all that could act for the account is erased at once."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from darkroom import announcing, standing
from darkroom.accounts import Account
from darkroom.errors import DarkroomError, NotFoundError, StoreUnavailableError
from darkroom.instagram.errors import InstagramError
from darkroom.instagram.models import Access
from darkroom.tenants import Caller


class Accounts(Protocol):
    def get(self, tenant_id: str, account_id: str) -> Account: ...

    def erase(self, account: Account) -> None:
        """Token, account and claim, all or nothing; and the default, if it was this one."""
        ...


class Tokens(Protocol):
    def token(self, account: Account) -> str: ...


class Instagram(Protocol):
    def unsubscribe_webhooks(self, access: Access) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    accounts: Accounts
    tokens: Tokens
    instagram: Instagram
    telling: announcing.Ports


def disconnect(caller: Caller, account_id: str, ports: Ports) -> bool:
    """
    Erases the account. Answers whether Instagram was told; it may be down or the token dead, and neither keeps us from
    forgetting. Posts that are on their way end `failed` with `account_gone`.
    """
    if not caller.may_use(account_id):
        raise NotFoundError
    account = ports.accounts.get(caller.tenant_id, account_id)
    is_told = _unsubscribe(account, ports)
    with suppress(
        StoreUnavailableError
    ):  # before, because afterwards nobody could; and it keeps nobody from forgetting
        announcing.tell(standing.event(account, standing.DISCONNECTED, ports.telling.now()), ports.telling)
    ports.accounts.erase(account)
    return is_told


def _unsubscribe(account: Account, ports: Ports) -> bool:
    try:
        ports.instagram.unsubscribe_webhooks(Access(account.ig_user_id, ports.tokens.token(account)))
    except (InstagramError, DarkroomError):
        return False
    return True
