"""Endpoints for outgoing webhooks: register, list, read. Changing them is change_webhook_endpoint."""

from darkroom import bootstrap_events, registering
from darkroom.event_views import EndpointsView, EndpointView, NewEndpoint, NewEndpointView, endpoint_answer
from darkroom.http import Api, Request
from darkroom.http_events import Answer

handler = Api()


@handler.route(
    "POST /v1/webhook-endpoints", scope="admin", body=NewEndpoint, answer=NewEndpointView, status=201,
    problems=("too_many_endpoints",),
)  # fmt: skip
def register(request: Request) -> Answer:
    """The secret is in no other answer. So there is no Idempotency-Key either: the answer would have to be kept."""
    wanted = request.body.endpoint(request.new_id("wh"), request.caller, request.now)
    made, secret = registering.register(wanted, request.caller, bootstrap_events.registering_ports())
    return Answer(201, NewEndpointView.made(made, secret))


@handler.route("GET /v1/webhook-endpoints", scope="admin", answer=EndpointsView)
def list_endpoints(request: Request) -> Answer:
    found = registering.list_endpoints(request.caller, bootstrap_events.registering_ports())
    return Answer(200, EndpointsView(data=tuple(map(EndpointView.of, found))))


@handler.route("GET /v1/webhook-endpoints/{id}", scope="admin", answer=EndpointView, problems=("not_found",))
def read(request: Request) -> Answer:
    return endpoint_answer(registering.read(request.caller, request.path["id"], bootstrap_events.registering_ports()))
