"""Accounts as the refresher sees them: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from darkroom.accounts import AccountState
from darkroom.aws.accounts import ConnectingAccounts
from darkroom.aws.refreshes import DynamoDBRefreshes, VaultedRenewals
from darkroom.aws.vault import Vault
from darkroom.errors import ConflictError, NotFoundError, StoreUnavailableError, TokenUnreadableError
from darkroom.refreshes import Due, Successor
from tests.builders import NOW, OTHER_TENANT, TENANT, an_account
from tests.fakes import FakeAccounts, FakeRenewals

PROBLEM = {"code": "instagram_unavailable", "instagram": {"code": 2}}
HOUR = timedelta(hours=1)


@dataclass
class Stores:
    connecting: Any
    accounts: Any
    renewals: Any

    def connect(self, token="the-token", **changes):
        account = an_account(**changes)
        self.connecting.connect(account, token)
        return account

    def token(self, account):
        return self.renewals.open(account).token


@pytest.fixture(scope="module")
def key_arn(cloud):
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request, cloud, key_arn):
    if request.param == "fake":
        accounts = FakeAccounts()
        return Stores(accounts, accounts, FakeRenewals(accounts))
    return real_stores(cloud, key_arn)


@pytest.fixture
def real(cloud, key_arn):
    return real_stores(cloud, key_arn)


def real_stores(cloud, key_arn):
    vault = Vault(cloud.client("kms"), key_arn)
    table = (cloud.client("dynamodb"), cloud.table("AccountsTable"))
    accounts = DynamoDBRefreshes(*table)
    return Stores(ConnectingAccounts(*table, vault), accounts, VaultedRenewals(accounts, vault))


def renewed(account, **changes):
    return replace(
        account,
        token_version=account.token_version + 1,
        token_issued_at=NOW,
        token_expires_at=NOW + timedelta(days=60),
        refresh_at=NOW + timedelta(days=30),
        version=account.version + 1,
        **changes,
    )


# What is due.


def due_of(account):
    expiry = account.token_expires_at
    return Due(account.tenant_id, account.id, account.refresh_at, account.state, account.token_version, expiry)


def connected_at(stores, *moments):
    return [
        stores.connect(
            id=f"acc_{number:026}",
            tenant_id=f"tenant-{number % 3}",
            ig_user_id=f"1784140000000{number:04}",
            refresh_at=moment,
        )
        for number, moment in enumerate(moments)
    ]


def test_what_is_due_comes_in_order_whoever_it_belongs_to(stores):
    late, later, never, soon = connected_at(stores, NOW - HOUR, NOW - 2 * HOUR, None, NOW + HOUR)
    assert stores.accounts.due_before(NOW, 100, None) == (due_of(later), due_of(late))
    assert soon.refresh_at > NOW
    assert never.refresh_at is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_hold_each_due_account_once(stores, limit):
    made = connected_at(stores, *(NOW - HOUR * (1 + number // 2) for number in range(7)))
    found, page = [], stores.accounts.due_before(NOW, limit, None)
    while page:
        found += page
        page = stores.accounts.due_before(NOW, limit, page[-1])
    assert sorted(each.account_id for each in found) == [account.id for account in made]
    assert [each.refresh_at for each in found] == sorted(each.refresh_at for each in found)


def test_a_page_goes_on_where_it_ended_also_when_what_was_there_has_been_put_off(stores):
    connected_at(stores, *(NOW - HOUR * number for number in range(1, 7)))
    found, page = [], stores.accounts.due_before(NOW, 2, None)
    while page:
        found += page
        for due in page:
            stores.accounts.put_off(due, NOW + HOUR)
        page = stores.accounts.due_before(NOW, 2, page[-1])
    assert len({each.account_id for each in found}) == len(found) == 6
    assert stores.accounts.due_before(NOW, 100, None) == ()


def test_a_put_off_account_is_due_later_and_only_one_who_saw_the_time_puts_it_off(stores):
    account = stores.connect(refresh_at=NOW - HOUR)
    stores.accounts.put_off(due_of(account), NOW + HOUR)
    stores.accounts.put_off(due_of(account), NOW + 9 * HOUR)
    assert stores.accounts.get(TENANT, account.id) == replace(account, refresh_at=NOW + HOUR)


def test_an_account_that_is_connected_anew_or_erased_is_due_as_it_is_now(stores):
    account = stores.connect(refresh_at=NOW - HOUR)
    again = stores.connect(refresh_at=NOW - 2 * HOUR, token_version=2)
    assert stores.accounts.due_before(NOW, 9, None) == (due_of(again),)
    stores.accounts.erase(again)
    stores.accounts.put_off(due_of(account), NOW)
    stores.accounts.put_off(due_of(again), NOW)
    assert stores.accounts.due_before(NOW, 9, None) == ()
    with pytest.raises(NotFoundError):
        stores.accounts.get(TENANT, account.id)


def test_a_dead_account_leaves_the_index_once_it_was_told(stores):
    account = stores.connect(refresh_at=NOW + HOUR)
    dead = replace(
        account, state=AccountState.REAUTHORIZATION_REQUIRED, last_problem=PROBLEM, untold=("x",), refresh_at=NOW - HOUR
    )
    stores.accounts.flag(dead, account)
    assert stores.accounts.due_before(NOW, 9, None) == (due_of(dead),)
    stores.accounts.mark_told(dead, None)
    assert stores.accounts.due_before(NOW + timedelta(days=999), 9, None) == ()


# The lease.


def test_one_worker_at_a_time(stores):
    account = stores.connect()
    assert stores.accounts.lease(account, NOW, NOW + HOUR)
    assert not stores.accounts.lease(account, NOW + HOUR / 2, NOW + 2 * HOUR)
    assert stores.accounts.lease(account, NOW + HOUR, NOW + 2 * HOUR)


def test_of_many_workers_at_once_one(stores):
    account = stores.connect()
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda _: stores.accounts.lease(account, NOW, NOW + HOUR), range(6)))
    assert sum(won) == 1


def test_nobody_leases_what_is_another_token_by_now_or_gone(stores):
    account = stores.connect()
    stores.connect(token_version=2)
    assert not stores.accounts.lease(account, NOW, NOW + HOUR)
    stores.accounts.erase(account)
    assert not stores.accounts.lease(replace(account, token_version=2), NOW, NOW + HOUR)
    with pytest.raises(NotFoundError):
        stores.accounts.get(TENANT, account.id)


def test_a_new_connection_and_a_new_token_begin_without_a_lease(stores):
    account = stores.connect()
    stores.accounts.lease(account, NOW, NOW + HOUR)
    again = stores.connect(token_version=2)
    assert stores.accounts.lease(again, NOW, NOW + HOUR)
    stores.renewals.open(again).keep(renewed(again), Successor("third"))
    assert stores.accounts.lease(renewed(again), NOW, NOW + HOUR)


# Looking again.


def test_what_a_failed_try_leaves_is_read_back(stores):
    account = stores.connect(refresh_at=NOW)
    later = replace(account, refresh_at=NOW + HOUR, last_problem=PROBLEM, warned_days=14, untold=("account.x",))
    assert stores.accounts.look_again(later, account)
    assert stores.accounts.get(TENANT, account.id) == replace(later, version=account.version + 1)


def test_a_failed_try_says_nothing_about_another_token(stores):
    account = stores.connect(refresh_at=NOW)
    again = stores.connect(refresh_at=NOW, token_version=2)
    assert not stores.accounts.look_again(replace(account, refresh_at=NOW + HOUR, last_problem=PROBLEM), account)
    assert stores.accounts.get(TENANT, account.id) == again
    stores.accounts.erase(again)
    assert not stores.accounts.look_again(again, again)


def test_a_failed_try_does_not_overwrite_what_somebody_else_found_out(stores):
    account = stores.connect(refresh_at=NOW)
    dead = replace(account, state=AccountState.REAUTHORIZATION_REQUIRED, untold=("account.x",), last_problem=PROBLEM)
    assert stores.accounts.flag(dead, account)
    assert not stores.accounts.look_again(replace(account, refresh_at=NOW + HOUR), account)
    assert not stores.accounts.look_again(replace(dead, refresh_at=NOW + HOUR), replace(dead, untold=()))
    assert stores.accounts.get(TENANT, account.id) == replace(dead, version=account.version + 1)
    assert stores.accounts.look_again(replace(dead, refresh_at=None), dead)
    assert stores.accounts.due_before(NOW + timedelta(days=999), 9, None) == ()


# The new token.


def test_a_renewed_token_replaces_the_old_one_with_everything_that_goes_with_it(stores):
    account = stores.connect("old", refresh_at=NOW, last_problem=PROBLEM, warned_days=14)
    renewal = stores.renewals.open(account)
    assert renewal.token == "old"
    new = renewed(account, last_problem=None, warned_days=None)
    renewal.keep(new, Successor("new"))
    assert stores.accounts.get(TENANT, account.id) == new
    assert stores.token(new) == "new"


def test_keeping_the_same_token_twice_is_keeping_it_once(stores):
    account = stores.connect()
    renewal = stores.renewals.open(account)
    renewal.keep(renewed(account), Successor("new"))
    renewal.keep(renewed(account), Successor("new"))
    assert stores.accounts.get(TENANT, account.id) == renewed(account)


def test_a_newer_connection_wins(stores):
    account = stores.connect("old")
    renewal = stores.renewals.open(account)
    again = stores.connect("connected-anew", token_version=2, connected_at=NOW, token_issued_at=NOW + HOUR)
    with pytest.raises(ConflictError):
        renewal.keep(renewed(account), Successor("refreshed"))
    assert stores.accounts.get(TENANT, account.id) == again
    assert stores.token(again) == "connected-anew"


def test_of_two_refreshes_the_first_one_wins(stores):
    account = stores.connect("old")
    first, second = stores.renewals.open(account), stores.renewals.open(account)
    first.keep(renewed(account), Successor("first"))
    with pytest.raises(ConflictError):
        second.keep(replace(renewed(account), token_issued_at=NOW + HOUR), Successor("second"))
    assert stores.token(renewed(account)) == "first"


def test_what_was_erased_meanwhile_stays_erased(stores):
    account = stores.connect()
    renewal = stores.renewals.open(account)
    stores.accounts.erase(account)
    with pytest.raises(ConflictError):
        renewal.keep(renewed(account), Successor("new"))
    with pytest.raises(NotFoundError):
        stores.renewals.open(account)


def test_a_token_that_is_another_by_now_is_not_opened(stores):
    account = stores.connect("old")
    stores.connect("new", token_version=2)
    with pytest.raises(ConflictError):
        stores.renewals.open(account)


def test_another_tenant_s_token_is_not_found(stores):
    account = stores.connect()
    with pytest.raises(NotFoundError):
        stores.renewals.open(replace(account, tenant_id=OTHER_TENANT))


# What only the real one can do.


def test_when_the_answer_is_lost_repeating_finds_the_token_kept(real, cloud, wire):
    account = real.connect()
    renewal = real.renewals.open(account)
    wire.loses_the_answer(cloud.client("dynamodb"), "TransactWriteItems")
    with pytest.raises(StoreUnavailableError):
        renewal.keep(renewed(account), Successor("new"))
    wire.mended()
    renewal.keep(renewed(account), Successor("new"))
    assert real.token(renewed(account)) == "new"


def test_keeping_asks_nothing_of_kms(real, cloud, wire):
    account = real.connect()
    renewal = real.renewals.open(account)
    wire.answers(cloud.client("kms"), "GenerateDataKey", "DisabledException")
    renewal.keep(renewed(account), Successor("new"))
    wire.mended()
    assert real.token(renewed(account)) == "new"


@pytest.mark.parametrize("operation", ["Decrypt", "GenerateDataKey"])
def test_a_disabled_key_is_found_out_before_instagram_is_asked(real, cloud, wire, operation):
    account = real.connect()
    wire.answers(cloud.client("kms"), operation, "DisabledException")
    with pytest.raises(TokenUnreadableError):
        real.renewals.open(account)


@pytest.mark.parametrize("operation", ["Query", "UpdateItem", "GetItem"])
@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_a_busy_table_is_something_to_wait_for(real, cloud, wire, operation, code):
    account = real.connect(refresh_at=NOW)
    wire.answers(cloud.client("dynamodb"), operation, code)
    ask = {
        "Query": lambda: real.accounts.due_before(NOW, 9, None),
        "UpdateItem": lambda: real.accounts.lease(account, NOW, NOW),
        "GetItem": lambda: real.renewals.open(account),
    }[operation]
    with pytest.raises(StoreUnavailableError):
        ask()


def test_a_lost_connection_is_something_to_wait_for(real, cloud, wire):
    account = real.connect(refresh_at=NOW)
    wire.breaks(cloud.client("dynamodb"), "UpdateItem", ReadTimeoutError(endpoint_url="https://aws.test"))
    for write in (real.accounts.look_again, real.accounts.flag):
        with pytest.raises(StoreUnavailableError):
            write(account, account)


def test_what_a_renewal_shows_holds_no_token(real):
    account = real.connect("CANARY-token")
    renewal = real.renewals.open(account)
    assert "CANARY-token" not in repr(renewal)
    assert repr(renewal.key.plain) not in repr(renewal)
