"""Meta tells that somebody wants their data deleted: token and account go at once, the rest by a job."""

from darkroom import bootstrap_compliance, erasing
from darkroom.compliance_views import DeletionView
from darkroom.http import PUBLIC, Api, Form, Request
from darkroom.http_events import Answer
from darkroom.observability import log

handler = Api()


@handler.route(
    "POST /meta/data-deletion", scope=PUBLIC, body=Form(("signed_request",)), answer=DeletionView,
    problems=("signed_request_invalid",),
)  # fmt: skip
def request_deletion(request: Request) -> Answer:
    """Called by Meta only. Asking again for the same person answers with the same code while nothing is new."""
    requested = erasing.request(request.body["signed_request"], bootstrap_compliance.deletion_ports())
    log("deletion requested", key_slot=requested.key_slot, doomed=requested.doomed, stale=requested.stale)
    base_url = bootstrap_compliance.public_url() or request.base_url
    return Answer(200, DeletionView.of(requested.deletion, base_url))
