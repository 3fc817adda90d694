"""One message, one account: what is untold of it is told, and its token refreshed if it is due."""

from typing import Any

from darkroom import bootstrap_tokens, refreshing
from darkroom.consuming import Message, consumer


@consumer
def handler(message: Message) -> dict[str, Any]:
    return refreshing.refresh_due(message.task(refreshing.RefreshTask), bootstrap_tokens.refreshing_ports())
