"""Step 1: may this post go out now, and which containers does it need?"""

from typing import Any

from darkroom import beginning, bootstrap
from darkroom.steps import step
from darkroom.workflow import PostTask


@step(PostTask)
def handler(task: PostTask) -> dict[str, Any]:
    return beginning.begin_post(task, bootstrap.calling_ports())
