"""Starting workflows. Step Functions keeps an execution's name for 90 days, which makes starting one idempotent."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkroom.aws.dynamodb import translated
from darkroom.posts import Post

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True)
class StepFunctionsWorkflows:
    client: "SFNClient"
    state_machine_arn: str

    def start(self, post: Post) -> None:
        """Named by the post id: a second start finds the first, running or done, and changes nothing."""
        ids = {"tenant_id": post.tenant_id, "post_id": post.id, "request_id": post.request_id}
        try:
            with translated():
                self.client.start_execution(
                    stateMachineArn=self.state_machine_arn,
                    name=post.id,
                    input=json.dumps(ids),
                )
        except self.client.exceptions.ExecutionAlreadyExists:
            return
