"""Begins a connection: the session for the caller, then the way to Instagram or Facebook for the owner's browser."""

from darkroom import bootstrap, connecting, pages_html
from darkroom.errors import DarkroomError
from darkroom.http import PUBLIC, Api, Request
from darkroom.http_events import Answer
from darkroom.views_accounts import ConnectSessionView, NewConnectSession

handler = Api()


@handler.route(
    "POST /v1/connect-sessions", scope="accounts:write", body=NewConnectSession, answer=ConnectSessionView, status=201,
    problems=("return_url_refused", "configuration_error"),
)  # fmt: skip
def create(request: Request) -> Answer:
    """An Idempotency-Key has no effect here: a second session harms nobody."""
    ports, wanted = bootstrap.connect_ports(), request.body
    wish = connecting.Wish(login=wanted.login, scopes=wanted.scopes, return_url=wanted.return_url)
    session, link = connecting.create_session(request.caller.tenant_id, wish, request.base_url, ports)
    return Answer(201, ConnectSessionView.of(session, link))


@handler.route("GET /oauth/instagram/start", scope=PUBLIC, status=302, problems=("connect_session_invalid",))
@handler.route("GET /oauth/facebook/start", scope=PUBLIC, status=302, problems=("connect_session_invalid",))
def start(request: Request) -> Answer:
    try:
        ticket = request.parameters.get("session", "")
        started = connecting.start(ticket, request.base_url, bootstrap.connect_ports())
    except DarkroomError as error:
        return pages_html.failed(error)
    return pages_html.sent_on(started)
