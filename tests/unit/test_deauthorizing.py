"""Abuse cases D2 and D3, and what becomes of the account."""

from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom import announcing, deauthorizing, standing
from darkroom.accounts import AccountState
from darkroom.errors import AccountUnavailableError, BadRequestError, StoreUnavailableError
from tests.builders import NOW, TENANT, an_account
from tests.compliance_fakes import FakeMetaUsers, FakeSecrets, epoch, signed
from tests.fakes import Clock, FakeAccounts, FakeBus, FakeEvents, FakeTokens
from tests.unit.world import overtaken


@pytest.fixture
def account():
    return an_account()


@pytest.fixture
def accounts(account):
    return FakeAccounts(account)


@pytest.fixture
def bus():
    return FakeBus()


@pytest.fixture
def ports(accounts, bus):
    clock = Clock()
    telling = announcing.Ports(FakeEvents(clock), lambda name, detail: bus.announce(name, detail, clock()), clock)
    stands = standing.Ports(accounts, telling, lambda: 0.5, clock)
    return deauthorizing.Ports(FakeSecrets(), FakeMetaUsers(accounts), stands, clock)


def said(at=NOW, **more):
    return signed(issued_at=epoch(at), **more)


def test_the_token_is_erased_the_account_waits_and_the_event_is_told(ports, accounts, account, bus):
    outcome = deauthorizing.deauthorize(said(), ports)
    assert (outcome.ended, outcome.stale, outcome.key_slot) == (1, 0, "instagram")
    left = accounts.get(TENANT, account.id)
    assert left.state is AccountState.REAUTHORIZATION_REQUIRED
    assert left.last_problem["code"] == "reauthorization_required"
    assert not left.is_webhook_subscribed
    assert (left.untold, left.refresh_at) == ((), None)  # told, and the refresher leaves it alone
    with pytest.raises(AccountUnavailableError) as caught:
        FakeTokens(accounts).token(left)
    assert caught.value.code == "reauthorization_required"
    assert [name for name, _ in bus.announced] == ["AccountDeauthorized"]


def test_meta_may_say_it_any_number_of_times(ports, bus):
    for _ in range(3):
        assert deauthorizing.deauthorize(said(), ports).ended == 1
    assert len(bus.announced) == 1


def test_what_was_said_before_the_account_was_connected_again_is_no_news(ports, accounts, account, bus):
    text = said(NOW - timedelta(seconds=1))
    accounts.connect(replace(account, connected_at=NOW, token_version=2), "the new token")
    outcome = deauthorizing.deauthorize(text, ports)
    assert (outcome.ended, outcome.stale) == (0, 1)
    assert accounts.get(TENANT, account.id).state is AccountState.CONNECTED
    assert accounts.tokens[TENANT, account.id] == "the new token"
    assert bus.announced == []


def test_what_was_said_in_the_second_of_the_connection_counts(ports, accounts, account):
    """Meta drops the fraction; ours is cut off before they are compared."""
    accounts.connect(replace(account, connected_at=NOW + timedelta(microseconds=900_000), token_version=2), "token")
    assert deauthorizing.deauthorize(said(NOW), ports).ended == 1


@pytest.mark.parametrize("change", [{"app_scoped_id": "77"}, {"app_scoped_id": "77", "login": "facebook"}])
def test_who_connected_before_somebody_else_or_through_the_other_login_ends_nothing(ports, accounts, account, change):
    """Theirs is not the consent that the connection rests on."""
    accounts.connect(replace(account, token_version=2, **change), "token of another")
    outcome = deauthorizing.deauthorize(said(), ports)
    assert (outcome.ended, outcome.stale) == (0, 0)
    assert accounts.tokens == {(TENANT, account.id): "token of another"}


def test_an_account_that_was_disconnected_is_left_at_that(ports, accounts, account, bus):
    accounts.erase(account)
    assert deauthorizing.deauthorize(said(), ports).ended == 0
    assert bus.announced == []
    assert len(accounts.consents) == 1


def test_a_consent_of_the_past_does_not_hide_one_of_the_other_login(ports, accounts, account):
    accounts.erase(account)
    other = an_account(id="acc_2", login="facebook")
    accounts.connect(other, "token")
    assert deauthorizing.deauthorize(said(), ports).ended == 1


def test_somebody_unknown_is_no_error_and_changes_nothing(ports, accounts, bus):
    before = dict(accounts.stored)
    assert deauthorizing.deauthorize(said(user_id="999"), ports).ended == 0
    assert accounts.stored == before
    assert bus.announced == []


def test_each_account_of_the_person_ends_in_every_tenant_and_no_other(ports, accounts, account, bus):
    other = an_account(id="acc_2", tenant_id="globex", ig_user_id="2")
    stranger = an_account(id="acc_3", ig_user_id="3", app_scoped_id="3")
    accounts.connect(other, "token")
    accounts.connect(stranger, "token")
    assert deauthorizing.deauthorize(said(), ports).ended == 2
    assert accounts.tokens.keys() == {(stranger.tenant_id, stranger.id)}
    assert {detail["tenant_id"] for _, detail in bus.announced} == {TENANT, "globex"}


def test_the_app_that_signed_is_asked_first_and_the_other_only_when_it_knows_nobody(ports, accounts, account):
    facebook = an_account(id="acc_2", ig_user_id="2", login="facebook")
    accounts.connect(facebook, "token")
    both = replace(ports, secrets=FakeSecrets(instagram="one", meta="two"))
    deauthorizing.deauthorize(said(secret="two"), both)
    assert accounts.tokens.keys() == {(TENANT, account.id)}
    deauthorizing.deauthorize(said(secret="one"), both)
    assert accounts.tokens == {}


def test_meta_may_sign_an_instagram_account_with_the_other_app(ports, accounts):
    both = replace(ports, secrets=FakeSecrets(instagram="one", meta="two"))
    assert deauthorizing.deauthorize(said(secret="two"), both).ended == 1


def test_a_secret_that_was_rotated_a_moment_ago_is_looked_up_again(ports):
    rotated = replace(ports, secrets=FakeSecrets(late={"instagram": "fresh"}))
    assert deauthorizing.deauthorize(said(secret="fresh"), rotated).ended == 1


@pytest.mark.parametrize("text", ["", "x.y", signed(secret="another"), signed(algorithm="none"), signed(user_id=[])])
def test_whatever_is_wrong_is_one_error(ports, accounts, account, text):
    with pytest.raises(BadRequestError) as caught:
        deauthorizing.deauthorize(text, ports)
    assert (caught.value.code, caught.value.detail) == ("signed_request_invalid", None)
    assert accounts.get(TENANT, account.id) == account


def test_whoever_died_before_telling_is_finished_by_the_next(ports, accounts, account, bus):
    bus.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        deauthorizing.deauthorize(said(), ports)
    assert accounts.tokens == {}
    assert accounts.get(TENANT, account.id).untold == (standing.DEAUTHORIZED,)  # the refresher would tell it as well
    bus.failure = None
    deauthorizing.deauthorize(said(), ports)
    assert len(bus.announced) == 1


def test_a_refresh_in_between_does_not_save_the_token(ports, accounts, account):
    refreshed = replace(account, token_version=account.token_version + 1)
    overtaken(ports.users, "deauthorize", lambda: accounts.connect(refreshed, "refreshed"))
    assert deauthorizing.deauthorize(said(), ports).ended == 1
    assert accounts.tokens == {}


def test_a_connection_in_between_does(ports, accounts, account):
    again = replace(account, token_version=account.token_version + 1, connected_at=NOW + timedelta(seconds=5))
    overtaken(ports.users, "deauthorize", lambda: accounts.connect(again, "new"))
    deauthorizing.deauthorize(said(), ports)
    assert accounts.get(TENANT, account.id).state is AccountState.CONNECTED
    assert accounts.tokens == {(TENANT, account.id): "new"}


def test_a_refresh_that_was_under_way_brings_no_token_back(ports, accounts, account):
    """Its write is on condition of the version that it read."""
    deauthorizing.deauthorize(said(), ports)
    assert accounts.get(TENANT, account.id).token_version == account.token_version + 1


def test_what_was_untold_before_is_told_with_it(ports, accounts, account, bus):
    accounts.stored[TENANT, account.id] = replace(account, untold=(standing.CONNECTED,))
    deauthorizing.deauthorize(said(), ports)
    assert [name for name, *_ in bus.announced] == ["AccountConnected", "AccountDeauthorized"]
    assert accounts.get(TENANT, account.id).untold == ()
