"""Behind the queue of deliveries: one attempt each."""

from typing import Any

from darkroom import bootstrap_events, delivering
from darkroom.consuming import Message, consumer
from darkroom.outgoing_deliveries import DeliveryTask


@consumer
def handler(message: Message) -> dict[str, Any]:
    task = message.task(DeliveryTask)
    outcome = delivering.deliver(task, bootstrap_events.delivering_ports())
    return {"endpoint_id": task.endpoint_id, "delivery_id": task.delivery_id, "outcome": outcome}
