"""Events as people read them: the fake and DynamoDB keep the same promises."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.aws import event_lists
from darkroom.aws.event_lists import DynamoDBEventLists
from darkroom.errors import BadRequestError, StoreUnavailableError
from darkroom.event_queries import EventQuery
from darkroom.events import KEPT, event_id
from darkroom.pages import opened_moment
from tests.builders import NOW, OTHER_TENANT, TENANT, an_event
from tests.fakes import Clock, FakeEvents
from tests.outgoing_fakes import FakeEventLists


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request, cloud, clock):
    """Who stores events, and who lists them."""
    if request.param == "fake":
        events = FakeEvents(clock)
        return events, FakeEventLists(events)
    lists = DynamoDBEventLists(cloud.client("dynamodb"), cloud.table("EventsTable"), clock)
    return lists, lists


@pytest.fixture
def lists(stores):
    return stores[1]


@pytest.fixture
def put(stores):
    def stored(natural="1", minutes=0, **changes):
        event = an_event(natural, occurred_at=NOW + timedelta(minutes=minutes), **changes)
        stores[0].add(event)
        return event

    return stored


def ids(page):
    return [event.id for event in page.data]


def whole(lists, query, tenant_id=TENANT):
    """All pages of a list."""
    found = []
    while True:
        page = lists.page(tenant_id, query)
        found += ids(page)
        if page.next_cursor is None:
            return found
        after = opened_moment(page.next_cursor, tenant_id)
        assert query.after is None or after < query.after
        query = EventQuery(**{name: getattr(query, name) for name in query.__slots__} | {"after": after})


def test_the_newest_come_first_by_when_they_occurred_and_not_by_when_we_heard(put, lists):
    late, early = put("late", 5, received_at=NOW), put("early", -5, received_at=NOW + timedelta(hours=1))
    assert lists.page(TENANT, EventQuery()).data == (late, early)


def test_pages_follow_one_another_without_gap_or_repetition(put, lists):
    events = [put(str(number), number // 3) for number in range(8)]  # some at the same moment
    wanted = sorted(events, key=lambda event: (event.occurred_at, event.id), reverse=True)
    for limit in (1, 2, 3, 8, 25):
        assert whole(lists, EventQuery(limit=limit)) == [event.id for event in wanted]


def test_the_last_page_says_that_it_is_the_last(put, lists):
    put("1")
    put("2", 1)
    assert lists.page(TENANT, EventQuery(limit=2)).next_cursor is None
    assert lists.page(TENANT, EventQuery(limit=1)).next_cursor is not None


def test_nobody_sees_another_tenants_events(put, lists):
    mine, theirs = put(), put(tenant_id=OTHER_TENANT)
    assert ids(lists.page(TENANT, EventQuery())) == [mine.id]
    assert ids(lists.page(OTHER_TENANT, EventQuery(is_unread=True))) == [theirs.id]
    assert lists.find(TENANT, [theirs.id]) == ()
    lists.mark_read(TENANT, [theirs.id])
    assert lists.unread(OTHER_TENANT, EventQuery()).data == (theirs.id,)


def test_a_list_is_held_to_an_account_a_type_and_what_a_key_may_see(put, lists):
    comment, mention = put("1", account_id="acc_1"), put("2", 1, type="mention.created", account_id="acc_2")
    put("3", 2, type="comment.deleted", account_id=None)
    assert ids(lists.page(TENANT, EventQuery(account_id="acc_1"))) == [comment.id]
    assert ids(lists.page(TENANT, EventQuery(type="mention.created"))) == [mention.id]
    assert len(lists.page(TENANT, EventQuery(type="comment.*")).data) == 2
    assert ids(lists.page(TENANT, EventQuery(account_ids=frozenset({"acc_2"})))) == [mention.id]
    assert lists.page(TENANT, EventQuery(account_id="acc_1", account_ids=frozenset({"acc_2"}))).data == ()


def test_a_time_begins_at_since_and_ends_before_until(put, lists):
    events = [put(str(minute), minute) for minute in range(4)]
    query = EventQuery(since=events[1].occurred_at, until=events[3].occurred_at)
    assert ids(lists.page(TENANT, query)) == [events[2].id, events[1].id]
    assert lists.page(TENANT, EventQuery(since=events[3].occurred_at, until=events[1].occurred_at)).data == ()


def test_a_cursor_outside_the_time_asked_for_finds_nothing(put, lists):
    put("1", 1)
    before = NOW - timedelta(days=1), event_id(TENANT, "x")
    assert lists.page(TENANT, EventQuery(since=NOW, after=before)).data == ()


def test_of_the_unread_only_those_are_listed_that_nobody_has_read(put, lists):
    read, unread = put("1"), put("2", 1)
    lists.mark_read(TENANT, [read.id])
    assert ids(lists.page(TENANT, EventQuery(is_unread=True))) == [unread.id]
    assert [event.is_read for event in lists.page(TENANT, EventQuery()).data] == [False, True]
    assert lists.unread(TENANT, EventQuery()).data == (unread.id,)


def test_the_unread_are_listed_whole_and_in_pages_too(put, lists):
    events = [put(str(number), number, data={"n": number}) for number in range(5)]
    assert lists.page(TENANT, EventQuery(is_unread=True, limit=5)).data == tuple(reversed(events))
    assert whole(lists, EventQuery(is_unread=True, limit=2)) == [event.id for event in reversed(events)]


def test_the_unread_are_counted_by_account_and_type_up_to_a_limit(put, lists):
    put("1", account_id="acc_1")
    put("2", account_id="acc_2", type="mention.created")
    put("3", account_id=None)
    assert len(lists.unread(TENANT, EventQuery()).data) == 3
    assert len(lists.unread(TENANT, EventQuery(limit=2)).data) == 2
    assert len(lists.unread(TENANT, EventQuery(account_id="acc_1")).data) == 1
    assert len(lists.unread(TENANT, EventQuery(type="comment.*")).data) == 2
    assert len(lists.unread(TENANT, EventQuery(account_ids=frozenset())).data) == 0


@pytest.mark.parametrize(("limit", "has_more"), [(2, True), (3, False), (4, False)])
def test_the_unread_say_whether_there_are_more(put, lists, limit, has_more):
    for number in range(3):
        put(str(number))
    assert (lists.unread(TENANT, EventQuery(limit=limit)).next_cursor is not None) == has_more


def test_the_unread_go_on_where_they_stopped_also_among_those_of_one_moment(put, lists):
    events = [put(str(number)).id for number in range(5)]
    query, found = EventQuery(limit=2), []
    while True:
        page = lists.unread(TENANT, query)
        found += page.data
        if page.next_cursor is None:
            break
        query = EventQuery(limit=2, after=opened_moment(page.next_cursor, TENANT))
    assert found == sorted(events, reverse=True)


def test_marking_read_twice_or_what_is_not_there_does_nothing(put, lists):
    event = put()
    for _ in range(2):
        lists.mark_read(TENANT, [event.id, "evt_nothing"])
    assert lists.find(TENANT, [event.id, "evt_nothing"])[0].is_read
    assert len(lists.find(TENANT, [event.id, "evt_nothing"])) == 1


def test_a_read_event_that_is_told_again_stays_read(put, lists):
    event = put()
    lists.mark_read(TENANT, [event.id])
    put()
    assert lists.unread(TENANT, EventQuery()).data == ()


def test_what_has_expired_is_nowhere(put, lists, clock):
    event, newer = put("1"), put("2", 1, received_at=NOW + timedelta(days=1))
    clock.now = NOW + KEPT
    assert lists.page(TENANT, EventQuery()).data == (newer,)
    assert lists.page(TENANT, EventQuery(is_unread=True)).data == (newer,)
    assert lists.unread(TENANT, EventQuery()).data == (newer.id,)
    assert lists.find(TENANT, [event.id]) == ()


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=12), st.integers(1, 5))
def test_the_pages_of_any_list_hold_it_exactly_once(events, limit):
    """On the fake, whose promises the suite above holds DynamoDB to."""
    store = FakeEvents(Clock())
    for number, (minute, is_mine, is_read) in enumerate(events):
        account_id = "acc_1" if is_mine else "acc_2"
        occurred_at = NOW + timedelta(minutes=minute)
        store.add(an_event(str(number), occurred_at=occurred_at, account_id=account_id, is_read=is_read))
    for query in (EventQuery(limit=limit), EventQuery(limit=limit, account_id="acc_1"), EventQuery(is_unread=True)):
        wanted = [e.id for e in store.stored.values() if query.admits(e.account_id, e.type)]
        wanted = [i for i in wanted if not (query.is_unread and store.stored[TENANT, i].is_read)]
        assert sorted(whole(FakeEventLists(store), query)) == sorted(wanted)


# Of DynamoDB alone


@pytest.fixture
def dynamodb(cloud, clock):
    return DynamoDBEventLists(cloud.client("dynamodb"), cloud.table("EventsTable"), clock)


def test_a_filter_that_lets_nothing_through_ends_a_page_after_a_thousand(dynamodb, monkeypatch):
    monkeypatch.setattr(event_lists, "MOST_EXAMINED", 3)
    for number in range(5):
        dynamodb.add(an_event(str(number), account_id="acc_1" if number == 0 else "acc_2"))
    page = dynamodb.page(TENANT, EventQuery(account_id="acc_1"))
    assert page.next_cursor is not None
    assert len(whole(dynamodb, EventQuery(account_id="acc_1"))) == 1


def test_a_filter_that_lets_nothing_through_ends_counting_the_unread_too(dynamodb, monkeypatch, wire):
    """Else a tenant with a million unread events could make each count read them all."""
    monkeypatch.setattr(event_lists, "MOST_EXAMINED", 3)
    monkeypatch.setattr(event_lists, "_FILTERED", 2)
    for number in range(20):
        dynamodb.add(an_event(str(number), account_id="acc_2"))
    dynamodb.add(an_event("mine", occurred_at=NOW - timedelta(days=1), account_id="acc_1"))
    asked = wire.counts(dynamodb.client, "Query")
    page = dynamodb.unread(TENANT, EventQuery(account_id="acc_1"))
    assert (page.data, len(asked)) == ((), 2)
    pages = 0
    while not page.data:
        page = dynamodb.unread(TENANT, EventQuery(account_id="acc_1", after=opened_moment(page.next_cursor, TENANT)))
        pages += 1
    assert (len(page.data), pages) == (1, 6)


def test_an_answer_in_part_is_asked_for_again_and_not_for_ever(dynamodb, wire):
    event = an_event()
    dynamodb.add(event)
    keys = {"EventsTable": {"Keys": [{"pk": {"S": f"TENANT#{TENANT}"}, "sk": {"S": f"EVENT#{event.id}"}}]}}

    def unanswered(parsed, **_):
        parsed["Responses"], parsed["UnprocessedKeys"] = {}, keys

    dynamodb.client.meta.events.register("after-call.dynamodb.BatchGetItem", unanswered)
    try:
        with pytest.raises(StoreUnavailableError):
            dynamodb.find(TENANT, [event.id])
    finally:
        dynamodb.client.meta.events.unregister("after-call.dynamodb.BatchGetItem", unanswered)
    assert dynamodb.find(TENANT, [event.id]) == (event,)


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_a_busy_table_is_a_busy_store(dynamodb, wire, code):
    wire.answers(dynamodb.client, "Query", code)
    with pytest.raises(StoreUnavailableError):
        dynamodb.page(TENANT, EventQuery())


def test_a_cursor_of_another_list_or_tenant_is_none():
    from darkroom.pages import cursor, moment_cursor, opened  # noqa: PLC0415 — beside their one use

    mine = moment_cursor(TENANT, (NOW, event_id(TENANT, "x")))
    assert opened_moment(mine, TENANT) == (NOW, event_id(TENANT, "x"))
    for wrong in (
        cursor(TENANT, event_id(TENANT, "x")),
        moment_cursor(OTHER_TENANT, (NOW, "evt_x")),
        "",
        "é",
        "x" * 200,
    ):
        with pytest.raises(BadRequestError):
            opened_moment(wrong, TENANT)
    with pytest.raises(BadRequestError):
        opened(mine, TENANT)
