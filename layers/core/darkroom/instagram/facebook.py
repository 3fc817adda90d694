"""
What only Facebook Login has: its tokens, what was granted, and the Pages behind which the accounts are.

A person logs in with Facebook; the Instagram account is one that is linked to a Page of theirs. The person's token
finds the Pages and is renewed; the Page's token, which does not expire by itself, acts for the account. Pages that a
business owns may be missing from the person's own list and are then found through the business.

Source: Meta's Facebook Login for Business page, User accounts and Business owned_pages references.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from darkroom.instagram import values
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.endpoints import CONNECTING
from darkroom.instagram.errors import InstagramUnavailableError, TokenInvalidError
from darkroom.instagram.models import LongLivedToken, entries
from darkroom.instagram.protocol import Payload, Request, encode_form

Ownership = Literal["owned_pages", "client_pages"]

_ACCOUNT = "instagram_business_account{id,username,name}"
_PAGE_FIELDS = f"id,name,tasks,{_ACCOUNT}"
_BUSINESS_PAGE_FIELDS = f"id,name,{_ACCOUNT}"  # of a business's Pages nobody's own tasks are told
_A_PAGE = "100"  # of a list; the most Meta gives
_SIXTY_DAYS = 60 * 86_400
# Any of these lets the person publish for the Page, and so for the account linked to it.
_PUBLISHING_TASKS = frozenset({"MANAGE", "CREATE_CONTENT", "PROFILE_PLUS_FULL_CONTROL", "PROFILE_PLUS_CREATE_CONTENT"})


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """`id` is the professional account (1784…), the same that Instagram Login calls `user_id`."""

    id: str
    username: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class FacebookPage:
    """
    A Page as the person sees it. `token` acts for it; only `FacebookLogin.page` asks for one, and Meta leaves it out
    where the person has no role. `tasks` is None where Meta does not tell what the person may do.
    """

    id: str
    name: str
    account: LinkedAccount | None
    tasks: frozenset[str] | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def may_publish(self) -> bool:
        """As far as is known."""
        return self.tasks is None or bool(self.tasks & _PUBLISHING_TASKS)

    @classmethod
    def parse(cls, payload: Payload) -> Self:
        page_id, tasks = _id(payload), payload.get("tasks")
        return cls(
            id=page_id,
            name=values.text(payload.get("name")) or page_id,
            account=_linked(payload.get("instagram_business_account")),
            tasks=frozenset(map(str, tasks)) if isinstance(tasks, list) else None,
            token=values.secret(payload.get("access_token")),
        )


@dataclass(frozen=True, slots=True)
class Listing[T]:
    """
    One page of a list. `after` is the cursor to the next, None at the end. Meta's `paging.next` only tells that there
    is more: as a URL it holds the token and may point anywhere, so nobody follows it.
    """

    entries: tuple[T, ...]
    after: str | None

    @classmethod
    def of(cls, payload: Payload, read: Callable[[Payload], T]) -> "Listing[T]":
        return cls(tuple(read(entry) for entry in entries(payload)), _after(payload.get("paging")))


@dataclass(frozen=True, slots=True)
class FacebookLogin:
    """`client` has the Meta app's id and secret. Repeating any of these is harmless, but for `exchange_code`."""

    client: InstagramClient

    def exchange_code(self, code: str, redirect_uri: str) -> str:
        """Turns the code of the redirect into a token of an hour or two. A code works once."""
        app_id, app_secret = self.client.credentials()
        return self.client.call(_code_exchange(app_id, app_secret, code, redirect_uri), _token)

    def exchange_long_lived(self, user_token: str) -> LongLivedToken:
        """
        About 60 days from now, for a short-lived token or for a long-lived one that has not expired. The new token
        replaces the given one; where Meta does not say how long it lives, its documented 60 days are believed.
        """
        app_id, app_secret = self.client.credentials()
        return self.client.call(_long_lived_exchange(app_id, app_secret, user_token), _long_lived)

    def user_id(self, user_token: str) -> str:
        """The person's app-scoped id, the one in Meta's deauthorise callbacks."""
        return self.client.call(_look_up("/me", {"fields": "id"}, user_token), _id)

    def permissions(self, user_token: str) -> frozenset[str]:
        """What the person has granted; they may have unticked some."""
        return self.client.call(_look_up("/me/permissions", {}, user_token), _granted)

    def pages(self, user_token: str, after: str | None = None) -> Listing[FacebookPage]:
        """The Pages on which the person has a role; Meta leaves out some that belong to a business."""
        return self._listed("/me/accounts", {"fields": _PAGE_FIELDS}, user_token, after, FacebookPage.parse)

    def businesses(self, user_token: str, after: str | None = None) -> Listing[str]:
        """Ids of the businesses that the person is in. Needs `business_management`."""
        return self._listed("/me/businesses", {"fields": "id"}, user_token, after, _id)

    def business_pages(
        self, user_token: str, business_id: str, ownership: Ownership, after: str | None = None
    ) -> Listing[FacebookPage]:
        """The Pages that a business owns, or works for. Needs `business_management`."""
        template, ids = f"/{{business-id}}/{ownership}", {"business-id": business_id}
        params = {"fields": _BUSINESS_PAGE_FIELDS}
        return self._listed(template, params, user_token, after, FacebookPage.parse, ids)

    def page(self, user_token: str, page_id: str) -> FacebookPage:
        """One Page with its token, made from this very user token: of a long-lived one it does not expire."""
        params = {"fields": f"access_token,{_PAGE_FIELDS}"}
        return self.client.call(_look_up("/{page-id}", params, user_token, {"page-id": page_id}), FacebookPage.parse)

    def _listed[T](  # noqa: PLR0913, PLR0917 — a list is its path, what is wanted of it, for whom, from where
        self,
        template: str,
        params: dict[str, str],
        user_token: str,
        after: str | None,
        read: Callable[[Payload], T],
        ids: Mapping[str, str] | None = None,
    ) -> Listing[T]:
        params |= {"limit": _A_PAGE} | ({"after": after} if after else {})
        request = _look_up(template, params, user_token, ids)
        return self.client.call(request, lambda payload: Listing.of(payload, read))


def _code_exchange(app_id: str, app_secret: str, code: str, redirect_uri: str) -> Request:
    """Documented as GET; Meta's own sample sends a form, which keeps code and secret out of the URL."""
    form = {"client_id": app_id, "client_secret": app_secret, "redirect_uri": redirect_uri, "code": code}
    return Request("POST", "/oauth/access_token", CONNECTING, "facebook", form=encode_form(form))


def _long_lived_exchange(app_id: str, app_secret: str, user_token: str) -> Request:
    """The same endpoint, so a form as well."""
    if values.secret(user_token) is None:
        raise TokenInvalidError("The token is malformed.")
    form = {
        "grant_type": "fb_exchange_token",
        "client_id": app_id,
        "client_secret": app_secret,
        "fb_exchange_token": user_token,
    }
    return Request("POST", "/oauth/access_token", CONNECTING, "facebook", form=encode_form(form))


def _look_up(
    template: str, params: Mapping[str, str], user_token: str, ids: Mapping[str, str] | None = None
) -> Request:
    return Request("GET", template, CONNECTING, "facebook", ids=ids or {}, params=params, token=user_token)


def _token(payload: Payload) -> str:
    token = values.secret(payload.get("access_token"))
    if token is None:
        raise InstagramUnavailableError("Instagram's answer has no usable access_token.")
    return token


def _long_lived(payload: Payload) -> LongLivedToken:
    if payload.get("expires_in") is None:
        return LongLivedToken(_token(payload), _SIXTY_DAYS)
    return LongLivedToken.parse(payload)


def _id(payload: Payload) -> str:
    found = values.identifier(payload.get("id"))
    if found is None:
        raise InstagramUnavailableError("Instagram's answer has no usable id.")
    return found


def _granted(payload: Payload) -> frozenset[str]:
    return frozenset(str(entry.get("permission")) for entry in entries(payload) if entry.get("status") == "granted")


def _linked(value: object) -> LinkedAccount | None:
    """Anything but an id and a username is no account that could be shown and used."""
    found = value if isinstance(value, dict) else {}
    account_id, username = values.identifier(found.get("id")), values.text(found.get("username"))
    return LinkedAccount(account_id, username, values.text(found.get("name"))) if account_id and username else None


def _after(paging: object) -> str | None:
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    return values.secret(cursors.get("after")) if isinstance(cursors, dict) else None
