"""
What only Facebook Login has: its tokens, what was granted, and the Pages behind which the accounts are.

A person logs in with Facebook; the Instagram account is one that is linked to a Page of theirs. The person's token
finds the Pages and is renewed; the Page's token, which does not expire by itself, acts for the account. Pages that a
business owns may be missing from the person's own list and are then found through the business.

Source: Meta's Facebook Login for Business page, User accounts and Business owned_pages references.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from darkroom.instagram import values
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.endpoints import CONNECTING
from darkroom.instagram.errors import InstagramUnavailableError, TokenInvalidError
from darkroom.instagram.facebook_models import FacebookPage, Listing, Ownership, need_id
from darkroom.instagram.models import Access, LongLivedToken, entries
from darkroom.instagram.protocol import Payload, Request, encode_form

_ACCOUNT = "instagram_business_account{id,username,name}"
_PAGE_FIELDS = f"id,name,tasks,{_ACCOUNT}"
_BUSINESS_PAGE_FIELDS = f"id,name,{_ACCOUNT}"  # of a business's Pages nobody's own tasks are told
_A_PAGE = "100"  # of a list; the most Meta gives
_SIXTY_DAYS = 60 * 86_400


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
        return self.client.call(_look_up("/me", {"fields": "id"}, user_token), need_id)

    def permissions(self, user_token: str) -> frozenset[str]:
        """What the person has granted; they may have unticked some."""
        return self.client.call(_look_up("/me/permissions", {}, user_token), _granted)

    def pages(self, user_token: str, after: str | None = None) -> Listing[FacebookPage]:
        """The Pages on which the person has a role; Meta leaves out some that belong to a business."""
        return self._listed("/me/accounts", {"fields": _PAGE_FIELDS}, user_token, after, FacebookPage.parse)

    def businesses(self, user_token: str, after: str | None = None) -> Listing[str]:
        """Ids of the businesses that the person is in. Needs `business_management`."""
        return self._listed("/me/businesses", {"fields": "id"}, user_token, after, need_id)

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

    def subscribe_webhooks(self, access: Access, fields: Iterable[str]) -> None:
        self.client.subscribe_webhooks(access, fields)

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


def _granted(payload: Payload) -> frozenset[str]:
    return frozenset(str(entry.get("permission")) for entry in entries(payload) if entry.get("status") == "granted")
