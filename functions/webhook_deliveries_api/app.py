"""What was sent to an endpoint for outgoing webhooks, and sending by hand."""

from darkroom import bootstrap_events, resending
from darkroom.event_views import DeliveryView
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views import PageOf, PageQuery

handler = Api()


@handler.route(
    "GET /v1/webhook-endpoints/{id}/deliveries", scope="admin", query=PageQuery, answer=PageOf[DeliveryView],
    problems=("not_found",),
)  # fmt: skip
def list_deliveries(request: Request) -> Answer:
    """Newest first, kept for 30 days."""
    who, page = request.caller, request.query.page(request.caller.tenant_id)
    found = resending.list_deliveries(who, request.path["id"], page, bootstrap_events.resending_ports())
    return Answer(200, PageOf.of(found, DeliveryView.of))


@handler.route(
    "POST /v1/webhook-endpoints/{id}/test", scope="admin", answer=DeliveryView, status=202,
    problems=("not_found", "endpoint_disabled"),
)  # fmt: skip
def send_test(request: Request) -> Answer:
    """Sends the event `test.sent` to this endpoint, whatever types and accounts it wants."""
    made = resending.send_test(request.caller, request.path["id"], request.ulid, bootstrap_events.resending_ports())
    return Answer(202, DeliveryView.of(made))


@handler.route(
    "POST /v1/webhook-endpoints/{id}/deliveries/{delivery_id}/resend", scope="admin", answer=DeliveryView, status=202,
    problems=("not_found", "endpoint_disabled", "version_conflict"),
)  # fmt: skip
def resend(request: Request) -> Answer:
    which = request.path["id"], request.path["delivery_id"]
    return Answer(202, DeliveryView.of(resending.resend(request.caller, *which, bootstrap_events.resending_ports())))
