"""What Meta told, behind the queue: kept, routed to its tenant, stored as events and announced."""

from typing import Any

from darkroom import bootstrap_events, processing
from darkroom.consuming import Message, consumer


@consumer
def handler(message: Message) -> dict[str, Any]:
    delivery = bootstrap_events.opened_delivery(message.body, message.attributes)
    return processing.process(delivery, bootstrap_events.processing_ports(), message.ends_at)
