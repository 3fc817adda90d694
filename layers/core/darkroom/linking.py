"""
Connecting through Facebook: the account is behind a Page of the person who logs in.

    complete   Facebook sends the browser back: code → token → permissions → long token → Pages. One usable account is
               connected at once; of several the owner chooses one, on a page of ours
    choose     the owner has chosen: the same browser, the same state, within ten minutes, once

Until an account is chosen nothing is stored of the person but their sealed token, which expires with the choice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from darkroom import connection, linked_accounts, standing
from darkroom.accounts import Account, Candidate, ConnectChoice, ConnectSession
from darkroom.connection import SESSION_LIFETIME, Accounts, Callback, Choosing, Found, Outcome, Webhooks, hashed
from darkroom.errors import ConnectError, DarkroomError
from darkroom.instagram import oauth
from darkroom.instagram.errors import InstagramError
from darkroom.instagram.facebook_models import FacebookPage
from darkroom.instagram.models import LongLivedToken
from darkroom.logins import LOGINS
from darkroom.values import Value

SEARCH = timedelta(seconds=9)  # of the 30 that a browser is waited for; the calls around it may take 20


class Choices(Protocol):
    def hold(self, choice: ConnectChoice, user_token: str) -> None:
        """The token is sealed; the choice is found by its session."""
        ...

    def take(self, session_id: str, state_hash: str, browser_hash: str, now: datetime) -> tuple[ConnectChoice, str]:
        """Removes and answers both; only one caller ever gets them. ConnectError as for a session."""
        ...


class Facebook(linked_accounts.Pages, Webhooks, Protocol):
    def exchange_code(self, code: str, redirect_uri: str) -> str: ...
    def exchange_long_lived(self, user_token: str) -> LongLivedToken: ...
    def user_id(self, user_token: str) -> str: ...
    def permissions(self, user_token: str) -> frozenset[str]: ...
    def page(self, user_token: str, page_id: str) -> FacebookPage: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """`facebook` makes a client with the app credentials as they are now."""

    sessions: connection.Sessions
    choices: Choices
    accounts: Accounts
    standing: standing.Ports
    facebook: Callable[[], Facebook]
    now: Callable[[], datetime]
    public_url: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Chosen(Value):
    """What the form brought, and the cookie. Every field comes from outside and may be anything."""

    state: str
    page_id: str
    cookie: str


def complete(callback: Callback, request_url: str, ports: Ports) -> Outcome:
    """Never raises what a person can cause. Nothing is stored unless the whole chain holds."""
    return_url = None
    try:
        session = connection.taken(callback, "facebook", ports.sessions, ports.now())
        return_url = session.return_url
        if callback.error:
            raise ConnectError("consent_denied")
        base_url, facebook = ports.public_url or request_url, ports.facebook()
        choice, user_token = _granted(session, callback.code, base_url, facebook, ports)
        if len(choice.candidates) == 1:
            return Outcome(return_url, _connected(choice, choice.candidates[0].page_id, user_token, facebook, ports))
        ports.choices.hold(choice, user_token)
        is_https = base_url.startswith("https:")
        return Outcome(return_url, choosing=Choosing(callback.state, callback.cookie, is_https, choice.candidates))
    except (DarkroomError, InstagramError) as error:
        return Outcome(return_url, error=error)


def choose(chosen: Chosen, ports: Ports) -> Outcome:
    """As `complete`. A Page that was not offered is refused like a link of somebody else's."""
    return_url = None
    try:
        session_id, state = connection.split(chosen.state)
        choice, user_token = ports.choices.take(session_id, hashed(state), hashed(chosen.cookie), ports.now())
        return_url = choice.session.return_url
        if all(chosen.page_id != each.page_id for each in choice.candidates):
            raise ConnectError
        return Outcome(return_url, _connected(choice, chosen.page_id, user_token, ports.facebook(), ports))
    except (DarkroomError, InstagramError) as error:
        return Outcome(return_url, error=error)


def _granted(
    session: ConnectSession, code: str, base_url: str, facebook: Facebook, ports: Ports
) -> tuple[ConnectChoice, str]:
    """What there is to choose from, one at least, and the person's long-lived token."""
    redirected_to = connection.redirect_uri(base_url, "facebook")
    short = facebook.exchange_code(oauth.clean_code(code), redirected_to)
    scopes = facebook.permissions(short)
    connection.require_scopes(LOGINS["facebook"].needed_scopes, scopes)
    long = facebook.exchange_long_lived(short)
    expires_at = ports.now() + timedelta(seconds=long.expires_in)
    user_id = facebook.user_id(long.token)
    pages = linked_accounts.pages_of(long.token, scopes, facebook, ports.now() + SEARCH, ports.now)
    choice = ConnectChoice(
        session=session,
        user_id=user_id,
        scopes=tuple(sorted(scopes)),
        token_expires_at=expires_at,
        candidates=_candidates(pages),
        expires_at=ports.now() + SESSION_LIFETIME,
    )
    return choice, long.token


def _candidates(pages: tuple[FacebookPage, ...]) -> tuple[Candidate, ...]:
    usable = tuple(
        Candidate(page_id=page.id, page_name=page.name, username=page.account.username)
        for page in pages
        if page.account is not None and linked_accounts.why_not(page) is None
    )
    if not usable:
        raise ConnectError("no_usable_account", linked_accounts.reasons(pages))
    return usable


def _connected(choice: ConnectChoice, page_id: str, user_token: str, facebook: Facebook, ports: Ports) -> Account:
    """The Page is read once more, now with its token: roles and links may have changed since it was listed."""
    page = facebook.page(user_token, page_id)
    if page.account is None or page.token is None or linked_accounts.why_not(page) is not None:
        reason = linked_accounts.why_not(page) or "you have no role on it that lets an app act for it"
        raise ConnectError("no_usable_account", f"{page.name[:80]}: {reason}.")
    found = Found(
        ig_user_id=page.account.id,
        app_scoped_id=choice.user_id,
        username=page.account.username,
        name=page.account.name,
        page_id=page.id,
        scopes=choice.scopes,
        token_expires_at=choice.token_expires_at,
    )
    return connection.connected(choice.session, found, page.token, user_token, ports.accounts, facebook, ports.standing)
