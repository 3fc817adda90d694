"""Deletions and whose consent an account rests on: the fakes and DynamoDB keep the same promises."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from darkroom.accounts import AccountState, Consent
from darkroom.aws.accounts import ConnectingAccounts, DynamoDBTokens
from darkroom.aws.deletions import DynamoDBDeletions
from darkroom.aws.meta_users import DynamoDBMetaUsers
from darkroom.aws.vault import Vault
from darkroom.deletions import Deletion, Doomed, Place
from darkroom.erasing import MOST_AT_ONCE
from darkroom.errors import AccountUnavailableError, ConflictError, NotFoundError
from tests.builders import IG_USER_ID, NOW, OTHER_TENANT, TENANT, an_account
from tests.compliance_fakes import FakeDeletions, FakeMetaUsers
from tests.fakes import FakeAccounts, FakeTokens

USER = "25400000000000001"
PROBLEM = {"code": "reauthorization_required", "detail": "The owner removed the app."}


@dataclass
class Stores:
    accounts: Any
    tokens: Any
    users: Any
    deletions: Any


@pytest.fixture(scope="module")
def key_arn(cloud):
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request, cloud, key_arn):
    if request.param == "fake":
        accounts = FakeAccounts()
        return Stores(accounts, FakeTokens(accounts), FakeMetaUsers(accounts), FakeDeletions(accounts))
    vault = Vault(cloud.client("kms"), key_arn)
    table = (cloud.client("dynamodb"), cloud.table("AccountsTable"))
    return Stores(
        ConnectingAccounts(*table, vault),
        DynamoDBTokens(*table, vault),
        DynamoDBMetaUsers(*table),
        DynamoDBDeletions(*table),
    )


@pytest.fixture
def account(stores):
    made = an_account()
    stores.accounts.connect(made, "the token")
    return made


@pytest.fixture
def deletion(stores):
    made = a_deletion()
    stores.deletions.add(made, None)
    return made


def a_deletion(code="1" * 32, **changes):
    return replace(Deletion(code=code, user_hash="ab" * 32, requested_at=NOW), **changes)


def of(account, **person):
    """The consent that the connection rests on, or that of somebody else."""
    whose = Consent(
        login=account.login,
        app_scoped_id=account.app_scoped_id,
        tenant_id=account.tenant_id,
        account_id=account.id,
        given_at=account.connected_at,
        account=account,
    )
    return replace(whose, **person)


def ended(account):
    return replace(
        account,
        state=AccountState.REAUTHORIZATION_REQUIRED,
        token_version=account.token_version + 1,
        is_webhook_subscribed=False,
        last_problem=PROBLEM,
        untold=("account.connected", "account.deauthorized"),
        refresh_at=NOW,
    )


# Whose consent


def test_a_person_s_consents_are_found_by_login_and_id(stores, account):
    other = an_account(id="acc_2", tenant_id=OTHER_TENANT, ig_user_id="2", login="facebook")
    more = an_account(id="acc_3", ig_user_id="3", login="facebook")
    for each in (other, more):
        stores.accounts.connect(each, "token")
    assert stores.users.consents_of("instagram", USER) == (of(account),)
    assert {each.account for each in stores.users.consents_of("facebook", USER)} == {other, more}
    assert stores.users.consents_of("instagram", "9") == ()


def test_a_consent_is_as_old_as_the_last_connection_of_that_person(stores, account):
    again = replace(account, token_version=2, connected_at=NOW + timedelta(days=1))
    stores.accounts.connect(again, "token")
    assert stores.users.consents_of("instagram", USER) == (of(again),)


@pytest.mark.parametrize("change", [{"app_scoped_id": "77"}, {"app_scoped_id": "77", "login": "facebook"}])
def test_who_connected_before_another_person_or_login_is_remembered_but_not_current(stores, account, change):
    theirs = replace(account, token_version=2, connected_at=NOW + timedelta(days=1), **change)
    stores.accounts.connect(theirs, "token of another")
    assert stores.users.consents_of("instagram", USER) == (replace(of(account), account=theirs),)
    (current,) = stores.users.consents_of(theirs.login, "77")
    assert (current, current.is_current) == (of(theirs), True)
    assert not stores.users.consents_of("instagram", USER)[0].is_current


def test_whose_account_was_disconnected_is_remembered_too(stores, account):
    stores.accounts.erase(account)
    assert stores.users.consents_of("instagram", USER) == (replace(of(account), account=None),)


def test_deauthorising_erases_the_token_and_says_why(stores, account):
    assert stores.users.deauthorize(ended(account))
    left = stores.accounts.get(TENANT, account.id)
    assert left == replace(ended(account), version=account.version + 1)
    with pytest.raises(AccountUnavailableError):
        stores.tokens.token(left)
    assert stores.accounts.holder(IG_USER_ID) == (TENANT, account.id)
    assert [each.account for each in stores.users.consents_of("instagram", USER)] == [left]


def test_a_newer_token_is_not_erased(stores, account):
    stores.accounts.connect(replace(account, token_version=2), "newer")
    assert not stores.users.deauthorize(ended(account))
    assert stores.tokens.token(account) == "newer"
    assert stores.accounts.get(TENANT, account.id).state is AccountState.CONNECTED


def test_an_account_that_is_gone_cannot_be_deauthorised(stores, account):
    stores.accounts.erase(account)
    assert not stores.users.deauthorize(ended(account))


def test_connecting_again_after_that_keeps_the_id_and_brings_a_token(stores, account):
    stores.users.deauthorize(ended(account))
    stores.accounts.connect(replace(account, token_version=3), "new")
    assert stores.tokens.token(account) == "new"


# Deletions


def test_a_deletion_is_found_by_its_code_and_by_the_person(stores, deletion):
    assert stores.deletions.get(deletion.code) == deletion
    assert stores.deletions.latest(deletion.user_hash) == deletion
    assert stores.deletions.latest("cd" * 32) is None
    with pytest.raises(NotFoundError):
        stores.deletions.get("2" * 32)


def test_only_one_of_two_becomes_the_latest(stores, deletion):
    with pytest.raises(ConflictError):
        stores.deletions.add(a_deletion("2" * 32), None)
    stores.deletions.add(a_deletion("3" * 32), deletion)
    with pytest.raises(ConflictError):
        stores.deletions.add(a_deletion("4" * 32), deletion)
    assert stores.deletions.latest(deletion.user_hash).code == "3" * 32


def test_dooming_erases_everything_that_could_act(stores, account, deletion):
    stores.deletions.doom(deletion, (of(account),))
    for gone in (lambda: stores.accounts.get(TENANT, account.id), lambda: stores.tokens.token(account)):
        with pytest.raises(NotFoundError):
            gone()
    assert stores.accounts.holder(IG_USER_ID) is None
    assert stores.accounts.default_id(TENANT) is None
    assert stores.users.consents_of("instagram", USER) == ()
    known = stores.deletions.get(deletion.code)
    assert (known.accounts, dict(known.erased)) == ((Doomed(TENANT, account.id),), {"accounts": 1})


def test_an_account_without_a_token_is_erased_as_well(stores, account, deletion):
    stores.users.deauthorize(ended(account))
    stores.deletions.doom(deletion, (of(stores.accounts.get(TENANT, account.id)),))
    assert stores.accounts.holder(IG_USER_ID) is None


def test_somebody_else_s_default_stays(stores, account, deletion):
    other = an_account(id="acc_2", ig_user_id="2", app_scoped_id="2")
    stores.accounts.connect(other, "token")
    stores.accounts.choose_default(other)
    stores.deletions.doom(deletion, (of(account),))
    assert stores.accounts.default_id(TENANT) == "acc_2"


def test_of_many_all_are_doomed_or_none(stores, account, deletion):
    others = tuple(an_account(id=f"acc_{n}", ig_user_id=str(n)) for n in range(2, 20))
    for each in others[:-1]:
        stores.accounts.connect(each, "token")
    with pytest.raises(ConflictError):
        stores.deletions.doom(deletion, tuple(map(of, (account, *others))))
    assert stores.accounts.get(TENANT, account.id) == account
    stores.deletions.doom(deletion, tuple(map(of, (account, *others[:-1]))))
    assert len(stores.deletions.get(deletion.code).accounts) == 18


def test_an_account_that_was_connected_anew_is_not_doomed_by_whoever_read_it_before(stores, account, deletion):
    stores.accounts.connect(replace(account, connected_at=NOW + timedelta(minutes=1), token_version=2), "new")
    with pytest.raises(ConflictError):
        stores.deletions.doom(deletion, (of(account),))
    assert stores.tokens.token(account) == "new"
    assert stores.deletions.get(deletion.code).accounts == ()


def test_what_a_disconnected_account_has_left_is_doomed_by_its_consent(stores, account, deletion):
    stores.accounts.erase(account)
    (consent,) = stores.users.consents_of("instagram", USER)
    stores.deletions.doom(deletion, (consent,))
    assert stores.deletions.get(deletion.code).accounts == (Doomed(TENANT, account.id),)
    assert stores.users.consents_of("instagram", USER) == ()
    with pytest.raises(ConflictError):
        stores.deletions.doom(deletion, (consent,))


def test_an_account_that_was_disconnected_since_it_was_read_is_looked_at_again(stores, account, deletion):
    stores.accounts.erase(account)
    with pytest.raises(ConflictError):
        stores.deletions.doom(deletion, (of(account),))
    assert stores.deletions.get(deletion.code).accounts == ()


def test_who_connected_earlier_dooms_the_account_and_the_consent_that_it_rests_on(stores, account, deletion):
    theirs = replace(account, app_scoped_id="77", login="facebook", token_version=2)
    stores.accounts.connect(theirs, "token of another")
    stores.deletions.doom(deletion, stores.users.consents_of("instagram", USER))
    assert stores.accounts.holder(IG_USER_ID) is None
    for person in (("instagram", USER), ("facebook", "77")):
        assert stores.users.consents_of(*person) == ()


def test_as_many_as_are_doomed_at_once_fit_into_a_transaction_also_when_each_has_two_consents(stores, deletion):
    for number in range(MOST_AT_ONCE):
        first = an_account(id=f"acc_{number}", ig_user_id=f"1{number}")
        stores.accounts.connect(first, "token")
        stores.accounts.connect(replace(first, login="facebook", app_scoped_id="77", token_version=2), "token")
    stores.deletions.doom(deletion, stores.users.consents_of("instagram", USER))
    assert len(stores.deletions.get(deletion.code).accounts) == MOST_AT_ONCE
    assert stores.users.consents_of("facebook", "77") == ()


def test_a_connection_that_read_the_account_before_it_was_erased_does_not_bring_it_back(stores, account, deletion):
    """Its owner gets a new account: the job is about to erase whatever bears the old id."""
    stores.deletions.doom(deletion, (of(account),))
    with pytest.raises(ConflictError):
        stores.accounts.connect(replace(account, token_version=2, connected_at=NOW + timedelta(minutes=1)), "token")
    assert stores.accounts.holder(IG_USER_ID) is None
    assert stores.users.consents_of("instagram", USER) == ()


def test_what_was_erased_adds_up(stores, deletion):
    for erased in ({"posts": 2, "events": 0}, {"posts": 1, "quota": 4}, {}):
        assert stores.deletions.note(stores.deletions.get(deletion.code), None, erased, NOW)
    assert dict(stores.deletions.get(deletion.code).erased) == {"posts": 3, "quota": 4}


@pytest.mark.parametrize("after", [None, '{"pk": {"S": "TENANT#acme"}}'])
def test_a_run_notes_how_far_it_came_and_one_beside_it_does_not(stores, deletion, after):
    place, later = Place(TENANT, "acc_1", "events", after), NOW + timedelta(minutes=4)
    assert stores.deletions.note(deletion, place, {"posts": 1}, later)
    assert not stores.deletions.note(deletion, None, {"posts": 1}, later)
    noted = replace(deletion, place=place, runs=1, seen_at=later, erased={"posts": 1})
    assert stores.deletions.get(deletion.code) == noted


def test_what_has_ended_names_no_account_also_when_a_run_is_late(stores, account, deletion):
    stores.deletions.doom(deletion, (of(account),))
    stores.deletions.note(stores.deletions.get(deletion.code), Place(TENANT, account.id, "events"), {}, NOW)
    known = stores.deletions.get(deletion.code)
    assert stores.deletions.finish(known, NOW)
    assert not stores.deletions.note(known, Place(TENANT, account.id, "events"), {}, NOW)
    assert account.id not in repr(stores.deletions.get(deletion.code))


def test_an_end_forgets_the_accounts_and_stays_the_end(stores, account, deletion):
    stores.deletions.doom(deletion, (of(account),))
    known = stores.deletions.get(deletion.code)
    assert stores.deletions.finish(known, NOW + timedelta(minutes=3))
    done = stores.deletions.get(deletion.code)
    assert (done.accounts, done.done_at) == ((), NOW + timedelta(minutes=3))
    assert stores.deletions.finish(known, NOW + timedelta(hours=1))
    assert stores.deletions.get(deletion.code).done_at == NOW + timedelta(minutes=3)
    stores.accounts.connect(account, "again")
    with pytest.raises(ConflictError):
        stores.deletions.doom(done, (of(account),))


def test_a_deletion_that_took_in_another_account_meanwhile_has_not_ended(stores, account, deletion):
    stores.deletions.doom(deletion, (of(account),))
    assert not stores.deletions.finish(deletion, NOW)
    assert not stores.deletions.get(deletion.code).is_done


def test_the_open_ones_are_found_until_they_end(stores, deletion):
    assert list(stores.deletions.open_before(NOW)) == []
    assert list(stores.deletions.open_before(NOW + timedelta(seconds=1))) == [deletion]
    stores.deletions.finish(deletion, NOW)
    assert list(stores.deletions.open_before(NOW + timedelta(days=1))) == []


def test_an_old_one_behind_many_young_ones_is_found(stores, wire, cloud):
    """DynamoDB filters what it has read, and reads a page at a time."""
    wire.asks(cloud.client("dynamodb"), "Query", Limit=40)
    for number in range(130):
        stores.deletions.add(a_deletion(f"{number:032}", user_hash=str(number), requested_at=NOW), None)
    old = a_deletion("9" * 32, user_hash="old", requested_at=NOW - timedelta(days=1))
    stores.deletions.add(old, None)
    assert list(stores.deletions.open_before(NOW)) == [old]
