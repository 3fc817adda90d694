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
    """Exact up to 1,000; `is_capped` says that not all were counted."""
    return Answer(200, reading.count_unread(request.caller, request.query.asked(), bootstrap_events.event_lists()))


@handler.route(
    "POST /v1/events/read", scope="events:write", body=ReadMark, answer=ReadView, problems=("cursor_invalid",)
)
def mark_read(request: Request) -> Answer:
    """May be repeated. `all` marks 500 at a time, the newest first."""
    mark, who, events = request.body, request.caller, bootstrap_events.event_lists()
    if named := mark.named():
        return Answer(200, ReadView.named(named, reading.mark_read(who, named, events)))
    return Answer(200, ReadView.of(reading.mark_all_read(who, mark.asked(who.tenant_id, request.now), events)))
