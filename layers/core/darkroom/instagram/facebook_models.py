"""What graph.facebook.com tells of Pages and the accounts linked to them, as values; `facebook` has the calls."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

from darkroom.instagram import values
from darkroom.instagram.errors import InstagramUnavailableError
from darkroom.instagram.models import entries
from darkroom.instagram.protocol import Payload

Ownership = Literal["owned_pages", "client_pages"]

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
        page_id, tasks = need_id(payload), payload.get("tasks")
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


def need_id(payload: Payload) -> str:
    found = values.identifier(payload.get("id"))
    if found is None:
        raise InstagramUnavailableError("Instagram's answer has no usable id.")
    return found


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
