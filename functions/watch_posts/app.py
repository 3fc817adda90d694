"""Every minute: starts what is due, and runs again what was left on its way."""

from typing import Any

from darkroom import bootstrap, watching
from darkroom.observability import one_line

_RESERVE_MS = 20_000  # for the post that is being looked after, and for what is said at the end


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    with one_line("watched", context) as line:
        found = watching.watch(bootstrap.watching_ports(), lambda: context.get_remaining_time_in_millis() > _RESERVE_MS)
        line.update(found)
    if found["failed"]:
        raise watching.IncompleteError  # rings the alarm if it goes on
    return found
