"""Step 2: one container at Instagram, its id stored before anybody waits."""

from typing import Any

from darkroom import bootstrap, publishing
from darkroom.steps import step
from darkroom.workflow import ContainerTask


@step(ContainerTask)
def handler(task: ContainerTask) -> dict[str, Any]:
    return publishing.create_container(task, bootstrap.calling_ports())
