"""Posts: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkroom.aws.posts import DynamoDBPosts
from darkroom.errors import ConflictError, NotFoundError
from darkroom.pages import PageRequest, opened
from darkroom.posts import FirstComment, MediaItem, Post, PostContent, PostState, ReelOptions, UserTag
from tests.builders import NOW, OTHER_TENANT, TENANT, a_container, a_post, content
from tests.fakes import FakePosts

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
UNIT = st.floats(0, 1)
CONTENTS = st.builds(
    PostContent,
    kind=st.sampled_from(["image", "carousel", "reel", "story"]),
    media=st.lists(
        st.builds(
            MediaItem,
            url=TEXT,
            type=st.sampled_from([None, "image", "video"]),
            alt_text=st.none() | TEXT,
            user_tags=st.lists(
                st.builds(UserTag, username=TEXT, x=st.none() | UNIT, y=st.none() | UNIT), max_size=3
            ).map(tuple),
        ),
        min_size=1,
        max_size=10,
    ).map(tuple),
    caption=st.none() | TEXT,
    location_id=st.none() | TEXT,
    collaborators=st.lists(TEXT, max_size=3).map(tuple),
    reel=st.none()
    | st.builds(
        ReelOptions,
        cover_url=st.none() | TEXT,
        thumb_offset_ms=st.none() | st.integers(0, 10**9),
        share_to_feed=st.none() | st.booleans(),
        audio_name=st.none() | TEXT,
        trial=st.sampled_from([None, "MANUAL", "SS_PERFORMANCE"]),
    ),
    is_ai_generated=st.none() | st.booleans(),
    first_comment=st.none() | TEXT,
    comments_enabled=st.none() | st.booleans(),
)


@pytest.fixture(params=["fake", "dynamodb"])
def posts(request, cloud):
    if request.param == "fake":
        return FakePosts()
    return DynamoDBPosts(cloud.client("dynamodb"), cloud.table("PostsTable"))


def test_adds_a_post_and_reads_it_back(posts):
    post = a_post()
    assert posts.add(post) == post
    assert posts.get(TENANT, post.id) == post


def full_post():
    """No field is as it would be by itself."""
    return a_post(
        content=content(
            "carousel",
            collaborators=("ada",),
            location_id="123",
            is_ai_generated=False,
            first_comment="First!",
            comments_enabled=False,
        ),
        external_id="invoice-7",
        group_id="group-1",
        duplicate_of="post_01M83VVB7Z2Q4WJ5K6N8P0RSTV",
        state=PostState.PUBLISHED,
        state_since=NOW + timedelta(minutes=1),
        accepted_at=NOW.replace(microsecond=123456),
        publish_at=NOW + timedelta(hours=1),
        time_zone="Europe/Berlin",
        queued_at=NOW + timedelta(seconds=1),
        request_id="req-1",
        tries=3,
        rebuilds=1,
        delays={"rate_limited": 2},
        delayed_until=NOW + timedelta(hours=2),
        probes="outage-1",
        containers=(
            a_container(0, finished_at=NOW + timedelta(seconds=4)),
            a_container(1),
            a_container(None, created_at=NOW.replace(microsecond=1)),
        ),
        publish_attempted_at=NOW,
        publish_attempts=2,
        fence=("17900000000000001", "17900000000000002"),
        published_at=NOW + timedelta(minutes=1),
        failed_at=NOW + timedelta(minutes=2),
        cancelled_at=NOW + timedelta(minutes=3),
        media_id="17900000000000003",
        permalink="https://www.instagram.com/p/abc/",
        comment=FirstComment(attempted_at=NOW, comment_id="17900000000000004", problem={"code": "instagram_refused"}),
        problem={"code": "media_rejected", "instagram": {"code": 36003}, "retry": {"after": None}},
        version=7,
    )


def test_keeps_every_field(posts):
    post = full_post()
    plain = a_post()
    same = {field.name for field in fields(Post) if getattr(post, field.name) == getattr(plain, field.name)}
    assert same == {"tenant_id", "account_id", "has_moved"}, "give these a value of their own above"
    posts.add(post)
    assert posts.get(TENANT, post.id) == post


def test_a_save_keeps_every_field_that_may_change(posts):
    full, post = full_post(), posts.add(a_post())
    fixed = {"id", "accepted_at", "request_id", "group_id", "duplicate_of", "containers", "version", "has_moved"}
    changes = {field.name: getattr(full, field.name) for field in fields(Post) if field.name not in fixed}
    saved = posts.save(replace(post, **changes))
    assert saved == replace(post, **changes, version=post.version + 1)
    assert posts.get(TENANT, post.id) == saved


def test_what_is_stored_has_moved_no_more(posts):
    post = posts.add(a_post(has_moved=True))
    assert not post.has_moved
    saved = posts.save(post.moved_to(PostState.PROCESSING, NOW))
    assert not saved.has_moved
    assert not posts.get(TENANT, post.id).has_moved


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(wanted=CONTENTS)
def test_keeps_any_content_to_the_letter(posts, wanted):
    post = posts.add(a_post(content=wanted))
    assert posts.get(TENANT, post.id).content == wanted


def test_adding_an_id_again_answers_what_is_stored_and_changes_nothing(posts):
    first = posts.add(a_post())
    second = posts.add(replace(first, content=content(caption="Another text"), external_id="other"))
    assert second == first == posts.get(TENANT, first.id)


def test_another_tenant_s_post_is_not_found(posts):
    post = posts.add(a_post())
    for tenant_id, post_id in ((OTHER_TENANT, post.id), (TENANT, "post_00000000000000000000000000")):
        with pytest.raises(NotFoundError):
            posts.get(tenant_id, post_id)


def test_the_same_id_under_two_tenants_is_two_posts(posts):
    mine = posts.add(a_post())
    theirs = posts.add(replace(mine, tenant_id=OTHER_TENANT, external_id="theirs"))
    assert posts.get(TENANT, mine.id) == mine
    assert posts.get(OTHER_TENANT, mine.id) == theirs


def test_saving_writes_a_new_version(posts):
    post = posts.add(a_post())
    saved = posts.save(post.moved_to(PostState.PROCESSING, NOW))
    assert saved.version == post.version + 1
    assert posts.get(TENANT, post.id) == saved


def test_saving_can_take_values_back(posts):
    post = posts.add(a_post(publish_attempted_at=NOW, problem={"code": "x"}, fence=("1",)))
    saved = posts.save(replace(post, publish_attempted_at=None, problem=None, fence=()))
    assert posts.get(TENANT, post.id) == saved


def test_refuses_to_save_over_what_somebody_else_has_saved(posts):
    post = posts.add(a_post())
    first = posts.save(post.moved_to(PostState.PROCESSING, NOW))
    with pytest.raises(ConflictError):
        posts.save(post.moved_to(PostState.FAILED, NOW))
    assert posts.get(TENANT, post.id) == first


def test_refuses_to_save_what_was_never_added(posts):
    with pytest.raises(ConflictError):
        posts.save(a_post().moved_to(PostState.PROCESSING, NOW))


def test_one_of_many_parallel_saves_wins(posts):
    post = posts.add(a_post())

    def attempt(number):
        try:
            return posts.save(replace(post.moved_to(PostState.PROCESSING, NOW), publish_attempts=number))
        except ConflictError:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [saved for saved in pool.map(attempt, range(16)) if saved]
    assert won == [posts.get(TENANT, post.id)]


def test_containers_added_side_by_side_are_all_kept_in_the_order_of_the_carousel(posts):
    post = posts.add(a_post(content=content("carousel")))
    wanted = [*(a_container(item) for item in range(10)), a_container(None)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda container: posts.add_container(post, container), reversed(wanted)))
    assert posts.get(TENANT, post.id).containers == tuple(wanted)


def test_a_save_does_not_lose_a_container_that_was_added_meanwhile(posts):
    post = posts.add(a_post())
    posts.add_container(post, a_container())
    posts.save(post.moved_to(PostState.PROCESSING, NOW))
    assert posts.get(TENANT, post.id).containers == (a_container(),)


def test_a_save_forgets_the_containers_that_it_names_and_no_others(posts):
    post = posts.add(a_post(content=content("carousel")))
    for container in (a_container(0), a_container(1), a_container(None)):
        posts.add_container(post, container)
    read = posts.get(TENANT, post.id)
    saved = posts.save(read.moved_to(PostState.PROCESSING, NOW, rebuilds=1), without=(0, None))
    assert saved.containers == (a_container(1),)
    assert posts.get(TENANT, post.id) == saved
    anew = a_container(container_id="17900000000009999")
    posts.add_container(saved, anew)
    assert posts.get(TENANT, post.id).containers == (a_container(1), anew)


def test_containers_are_forgotten_without_a_change_of_state_too(posts):
    post = posts.add(a_post(containers=(a_container(),)))
    saved = posts.save(replace(post, rebuilds=1), without=(None,))
    assert saved.containers == ()
    assert posts.get(TENANT, post.id) == saved


def test_a_save_that_lost_forgets_nothing(posts):
    post = posts.add(a_post(containers=(a_container(),)))
    posts.save(post.moved_to(PostState.PROCESSING, NOW))
    with pytest.raises(ConflictError):
        posts.save(post, without=(None,))
    assert posts.get(TENANT, post.id).containers == (a_container(),)


def test_forgetting_what_is_not_there_is_no_mistake(posts):
    post = posts.add(a_post())
    assert posts.save(replace(post, rebuilds=1), without=(None, 3)).containers == ()


def test_a_container_is_finished_in_place(posts):
    post = posts.add(a_post())
    posts.add_container(post, a_container())
    posts.add_container(post, a_container(finished_at=NOW))
    assert posts.get(TENANT, post.id).containers == (a_container(finished_at=NOW),)


def test_a_container_is_never_replaced_by_another_one(posts):
    post = posts.add(a_post())
    posts.add_container(post, a_container())
    with pytest.raises(ConflictError):
        posts.add_container(post, a_container(container_id="17900000000009999"))
    assert posts.get(TENANT, post.id).containers == (a_container(),)


def test_a_post_that_does_not_exist_gets_no_container(posts):
    post = a_post()
    with pytest.raises(ConflictError):
        posts.add_container(post, a_container())
    with pytest.raises(NotFoundError):
        posts.get(TENANT, post.id)


def test_lists_newest_first_and_other_tenants_never(posts):
    mine = [posts.add(a_post(accepted_at=NOW + timedelta(seconds=second))) for second in range(3)]
    posts.add(a_post(tenant_id=OTHER_TENANT))
    page = posts.page(TENANT, PageRequest(), None, None)
    assert page.data == tuple(reversed(mine))
    assert page.next_cursor is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_hold_each_post_once(posts, limit):
    mine = [posts.add(a_post(accepted_at=NOW + timedelta(seconds=second))) for second in range(7)]
    pages = list(_pages(posts, limit))
    assert [post for page in pages for post in page.data] == list(reversed(mine))
    assert all(len(page.data) <= limit for page in pages)


def test_pages_of_one_account(posts):
    mine = [
        posts.add(a_post(account_id=account, accepted_at=NOW + timedelta(seconds=second)))
        for second, account in enumerate(["acc_a", "acc_b", "acc_a", "acc_b", "acc_a"])
    ]
    posts.add(a_post(tenant_id=OTHER_TENANT, account_id="acc_a"))
    found = [post for page in _pages(posts, 2, account_id="acc_a") for post in page.data]
    assert found == [mine[4], mine[2], mine[0]]


@pytest.mark.parametrize("account_id", [None, "acc_a"])
def test_pages_of_one_state_may_be_short_but_lose_nothing(posts, account_id):
    states = [PostState.FAILED, PostState.QUEUED, PostState.QUEUED, PostState.FAILED, PostState.QUEUED]
    mine = [
        posts.add(a_post(account_id="acc_a", state=state, accepted_at=NOW + timedelta(seconds=second)))
        for second, state in enumerate(states)
    ]
    found = [post for page in _pages(posts, 2, account_id, PostState.FAILED) for post in page.data]
    assert found == [mine[3], mine[0]]


def test_a_post_that_arrives_between_two_pages_moves_nothing(posts):
    mine = [posts.add(a_post(accepted_at=NOW + timedelta(seconds=second))) for second in range(4)]
    first = posts.page(TENANT, PageRequest(2), None, None)
    posts.add(a_post(accepted_at=NOW + timedelta(hours=1)))
    second = posts.page(TENANT, PageRequest(2, opened(first.next_cursor, TENANT)), None, None)
    assert first.data + second.data == tuple(reversed(mine))


def _pages(posts, limit, account_id=None, state=None):
    after = None
    for _ in range(20):
        page = posts.page(TENANT, PageRequest(limit, after), account_id, state)
        yield page
        if page.next_cursor is None:
            return
        after = opened(page.next_cursor, TENANT)
    pytest.fail("The pages never end.")


@pytest.mark.parametrize("account_id", [None, "acc_00000000000000000000000001"])
def test_the_last_page_says_that_nothing_follows_even_when_it_is_full(posts, account_id):
    stored = [posts.add(a_post()) for _ in range(4)]
    first = posts.page(TENANT, PageRequest(2), account_id, None)
    last = posts.page(TENANT, PageRequest(2, opened(first.next_cursor, TENANT)), account_id, None)
    assert {post.id for post in (*first.data, *last.data)} == {post.id for post in stored}
    assert last.next_cursor is None


def test_only_posts_that_are_on_their_way_and_old_enough_are_open(posts):
    minute = timedelta(minutes=1)
    oldest, young = (posts.add(a_post(accepted_at=NOW - minute * age)) for age in (9, 1))
    moving = posts.add(a_post(accepted_at=NOW - minute * 20))
    moving = posts.save(moving.moved_to(PostState.PROCESSING, NOW - minute * 8))
    posts.save(posts.add(a_post(accepted_at=NOW - minute * 20)).moved_to(PostState.PROCESSING, NOW))
    for end in (PostState.FAILED,):
        posts.save(posts.add(a_post(accepted_at=NOW - minute * 7)).moved_to(end, NOW))
    found = posts.left_before(NOW - minute * 2, 10)
    assert found == ((oldest.tenant_id, oldest.id), (moving.tenant_id, moving.id))
    assert young.id not in str(found)
    assert posts.left_before(NOW - minute * 2, 1) == found[:1]


def test_a_delayed_post_is_open_and_a_scheduled_one_is_not(posts):
    minute = timedelta(minutes=1)
    delayed = a_post(state=PostState.DELAYED, accepted_at=NOW - minute * 9)
    posts.add(delayed)
    for state in (PostState.DRAFT, PostState.SCHEDULED, PostState.CANCELLED, PostState.UNCONFIRMED):
        posts.add(a_post(state=state, accepted_at=NOW - minute * 9, publish_at=NOW + minute))
    assert posts.left_before(NOW, 10) == ((delayed.tenant_id, delayed.id),)


def test_a_post_that_was_looked_after_lets_those_behind_it_go_first(posts):
    minute = timedelta(minutes=1)
    first, second = (posts.add(a_post(accepted_at=NOW - minute * age)) for age in (9, 8))
    posts.look_again_after(first, NOW - minute * 5)
    assert [post_id for _, post_id in posts.left_before(NOW, 10)] == [second.id, first.id]
    assert [post_id for _, post_id in posts.left_before(NOW - minute * 5, 10)] == [second.id]
    assert posts.get(TENANT, first.id) == first, "nobody's write is in the way of this, and this in nobody's"


def test_a_post_that_has_ended_is_not_looked_after_again(posts):
    post = posts.add(a_post())
    posts.save(post.moved_to(PostState.FAILED, NOW))
    posts.look_again_after(post, NOW - timedelta(hours=1))
    assert posts.left_before(NOW + timedelta(hours=1), 10) == ()


def test_scheduled_posts_are_due_by_their_time_the_longest_due_first(posts):
    minute = timedelta(minutes=1)
    late, later, in_time = (
        posts.add(a_post(state=PostState.SCHEDULED, queued_at=None, publish_at=NOW + minute * offset))
        for offset in (-3, -9, 1)
    )
    posts.add(a_post(accepted_at=NOW - minute * 9))
    posts.add(a_post(state=PostState.DRAFT, publish_at=NOW - minute))
    assert posts.due_before(NOW, 10) == ((TENANT, later.id), (TENANT, late.id))
    assert posts.due_before(NOW, 1) == ((TENANT, later.id),)
    assert posts.due_before(in_time.publish_at, 10) == posts.due_before(NOW, 10)


def test_a_post_that_is_moved_started_or_cancelled_is_due_no_more(posts):
    minute = timedelta(minutes=1)
    moved, started, cancelled = (
        posts.add(a_post(state=PostState.SCHEDULED, publish_at=NOW - minute)) for _ in range(3)
    )
    posts.save(replace(moved, publish_at=NOW + minute))
    posts.save(started.moved_to(PostState.QUEUED, NOW, queued_at=NOW))
    posts.save(cancelled.moved_to(PostState.CANCELLED, NOW, cancelled_at=NOW))
    assert posts.due_before(NOW, 10) == ()
    assert posts.left_before(NOW + minute, 10) == ((TENANT, started.id),)
