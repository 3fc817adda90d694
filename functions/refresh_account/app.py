"""Another sixty days for an account's token, because its tenant asks now."""

from darkroom import bootstrap, bootstrap_tokens, refreshing
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views_accounts import AccountView

handler = Api()
_PROBLEMS = (
    "not_found",
    "token_too_young",
    "refresh_in_progress",
    "version_conflict",
    "reauthorization_required",
    "action_required",
    "permissions_missing",
    "instagram_refused",
    "rate_limited",
    "instagram_unavailable",
    "token_unreadable",
)


@handler.route("POST /v1/accounts/{id}/refresh", scope="accounts:write", answer=AccountView, problems=_PROBLEMS)
def refresh_account(request: Request) -> Answer:
    account = refreshing.refresh_now(request.caller, request.path["id"], bootstrap_tokens.refreshing_ports())
    return Answer(200, AccountView.of(account, bootstrap.accounts().default_id(account.tenant_id)))
