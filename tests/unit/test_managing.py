"""Accounts as their tenant, and a key that is limited to some of them, may see them."""

import pytest

from darkroom import managing
from darkroom.errors import NotFoundError
from darkroom.pages import PageRequest
from tests.builders import OTHER_TENANT, TENANT, a_caller, an_account
from tests.fakes import FakeAccounts

ONE = an_account(id="acc_1", ig_user_id="1")
TWO = an_account(id="acc_2", ig_user_id="2")
THEIRS = an_account(id="acc_3", ig_user_id="3", tenant_id=OTHER_TENANT)
LIMITED = a_caller(TENANT, account_ids=("acc_2", "acc_3"))


@pytest.fixture
def accounts():
    return FakeAccounts(ONE, TWO, THEIRS)


def test_reads_an_account(accounts):
    assert managing.read(a_caller(), "acc_1", accounts) == ONE


@pytest.mark.parametrize(
    ("caller", "account_id"), [(a_caller(), "acc_3"), (a_caller(), "acc_9"), (LIMITED, "acc_1"), (LIMITED, "acc_3")]
)
@pytest.mark.parametrize("use", [managing.read, managing.choose_default])
def test_what_is_not_the_caller_s_is_not_found(accounts, caller, account_id, use):
    with pytest.raises(NotFoundError) as refusal:
        use(caller, account_id, accounts)
    assert (refusal.value.code, refusal.value.detail) == ("not_found", None)
    assert accounts.defaults == {TENANT: "acc_1", OTHER_TENANT: "acc_3"}


def test_lists_the_tenant_s_accounts(accounts):
    assert managing.list_accounts(a_caller(), PageRequest(), accounts).data == (ONE, TWO)


def test_lists_only_what_the_key_may_use_and_still_goes_on(accounts):
    page = managing.list_accounts(LIMITED, PageRequest(limit=1), accounts)
    assert page.data == ()
    assert page.next_cursor is not None
    assert managing.list_accounts(LIMITED, PageRequest(), accounts).data == (TWO,)


def test_chooses_the_account_that_posts_without_one_mean(accounts):
    assert managing.choose_default(LIMITED, "acc_2", accounts) == TWO
    assert accounts.default_id(TENANT) == "acc_2"
