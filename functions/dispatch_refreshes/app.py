"""Every hour: queues the accounts whose token is due, one message each."""

from typing import Any

from darkroom import bootstrap_tokens, dispatching
from darkroom.observability import one_line

_RESERVE_MS = 20_000  # for the batch that is on its way, and for what is said at the end


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    with one_line("refreshes dispatched", context) as line:
        ports = bootstrap_tokens.dispatching_ports()
        found = dispatching.dispatch(ports, lambda: context.get_remaining_time_in_millis() > _RESERVE_MS)
        line.update(found)
    if found["failed"]:
        raise dispatching.IncompleteError  # rings the alarm if it goes on
    return found
