"""What happened to a post: every change of its state, every call to Instagram."""

from darkroom import bootstrap, recounting
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views_timeline import TimelineView

handler = Api()


@handler.route("GET /v1/posts/{id}/timeline", scope="posts:read", answer=TimelineView, problems=("not_found",))
def read(request: Request) -> Answer:
    """Kept for 90 days. A call whose `status` is null was not answered; `path` shows names in place of ids."""
    story = recounting.timeline_of(request.caller, request.path["id"], bootstrap.recounting_ports())
    return Answer(200, TimelineView.of(story))
