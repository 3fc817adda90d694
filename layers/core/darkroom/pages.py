"""
Pages and cursors. A cursor names the last id of a page and the tenant it was given to. It opens nothing: whoever sends
it still reads only their own objects, so it needs no signature, just refusal when it is not this tenant's.
"""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from darkroom.errors import BadRequestError
from darkroom.ids import is_id
from darkroom.values import Value

type Position = tuple[datetime, str]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PageRequest(Value):
    """`after` is the id to continue after, from `opened`."""

    limit: int = 25
    after: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Page[T](Value):
    data: tuple[T, ...]
    next_cursor: str | None


def cursor(tenant_id: str, last_id: str) -> str:
    return urlsafe_b64encode(f"{_mark(tenant_id)}{last_id}".encode()).decode().rstrip("=")


def opened(text: str, tenant_id: str) -> str:
    """The id behind a cursor. Raises BadRequestError(cursor_invalid) for anything that was not this tenant's cursor."""
    last_id = _plain(text, tenant_id)
    if not is_id(last_id, last_id.partition("_")[0]) or cursor(tenant_id, last_id) != text:
        raise BadRequestError("cursor_invalid")
    return last_id


def moment_cursor(tenant_id: str, last: Position) -> str:
    """For a list in an order of time that its ids do not have."""
    moment, last_id = last
    return cursor(tenant_id, f"{(moment - _EPOCH) // _MICROSECOND}.{last_id}")


def opened_moment(text: str, tenant_id: str) -> Position:
    """As `opened`, for a `moment_cursor`."""
    micros, _, last_id = _plain(text, tenant_id).partition(".")
    try:
        found = _EPOCH + int(micros) * _MICROSECOND, last_id
    except (ValueError, OverflowError):
        raise BadRequestError("cursor_invalid") from None
    if not is_id(last_id, last_id.partition("_")[0]) or moment_cursor(tenant_id, found) != text:
        raise BadRequestError("cursor_invalid")
    return found


def _plain(text: str, tenant_id: str) -> str:
    try:
        plain = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise BadRequestError("cursor_invalid") from None
    return plain.removeprefix(_mark(tenant_id))


def _mark(tenant_id: str) -> str:
    return hashlib.sha256(tenant_id.encode()).hexdigest()[:12]


def parts_cursor(tenant_id: str, *parts: str) -> str:
    """Names a place by texts of ours instead of an id."""
    return urlsafe_b64encode("\n".join((_mark(tenant_id), *parts)).encode()).decode().rstrip("=")


def opened_parts(text: str, tenant_id: str) -> list[str]:
    """The texts behind a cursor. Raises BadRequestError(cursor_invalid) as `opened` does."""
    try:
        mark, *parts = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode().split("\n")
    except ValueError:
        raise BadRequestError("cursor_invalid") from None
    if mark != _mark(tenant_id) or parts_cursor(tenant_id, *parts) != text:
        raise BadRequestError("cursor_invalid")
    return parts
