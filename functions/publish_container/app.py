"""Step 4: makes the post public, once."""

from typing import Any

from darkroom import bootstrap, publishing
from darkroom.steps import step
from darkroom.workflow import PostTask


@step(PostTask)
def handler(task: PostTask) -> dict[str, Any]:
    return publishing.publish_container(task, bootstrap.calling_ports())
