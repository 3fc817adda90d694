"""
Everything that is stored of a tenant, page by page: what the law calls a copy of their data. Secrets are left out, and
so is what says nothing of anybody. A page is one query, so no export is too big for its function.
"""

from typing import Protocol

from darkroom.errors import BadRequestError, NotAllowedError
from darkroom.exports import Record
from darkroom.pages import Page, opened_parts, parts_cursor
from darkroom.tenants import Caller

_LONGEST_KEY = 1024  # bytes, of a sort key in DynamoDB as of a key in S3; both fail on a longer one


class Shelf(Protocol):
    """One place where things of a tenant are kept."""

    def page(self, tenant_id: str, after: str | None, limit: int) -> tuple[tuple[Record, ...], str | None]:
        """The records behind `after`, at most so many, perhaps none; and where to go on, None at the end."""
        ...


def export(caller: Caller, cursor: str | None, limit: int, shelves: tuple[Shelf, ...]) -> Page[Record]:
    """
    A page may hold fewer records than asked for, or none; only `next_cursor` says whether there are more. Raises
    NotAllowedError for a key that may not see every account, BadRequestError(cursor_invalid).
    """
    if caller.account_ids is not None:
        raise NotAllowedError("scope_missing", "An export takes a key that may use every account.")
    number, after = _place(cursor, caller.tenant_id, len(shelves))
    found, rest = shelves[number].page(caller.tenant_id, after, limit)
    if rest is None and number + 1 == len(shelves):
        return Page(found, None)
    following = (str(number), rest) if rest is not None else (str(number + 1), "")
    return Page(found, parts_cursor(caller.tenant_id, *following))


def _place(cursor: str | None, tenant_id: str, shelves: int) -> tuple[int, str | None]:
    """A cursor has no signature: whoever knows its form may write one, so it may name anything."""
    if cursor is None:
        return 0, None
    parts = opened_parts(cursor, tenant_id)
    if len(parts) != 2 or parts[0] not in map(str, range(shelves)) or len(parts[1].encode()) > _LONGEST_KEY:
        raise BadRequestError("cursor_invalid")
    return int(parts[0]), parts[1] or None
