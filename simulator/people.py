"""People on Facebook: who they are, which Pages and businesses they have, and the tokens that act for them."""

import hashlib
from dataclasses import dataclass, field
from typing import Literal

ALL_TASKS = ("ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MANAGE", "MESSAGING", "MODERATE")


@dataclass(frozen=True)
class PretendPage:
    """
    A Page and one person who has a role on it. `username` is the Instagram account it is linked to, if any. With a
    `business` the Page belongs to that one, or is its client's.
    """

    name: str
    person: str
    username: str | None = None
    tasks: tuple[str, ...] = ALL_TASKS
    business: str | None = None
    ownership: Literal["owned_pages", "client_pages"] = "owned_pages"

    @property
    def id(self) -> str:
        return "1" + _digits(self.name, "page", 14)


DEFAULT_PAGES = (
    PretendPage("Lumen Bakery", "Lena Lumen", "lumen.bakery"),
    PretendPage("Lumen Archive", "Lena Lumen"),
    PretendPage("North Cycles", "Nico North", "north.cycles"),
    PretendPage("Mira Draws", "Nico North", "mira.draws", business="North Holding"),
)


@dataclass
class FacebookToken:
    """`page`: of the Page, made from the person's token; else of the person. `expires_at` may be infinity."""

    person: str
    scopes: tuple[str, ...]
    is_long: bool
    issued_at: float
    expires_at: float
    declined: tuple[str, ...] = ()
    page: PretendPage | None = None
    revoked_with: int | None = None


@dataclass
class FacebookCode:
    person: str
    scopes: tuple[str, ...]
    declined: tuple[str, ...]
    redirect_uri: str
    expires_at: float
    is_used: bool = False


@dataclass
class Facebook:
    """`page_tokens` by the person's token and the Page: asking twice answers the same one."""

    pages: dict[str, PretendPage] = field(default_factory=dict)
    codes: dict[str, FacebookCode] = field(default_factory=dict)
    tokens: dict[str, FacebookToken] = field(default_factory=dict)
    page_tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def clear(self) -> None:
        for collection in (self.pages, self.codes, self.tokens, self.page_tokens):
            collection.clear()

    def add_page(self, page: PretendPage) -> PretendPage:
        """Adding a name again changes the Page and keeps its id."""
        self.pages[page.id] = page
        return page

    def people(self) -> list[str]:
        return list(dict.fromkeys(page.person for page in self.pages.values()))

    def pages_of(self, person: str) -> list[PretendPage]:
        return [page for page in self.pages.values() if page.person == person]

    def businesses_of(self, person: str) -> list[str]:
        return list(dict.fromkeys(page.business for page in self.pages_of(person) if page.business))

    def business_with(self, business_id: str) -> str | None:
        names = (page.business for page in self.pages.values() if page.business)
        return next((name for name in names if business_id_of(name) == business_id), None)


def person_id(person: str) -> str:
    """The app-scoped id, which deauthorise callbacks carry."""
    return "102" + _digits(person, "person", 14)


def business_id_of(business: str) -> str:
    return "2" + _digits(business, "business", 14)


def _digits(name: str, salt: str, count: int) -> str:
    digest = hashlib.sha256(f"facebook {salt}:{name}".encode()).digest()
    return f"{int.from_bytes(digest[:8]) % 10**count:0{count}}"
