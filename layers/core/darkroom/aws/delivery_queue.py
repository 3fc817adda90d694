"""The queue of deliveries that are due."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import batched
from typing import TYPE_CHECKING

from darkroom.aws.dynamodb import translated
from darkroom.errors import StoreUnavailableError
from darkroom.outgoing_deliveries import DeliveryTask
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

_MOST_IN_A_BATCH = 10  # of SendMessageBatch


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SqsDeliveryQueue(Value):
    client: "SQSClient"
    url: str

    def send(self, tasks: Iterable[DeliveryTask]) -> None:
        """
        The group makes it a fair queue: while the messages of one endpoint pile up, those of the others overtake them.
        It keeps no order. Raises StoreUnavailableError when any of them was not taken; those that were are out.
        """
        for batch in batched(tasks, _MOST_IN_A_BATCH, strict=False):
            with translated():
                answer = self.client.send_message_batch(
                    QueueUrl=self.url,
                    Entries=[
                        {"Id": str(index), "MessageBody": json.dumps(asdict(task)), "MessageGroupId": task.endpoint_id}
                        for index, task in enumerate(batch)
                    ],
                )
            if answer.get("Failed"):
                raise StoreUnavailableError
