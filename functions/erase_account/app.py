"""The job behind a deletion: erases what an account has left behind, as often as it takes."""

from typing import Any

from darkroom import bootstrap_compliance, erasing
from darkroom.consuming import Message, consumer


@consumer
def handler(message: Message) -> dict[str, Any]:
    return erasing.erase(message.task(erasing.ErasureTask), bootstrap_compliance.erasing_ports())
