"""
Schedules of posts: one each, in EventBridge Scheduler, gone once it has fired.

A schedule only wakes `watching.start_post`, and what is stored with the post decides. So one that is left over, fires
twice or for a time that has changed does no harm, and of one that is missing the watchdog takes care a minute later.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from darkroom.aws.dynamodb import translated
from darkroom.errors import StoreUnavailableError
from darkroom.posts import Post

if TYPE_CHECKING:
    from types_boto3_scheduler import EventBridgeSchedulerClient

# Scheduler refuses a time that has passed, also one that passes while the request is on its way.
_AHEAD = timedelta(seconds=5)
# After that nothing is gained by trying: the watchdog has started the post.
_RETRY = {"MaximumEventAgeInSeconds": 300, "MaximumRetryAttempts": 5}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EventBridgeSchedules:
    """`target_arn` is the function to wake, `role_arn` the role under which Scheduler may."""

    client: "EventBridgeSchedulerClient"
    group: str
    target_arn: str
    role_arn: str
    dead_letter_arn: str
    now: Callable[[], datetime]

    def put(self, post: Post) -> None:
        """
        Makes the post's schedule, or moves the one it has. Safe to repeat. A time that is nearly here or past fires in
        a few seconds. StoreUnavailableError if it fails.
        """
        if post.publish_at is None:
            raise ValueError("Only a post that has a time can have a schedule.")
        request = self._request(post, max(post.publish_at, self.now() + _AHEAD))
        try:
            with translated():
                self.client.create_schedule(**request)
        except self.client.exceptions.ConflictException:
            with self._changing():
                self.client.update_schedule(**request)

    def remove(self, post: Post) -> None:
        """One that has fired or never was is fine. StoreUnavailableError if it fails."""
        with self._changing():
            self.client.delete_schedule(Name=post.id, GroupName=self.group)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """
        One that is gone has fired in between: a post that was moved is not due then, and the watchdog keeps its new
        time. One that somebody else is changing has to be asked for again.
        """
        try:
            with translated():
                yield
        except self.client.exceptions.ResourceNotFoundException:
            return
        except self.client.exceptions.ConflictException as error:
            raise StoreUnavailableError from error

    def _request(self, post: Post, at: datetime) -> Any:
        """Of `create_schedule` and of `update_schedule`, which forgets what it is not told again."""
        return {
            "Name": post.id,
            "GroupName": self.group,
            "ScheduleExpression": f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": self.target_arn,
                "RoleArn": self.role_arn,
                "Input": json.dumps({"tenant_id": post.tenant_id, "post_id": post.id}),
                "RetryPolicy": _RETRY,
                "DeadLetterConfig": {"Arn": self.dead_letter_arn},
            },
        }
