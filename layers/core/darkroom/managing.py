"""Accounts as their tenant sees and arranges them. Nothing here reaches a token or Instagram."""

from typing import Protocol

from darkroom.accounts import Account
from darkroom.errors import NotFoundError
from darkroom.pages import Page, PageRequest
from darkroom.tenants import Caller


class Accounts(Protocol):
    def get(self, tenant_id: str, account_id: str) -> Account: ...
    def page(self, tenant_id: str, page: PageRequest) -> Page[Account]: ...
    def default_id(self, tenant_id: str) -> str | None: ...
    def choose_default(self, account: Account) -> None: ...


def read(caller: Caller, account_id: str, accounts: Accounts) -> Account:
    """Raises NotFoundError, also for another tenant's account and for one that this key may not use."""
    if not caller.may_use(account_id):
        raise NotFoundError
    return accounts.get(caller.tenant_id, account_id)


def list_accounts(caller: Caller, page: PageRequest, accounts: Accounts) -> Page[Account]:
    """In the order of first connection."""
    found = accounts.page(caller.tenant_id, page)
    return Page(tuple(account for account in found.data if caller.may_use(account.id)), found.next_cursor)


def choose_default(caller: Caller, account_id: str, accounts: Accounts) -> Account:
    """The account that posts without an account_id mean."""
    account = read(caller, account_id, accounts)
    accounts.choose_default(account)
    return account
