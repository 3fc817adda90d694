"""May this post go out now? Everything that can be known before Instagram works for us."""

from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom import beginning, confirming
from darkroom.accounts import AccountState
from darkroom.errors import (
    AccountUnavailableError,
    NotFoundError,
    PlatformOutageError,
    PostCancelledError,
    TokenUnreadableError,
)
from darkroom.instagram.errors import (
    InstagramUnavailableError,
    InvalidRequestError,
    OutcomeUnknownError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.limits import MOST_CONTAINERS
from darkroom.outages import PROBE_EVERY, THRESHOLD
from darkroom.posts import PostState
from darkroom.workflow import PublishedTask
from tests.builders import NOW, TENANT, a_container, a_post, an_account, content, image_item
from tests.unit.world import StepsWorld, overtaken, world_of

ACCOUNT_ID = a_post().account_id
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def world():
    return world_of()


def begin(world):
    return beginning.begin_post(world.task, world.ports)


def carousel(count):
    return content("carousel", media=tuple(image_item(str(number)) for number in range(count)))


def with_outage(world):
    """Open for a while: the next probe is due."""
    for number in range(THRESHOLD):
        opened = world.outages.report("CreateContainer", "2", f"acc_{number}", world.clock())
    assert opened is not None
    world.clock.advance(PROBE_EVERY)
    return opened


def test_a_post_is_let_through_with_the_containers_it_needs(world):
    assert begin(world) == {"items": []}
    assert (world.post().state, world.post().state_since) == (PostState.PROCESSING, NOW)
    assert world.instagram.calls == ["publishing_limit"]


def test_a_carousel_needs_one_container_an_item():
    assert begin(world_of(content=carousel(3))) == {"items": [0, 1, 2]}


def test_beginning_again_changes_nothing(world):
    begin(world)
    post = world.post()
    assert begin(world) == {"items": []}
    assert world.post() == post


def test_a_post_that_waited_says_so_no_longer():
    world = world_of(state=PostState.DELAYED, delayed_until=NOW, problem={"code": "rate_limited"}, delays=3)
    begin(world)
    post = world.post()
    assert (post.state, post.delayed_until, post.problem, post.delays) == (PostState.PROCESSING, None, None, 3)


def test_a_cancelled_post_does_not_begin():
    world = world_of(state=PostState.CANCELLED)
    with pytest.raises(PostCancelledError):
        begin(world)
    assert world.instagram.calls == []


def test_a_post_that_is_cancelled_while_it_begins_stays_cancelled(world):
    overtaken(world.posts, "save", lambda: world.posts.save(world.post().moved_to(PostState.CANCELLED, NOW)))
    with pytest.raises(Exception, match="version_conflict"):
        begin(world)
    with pytest.raises(PostCancelledError):
        begin(world)


# An attempt that stands.


@pytest.mark.parametrize(
    ("state", "moved_to"), [("queued", "publishing"), ("delayed", "delayed"), ("publishing", "publishing")]
)
def test_what_may_have_been_sent_is_asked_about_before_anything_else(state, moved_to):
    world = world_of(state=PostState(state), publish_attempted_at=NOW, publish_attempts=1)
    with_outage(world)
    world.quota.pause(TENANT, ACCOUNT_ID, NOW + HOUR)
    for _ in range(2):
        with pytest.raises(OutcomeUnknownError):
            begin(world)
    assert world.post().state == moved_to
    assert world.instagram.calls == []


def test_an_account_that_cannot_publish_leaves_the_attempt_standing_for_a_person():
    world = world_of(publish_attempted_at=NOW, publish_attempts=1)
    world.accounts.connect(an_account(token_version=2, state=AccountState.ACTION_REQUIRED), "token")
    with pytest.raises(AccountUnavailableError) as refusal:
        begin(world)
    confirming.mark_failed(world.failing(refusal.value), world.ports)
    assert (world.post().state, world.post().problem["code"]) == (PostState.UNCONFIRMED, "outcome_unknown")


def test_a_post_whose_media_is_known_goes_straight_on():
    world = world_of(state=PostState.PUBLISHING, media_id="101")
    world.quota.pause(TENANT, ACCOUNT_ID, NOW + HOUR)
    assert begin(world) == {"items": []}
    assert (world.post(), world.instagram.calls) == (world.first, [])


# The gates, in order.


@pytest.mark.parametrize("option", [{"first_comment": "More"}, {"comments_enabled": False}])
def test_a_scope_that_was_lost_since_the_post_was_accepted_stops_it(option):
    world = world_of(content=content(**option))
    with pytest.raises(AccountUnavailableError) as refusal:
        begin(world)
    assert refusal.value.code == "permissions_missing"
    assert (world.post(), world.instagram.calls) == (world.first, [])


def test_an_account_that_is_gone_stops_the_post(world):
    world.accounts.erase(world.account)
    with pytest.raises(NotFoundError) as refusal:
        begin(world)
    assert refusal.value.code == "account_gone"


def test_while_the_account_is_paused_instagram_is_not_called(world):
    world.quota.pause(TENANT, ACCOUNT_ID, NOW + timedelta(seconds=41))
    with pytest.raises(RateLimitedError) as pause:
        begin(world)
    assert pause.value.retry_after == 41
    assert (world.post(), world.instagram.calls) == (world.first, [])
    world.clock.advance(41)
    assert begin(world) == {"items": []}


def test_a_pause_of_one_account_does_not_stop_another(world):
    world.quota.pause(TENANT, "acc_another", NOW + HOUR)
    world.quota.pause("globex", ACCOUNT_ID, NOW + HOUR)
    assert begin(world) == {"items": []}


@pytest.mark.parametrize(
    ("wanted", "made", "room"),
    [(content(), (), 1), (carousel(3), (), 4), (carousel(3), (0, 1), 2), (carousel(3), (0, 1, 2), 1)],
    ids=["an image", "a carousel", "a carousel that has two", "one that has all its items"],
)
def test_a_post_waits_unless_today_has_room_for_all_the_containers_it_still_needs(wanted, made, room):
    def with_room(count):
        world = world_of(content=wanted, containers=tuple(a_container(item) for item in made))
        for _ in range(MOST_CONTAINERS.value - count):
            world.quota.count_container(TENANT, ACCOUNT_ID, NOW - HOUR)
        return world

    assert begin(with_room(room))
    world = with_room(room - 1)
    with pytest.raises(PublishingLimitReachedError):
        begin(world)
    assert (world.post(), world.instagram.calls) == (world.first, [])


@pytest.mark.parametrize(("wanted", "made"), [(content(), (None,)), (carousel(3), (0, 1, 2, None))])
def test_a_post_that_has_all_its_containers_does_not_wait_for_room_for_more(wanted, made):
    world = world_of(content=wanted, containers=tuple(a_container(item) for item in made))
    for _ in range(MOST_CONTAINERS.value):
        world.quota.count_container(TENANT, ACCOUNT_ID, NOW - HOUR)
    assert begin(world)


def test_containers_of_yesterday_do_not_count(world):
    for _ in range(MOST_CONTAINERS.value):
        world.quota.count_container(TENANT, ACCOUNT_ID, NOW - 26 * HOUR)
    assert begin(world)


def test_a_post_waits_while_instagram_s_own_count_is_full(world):
    world.instagram.quota_total = 0
    with pytest.raises(PublishingLimitReachedError):
        begin(world)
    assert world.post() == world.first
    allowance = world.quota.allowance(TENANT, ACCOUNT_ID)
    assert (allowance.quota_usage, allowance.quota_total, allowance.measured_at) == (0, 0, NOW)


@pytest.mark.parametrize("error", [InstagramUnavailableError(), InvalidRequestError(code=100)])
def test_where_instagram_does_not_tell_its_count_the_post_goes_on(world, error):
    world.instagram.fail("publishing_limit", error)
    assert begin(world) == {"items": []}
    assert world.post().state is PostState.PROCESSING


@pytest.mark.parametrize("error", [RateLimitedError(code=4), TokenInvalidError(code=190)])
def test_what_instagram_says_of_the_account_while_it_is_asked_stops_the_post(world, error):
    world.instagram.fail("publishing_limit", error)
    with pytest.raises(type(error)):
        begin(world)
    assert world.post() == world.first


def test_when_calls_are_scarce_the_count_is_not_asked_for(world):
    world.quota.used(TENANT, ACCOUNT_ID, 95, NOW)
    assert begin(world) == {"items": []}
    assert world.instagram.calls == []


def test_an_unreadable_token_stops_the_post_before_it_has_begun(world):
    world.ports.tokens.failure = TokenUnreadableError()
    with pytest.raises(TokenUnreadableError):
        begin(world)
    assert (world.post(), world.instagram.calls) == (world.first, [])


# An outage.


def test_in_an_outage_a_post_waits_for_the_next_probe(world):
    with_outage(world)
    world.outages.take_probe(world.outages.current(), world.clock())
    with pytest.raises(PlatformOutageError) as outage:
        begin(world)
    assert outage.value.retry_after == PROBE_EVERY.total_seconds()
    assert (world.post(), world.instagram.calls) == (world.first, [])


def test_of_the_posts_that_wait_one_is_let_through_to_find_out():
    worlds = [StepsWorld(a_post(state=PostState.DELAYED, problem={"code": "platform_outage"}))]
    opened = with_outage(worlds[0])
    shared = {"outages": worlds[0].outages, "clock": worlds[0].clock}
    worlds += [StepsWorld(a_post(state=PostState.DELAYED), **shared) for _ in range(4)]
    begin(worlds[0])
    for world in worlds[1:]:
        with pytest.raises(PlatformOutageError):
            begin(world)
    assert [world.post().probes for world in worlds] == [opened.id, None, None, None, None]
    assert [world.post().state for world in worlds] == [PostState.PROCESSING] + [PostState.DELAYED] * 4


@pytest.mark.parametrize("obstacle", ["pause", "containers"])
def test_a_post_that_cannot_go_out_anyway_does_not_use_up_the_probe(world, obstacle):
    outage = with_outage(world)
    if obstacle == "pause":
        world.quota.pause(TENANT, ACCOUNT_ID, world.clock() + HOUR)
    else:
        for _ in range(MOST_CONTAINERS.value):
            world.quota.count_container(TENANT, ACCOUNT_ID, NOW)
    with pytest.raises((RateLimitedError, PublishingLimitReachedError)):
        begin(world)
    assert world.outages.take_probe(world.outages.current(), world.clock())
    assert outage.id == world.outages.current().id


def test_a_probe_that_goes_live_ends_every_outage_and_says_so_once(world):
    with_outage(world)
    for number in range(THRESHOLD):
        world.outages.report("PublishContainer", "-1", f"acc_{number}", world.clock())
    begin(world)
    world.posts.save(world.post().moved_to(PostState.PUBLISHING, world.clock()))
    for _ in range(2):
        confirming.mark_published(PublishedTask(TENANT, world.first.id, "101"), world.ports)
    assert world.outages.current() is None
    assert [name for name, _ in world.bus.announced] == ["PlatformOutageEnded"] * 2
    assert {facts["outage_id"] for _, facts in world.bus.announced} == {"CreateContainer:2", "PublishContainer:-1"}


def test_a_post_that_goes_live_without_being_a_probe_ends_no_outage(world):
    begin(world)
    with_outage(world)
    world.posts.save(replace(world.post().moved_to(PostState.PUBLISHING, NOW)))
    confirming.mark_published(PublishedTask(TENANT, world.first.id, "101"), world.ports)
    assert world.outages.current() is not None
