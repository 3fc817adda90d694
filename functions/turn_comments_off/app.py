"""After the post is live: no comments, if its caller wants none."""

from typing import Any

from darkroom import bootstrap, commenting
from darkroom.steps import step
from darkroom.workflow import PostTask


@step(PostTask)
def handler(task: PostTask) -> dict[str, Any]:
    return commenting.turn_comments_off(task, bootstrap.calling_ports())
