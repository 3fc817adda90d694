"""Every minute: queues the deliveries whose next attempt is due."""

from typing import Any

from darkroom import bootstrap_events, delivering
from darkroom.observability import log


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    queued = delivering.queue_due(bootstrap_events.sweeping_ports())
    log("queued", deliveries=queued)
    return {"queued": queued}
