"""From a caller's wish to a connected account. O1 to O9 are rows of the table of abuse cases."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from darkroom import connecting
from darkroom.accounts import AccountState
from darkroom.connecting import Dialogue, Wish
from darkroom.connection import SESSION_LIFETIME, Callback, Outcome
from darkroom.errors import (
    BadRequestError,
    ConfigurationError,
    ConnectError,
    NotFoundError,
    StoreUnavailableError,
    TokenUnreadableError,
)
from darkroom.instagram import oauth
from darkroom.instagram.errors import AuthorizationCodeError, InstagramUnavailableError, RateLimitedError
from darkroom.instagram.models import ShortLivedToken
from tests.builders import IG_USER_ID, NEEDED_SCOPES, OTHER_TENANT, TENANT, an_account
from tests.fakes import PROFILE, Clock, FakeAccounts, FakeBus, FakeInstagram, FakeSessions, Killed, standing_ports

API = "https://api.example.com"
APP = "https://app.example.com"
COMMENTS = "instagram_business_manage_comments"


@pytest.fixture
def world():
    clock, sessions, accounts = Clock(), FakeSessions(), FakeAccounts()
    instagram, bus = FakeInstagram(clock), FakeBus()
    start = connecting.StartPorts(
        sessions=sessions,
        now=clock,
        dialogues={
            "instagram": Dialogue("https://www.instagram.com/oauth/authorize", lambda: "990000000000001"),
            "facebook": Dialogue("https://www.facebook.com/v25.0/dialog/oauth", lambda: "870000000000001"),
        },
        public_url="",
        return_origins=frozenset({APP}),
    )
    callback = connecting.CallbackPorts(
        sessions=sessions,
        accounts=accounts,
        instagram=lambda: instagram,
        standing=standing_ports(accounts, clock, bus=bus),
        now=clock,
        public_url="",
    )
    return SimpleNamespace(
        clock=clock, sessions=sessions, accounts=accounts, instagram=instagram, bus=bus, start=start, callback=callback
    )


def session_of(world, tenant_id=TENANT, scopes=None, return_url=None):
    return connecting.create_session(tenant_id, Wish(scopes=scopes, return_url=return_url), API, world.start)


def ticket_of(link):
    return parse_qs(urlsplit(link).query)["session"][0]


def opened(world, **options):
    """The state that Instagram will bring back, and the browser's cookie."""
    _, link = session_of(world, **options)
    started = connecting.start(ticket_of(link), API, world.start)
    return parse_qs(urlsplit(started.location).query)["state"][0], started.cookie


def completed(world, state, cookie, code="good-code", error=""):
    world.instagram.codes = {"good-code"}
    return connecting.complete(Callback(state, code, error, cookie), API, world.callback)


def connected(world, **options):
    outcome = completed(world, *opened(world, **options))
    assert outcome.error is None
    return outcome.account


def nothing_is_stored(world):
    found = (world.accounts.stored, world.accounts.tokens, world.accounts.holders, world.accounts.defaults)
    return not any(found)


# The session and its link.


def test_the_link_leads_to_our_own_start_page_and_holds_the_only_copy_of_its_secret(world):
    session, link = session_of(world)
    assert link.startswith(f"{API}/oauth/instagram/start?session={session.id}.")
    secret = ticket_of(link).partition(".")[2]
    assert secret not in repr(world.sessions.stored)


def test_the_public_url_wins_over_the_domain_of_the_request(world):
    ports = replace(world.start, public_url="https://darkroom.example.com")
    _, link = connecting.create_session(TENANT, Wish(), API, ports)
    assert link.startswith("https://darkroom.example.com/oauth/instagram/start?")
    location = connecting.start(ticket_of(link), API, ports).location
    assert parse_qs(urlsplit(location).query)["redirect_uri"] == [
        "https://darkroom.example.com/oauth/instagram/callback"
    ]


def test_asks_for_every_scope_unless_told_otherwise(world):
    assert session_of(world)[0].scopes == tuple(oauth.SCOPES)
    assert session_of(world, scopes=NEEDED_SCOPES)[0].scopes == NEEDED_SCOPES


def test_points_to_scopes_that_do_not_exist_and_names_the_ones_that_are_always_needed(world):
    with pytest.raises(BadRequestError) as refusal:
        session_of(world, scopes=("instagram_business_basic", "pages_show_list"))
    assert [error.pointer for error in refusal.value.errors] == ["/scopes/1", "/scopes"]
    assert world.sessions.stored == {}


@pytest.mark.parametrize("url", ["/", "/done?x=1#y", APP, f"{APP}/", f"{APP}/connected?customer=7"])
def test_may_return_to_a_path_of_ours_or_a_listed_origin(world, url):
    assert session_of(world, return_url=url)[0].return_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/ok\r\nSet-Cookie: a=b",
        " https://app.example.com",
        "evil",
        "data:text/html,x",
        "javascript:alert(1)",
        "javascript://app.example.com/%0aalert(1)",
        "http://app.example.com/",
        "https://evil.example/",
        "https://app.example.com.evil.example/",
        "https://app.example.com@evil.example/",
        "https://user@app.example.com/",
        "https://app.example.com:8443/",
        "https:app.example.com",
        "https:///app.example.com",
        "https://app.example.com\\@evil.example",
        "https://app.example.com/<script>",
        "https://\u0430pp.example.com/",  # a Cyrillic a
        "https://[",
        "https://[::1",
        "https://[not-an-address]/",
    ],
)
def test_refuses_to_return_anywhere_else(world, url):
    """O4: nothing that a browser could read as another origin, and nothing that cannot be read at all."""
    with pytest.raises(BadRequestError) as refusal:
        session_of(world, return_url=url)
    assert refusal.value.code == "return_url_refused"
    assert world.sessions.stored == {}


# Opening the link.


def test_starting_sends_the_browser_to_instagram_with_what_it_must_bring_back(world):
    session, link = session_of(world, scopes=NEEDED_SCOPES)
    started = connecting.start(ticket_of(link), API, world.start)
    query = parse_qs(urlsplit(started.location).query)
    assert started.location.startswith("https://www.instagram.com/oauth/authorize?")
    assert query["client_id"] == ["990000000000001"]
    assert query["redirect_uri"] == [f"{API}/oauth/instagram/callback"]
    assert query["response_type"] == ["code"]
    assert set(query["scope"][0].split(",")) == set(NEEDED_SCOPES)
    assert query["state"][0].startswith(f"{session.id}.")
    assert started.is_https


def test_link_state_and_cookie_are_different_secrets_and_only_their_hashes_are_kept(world):
    _, link = session_of(world)
    started = connecting.start(ticket_of(link), API, world.start)
    state = parse_qs(urlsplit(started.location).query)["state"][0]
    secrets = {ticket_of(link).partition(".")[2], state.partition(".")[2], started.cookie}
    assert len(secrets) == 3
    assert not any(secret in repr(world.sessions.stored) for secret in secrets)


def test_a_plain_http_start_says_so_because_a_secure_cookie_would_be_lost(world):
    _, link = session_of(world)
    assert not connecting.start(ticket_of(link), "http://127.0.0.1:8000", world.start).is_https


@pytest.mark.parametrize(
    "ticket", ["", ".", "con_x.y", "a" * 5000, "con_01JDARKR00M000000000000000", "con_01JDARKR00M000000000000000.short"]
)
def test_a_malformed_link_opens_nothing(world, ticket):
    with pytest.raises(ConnectError):
        connecting.start(ticket, API, world.start)


def test_a_link_is_dead_after_ten_minutes(world):
    _, link = session_of(world)
    world.clock.advance(SESSION_LIFETIME)
    with pytest.raises(ConnectError):
        connecting.start(ticket_of(link), API, world.start)


def test_a_link_can_be_opened_again_when_the_app_credentials_were_missing(world):
    def missing():
        raise ConfigurationError

    _, link = session_of(world)
    with pytest.raises(ConfigurationError):
        connecting.start(ticket_of(link), API, replace(world.start, dialogues={"instagram": Dialogue("", missing)}))
    assert connecting.start(ticket_of(link), API, world.start).cookie


# The whole way.


def test_connects_an_account_and_stores_its_token(world):
    outcome = completed(world, *opened(world, return_url=f"{APP}/done"))
    account = outcome.account
    assert outcome == Outcome(f"{APP}/done", account)
    assert world.accounts.get(TENANT, account.id) == account
    assert account.ig_user_id == IG_USER_ID
    assert account.app_scoped_id == PROFILE.id
    assert (account.username, account.name, account.account_type) == ("acme.studio", "Acme Studio", "Business")
    assert account.token_expires_at == world.clock() + timedelta(days=60)
    assert world.accounts.tokens[TENANT, account.id] == "CANARY-long-token"
    assert world.accounts.default_id(TENANT) == account.id
    account.require_publishing(world.clock())


def test_repeats_the_redirect_uri_to_the_letter(world):
    connected(world)
    assert world.instagram.redirect_uris == [f"{API}/oauth/instagram/callback"]


@pytest.mark.parametrize("shape", ["a,b", ["a", "b"]], ids=["comma-separated text", "list"])
def test_reads_the_granted_scopes_in_both_shapes_instagram_sends(world, shape):
    granted = [*NEEDED_SCOPES, COMMENTS]
    wire = ",".join(granted) if isinstance(shape, str) else granted
    answer = ShortLivedToken.parse({"access_token": "token", "user_id": 1, "permissions": wire})
    world.instagram.permissions = answer.permissions
    assert set(connected(world).scopes) == set(granted)


def test_no_token_is_in_anything_that_is_answered(world):
    outcome = completed(world, *opened(world))
    assert "CANARY" not in repr(outcome)


# What must not work.


def refused(world, outcome, code="connect_session_invalid"):
    return outcome.account is None and getattr(outcome.error, "code", None) == code and nothing_is_stored(world)


@pytest.mark.parametrize("state", ["", "x", "con_01JDARKR00M000000000000000.", "\ud800", "a.b", "é" * 3000])
def test_a_state_that_is_no_state_calls_nobody(world, state):
    """O1."""
    assert refused(world, completed(world, state, "cookie"))
    assert world.instagram.calls == []


def test_an_unknown_state_calls_nobody(world):
    """O1."""
    state, cookie = opened(world)
    session_id = state.partition(".")[0]
    assert refused(world, completed(world, f"{session_id}.{'x' * 43}", cookie))
    assert world.instagram.calls == []


def test_an_expired_state_calls_nobody(world):
    """O1."""
    state, cookie = opened(world)
    world.clock.advance(SESSION_LIFETIME)
    assert refused(world, completed(world, state, cookie))
    assert world.instagram.calls == []


def test_a_state_works_once(world):
    """O1, O3."""
    state, cookie = opened(world)
    first = completed(world, state, cookie)
    calls = list(world.instagram.calls)
    second = completed(world, state, cookie)
    assert first.account is not None
    assert (second.account, second.error.code) == (None, "connect_session_invalid")
    assert world.instagram.calls == calls
    assert len(world.accounts.stored) == 1


@pytest.mark.parametrize("cookie", ["", "guessed", "\ud800", "x" * 5000])
def test_another_browser_than_the_one_that_started_connects_nothing_and_is_sent_nowhere(world, cookie):
    """O2: a link slipped to somebody else."""
    state, _ = opened(world, return_url=f"{APP}/done")
    outcome = completed(world, state, cookie)
    assert refused(world, outcome)
    assert outcome.return_url is None
    assert world.instagram.calls == []


def test_one_user_s_state_in_another_user_s_browser_connects_nothing(world):
    """O2."""
    state, _ = opened(world)
    _, other_cookie = opened(world, tenant_id=OTHER_TENANT)
    assert refused(world, completed(world, state, other_cookie))


def test_opening_the_link_in_a_second_browser_voids_the_first(world):
    _, link = session_of(world)
    first, second = (connecting.start(ticket_of(link), API, world.start) for _ in range(2))
    state = parse_qs(urlsplit(first.location).query)["state"][0]
    assert refused(world, completed(world, state, first.cookie))
    state = parse_qs(urlsplit(second.location).query)["state"][0]
    assert completed(world, state, second.cookie).account is not None


def test_a_used_code_is_refused_in_instagram_s_words(world):
    """O3."""
    outcome = completed(world, *opened(world), code="used-code")
    assert isinstance(outcome.error, AuthorizationCodeError)
    assert nothing_is_stored(world)


def test_a_denied_consent_uses_the_session_up_and_returns_to_the_app(world):
    """O5."""
    state, cookie = opened(world, return_url=f"{APP}/done")
    outcome = completed(world, state, cookie, code="", error="access_denied<script>")
    assert refused(world, outcome, "consent_denied")
    assert outcome.return_url == f"{APP}/done"
    assert "<script>" not in str(outcome.error) + str(outcome.error.detail)
    assert completed(world, state, cookie).error.code == "connect_session_invalid"
    assert world.instagram.calls == []


def test_an_error_beside_a_code_counts_as_an_error(world):
    assert refused(world, completed(world, *opened(world), error="access_denied"), "consent_denied")


def test_the_ending_that_instagram_hangs_on_a_code_is_taken_off(world):
    """O6."""
    state, cookie = opened(world)
    assert connecting.complete(Callback(state, "good-code#_", "", cookie), API, world.callback).account is not None


@pytest.mark.parametrize(
    "code", ["", "x" * 8000, "a b", "\r\nx", "\ud800"], ids=["none", "8 kB", "space", "crlf", "odd"]
)
def test_a_code_that_cannot_be_one_is_not_sent_to_instagram(world, code):
    """O6."""
    outcome = completed(world, *opened(world), code=code)
    assert isinstance(outcome.error, AuthorizationCodeError)
    assert world.instagram.calls == []
    assert nothing_is_stored(world)


@pytest.mark.parametrize("missing", NEEDED_SCOPES)
def test_without_a_needed_scope_the_token_is_thrown_away(world, missing):
    """O7."""
    world.instagram.permissions = frozenset(NEEDED_SCOPES) - {missing}
    outcome = completed(world, *opened(world))
    assert refused(world, outcome, "permissions_missing")
    assert missing in outcome.error.detail
    assert world.instagram.calls == ["exchange_code"]


def test_when_instagram_does_not_tell_what_was_granted_nothing_is_connected(world):
    """O7."""
    world.instagram.permissions = frozenset()
    assert refused(world, completed(world, *opened(world)), "permissions_missing")


def test_an_account_of_another_tenant_is_refused_and_both_keep_what_they_had(world):
    """O8."""
    mine = connected(world)
    token = world.accounts.tokens[TENANT, mine.id]
    outcome = completed(world, *opened(world, tenant_id=OTHER_TENANT))
    assert outcome.error.code == "account_connected_elsewhere"
    assert world.accounts.stored == {(TENANT, mine.id): mine}
    assert world.accounts.tokens == {(TENANT, mine.id): token}
    assert world.accounts.holder(IG_USER_ID) == (TENANT, mine.id)
    assert TENANT not in repr(outcome.error) + str(outcome.error.detail)


def test_a_claim_made_at_the_same_moment_is_respected(world):
    """O8: between our look at the claim and our write, another tenant connected the account."""
    rival = an_account(tenant_id=OTHER_TENANT, id="acc_rival")
    look = world.accounts.holder

    def too_early(ig_user_id):
        found = look(ig_user_id)
        world.accounts.connect(rival, "rival-token")
        return found

    world.accounts.holder = too_early
    outcome = completed(world, *opened(world))
    assert outcome.error.code == "account_connected_elsewhere"
    assert world.accounts.stored == {(OTHER_TENANT, rival.id): rival}


def test_connecting_anew_with_another_instagram_account_makes_another_account_and_leaves_the_first(world):
    """O9: nothing is overwritten by an account that is not the same."""
    first = connected(world)
    world.instagram.profile_answer = replace(PROFILE, id="254999", user_id="17841400000000777", username="other")
    second = connected(world)
    assert second.id != first.id
    assert world.accounts.get(TENANT, first.id) == first
    assert world.accounts.default_id(TENANT) == first.id


# Connecting again.


def test_connecting_again_keeps_the_id_and_heals_the_account(world):
    first = connected(world)
    problem = {"code": "reauthorization_required"}
    world.accounts.flag(replace(first, state=AccountState.REAUTHORIZATION_REQUIRED, last_problem=problem), first)
    world.clock.advance(timedelta(days=3))
    again = connected(world)
    assert again.id == first.id
    assert again.token_version == first.token_version + 1
    assert (again.state, again.last_problem) == (AccountState.CONNECTED, None)
    assert again.connected_at == world.clock()
    assert world.accounts.get(TENANT, first.id) == again


def test_connecting_again_never_takes_a_version_twice(world):
    first = connected(world)
    world.accounts.flag(replace(first, state=AccountState.ACTION_REQUIRED), first)
    flagged = world.accounts.get(TENANT, first.id)
    assert first.version < flagged.version < connected(world).version


# Half-way.


@pytest.mark.parametrize("method", ["exchange_code", "exchange_for_long_lived", "profile"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_when_instagram_fails_on_the_way_nothing_is_stored_and_a_new_link_works(world, method, when):
    world.instagram.fail(method, InstagramUnavailableError(), when=when)
    outcome = completed(world, *opened(world, return_url="/done"))
    assert isinstance(outcome.error, InstagramUnavailableError)
    assert outcome.return_url == "/done"
    assert nothing_is_stored(world)
    connected(world)


@pytest.mark.parametrize("method", ["exchange_code", "exchange_for_long_lived", "profile"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_when_the_worker_dies_on_the_way_nothing_is_stored_and_a_new_link_works(world, method, when):
    world.instagram.fail(method, Killed(), when=when)
    with pytest.raises(Killed):
        completed(world, *opened(world))
    assert nothing_is_stored(world)
    connected(world)


@pytest.mark.parametrize("error", [StoreUnavailableError(), TokenUnreadableError(detail="KMS answered Disabled.")])
def test_when_the_token_cannot_be_sealed_nothing_is_stored(world, error):
    def fail(_account, _token, _user_token):
        raise error

    world.accounts.connect = fail
    outcome = completed(world, *opened(world))
    assert outcome.error is error
    assert nothing_is_stored(world)


def test_missing_app_credentials_are_told_like_any_other_failure(world):
    def missing():
        raise ConfigurationError(detail="The secret InstagramAppSecret has no usable app_id.")

    state, cookie = opened(world)
    outcome = connecting.complete(
        Callback(state, "good-code", "", cookie), API, replace(world.callback, instagram=missing)
    )
    assert outcome.error.code == "configuration_error"


# Webhooks.


def test_subscribes_to_what_the_granted_scopes_allow(world):
    world.instagram.permissions = frozenset({*NEEDED_SCOPES, COMMENTS})
    account = connected(world)
    assert world.instagram.subscribed == {IG_USER_ID: ("comments", "live_comments")}
    assert account.is_webhook_subscribed
    assert world.accounts.get(TENANT, account.id).is_webhook_subscribed


def test_does_not_subscribe_when_no_granted_scope_has_webhooks(world):
    assert not connected(world).is_webhook_subscribed
    assert world.instagram.called("subscribe_webhooks") == 0


@pytest.mark.parametrize("error", [InstagramUnavailableError(), RateLimitedError()])
def test_a_failed_subscription_leaves_a_working_account_that_says_so(world, error):
    world.instagram.permissions = frozenset({*NEEDED_SCOPES, COMMENTS})
    world.instagram.fail("subscribe_webhooks", error)
    account = connected(world)
    assert not account.is_webhook_subscribed
    account.require_publishing(world.clock())


def test_a_subscription_that_could_not_be_written_down_leaves_a_working_account(world):
    def busy(_account):
        raise StoreUnavailableError

    world.instagram.permissions = frozenset({*NEEDED_SCOPES, COMMENTS})
    world.accounts.mark_subscribed = busy
    account = connected(world)
    assert not account.is_webhook_subscribed
    assert world.accounts.get(TENANT, account.id) == account


def test_an_account_that_is_gone_by_the_time_it_is_looked_up_is_told_not_raised(world):
    """Disconnected between our look at the claim and our look at the account."""
    connected(world)
    world.accounts.stored.clear()
    outcome = completed(world, *opened(world))
    assert isinstance(outcome.error, NotFoundError)
