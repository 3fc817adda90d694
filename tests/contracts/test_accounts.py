"""Accounts, their tokens, claims and the default: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from darkroom.accounts import AccountState
from darkroom.aws.accounts import ConnectingAccounts, DynamoDBTokens
from darkroom.aws.vault import Vault
from darkroom.errors import ConflictError, NotFoundError
from darkroom.pages import PageRequest, opened
from tests.builders import IG_USER_ID, NOW, OTHER_TENANT, TENANT, a_facebook_account, an_account
from tests.fakes import FakeAccounts, FakeTokens

PROBLEM = {"code": "reauthorization_required", "instagram": {"code": 190, "error_subcode": 460}}


def flagged(account, state=AccountState.REAUTHORIZATION_REQUIRED):
    return replace(account, state=state, last_problem=PROBLEM, untold=("account.told",), refresh_at=NOW)


@dataclass
class Stores:
    accounts: Any
    tokens: Any


@pytest.fixture(scope="module")
def key_arn(cloud):
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request, cloud, key_arn):
    if request.param == "fake":
        accounts = FakeAccounts()
        return Stores(accounts, FakeTokens(accounts))
    vault = Vault(cloud.client("kms"), key_arn)
    table = (cloud.client("dynamodb"), cloud.table("AccountsTable"))
    return Stores(ConnectingAccounts(*table, vault), DynamoDBTokens(*table, vault))


def test_connecting_stores_the_account_the_token_and_the_claim(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    assert stores.accounts.get(TENANT, account.id) == account
    assert stores.accounts.holder(IG_USER_ID) == (TENANT, account.id)
    assert stores.tokens.token(account) == "the-token"


def test_keeps_every_field(stores):
    account = an_account(
        name=None,
        account_type=None,
        state=AccountState.ACTION_REQUIRED,
        scopes=("a", "b", "c"),
        connected_at=NOW.replace(microsecond=7),
        token_issued_at=NOW.replace(microsecond=8),
        token_expires_at=NOW + timedelta(days=60, microseconds=1),
        token_version=3,
        refresh_at=NOW + timedelta(days=30, microseconds=1),
        warned_days=14,
        untold=("account.connected", "account.action_required"),
        is_webhook_subscribed=True,
        last_problem=PROBLEM,
        version=9,
    )
    stores.accounts.connect(an_account(), "the-token-before")
    stores.accounts.connect(account, "the-token")
    assert stores.accounts.get(TENANT, account.id) == account


def test_another_tenant_s_account_is_not_found(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    for tenant_id, account_id in ((OTHER_TENANT, account.id), (TENANT, "acc_unknown")):
        with pytest.raises(NotFoundError):
            stores.accounts.get(tenant_id, account_id)
    with pytest.raises(NotFoundError):
        stores.tokens.token(replace(account, tenant_id=OTHER_TENANT))
    assert stores.accounts.holder("17841400000009999") is None


def test_connecting_anew_replaces_the_token_and_keeps_the_id(stores):
    account = an_account()
    stores.accounts.connect(account, "old")
    again = replace(account, token_version=2, version=2, username="acme.new")
    stores.accounts.connect(again, "new")
    assert stores.tokens.token(again) == "new"
    assert stores.accounts.get(TENANT, account.id) == again


def test_an_instagram_account_that_another_tenant_holds_is_refused_and_nothing_of_it_is_stored(stores):
    held = an_account()
    stores.accounts.connect(held, "mine")
    taken = an_account(id="acc_theirs", tenant_id=OTHER_TENANT)
    with pytest.raises(ConflictError) as refusal:
        stores.accounts.connect(taken, "theirs")
    assert refusal.value.code == "account_connected_elsewhere"
    assert stores.accounts.holder(IG_USER_ID) == (TENANT, held.id)
    assert stores.tokens.token(held) == "mine"
    assert stores.accounts.default_id(OTHER_TENANT) is None
    with pytest.raises(NotFoundError):
        stores.accounts.get(OTHER_TENANT, taken.id)
    with pytest.raises(NotFoundError):
        stores.tokens.token(taken)


def test_of_two_first_connections_at_once_one_wins(stores):
    rivals = [an_account(id=f"acc_{number}", tenant_id=f"tenant-{number}") for number in range(6)]

    def attempt(account):
        try:
            stores.accounts.connect(account, f"token-{account.id}")
        except ConflictError:
            return None
        return account

    with ThreadPoolExecutor(6) as pool:
        won = [account for account in pool.map(attempt, rivals) if account]
    assert len(won) == 1
    assert stores.accounts.holder(IG_USER_ID) == (won[0].tenant_id, won[0].id)


def test_the_first_account_is_the_default_until_another_is_chosen(stores):
    first, second = an_account(), an_account(id="acc_second", ig_user_id="17841400000000002")
    assert stores.accounts.default_id(TENANT) is None
    stores.accounts.connect(first, "one")
    stores.accounts.connect(second, "two")
    assert stores.accounts.default_id(TENANT) == first.id
    stores.accounts.choose_default(second)
    assert stores.accounts.default_id(TENANT) == second.id
    assert stores.accounts.default_id(OTHER_TENANT) is None


def test_flags_the_connection_that_was_read(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    assert stores.accounts.flag(flagged(account), account)
    assert stores.accounts.get(TENANT, account.id) == replace(flagged(account), version=account.version + 1)


def test_flags_once(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    assert [stores.accounts.flag(flagged(account), account) for _ in range(3)] == [True, False, False]


def test_of_many_who_flag_one_does(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda _: stores.accounts.flag(flagged(account), account), range(6)))
    assert sum(won) == 1


def test_who_has_not_seen_how_an_account_stands_by_now_does_not_flag_it(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    restricted = flagged(account, AccountState.ACTION_REQUIRED)
    assert stores.accounts.flag(restricted, account)
    assert not stores.accounts.flag(flagged(account), account)
    untold = replace(flagged(account), untold=("account.told", "account.more"))
    assert not stores.accounts.flag(untold, replace(restricted, untold=()))
    assert stores.accounts.flag(untold, restricted)
    stored = stores.accounts.get(TENANT, account.id)
    assert (stored.state, stored.untold) == (AccountState.REAUTHORIZATION_REQUIRED, ("account.told", "account.more"))


def test_what_was_told_is_no_longer_untold_and_is_looked_at_when_it_is_said(stores):
    account = replace(an_account(), untold=("account.told", "account.more"), refresh_at=NOW)
    stores.accounts.connect(account, "the-token")
    stores.accounts.mark_told(replace(account, untold=("account.told",)), None)
    assert stores.accounts.get(TENANT, account.id) == account
    stores.accounts.mark_told(replace(account, token_version=2), None)
    assert stores.accounts.get(TENANT, account.id) == account
    stores.accounts.mark_told(account, NOW + timedelta(days=30))
    told = stores.accounts.get(TENANT, account.id)
    assert (told.untold, told.refresh_at) == ((), NOW + timedelta(days=30))


def test_a_late_flag_does_not_touch_a_newer_connection(stores):
    account = an_account()
    stores.accounts.connect(account, "old")
    again = replace(account, token_version=2)
    stores.accounts.connect(again, "new")
    assert not stores.accounts.flag(flagged(account), account)
    assert stores.accounts.get(TENANT, account.id) == again


def test_remembers_that_webhooks_are_subscribed(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    stores.accounts.mark_subscribed(account)
    assert stores.accounts.get(TENANT, account.id).is_webhook_subscribed


def test_nothing_that_comes_late_brings_an_erased_account_back(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    stores.accounts.erase(account)
    assert not stores.accounts.flag(flagged(account), account)
    stores.accounts.mark_subscribed(account)
    with pytest.raises(NotFoundError):
        stores.accounts.get(TENANT, account.id)
    assert stores.accounts.page(TENANT, PageRequest()).data == ()


def test_erasing_leaves_nothing(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    stores.accounts.erase(account)
    assert stores.accounts.holder(IG_USER_ID) is None
    assert stores.accounts.default_id(TENANT) is None
    with pytest.raises(NotFoundError) as gone:
        stores.tokens.token(account)
    assert gone.value.code == "account_gone"


def test_erasing_frees_the_instagram_account_for_another_tenant(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    stores.accounts.erase(account)
    theirs = an_account(id="acc_theirs", tenant_id=OTHER_TENANT)
    stores.accounts.connect(theirs, "theirs")
    assert stores.accounts.holder(IG_USER_ID) == (OTHER_TENANT, theirs.id)


def test_erasing_again_does_not_take_the_claim_of_whoever_came_after(stores):
    account = an_account()
    stores.accounts.connect(account, "the-token")
    stores.accounts.erase(account)
    theirs = an_account(id="acc_theirs", tenant_id=OTHER_TENANT)
    stores.accounts.connect(theirs, "theirs")
    stores.accounts.erase(account)
    assert stores.accounts.holder(IG_USER_ID) == (OTHER_TENANT, theirs.id)
    assert stores.tokens.token(theirs) == "theirs"


def test_erasing_one_account_keeps_the_default_that_is_another(stores):
    first, second = an_account(), an_account(id="acc_second", ig_user_id="17841400000000002")
    stores.accounts.connect(first, "one")
    stores.accounts.connect(second, "two")
    stores.accounts.erase(second)
    assert stores.accounts.default_id(TENANT) == first.id
    assert stores.accounts.get(TENANT, first.id) == first


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_hold_each_account_once_in_order_of_connection(stores, limit):
    mine = [an_account(id=f"acc_{number:026}", ig_user_id=f"1784140000000000{number}") for number in range(5)]
    for account in mine:
        stores.accounts.connect(account, "token")
    stores.accounts.connect(an_account(id="acc_x", tenant_id=OTHER_TENANT, ig_user_id="17841400000000099"), "token")
    found, after = [], None
    for _ in range(20):
        page = stores.accounts.page(TENANT, PageRequest(limit, after))
        assert len(page.data) <= limit
        found += page.data
        if page.next_cursor is None:
            break
        after = opened(page.next_cursor, TENANT)
    assert found == mine


def test_keeps_the_persons_token_beside_the_pages(stores):
    account = a_facebook_account()
    stores.accounts.connect(account, "page-token", "user-token")
    assert stores.accounts.get(TENANT, account.id) == account
    assert (stores.tokens.token(account), stores.tokens.user_token(account)) == ("page-token", "user-token")


def test_where_there_is_one_token_it_is_also_what_renews(stores):
    stores.accounts.connect(an_account(), "the-token")
    assert stores.tokens.user_token(an_account()) == "the-token"


def test_another_login_replaces_both_tokens_and_keeps_the_account(stores):
    stores.accounts.connect(a_facebook_account(), "page-token", "user-token")
    again = an_account(token_version=2, version=2)
    stores.accounts.connect(again, "instagram-token")
    assert stores.accounts.get(TENANT, again.id).login == "instagram"
    assert stores.accounts.get(TENANT, again.id).page_id is None
    assert stores.tokens.user_token(again) == "instagram-token"


def test_an_account_that_was_stored_before_there_were_pages_is_read(cloud, key_arn):
    client, table = cloud.client("dynamodb"), cloud.table("AccountsTable")
    accounts = ConnectingAccounts(client, table, Vault(cloud.client("kms"), key_arn))
    accounts.connect(an_account(), "the-token")
    assert all("page_id" not in item for item in client.scan(TableName=table)["Items"])
    assert accounts.get(TENANT, an_account().id) == an_account()
