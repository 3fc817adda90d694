"""What an account may still publish, by Instagram's own count."""

from darkroom import bootstrap, metering
from darkroom.http import Api, Request
from darkroom.http_events import Answer

handler = Api()
_PROBLEMS = (
    "not_found",
    "reauthorization_required",
    "action_required",
    "permissions_missing",
    "rate_limited",
    "instagram_unavailable",
    "token_unreadable",
)


@handler.route(
    "GET /v1/accounts/{id}/publishing-limit",
    scope="accounts:read",
    answer=metering.AccountQuota,
    problems=_PROBLEMS,
)
def read_publishing_limit(request: Request) -> Answer:
    found = metering.read_publishing_limit(request.caller, request.path["id"], bootstrap.metering_ports())
    return Answer(200, found)
