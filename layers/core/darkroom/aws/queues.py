"""Messages into an SQS queue, ten at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkroom.aws.dynamodb import translated
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SqsQueue(Value):
    client: "SQSClient"
    url: str

    def send(self, bodies: Sequence[str]) -> tuple[bool, ...]:
        """
        At most ten, 1 MiB in all. Which of them SQS took: it answers 200 also when it took only some of them. After a
        StoreUnavailableError all of them may have been taken.
        """
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        with translated():
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type] # a list of TypedDicts
        failed = {entry["Id"] for entry in answer.get("Failed", [])}
        return tuple(entry["Id"] not in failed for entry in entries)
