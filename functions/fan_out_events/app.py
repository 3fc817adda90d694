"""Behind the event bus: a delivery for each endpoint that wants an event."""

from typing import Any

from darkroom import bootstrap, fanning_out
from darkroom.consuming import Message, consumer


@consumer
def handler(message: Message) -> dict[str, Any]:
    announced = fanning_out.announced(message.body)
    deliveries = fanning_out.fan_out(announced.tenant_id, announced.event_id, bootstrap.fanning_out_ports())
    return {"tenant_id": announced.tenant_id, "event_id": announced.event_id, "deliveries": deliveries}
