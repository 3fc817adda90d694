"""Everything that is stored of a tenant, page by page."""

from darkroom import bootstrap_compliance, exporting
from darkroom.compliance_views import ExportQuery
from darkroom.exports import Record
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views import PageOf

handler = Api()


@handler.route("GET /v1/export", scope="admin", query=ExportQuery, answer=PageOf[Record], problems=("cursor_invalid",))
def export(request: Request) -> Answer:
    """
    Go on with `next_cursor` until it is null; a page may be empty before. Takes a key for every account. Sealed tokens
    and secrets, API keys and answers kept for Idempotency-Keys are not in it.
    """
    query = request.query
    found = exporting.export(request.caller, query.cursor, query.limit, bootstrap_compliance.shelves())
    return Answer(200, PageOf.of(found, lambda record: record))
