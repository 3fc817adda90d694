"""Step 3: has Instagram processed the container?"""

from typing import Any

from darkroom import bootstrap, publishing
from darkroom.steps import step
from darkroom.workflow import ContainerTask


@step(ContainerTask)
def handler(task: ContainerTask) -> dict[str, Any]:
    return publishing.check_container(task, bootstrap.calling_ports())
