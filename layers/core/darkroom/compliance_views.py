"""What the routes for Meta and for a tenant's own data answer; openapi.json is made from these classes."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, MaxLen

from darkroom.deletions import Deletion
from darkroom.values import Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DeletionView(Value):
    """As Meta wants it: it shows both to the person. `url` is a page that tells how far the deletion has got."""

    url: str
    confirmation_code: str

    @classmethod
    def of(cls, deletion: Deletion, base_url: str) -> "DeletionView":
        return cls(url=f"{base_url}/data-deletion/{deletion.code}", confirmation_code=deletion.code)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ExportQuery(Value):
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 — pydantic's own word

    limit: Annotated[int, Ge(1), Le(500)] = 100
    cursor: Annotated[str, MaxLen(2000)] | None = None
