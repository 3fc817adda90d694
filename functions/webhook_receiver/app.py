"""Where Meta delivers its webhooks: verify, queue, answer. What they say is for webhook_processor."""

from typing import Any

from darkroom import bootstrap, meta_http


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return meta_http.served(event, bootstrap.receiving_ports)
