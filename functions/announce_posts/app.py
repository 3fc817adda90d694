"""Behind the stream of the posts table: tells what became of posts."""

from typing import Any

from darkroom import bootstrap, bootstrap_events, reporting
from darkroom.following import follower


@follower
def handler(change: dict[str, Any]) -> dict[str, Any]:
    before, post = bootstrap_events.post_change(change)
    told = reporting.report(before, post, bootstrap.announcing_ports())
    return {"post_id": post.id, "tenant_id": post.tenant_id, "state": post.state.value, "told": told}
