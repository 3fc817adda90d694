"""Timelines: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkroom.aws.posts import DynamoDBPosts
from darkroom.aws.timeline import DynamoDBTimeline
from darkroom.errors import ConflictError, StoreUnavailableError
from darkroom.posts import PostState
from darkroom.timeline import KEPT, Entry, Place, at
from tests.builders import NOW, OTHER_TENANT, TENANT, a_call, a_post
from tests.fakes import FakePosts

SECOND = timedelta(seconds=1)
TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBER = st.none() | st.integers(-(10**9), 10**9)
ENTRIES = st.builds(
    Entry,
    at=st.datetimes(NOW.replace(tzinfo=None) - timedelta(days=80), NOW.replace(tzinfo=None)).map(
        lambda moment: moment.replace(tzinfo=NOW.tzinfo)
    ),
    kind=st.sampled_from(["state", "call"]),
    step=TEXT,
    state=st.sampled_from([None, *PostState]),
    problem=TEXT,
    method=st.sampled_from([None, "GET", "POST", "DELETE"]),
    path=TEXT,
    status=NUMBER,
    duration_ms=st.none() | st.integers(0, 10**7).map(lambda tenths: tenths / 10),
    error=TEXT,
    code=NUMBER,
    error_subcode=NUMBER,
    fbtrace_id=TEXT,
    app_usage_percent=NUMBER,
    account_usage_percent=NUMBER,
)


class Stores(NamedTuple):
    posts: Any
    timeline: Any

    def read(self, post, *, now=NOW, limit=1000):
        return self.timeline.read(post.tenant_id, post.id, now, limit)


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request, cloud):
    if request.param == "fake":
        posts = FakePosts()
        return Stores(posts, posts.timeline)
    client, table = cloud.client("dynamodb"), cloud.table("PostsTable")
    return Stores(DynamoDBPosts(client, table), DynamoDBTimeline(client, table))


def test_a_post_that_nothing_happened_to_has_no_entries(stores):
    assert stores.read(a_post()) == ()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(entry=ENTRIES)
def test_keeps_every_field_of_an_entry(stores, entry):
    post = a_post()
    stores.timeline.add(TENANT, post.id, entry)
    assert stores.read(post) == (entry,)


def test_entries_are_in_order_of_time_whatever_order_they_came_in(stores):
    post = a_post()
    entries = [a_call(at=NOW - SECOND * age) for age in range(5)]
    for entry in (entries[2], entries[0], entries[4], entries[1], entries[3]):
        stores.timeline.add(TENANT, post.id, entry)
    assert stores.read(post) == tuple(reversed(entries))


def test_what_happens_in_the_same_microsecond_is_all_kept(stores):
    """The items of a carousel are made side by side."""
    post = a_post()
    calls = [a_call(status=number) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda call: stores.timeline.add(TENANT, post.id, call), calls))
    assert sorted(entry.status for entry in stores.read(post)) == list(range(20))


def test_of_many_entries_the_newest_are_read(stores):
    post = a_post()
    entries = [a_call(at=NOW - SECOND * age) for age in range(9, -1, -1)]
    for entry in entries:
        stores.timeline.add(TENANT, post.id, entry)
    assert stores.read(post, limit=3) == tuple(entries[-3:])
    assert stores.read(post, limit=10) == stores.read(post, limit=11) == tuple(entries)


def test_what_has_expired_is_not_read_even_before_it_is_deleted(stores):
    post = a_post()
    old, kept = a_call(at=NOW - SECOND), a_call(at=NOW)
    for entry in (old, kept):
        stores.timeline.add(TENANT, post.id, entry)
    assert stores.read(post, now=NOW + KEPT) == (kept,)
    assert stores.read(post, now=NOW + KEPT - SECOND) == (old, kept)


def test_timelines_of_other_posts_and_tenants_are_apart(stores):
    mine, other = a_post(), a_post()
    longer = replace(mine, id=f"{mine.id}0")  # its id begins like ours
    theirs = replace(mine, tenant_id=OTHER_TENANT)
    for number, post in enumerate((mine, other, longer, theirs)):
        stores.timeline.add(post.tenant_id, post.id, a_call(status=number))
    assert [entry.status for post in (mine, other, longer, theirs) for entry in stores.read(post)] == [0, 1, 2, 3]


def test_a_new_post_begins_its_timeline_and_adding_it_again_changes_nothing(stores):
    post = stores.posts.add(a_post())
    stores.posts.add(replace(post, state=PostState.DRAFT, state_since=NOW + SECOND))
    assert stores.read(post) == (Entry(at=NOW, kind="state", state=PostState.QUEUED),)


def test_each_new_state_is_an_entry_with_the_step_and_the_problem(stores):
    post = stores.posts.add(a_post())
    with at(Place(TENANT, post.id, "BeginPost")):
        post = stores.posts.save(post.moved_to(PostState.PROCESSING, NOW + SECOND))
    problem = {"code": "media_rejected", "title": "CANARY", "detail": "CANARY"}
    stores.posts.save(post.moved_to(PostState.FAILED, NOW + SECOND * 2, problem=problem))
    assert stores.read(post, now=NOW + SECOND * 2)[1:] == (
        Entry(at=NOW + SECOND, kind="state", step="BeginPost", state=PostState.PROCESSING),
        Entry(at=NOW + SECOND * 2, kind="state", state=PostState.FAILED, problem="media_rejected"),
    )


def test_a_save_that_changes_no_state_is_no_entry(stores):
    post = stores.posts.add(a_post())
    moved = stores.posts.save(post.moved_to(PostState.PROCESSING, NOW))
    stores.posts.save(replace(moved, publish_attempts=1))
    assert [entry.state for entry in stores.read(post)] == [PostState.QUEUED, PostState.PROCESSING]


def test_a_save_that_lost_is_no_entry(stores):
    post = stores.posts.add(a_post())
    stores.posts.save(post.moved_to(PostState.PROCESSING, NOW))
    with pytest.raises(ConflictError):
        stores.posts.save(post.moved_to(PostState.FAILED, NOW))
    with pytest.raises(ConflictError):
        stores.posts.save(a_post(id=post.id, tenant_id=OTHER_TENANT).moved_to(PostState.FAILED, NOW))
    assert [entry.state for entry in stores.read(post)] == [PostState.QUEUED, PostState.PROCESSING]
    assert stores.read(replace(post, tenant_id=OTHER_TENANT)) == ()


def test_no_entry_is_taken_for_a_post(stores):
    post = stores.posts.add(a_post())
    stores.timeline.add(TENANT, post.id, a_call())
    assert stores.posts.left_before(NOW + SECOND, 10) == ((TENANT, post.id),)


# DynamoDB alone.


@pytest.fixture
def client(cloud):
    return cloud.client("dynamodb")


@pytest.fixture
def timeline(cloud, client):
    return DynamoDBTimeline(client, cloud.table("PostsTable"))


def test_reads_on_where_dynamodb_stops_early(timeline, client, wire):
    """A page of DynamoDB's ends after a megabyte, however many items were asked for."""
    for age in range(5):
        timeline.add(TENANT, "post_1", a_call(at=NOW - SECOND * age))

    def two_at_most(params, **_):
        params["Limit"] = min(params["Limit"], 2)

    client.meta.events.register("provide-client-params.dynamodb.Query", two_at_most)
    sent = wire.counts(client, "Query")
    try:
        assert [entry.at for entry in timeline.read(TENANT, "post_1", NOW, 1000)] == [
            NOW - SECOND * age for age in range(4, -1, -1)
        ]
        assert len(timeline.read(TENANT, "post_1", NOW, 3)) == 3
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.Query", two_at_most)
    assert len(sent) == 3 + 2


def test_every_entry_expires_and_no_post_does(timeline, client):
    posts = DynamoDBPosts(client, timeline.table)
    post = posts.add(a_post())
    timeline.add(TENANT, post.id, a_call())
    items = client.scan(TableName=timeline.table)["Items"]
    expiries = {item["sk"]["S"].partition("#")[0]: item.get("expires_at") for item in items}
    assert expiries == {"POST": None, "TIMELINE": {"N": str(int((NOW + KEPT).timestamp()))}}


def test_a_busy_table_means_wait(timeline, client, wire):
    wire.answers(client, "PutItem", "ThrottlingException")
    wire.answers(client, "Query", "ThrottlingException")
    with pytest.raises(StoreUnavailableError):
        timeline.add(TENANT, "post_1", a_call())
    with pytest.raises(StoreUnavailableError):
        timeline.read(TENANT, "post_1", NOW, 10)
