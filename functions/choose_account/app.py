"""Where the owner's browser brings which of several accounts to connect."""

from darkroom import bootstrap_tokens, connection, linking, pages_html
from darkroom.http import PUBLIC, Api, Form, Request
from darkroom.http_events import Answer

handler = Api()


@handler.route(
    "POST /oauth/facebook/choose", scope=PUBLIC, body=Form(("state", "page_id")), status=302,
    problems=("connect_session_invalid",),
)  # fmt: skip
def choose(request: Request) -> Answer:
    state = request.body["state"]
    chosen = linking.Chosen(
        state=state,
        page_id=request.body["page_id"],
        cookie=request.cookies.get(connection.cookie_name(state), ""),
    )
    return pages_html.ended(linking.choose(chosen, bootstrap_tokens.linking_ports()))
