"""After the post is live: its first comment, once."""

from typing import Any

from darkroom import bootstrap, commenting
from darkroom.steps import step
from darkroom.workflow import PostTask


@step(PostTask)
def handler(task: PostTask) -> dict[str, Any]:
    return commenting.add_first_comment(task, bootstrap.calling_ports())
