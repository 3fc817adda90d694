"""Where Facebook sends the owner's browser back."""

from darkroom import bootstrap_tokens, connection, linking, pages_html
from darkroom.http import PUBLIC, Api, Request
from darkroom.http_events import Answer

handler = Api()


@handler.route("GET /oauth/facebook/callback", scope=PUBLIC, status=302, problems=("connect_session_invalid",))
def callback(request: Request) -> Answer:
    state = request.parameters.get("state", "")
    brought = connection.Callback(
        state=state,
        code=request.parameters.get("code", ""),
        error=request.parameters.get("error", ""),
        cookie=request.cookies.get(connection.cookie_name(state), ""),
    )
    return pages_html.ended(linking.complete(brought, request.base_url, bootstrap_tokens.linking_ports()))
