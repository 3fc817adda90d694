"""Posts that were accepted: edit, cancel, publish now, try again."""

from darkroom import bootstrap, changing
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views_posts import REFUSALS, PostPatch, PostView, post_answer

handler = Api()
CONFLICTS = ("not_found", "post_state_conflict")
STARTING = (*REFUSALS, *CONFLICTS, "account_gone", "too_many_requests")
EDITING = (*STARTING, "precondition_failed", "precondition_required")
TOO_LATE = (*CONFLICTS, "too_late_to_cancel")
ON_ITS_WAY = {
    "status": 202,
    "problems": (*STARTING, "version_conflict"),
    "records": bootstrap.idempotency_records,
}


@handler.route("PATCH /v1/posts/{id}", scope="posts:write", body=PostPatch, answer=PostView, problems=EDITING)
def edit(request: Request) -> Answer:
    change = changing.Change(request.version(), request.body)
    return post_answer(200, changing.edit(request.caller, request.path["id"], change, bootstrap.posting_ports()))


@handler.route("DELETE /v1/posts/{id}", scope="posts:write", answer=PostView, problems=TOO_LATE)
def cancel(request: Request) -> Answer:
    return post_answer(200, changing.cancel(request.caller, request.path["id"], bootstrap.posting_ports()))


@handler.route("POST /v1/posts/{id}/publish", scope="posts:write", answer=PostView, **ON_ITS_WAY)
def publish(request: Request) -> Answer:
    post_id, ports = request.path["id"], bootstrap.posting_ports()
    return post_answer(202, changing.publish_now(request.caller, post_id, ports, request.first_asked_at))


@handler.route("POST /v1/posts/{id}/retry", scope="posts:write", answer=PostView, **ON_ITS_WAY)
def retry(request: Request) -> Answer:
    post_id, ports = request.path["id"], bootstrap.posting_ports()
    return post_answer(202, changing.retry(request.caller, post_id, ports, request.first_asked_at))
