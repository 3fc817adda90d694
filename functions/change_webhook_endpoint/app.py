"""Changes endpoints for outgoing webhooks: edit, disable, delete, rotate the secret."""

from darkroom import bootstrap_events, registering
from darkroom.event_views import DeletedView, EndpointPatch, EndpointView, SecretView, endpoint_answer
from darkroom.http import Api, Request
from darkroom.http_events import Answer

handler = Api()


@handler.route(
    "PATCH /v1/webhook-endpoints/{id}", scope="admin", body=EndpointPatch, answer=EndpointView,
    problems=("not_found", "precondition_required", "precondition_failed"),
)  # fmt: skip
def change(request: Request) -> Answer:
    who, which, ports = request.caller, request.path["id"], bootstrap_events.registering_ports()
    return endpoint_answer(registering.change(who, which, request.version(), request.body, ports))


@handler.route("DELETE /v1/webhook-endpoints/{id}", scope="admin", answer=DeletedView, problems=("not_found",))
def remove(request: Request) -> Answer:
    removed = registering.remove(request.caller, request.path["id"], bootstrap_events.registering_ports())
    return Answer(200, DeletedView(id=removed.id))


@handler.route(
    "POST /v1/webhook-endpoints/{id}/rotate-secret", scope="admin", answer=SecretView, problems=("not_found",)
)
def rotate(request: Request) -> Answer:
    """The old secret stays valid for 24 hours; one that was rotated away before is not valid any more."""
    made = registering.rotate(request.caller, request.path["id"], bootstrap_events.registering_ports())
    return Answer(200, SecretView(id=made.endpoint_id, secret=made.secret, old_secret_valid_until=made.old_valid_until))
