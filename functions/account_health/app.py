"""The health of an account, link by link, without asking Instagram."""

from darkroom import bootstrap, bootstrap_compliance, managing
from darkroom.health import AccountHealth, examine
from darkroom.http import Api, Request
from darkroom.http_events import Answer

handler = Api()


@handler.route("GET /v1/accounts/{id}/health", scope="accounts:read", answer=AccountHealth, problems=("not_found",))
def read_health(request: Request) -> Answer:
    """What is stored and set up. GET /v1/accounts/{id}/publishing-limit tells whether Instagram agrees."""
    account = managing.read(request.caller, request.path["id"], bootstrap.accounts())
    allowance = bootstrap_compliance.quota().allowance(account.tenant_id, account.id)
    setup = bootstrap_compliance.setup(account.login, request.base_url)
    return Answer(200, examine(account, allowance, setup, request.now))
