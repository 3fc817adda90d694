"""When a post cannot go out now: how long it waits, or that waiting is no use."""

from typing import Any

from darkroom import bootstrap, delaying
from darkroom.steps import step
from darkroom.workflow import DelayTask


@step(DelayTask)
def handler(task: DelayTask) -> dict[str, Any]:
    return delaying.delay_post(task, bootstrap.recording_ports())
