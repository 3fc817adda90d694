"""Where every failure ends."""

from typing import Any

from darkroom import bootstrap, confirming
from darkroom.steps import step
from darkroom.workflow import FailureTask


@step(FailureTask)
def handler(task: FailureTask) -> dict[str, Any]:
    return confirming.mark_failed(task, bootstrap.recording_ports())
