"""Meta tells that somebody removed our app: their accounts lose their tokens at once."""

from darkroom import bootstrap_compliance, deauthorizing
from darkroom.http import PUBLIC, Api, Form, Request
from darkroom.http_events import Answer
from darkroom.observability import log

handler = Api()


@handler.route(
    "POST /meta/deauthorize", scope=PUBLIC, body=Form(("signed_request",)), problems=("signed_request_invalid",)
)
def deauthorize(request: Request) -> Answer:
    """Called by Meta only. The answer to whoever can sign is always 200: it tells nobody who is known here."""
    outcome = deauthorizing.deauthorize(request.body["signed_request"], bootstrap_compliance.deauthorizing_ports())
    log("deauthorized", key_slot=outcome.key_slot, ended=outcome.ended, stale=outcome.stale)
    return Answer(200)
