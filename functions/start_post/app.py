"""What a post's schedule wakes when its time has come: starts its workflow."""

from typing import Any

from darkroom import bootstrap, watching
from darkroom.steps import step
from darkroom.workflow import PostTask


@step(PostTask)
def handler(task: PostTask) -> dict[str, Any]:
    return watching.start_post(task, bootstrap.watching_ports())
