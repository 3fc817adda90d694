"""Starting workflows. Step Functions keeps an execution's name for 90 days, which makes starting one idempotent."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkroom.aws.dynamodb import translated
from darkroom.posts import Post, RunState

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StepFunctionsWorkflows:
    client: "SFNClient"
    state_machine_arn: str

    def start(self, post: Post, run: int = 1) -> None:
        """
        Named by the post id, and from the second run on by its number too: starting a run twice finds the first start,
        running or done, and changes nothing.
        """
        ids = {"tenant_id": post.tenant_id, "post_id": post.id, "request_id": post.request_id}
        try:
            with translated():
                self.client.start_execution(
                    stateMachineArn=self.state_machine_arn,
                    name=_name(post, run),
                    input=json.dumps(ids),
                )
        except self.client.exceptions.ExecutionAlreadyExists:
            return

    def state(self, post: Post, run: int) -> RunState:
        arn = self.state_machine_arn.replace(":stateMachine:", ":execution:")
        try:
            with translated():
                found = self.client.describe_execution(executionArn=f"{arn}:{_name(post, run)}")
        except self.client.exceptions.ExecutionDoesNotExist:
            return "none"
        return "running" if found["status"] in ("RUNNING", "PENDING_REDRIVE") else "ended"


def _name(post: Post, run: int) -> str:
    return post.id if run == 1 else f"{post.id}-{run}"
