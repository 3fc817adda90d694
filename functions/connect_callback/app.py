"""Where Instagram sends the owner's browser back."""

from darkroom import bootstrap, connecting, connection, pages_html
from darkroom.http import PUBLIC, Api, Request
from darkroom.http_events import Answer

handler = Api()


@handler.route("GET /oauth/instagram/callback", scope=PUBLIC, status=302, problems=("connect_session_invalid",))
def callback(request: Request) -> Answer:
    state = request.parameters.get("state", "")
    brought = connection.Callback(
        state=state,
        code=request.parameters.get("code", ""),
        error=request.parameters.get("error", ""),
        cookie=request.cookies.get(connection.cookie_name(state), ""),
    )
    outcome = connecting.complete(brought, request.base_url, bootstrap.connect_callback_ports())
    return pages_html.ended(outcome)
