"""
Which of a person's Facebook Pages lead to an Instagram account that can be connected, and why the others do not. Pages
are listed by the person and by the businesses that they are in; each list is read by its cursors.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol, get_args

from darkroom.instagram.errors import InstagramError, InvalidRequestError, PermissionDeniedError
from darkroom.instagram.facebook_models import FacebookPage, Listing, Ownership
from darkroom.instagram.oauth import BUSINESS_MANAGEMENT

# Of pages and of lists read: somebody with more is offered those that were found.
MOST_PAGES = 200
_MOST_LISTS = 30
_LISTED_IN_REASONS = 10


class Pages(Protocol):
    def pages(self, user_token: str, after: str | None = None) -> Listing[FacebookPage]: ...
    def businesses(self, user_token: str, after: str | None = None) -> Listing[str]: ...
    def business_pages(
        self, user_token: str, business_id: str, ownership: Ownership, after: str | None = None
    ) -> Listing[FacebookPage]: ...


def pages_of(
    user_token: str, scopes: frozenset[str], facebook: Pages, until: datetime, now: Callable[[], datetime]
) -> tuple[FacebookPage, ...]:
    """
    Every Page that is found before `until`, for a person waits: first the person's own, then those of businesses. A
    failure ends the search; it is raised where nothing was found that would do.
    """
    found: dict[str, FacebookPage] = {}
    try:
        for number, pages in enumerate(_lists(user_token, scopes, facebook), start=1):
            for page in pages:
                found.setdefault(page.id, page)  # the first is the person's own, with what they may do
            if len(found) >= MOST_PAGES or number >= _MOST_LISTS or now() >= until:
                break
    except InstagramError:
        if all(why_not(page) for page in found.values()):
            raise
    return tuple(found.values())[:MOST_PAGES]


def _lists(user_token: str, scopes: frozenset[str], facebook: Pages) -> Iterator[tuple[FacebookPage, ...]]:
    yield from _all(lambda after: facebook.pages(user_token, after))
    if BUSINESS_MANAGEMENT not in scopes:
        return
    for businesses in _all(lambda after: facebook.businesses(user_token, after)):
        for business_id in businesses:
            for ownership in get_args(Ownership):
                yield from _of_business(user_token, business_id, ownership, facebook)


def _of_business(
    user_token: str, business_id: str, ownership: Ownership, facebook: Pages
) -> Iterator[tuple[FacebookPage, ...]]:
    try:
        yield from _all(lambda after: facebook.business_pages(user_token, business_id, ownership, after))
    except (PermissionDeniedError, InvalidRequestError):  # an employee who may not see this list
        return


def _all[T](ask: Callable[[str | None], Listing[T]]) -> Iterator[tuple[T, ...]]:
    """Page after page. A cursor that leads back to itself ends the list."""
    after: str | None = None
    while True:
        listing = ask(after)
        yield listing.entries
        if listing.after is None or listing.after == after:
            return
        after = listing.after


def why_not(page: FacebookPage) -> str | None:
    """Why nothing can be published through this Page; None where all that is known speaks for it."""
    if page.account is None:
        return "no Instagram professional account is linked to it"
    if not page.may_publish:
        return "your role on it does not allow you to create content"
    return None


def reasons(pages: tuple[FacebookPage, ...]) -> str:
    """For the person: why none of their Pages will do, and what helps."""
    if not pages:
        return "Facebook showed no Page of yours. Start again, and choose the Page when Facebook asks which to share."
    told = "; ".join(f"{page.name[:80]}: {why_not(page)}" for page in pages[:_LISTED_IN_REASONS])
    more = f"; and {len(pages) - _LISTED_IN_REASONS} more" if len(pages) > _LISTED_IN_REASONS else ""
    return f"{told}{more}."
