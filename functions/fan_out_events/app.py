"""Behind the event bus: a delivery for each endpoint that wants an event."""

from typing import Any

from darkroom import bootstrap_events, fanning_out
from darkroom.consuming import Message, consumer


@consumer
def handler(message: Message) -> dict[str, Any]:
    task = message.task(fanning_out.FanOutTask)
    deliveries = fanning_out.fan_out(task, bootstrap_events.fanning_out_ports())
    return {"tenant_id": task.tenant_id, "event_id": task.event_id, "deliveries": deliveries}
