"""When the outcome of step 4 is unknown: asks Instagram."""

from typing import Any

from darkroom import bootstrap, confirming
from darkroom.steps import step
from darkroom.workflow import ConfirmTask


@step(ConfirmTask)
def handler(task: ConfirmTask) -> dict[str, Any]:
    return confirming.confirm_publish(task, bootstrap.calling_ports())
