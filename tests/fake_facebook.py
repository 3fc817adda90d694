"""Facebook as the use cases see it: one person, their Pages and businesses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from darkroom.instagram.errors import AuthorizationCodeError
from darkroom.instagram.facebook_models import FacebookPage, LinkedAccount, Listing, Ownership
from darkroom.instagram.models import Access, LongLivedToken
from darkroom.instagram.oauth import FACEBOOK_SCOPES
from tests.builders import IG_USER_ID

PERSON_ID = "10200000000000001"
TASKS = frozenset({"CREATE_CONTENT"})


def a_page(number: int = 1, **changes: object) -> FacebookPage:
    """Linked to an account of its own; the first one's is that of the builders."""
    ig_user_id = str(int(IG_USER_ID) + number - 1)
    account = LinkedAccount(ig_user_id, f"acme.{number}", f"Acme {number}")
    page = FacebookPage(f"13400000000000{number}", f"Page {number}", account, TASKS)
    return replace(page, **changes)  # type: ignore[arg-type] # a builder


@dataclass
class FakeFacebook:
    """
    `pages_shown` and each list of a business hold what one answer of a list holds. Tokens say how they were made;
    `failures` by method are raised instead of an answer.
    """

    pages_shown: list[list[FacebookPage]] = field(default_factory=lambda: [[a_page()]])
    business_shown: dict[tuple[str, Ownership], list[list[FacebookPage]]] = field(default_factory=dict)
    granted: frozenset[str] = frozenset(FACEBOOK_SCOPES)
    codes: set[str] = field(default_factory=lambda: {"good-code"})
    failures: dict[str, Exception] = field(default_factory=dict)
    without_token: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    redirect_uris: list[str] = field(default_factory=list)
    subscribed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    accesses: list[Access] = field(default_factory=list)
    on_call: Callable[[], None] = lambda: None

    def exchange_code(self, code: str, redirect_uri: str) -> str:
        self._called("exchange_code")
        if code not in self.codes:
            raise AuthorizationCodeError
        self.codes.remove(code)
        self.redirect_uris.append(redirect_uri)
        return "CANARY-short"

    def exchange_long_lived(self, user_token: str) -> LongLivedToken:
        self._called("exchange_long_lived")
        return LongLivedToken(f"CANARY-long-of-{user_token}", 60 * 86_400)

    def user_id(self, user_token: str) -> str:
        self._called("user_id")
        return PERSON_ID

    def permissions(self, user_token: str) -> frozenset[str]:
        self._called("permissions")
        return self.granted

    def pages(self, user_token: str, after: str | None = None) -> Listing[FacebookPage]:
        self._called("pages")
        return _listing(self.pages_shown, after)

    def businesses(self, user_token: str, after: str | None = None) -> Listing[str]:
        self._called("businesses")
        return Listing(tuple(dict.fromkeys(business for business, _ in self.business_shown)), None)

    def business_pages(
        self, user_token: str, business_id: str, ownership: Ownership, after: str | None = None
    ) -> Listing[FacebookPage]:
        self._called(f"{ownership} {business_id}")
        return _listing(self.business_shown.get((business_id, ownership), []), after)

    def page(self, user_token: str, page_id: str) -> FacebookPage:
        self._called("page")
        shown = [*self.pages_shown, *(listed for lists in self.business_shown.values() for listed in lists)]
        found = next(page for listed in shown for page in listed if page.id == page_id)
        token = None if page_id in self.without_token else f"CANARY-page-{page_id}-of-{user_token}"
        return replace(found, token=token)

    def subscribe_webhooks(self, access: Access, fields: Iterable[str]) -> None:
        self._called("subscribe_webhooks")
        self.accesses.append(access)
        self.subscribed[access.page_id or ""] = tuple(fields)

    def _called(self, method: str) -> None:
        self.calls.append(method)
        self.on_call()
        if failure := self.failures.get(method):
            raise failure


def _listing(shown: list[list[FacebookPage]], after: str | None) -> Listing[FacebookPage]:
    at = int(after or 0)
    entries = tuple(shown[at]) if at < len(shown) else ()
    return Listing(entries, str(at + 1) if at + 1 < len(shown) else None)
