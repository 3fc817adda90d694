"""Meta's cursor paging: opaque cursors, `next` and `previous` only where there is more."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import urlencode

from simulator.errors import invalid
from simulator.parameters import Parameters
from simulator.wire import Json, Request

DEFAULT_LIMIT, MAX_LIMIT = 25, 100


class Asked(Protocol):
    """A call of either host."""

    @property
    def request(self) -> Request: ...
    @property
    def parameters(self) -> Parameters: ...
    @property
    def token_text(self) -> str: ...


def page_of[T](
    items: Sequence[T],
    call: Asked,
    *,
    key: Callable[[T], str],
    moment: Callable[[T], float],
    most: int = MAX_LIMIT,
) -> tuple[Sequence[T], Json | None]:
    """The page that limit, after, before, since and until ask for, and its `paging` object (None when empty)."""
    items = [item for item in items if _is_in_range(moment(item), call)]
    start, end = _bounds([key(item) for item in items], call, most)
    page = items[start:end]
    if not page:
        return page, None
    before, after = _cursor(key(page[0])), _cursor(key(page[-1]))
    paging: Json = {"cursors": {"before": before, "after": after}}
    if end < len(items):
        paging["next"] = _url(call, after=after)
    if start > 0:
        paging["previous"] = _url(call, before=before)
    return page, paging


def _bounds(keys: list[str], call: Asked, most: int) -> tuple[int, int]:
    limit = max(1, min(call.parameters.integer("limit") or DEFAULT_LIMIT, most))
    if after := call.parameters.text("after"):
        start = _position(keys, after) + 1
        return start, start + limit
    if before := call.parameters.text("before"):
        end = _position(keys, before)
        return max(0, end - limit), end
    return 0, limit


def _is_in_range(moment: float, call: Asked) -> bool:
    since, until = call.parameters.integer("since"), call.parameters.integer("until")
    return (since is None or moment >= since) and (until is None or moment <= until)


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(f"QVFIU:{key}".encode()).decode().rstrip("=")


def _position(keys: list[str], cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return keys.index(text.removeprefix("QVFIU:"))
    except (binascii.Error, ValueError):
        raise invalid("Invalid cursors values") from None


def _url(call: Asked, **cursor: str) -> str:
    """As Meta does: the same call with the cursor, access token and all."""
    kept = {name: value for name, value in call.request.parameters.items() if name not in {"after", "before"}}
    query = urlencode({**kept, "access_token": call.token_text, **cursor})
    return f"{call.request.origin}{call.request.path}?{query}"
