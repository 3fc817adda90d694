"""One message, one account: what is untold of it is told, and its token refreshed if it is due."""

from datetime import timedelta
from typing import Any

from darkroom import bootstrap_tokens, refreshes, refreshing
from darkroom.consuming import Message, consumer


def refresh_token(message: Message) -> dict[str, Any]:
    return refreshing.refresh_due(message.task(refreshing.RefreshTask), bootstrap_tokens.refreshing_ports())


# Cut off after Instagram's answer, the only copy of the new token would be lost.
handler = consumer(refresh_token, needed_ms=refreshes.LONGEST // timedelta(milliseconds=1))
