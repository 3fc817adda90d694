"""Where Meta delivers its webhooks: verify, queue, answer. What they say is for webhook_processor."""

from typing import Any

from darkroom import bootstrap_events, meta_http


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return meta_http.served(event, bootstrap_events.receiving_ports)
