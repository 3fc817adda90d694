"""Step 5: writes down that the post is live."""

from typing import Any

from darkroom import bootstrap, confirming
from darkroom.steps import step
from darkroom.workflow import PublishedTask


@step(PublishedTask)
def handler(task: PublishedTask) -> dict[str, Any]:
    return confirming.mark_published(task, bootstrap.recording_ports())
