"""Events for people: list, read, count, mark read."""

from darkroom import bootstrap_events, reading
from darkroom.event_views import EventsQuery, EventView, ReadMark, ReadView, UnreadQuery
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views import PageOf

handler = Api()


@handler.route("GET /v1/events", scope="events:read", query=EventsQuery, answer=PageOf[EventView])
def list_events(request: Request) -> Answer:
    """Newest first, kept for 90 days. A page may hold fewer than asked for: `next_cursor` says if there are more."""
    asked = request.query.asked(request.caller.tenant_id)
    found = reading.list_events(request.caller, asked, bootstrap_events.event_lists())
    return Answer(200, PageOf.of(found, EventView.of))


@handler.route("GET /v1/events/{id}", scope="events:read", answer=EventView, problems=("not_found",))
def read(request: Request) -> Answer:
    event = reading.read_event(request.caller, request.path["id"], bootstrap_events.event_lists())
    return Answer(200, EventView.of(event))


@handler.route("GET /v1/events/unread-count", scope="events:read", query=UnreadQuery, answer=reading.UnreadCount)
def count_unread(request: Request) -> Answer:
    """Exact up to 1,000."""
    return Answer(200, reading.count_unread(request.caller, request.query.asked(), bootstrap_events.event_lists()))


@handler.route("POST /v1/events/read", scope="events:write", body=ReadMark, answer=ReadView)
def mark_read(request: Request) -> Answer:
    """May be repeated. `all` marks 500 at a time, the newest first."""
    mark, events = request.body, bootstrap_events.event_lists()
    if named := mark.named():
        found = reading.mark_read(request.caller, named, events)
        return Answer(200, ReadView(ids=found, not_found=tuple(each for each in named if each not in found)))
    found, has_more = reading.mark_all_read(request.caller, mark.account_id, mark.before(request.now), events)
    return Answer(200, ReadView(ids=found, has_more=has_more))
