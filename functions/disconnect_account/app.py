"""Ends a connection and erases its token."""

from darkroom import bootstrap, disconnecting
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views_accounts import DisconnectedView

handler = Api()


@handler.route("DELETE /v1/accounts/{id}", scope="accounts:write", answer=DisconnectedView, problems=("not_found",))
def disconnect(request: Request) -> Answer:
    account_id = request.path["id"]
    is_told = disconnecting.disconnect(request.caller, account_id, bootstrap.disconnecting_ports())
    return Answer(200, DisconnectedView(id=account_id, is_instagram_told=is_told))
