"""Step 1: may this account publish, and which containers does the post need?"""

from typing import Any

from darkroom import bootstrap, publishing
from darkroom.steps import step
from darkroom.workflow import PostTask


@step(PostTask)
def handler(task: PostTask) -> dict[str, Any]:
    return publishing.begin_post(task, bootstrap.recording_ports())
