"""Step 6, best effort: reads the permalink."""

from typing import Any

from darkroom import bootstrap, confirming
from darkroom.steps import step
from darkroom.workflow import PostTask


@step(PostTask)
def handler(task: PostTask) -> dict[str, Any]:
    return confirming.read_permalink(task, bootstrap.calling_ports())
