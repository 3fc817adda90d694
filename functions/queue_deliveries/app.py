"""Every minute: queues the deliveries whose next attempt is due."""

from typing import Any

from darkroom import bootstrap_events, delivering
from darkroom.observability import one_line


def handler(_event: dict[str, Any], context: object) -> dict[str, Any]:
    with one_line("queued", context) as line:
        line["deliveries"] = delivering.queue_due(bootstrap_events.sweeping_ports())
    return {"queued": line["deliveries"]}
