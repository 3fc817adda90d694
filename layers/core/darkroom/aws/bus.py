"""Announcing facts on the event bus, for whoever has a rule for them (docs/events.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from darkroom.aws.dynamodb import translated
from darkroom.errors import StoreUnavailableError
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

SOURCE = "darkroom"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EventBridgeBus(Value):
    client: "EventBridgeClient"
    bus_name: str

    def announce(self, detail_type: str, detail: Mapping[str, str], now: datetime) -> None:
        """
        `detail` holds ids and codes only: whoever may read the bus reads it. Announcing again is a second event.
        EventBridge answers 200 also when it took nothing, and then says so of the entry: StoreUnavailableError.
        """
        with translated():
            answer = self.client.put_events(
                Entries=[
                    {
                        "EventBusName": self.bus_name,
                        "Source": SOURCE,
                        "DetailType": detail_type,
                        "Detail": json.dumps(dict(detail)),
                        "Time": now,
                    }
                ]
            )
        if answer["FailedEntryCount"]:
            reason = answer["Entries"][0]["ErrorCode"]
            raise StoreUnavailableError(detail=f"The event bus did not take an event: {reason}.")
