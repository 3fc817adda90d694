"""Connecting through Facebook: one account at once, one of several by choice, none with the reason."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from darkroom import connecting, linking
from darkroom.accounts import AccountState
from darkroom.connecting import Dialogue, Wish
from darkroom.connection import SESSION_LIFETIME, Callback
from darkroom.errors import BadRequestError, StoreUnavailableError
from darkroom.instagram.errors import InstagramUnavailableError, TokenInvalidError
from darkroom.linking import Chosen
from darkroom.logins import FACEBOOK
from tests.builders import IG_USER_ID, OTHER_TENANT, TENANT, an_account
from tests.fake_facebook import PERSON_ID, FakeFacebook, a_page
from tests.fakes import Clock, FakeAccounts, FakeChoices, FakeInstagram, FakeSessions, standing_ports

API = "https://api.example.com"
APP = "https://app.example.com"


@pytest.fixture
def world():
    clock, sessions, accounts, choices = Clock(), FakeSessions(), FakeAccounts(), FakeChoices()
    facebook = FakeFacebook()
    start = connecting.StartPorts(
        sessions=sessions,
        now=clock,
        dialogues={"facebook": Dialogue("https://www.facebook.com/v25.0/dialog/oauth", lambda: "870000000000001")},
        public_url="",
        return_origins=frozenset({APP}),
    )
    ports = linking.Ports(sessions, choices, accounts, standing_ports(accounts, clock), lambda: facebook, clock, "")
    return SimpleNamespace(
        clock=clock, sessions=sessions, accounts=accounts, choices=choices, facebook=facebook, start=start, ports=ports
    )


def opened(world, tenant_id=TENANT, return_url=None, scopes=None):
    """The state that Facebook will bring back, and the browser's cookie."""
    wish = Wish(login="facebook", scopes=scopes, return_url=return_url)
    _, link = connecting.create_session(tenant_id, wish, API, world.start)
    started = connecting.start(parse_qs(urlsplit(link).query)["session"][0], API, world.start)
    return parse_qs(urlsplit(started.location).query)["state"][0], started.cookie


def completed(world, state, cookie, code="good-code", error=""):
    return linking.complete(Callback(state, code, error, cookie), API, world.ports)


def connected(world, **options):
    world.facebook.codes = {"good-code"}
    outcome = completed(world, *opened(world, **options))
    assert outcome.error is None
    return outcome.account


def choosing(world, **options):
    """Two accounts to choose from, and the owner before the page."""
    world.facebook.pages_shown = [[a_page(1), a_page(2)]]
    state, cookie = opened(world, **options)
    outcome = completed(world, state, cookie)
    assert outcome.choosing is not None
    return outcome.choosing


def chosen(world, choice, page_id=None, **changes):
    page_id = page_id or choice.candidates[1].page_id
    return linking.choose(replace(Chosen(choice.state, page_id, choice.cookie), **changes), world.ports)


def code_of(outcome):
    assert outcome.account is None
    assert outcome.choosing is None
    return outcome.error.code


def nothing_is_stored(world):
    return not any((world.accounts.stored, world.accounts.tokens, world.accounts.holders, world.choices.stored))


# The way there


def test_the_link_and_the_dialogue_are_facebooks(world):
    session, link = connecting.create_session(TENANT, Wish(login="facebook"), API, world.start)
    assert link.startswith(f"{API}/oauth/facebook/start?session={session.id}.")
    started = connecting.start(parse_qs(urlsplit(link).query)["session"][0], API, world.start)
    query = parse_qs(urlsplit(started.location).query)
    assert started.location.startswith("https://www.facebook.com/v25.0/dialog/oauth?")
    assert query["client_id"] == ["870000000000001"]
    assert query["redirect_uri"] == [f"{API}/oauth/facebook/callback"]
    assert set(FACEBOOK.needed_scopes) < set(query["scope"][0].split(","))


def test_the_scopes_are_this_logins(world):
    with pytest.raises(BadRequestError) as refusal:
        opened(world, scopes=("instagram_business_basic", *FACEBOOK.needed_scopes[1:]))
    assert [(error.pointer, error.code) for error in refusal.value.errors] == [
        ("/scopes/0", "unknown_scope"),
        ("/scopes", "scope_needed"),
    ]
    assert "Facebook Login" in refusal.value.errors[0].message


# One account


def test_the_one_account_is_connected_at_once_with_both_tokens(world):
    outcome = completed(world, *opened(world, return_url=f"{APP}/done"))
    account = outcome.account
    assert outcome.return_url == f"{APP}/done"
    assert (account.login, account.page_id, account.ig_user_id) == ("facebook", a_page().id, IG_USER_ID)
    assert (account.app_scoped_id, account.username, account.name) == (PERSON_ID, "acme.1", "Acme 1")
    assert account.token_expires_at == world.clock() + timedelta(days=60)
    assert account.is_webhook_subscribed
    assert world.accounts.tokens[TENANT, account.id] == f"CANARY-page-{account.page_id}-of-CANARY-long-of-CANARY-short"
    assert world.accounts.user_tokens[TENANT, account.id] == "CANARY-long-of-CANARY-short"
    account.require_publishing(world.clock())
    assert world.choices.stored == {}


def test_repeats_the_redirect_uri_to_the_letter(world):
    connected(world)
    assert world.facebook.redirect_uris == [f"{API}/oauth/facebook/callback"]


def test_the_page_is_subscribed_with_its_own_token(world):
    account = connected(world)
    assert world.facebook.subscribed == {account.page_id: ("feed",)}
    (access,) = world.facebook.accesses
    assert (access.login, access.page_id, access.ig_user_id) == ("facebook", account.page_id, account.ig_user_id)
    assert access.token == world.accounts.tokens[TENANT, account.id]


def test_without_the_permission_for_it_nothing_is_subscribed(world):
    world.facebook.granted = frozenset(FACEBOOK.needed_scopes)
    assert not connected(world).is_webhook_subscribed
    assert world.facebook.subscribed == {}


def test_no_token_is_in_anything_that_is_answered(world):
    assert "CANARY" not in repr(completed(world, *opened(world)))
    world.facebook.codes = {"good-code"}
    assert "CANARY" not in repr(choosing(world))


# Several


def test_of_several_the_owner_chooses_and_nothing_is_stored_before(world):
    choice = choosing(world, return_url="/done")
    assert [(each.page_name, each.username) for each in choice.candidates] == [
        ("Page 1", "acme.1"),
        ("Page 2", "acme.2"),
    ]
    assert choice.is_https
    assert world.accounts.stored == {}
    outcome = chosen(world, choice)
    assert (outcome.account.username, outcome.return_url) == ("acme.2", "/done")
    assert world.accounts.user_tokens[TENANT, outcome.account.id] == "CANARY-long-of-CANARY-short"
    assert outcome.account.app_scoped_id == PERSON_ID


def test_pages_without_a_usable_account_are_no_choice(world):
    world.facebook.pages_shown = [[a_page(1), a_page(2, account=None), a_page(3, tasks=frozenset({"ANALYZE"}))]]
    assert connected(world).username == "acme.1"


def test_a_choice_is_made_once(world):
    choice = choosing(world)
    assert chosen(world, choice).account is not None
    assert code_of(chosen(world, choice)) == "connect_session_invalid"


def test_a_choice_is_over_after_ten_minutes_of_its_own(world):
    world.clock.advance(0)
    state, cookie = opened(world)
    world.facebook.pages_shown = [[a_page(1), a_page(2)]]
    world.clock.advance(SESSION_LIFETIME - timedelta(seconds=5))  # the person took their time at Facebook
    choice = completed(world, state, cookie).choosing
    world.clock.advance(SESSION_LIFETIME - timedelta(seconds=1))
    assert chosen(world, choice).account is not None
    world.facebook.codes = {"good-code"}
    late = choosing(world)
    world.clock.advance(SESSION_LIFETIME)
    assert code_of(chosen(world, late)) == "connect_session_invalid"


@pytest.mark.parametrize(
    "changes",
    [{"cookie": "another"}, {"cookie": ""}, {"state": "con_01JDARKR00M000000000000000." + "x" * 43}, {"state": ""}],
)
def test_a_choice_belongs_to_its_state_and_its_browser(world, changes):
    choice = choosing(world)
    assert code_of(chosen(world, choice, **changes)) == "connect_session_invalid"
    assert world.accounts.stored == {}
    assert chosen(world, choice).account is not None


def test_what_was_not_offered_cannot_be_chosen(world):
    choice = choosing(world)
    world.facebook.pages_shown[0].append(a_page(3))
    assert code_of(chosen(world, choice, page_id=a_page(3).id)) == "connect_session_invalid"
    assert nothing_is_stored(world)


def test_the_callback_cannot_be_repeated_in_place_of_the_choice(world):
    choice = choosing(world)
    world.facebook.codes = {"good-code"}
    assert code_of(completed(world, choice.state, choice.cookie)) == "connect_session_invalid"
    assert chosen(world, choice).account is not None


def test_what_has_changed_since_the_page_was_shown_counts(world):
    choice = choosing(world)
    world.facebook.pages_shown = [[a_page(1), a_page(2, account=None)]]
    outcome = chosen(world, choice)
    assert code_of(outcome) == "no_usable_account"
    assert "Page 2: no Instagram professional account" in outcome.error.detail
    assert nothing_is_stored(world)


def test_a_page_that_gives_no_token_is_told(world):
    world.facebook.without_token = {a_page().id}
    outcome = completed(world, *opened(world))
    assert code_of(outcome) == "no_usable_account"
    assert "no role on it" in outcome.error.detail


# None


def test_without_a_usable_account_each_page_has_its_reason(world):
    world.facebook.pages_shown = [[a_page(1, account=None), a_page(2, tasks=frozenset({"ANALYZE"}))]]
    outcome = completed(world, *opened(world))
    assert code_of(outcome) == "no_usable_account"
    assert outcome.error.detail == (
        "Page 1: no Instagram professional account is linked to it; "
        "Page 2: your role on it does not allow you to create content."
    )
    assert nothing_is_stored(world)


def test_without_any_page_the_owner_is_told_what_to_tick(world):
    world.facebook.pages_shown = [[]]
    assert "Facebook showed no Page" in completed(world, *opened(world)).error.detail


# What must not work


@pytest.mark.parametrize("missing", FACEBOOK.needed_scopes)
def test_a_missing_permission_stores_nothing(world, missing):
    world.facebook.granted -= {missing}
    outcome = completed(world, *opened(world))
    assert code_of(outcome) == "permissions_missing"
    assert missing in outcome.error.detail
    assert nothing_is_stored(world)
    assert "exchange_long_lived" not in world.facebook.calls


def test_without_business_management_businesses_are_not_asked(world):
    world.facebook.granted -= {"business_management"}
    connected(world)
    assert "businesses" not in world.facebook.calls


def test_a_refusal_at_facebook_is_the_owners(world):
    assert code_of(completed(world, *opened(world), error="access_denied")) == "consent_denied"
    assert world.facebook.calls == []


def test_another_browser_and_an_unknown_state_call_nobody(world):
    state, cookie = opened(world)
    assert code_of(completed(world, state, "another")) == "connect_session_invalid"
    assert code_of(completed(world, state, cookie)) == "connect_session_invalid"  # consumed by the attempt
    assert code_of(completed(world, "nonsense", cookie)) == "connect_session_invalid"
    assert world.facebook.calls == []


def test_a_session_of_one_login_cannot_come_back_through_the_other(world):
    instagram = FakeInstagram(world.clock)
    other = connecting.CallbackPorts(
        world.sessions, world.accounts, lambda: instagram, standing_ports(world.accounts, world.clock), world.clock, ""
    )
    state, cookie = opened(world)
    outcome = connecting.complete(Callback(state, "good-code", "", cookie), API, other)
    assert code_of(outcome) == "connect_session_invalid"
    assert instagram.calls == []
    dialogues = {"instagram": Dialogue("https://www.instagram.com/oauth/authorize", lambda: "99")}
    start = replace(world.start, dialogues=dialogues)
    _, link = connecting.create_session(TENANT, Wish(), API, start)
    started = connecting.start(parse_qs(urlsplit(link).query)["session"][0], API, start)
    state = parse_qs(urlsplit(started.location).query)["state"][0]
    assert code_of(completed(world, state, started.cookie)) == "connect_session_invalid"
    assert world.facebook.calls == []


@pytest.mark.parametrize("method", ["exchange_code", "permissions", "exchange_long_lived", "user_id", "pages", "page"])
def test_a_failure_on_the_way_stores_nothing_and_is_told(world, method):
    failure = InstagramUnavailableError()
    world.facebook.failures[method] = failure
    assert completed(world, *opened(world, return_url="/done")) == linking.Outcome("/done", error=failure)
    assert nothing_is_stored(world)


def test_a_failed_subscription_leaves_a_working_account(world):
    world.facebook.failures["subscribe_webhooks"] = InstagramUnavailableError()
    account = connected(world)
    assert not account.is_webhook_subscribed
    assert world.accounts.get(TENANT, account.id) == account


def test_a_choice_that_cannot_be_kept_is_told(world):
    def fail(_choice, _token):
        raise StoreUnavailableError

    world.choices.hold = fail
    world.facebook.pages_shown = [[a_page(1), a_page(2)]]
    assert code_of(completed(world, *opened(world))) == "store_unavailable"


def test_a_token_that_died_before_the_choice_is_told(world):
    choice = choosing(world)
    world.facebook.failures["page"] = TokenInvalidError(code=190, subcode=460)
    outcome = chosen(world, choice)
    assert isinstance(outcome.error, TokenInvalidError)
    assert nothing_is_stored(world)


# Again


def test_connecting_again_keeps_the_account(world):
    first = connected(world)
    dead = replace(first, state=AccountState.REAUTHORIZATION_REQUIRED, last_problem={"code": "x"})
    assert world.accounts.flag(dead, first)
    again = connected(world)
    assert again.id == first.id
    assert again.state is AccountState.CONNECTED
    assert again.token_version == first.token_version + 1


def test_an_account_of_the_other_login_keeps_its_id_and_changes_login(world):
    before = an_account(id="acc_01M800000000000000000000AA", is_webhook_subscribed=True)
    world.accounts.connect(before, "instagram-token")
    after = connected(world)
    assert (after.id, after.login, after.page_id) == (before.id, "facebook", a_page().id)
    assert after.token_version == before.token_version + 1
    assert world.accounts.tokens[TENANT, after.id].startswith("CANARY-page")
    assert world.accounts.default_id(TENANT) == before.id


def test_an_account_of_another_tenant_is_refused(world):
    world.accounts.connect(an_account(tenant_id=OTHER_TENANT), "token")
    assert code_of(completed(world, *opened(world))) == "account_connected_elsewhere"
    assert world.accounts.tokens == {(OTHER_TENANT, an_account().id): "token"}
