"""
What the API takes and shows, beyond the model's own shapes; openapi.json is made from these classes. Here is what many
routes share; views_posts and its neighbours hold one subject each, because a function pays at its start for every shape
that it imports.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, MaxLen

from darkroom.pages import Page, PageRequest, opened

REFUSE_UNKNOWN = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PageOf[T]:
    data: tuple[T, ...]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of[S](cls, page: Page[S], view: Callable[[S], T]) -> "PageOf[T]":
        return cls(
            data=tuple(view(each) for each in page.data),
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PageQuery:
    __pydantic_config__ = REFUSE_UNKNOWN

    limit: Annotated[int, Ge(1), Le(100)] = 25
    cursor: Annotated[str, MaxLen(200)] | None = None

    def page(self, tenant_id: str) -> PageRequest:
        return PageRequest(self.limit, opened(self.cursor, tenant_id) if self.cursor else None)
