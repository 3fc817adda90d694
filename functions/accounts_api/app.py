"""Connected accounts: list, read, choose the default."""

from functools import partial

from darkroom import bootstrap, managing
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views import PageOf, PageQuery
from darkroom.views_accounts import AccountView

handler = Api()


@handler.route("GET /v1/accounts", scope="accounts:read", query=PageQuery, answer=PageOf[AccountView])
def list_accounts(request: Request) -> Answer:
    accounts, tenant_id = bootstrap.accounts(), request.caller.tenant_id
    found = managing.list_accounts(request.caller, request.query.page(tenant_id), accounts)
    return Answer(200, PageOf.of(found, partial(AccountView.of, default_id=accounts.default_id(tenant_id))))


@handler.route("GET /v1/accounts/{id}", scope="accounts:read", answer=AccountView, problems=("not_found",))
def read(request: Request) -> Answer:
    account = managing.read(request.caller, request.path["id"], bootstrap.accounts())
    return Answer(200, AccountView.of(account, bootstrap.accounts().default_id(account.tenant_id)))


@handler.route("POST /v1/accounts/{id}/default", scope="accounts:write", answer=AccountView, problems=("not_found",))
def choose_default(request: Request) -> Answer:
    account = managing.choose_default(request.caller, request.path["id"], bootstrap.accounts())
    return Answer(200, AccountView.of(account, account.id))
