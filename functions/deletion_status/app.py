"""The page on which a person sees what became of their data. The code is the credential."""

from darkroom import bootstrap_compliance, pages_html
from darkroom.errors import DarkroomError
from darkroom.http import PUBLIC, Api, Request
from darkroom.http_events import Answer

handler = Api()


@handler.route("GET /data-deletion/{code}", scope=PUBLIC, is_page=True, problems=("not_found",))
def read_status(request: Request) -> Answer:
    try:
        return pages_html.deletion_status(bootstrap_compliance.deletions().get(request.path["code"]))
    except DarkroomError as error:
        return pages_html.failed(error)
