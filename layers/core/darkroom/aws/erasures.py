"""The queue of deletions: one message a run of the job, with the deletion's code and nothing of the person."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkroom.aws.dynamodb import translated
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SqsErasures(Value):
    """Implements the `Queue` port of erasing.py. The queue itself delays each message (template.yaml)."""

    client: "SQSClient"
    queue_url: str

    def put(self, code: str) -> None:
        with translated():
            self.client.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps({"code": code}))
