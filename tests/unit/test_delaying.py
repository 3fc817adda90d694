"""A post that has to wait says why and until when; one account's trouble ends in failure, everybody's never does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom import beginning, delaying
from darkroom.errors import ConflictError, ContainerExpiredError, PlatformOutageError, PostCancelledError
from darkroom.instagram.errors import (
    InstagramUnavailableError,
    MediaRejectedError,
    MediaUnreachableError,
    OutcomeUnknownError,
    PublishingLimitReachedError,
    RateLimitedError,
)
from darkroom.outages import PROBE_EVERY, THRESHOLD
from darkroom.posts import PostState
from tests.builders import NOW, TENANT, a_post
from tests.unit.world import StepsWorld, overtaken, world_of

TROUBLE = InstagramUnavailableError(code=2)
ACCOUNT_ID = a_post().account_id
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@pytest.fixture
def world():
    return world_of(state=PostState.PROCESSING)


def delay(world, error=TROUBLE, step="CreateContainer"):
    """How long; None: not at all."""
    answer = delaying.delay_post(world.delaying(error, step), world.ports)
    assert answer["is_worth_waiting"] == (answer["wait_seconds"] > 0)
    return answer["wait_seconds"] or None


def in_an_outage(world):
    for number in range(THRESHOLD):
        world.outages.report("CreateContainer", "2", f"acc_{number}", world.clock())
    return world


# What the post says.


@pytest.mark.parametrize("state", [PostState.QUEUED, PostState.PROCESSING, PostState.DELAYED])
def test_a_post_that_waits_says_why_and_until_when(state):
    world = world_of(state=state)
    seconds = delay(world, RateLimitedError(code=4, retry_after=90))
    post = world.post()
    assert (post.state, post.delayed_until, sum(post.delays.values())) == (
        PostState.DELAYED,
        NOW + timedelta(seconds=seconds),
        1,
    )
    assert post.problem["code"] == "rate_limited"
    assert post.problem["retry"] == {"allowed": False, "automatic": True, "after": seconds}


def test_a_post_that_waits_on_was_delayed_once_in_its_timeline(world):
    for _ in range(3):
        delay(world)
    assert world.posts.moves == [(world.first.id, PostState.DELAYED)]
    assert world.post().delays == {"instagram_unavailable": 3}


def test_a_probe_that_has_to_wait_is_no_probe_any_more():
    world = world_of(state=PostState.PROCESSING, probes="CreateContainer:2")
    delay(world)
    assert world.post().probes is None


@pytest.mark.parametrize(
    "error",
    [
        MediaRejectedError(code=36003),
        MediaUnreachableError(code=9004),
        ContainerExpiredError(),
        OutcomeUnknownError(),
        InstagramUnavailableError(code=100, subcode=33),
    ],
    ids=repr,
)
def test_what_waiting_does_not_mend_is_not_waited_for(world, error):
    before = world.post()
    assert delay(world, error) is None
    assert world.post() == before
    assert world.outages.seen == {}


def test_a_worker_that_died_without_a_word_is_not_waited_for(world):
    task = replace(world.delaying(TROUBLE), error={"Error": "Lambda.Unknown", "Cause": "exited"})
    assert delaying.delay_post(task, world.ports) == {"is_worth_waiting": False, "wait_seconds": 0}


def test_a_cancelled_post_waits_for_nothing():
    world = world_of(state=PostState.CANCELLED)
    with pytest.raises(PostCancelledError):
        delay(world)


def test_a_post_that_is_cancelled_while_it_is_delayed_stays_cancelled(world):
    overtaken(world.posts, "save", lambda: world.posts.save(world.post().moved_to(PostState.CANCELLED, NOW)))
    with pytest.raises(ConflictError):
        delay(world)
    with pytest.raises(PostCancelledError):
        delay(world)
    assert world.post().state is PostState.CANCELLED


# The account's own trouble.


def test_trouble_of_one_account_is_waited_out_ever_longer_and_then_given_up(world):
    waits = [delay(world) for _ in range(len(delaying.PATIENCE) + 1)]
    assert waits == [*delaying.PATIENCE, None]
    assert waits[:-1] == sorted(waits[:-1])
    assert sum(delaying.PATIENCE) > 2 * 3600
    assert world.bus.announced == []


@pytest.mark.parametrize("error", [TROUBLE, RateLimitedError(), PublishingLimitReachedError(), PlatformOutageError()])
def test_after_two_days_nothing_is_waited_for_any_more(error):
    at_the_end, too_late = (
        world_of(state=PostState.PROCESSING, accepted_at=NOW - 9 * DAY, queued_at=NOW - 2 * DAY + left)
        for left in (timedelta(hours=1), SECOND)
    )
    assert delay(at_the_end, error) is not None
    assert delay(too_late, error) is None
    assert too_late.post() == too_late.first


# A throttle.


@pytest.mark.parametrize(("told", "seconds"), [(0, 15), (7.2, 15), (90, 90), (90.2, 91), (86_400, 86_400)])
def test_a_throttle_is_waited_out_as_long_as_instagram_says(world, told, seconds):
    assert delay(world, RateLimitedError(code=4, retry_after=told)) == seconds
    assert world.quota.allowance(TENANT, ACCOUNT_ID).pause_left(NOW) == timedelta(seconds=seconds)


def test_a_throttle_of_unknown_length_is_waited_out_ever_longer():
    waits = []
    for delays in (0, 1, 2, 3, 4, 5, 6, 7, 50):
        world = world_of(state=PostState.PROCESSING, delays={"rate_limited": delays})
        waits.append(delay(world, RateLimitedError(code=4)))
    assert waits == [*delaying.THROTTLED, 3600, 3600]


def test_waiting_for_a_pause_does_not_prolong_it(world):
    until = NOW + timedelta(seconds=40.5)
    world.quota.pause(TENANT, ACCOUNT_ID, until)
    assert delay(world, RateLimitedError(retry_after=40.5, is_pause=True), step="BeginPost") == 41
    assert world.quota.allowance(TENANT, ACCOUNT_ID).paused_until == until
    assert "is_pause" not in world.post().problem


def test_a_throttle_that_says_nothing_but_how_long_is_no_pause_that_was_met(world):
    """Such as a proxy's: a 429 with Retry-After and a page instead of JSON, in answer to the first call of all."""
    world.instagram.fail("publishing_limit", RateLimitedError(retry_after=1800, status=429))
    with pytest.raises(RateLimitedError) as throttle:
        beginning.begin_post(world.task, world.ports)
    assert delay(world, throttle.value, step="BeginPost") == 1800
    assert world.quota.allowance(TENANT, ACCOUNT_ID).pause_left(NOW) == timedelta(seconds=1800)


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("apart", [0.3, 4.7, 11])
def test_the_posts_of_a_throttled_account_do_not_keep_one_another_waiting_for_ever(apart, count):
    """Each comes a little later than the one before, as executions do, and all wake by their own clocks."""
    first = StepsWorld(a_post(state=PostState.PROCESSING))
    delay(first, RateLimitedError(code=4, retry_after=60))
    worlds = [StepsWorld(a_post(), clock=first.clock, quota=first.quota) for _ in range(count)]
    waking = {index: NOW + timedelta(seconds=apart * (index + 1)) for index in range(count)}
    while waking and first.clock() < NOW + 5 * MINUTE:
        index = min(waking, key=waking.__getitem__)
        first.clock.now = waking.pop(index)
        try:
            beginning.begin_post(worlds[index].task, worlds[index].ports)
        except RateLimitedError as error:
            first.clock.advance(0.2)
            waking[index] = first.clock() + timedelta(seconds=delay(worlds[index], error, "BeginPost"))
    assert [world.post().state for world in worlds] == [PostState.PROCESSING] * count
    assert first.clock() < NOW + 2 * MINUTE


# A full quota.


def test_a_full_quota_is_waited_out_until_the_oldest_slot_leaves_the_window(world):
    for number, ago in enumerate((DAY - 10 * MINUTE, 3 * HOUR, HOUR)):
        world.quota.reserve(TENANT, ACCOUNT_ID, f"post_{number}", NOW - ago)
    assert delay(world, PublishingLimitReachedError()) == 600


@pytest.mark.parametrize(("ago", "seconds"), [(HOUR, 3600), (DAY - SECOND, 15), (None, 3600)])
def test_a_full_quota_is_asked_about_hourly_and_not_every_second(world, ago, seconds):
    """The account may have published elsewhere too, and then the ledger knows nothing."""
    if ago is not None:
        world.quota.reserve(TENANT, ACCOUNT_ID, "post_other", NOW - ago)
    assert delay(world, PublishingLimitReachedError()) == seconds


# An outage.


def test_trouble_of_three_accounts_is_an_outage_and_is_announced_once():
    shared = StepsWorld()
    worlds = [
        StepsWorld(
            a_post(state=PostState.PROCESSING, account_id=f"acc_{number}"), outages=shared.outages, bus=shared.bus
        )
        for number in range(5)
    ]
    waits = [delay(world) for world in worlds]
    ((name, facts),) = shared.bus.announced
    assert (name, facts["outage_id"], facts["step"]) == (
        "PlatformOutageBegan",
        "CreateContainer:2",
        "CreateContainer",
    )
    assert waits[:2] == [delaying.PATIENCE[0]] * 2
    assert waits[2:] == [PROBE_EVERY.total_seconds()] * 3


def test_posts_of_one_account_make_no_outage():
    shared = StepsWorld()
    for _ in range(5):
        delay(StepsWorld(a_post(state=PostState.PROCESSING), outages=shared.outages, clock=shared.clock))
        shared.clock.advance(2)
    assert shared.outages.current() is None


def test_in_an_outage_no_post_gives_up():
    world = in_an_outage(world_of(state=PostState.PROCESSING, delays={"instagram_unavailable": len(delaying.PATIENCE)}))
    assert delay(world) == PROBE_EVERY.total_seconds()


@pytest.mark.parametrize(("delays", "seconds"), [(0, 120), (1, 240), (5, 720), (34, 720), (35, 1800)])
def test_who_waits_for_an_outage_to_end_asks_ever_more_seldom_within_reason(delays, seconds):
    world = world_of(state=PostState.DELAYED, delays={"platform_outage": delays})
    assert delay(world, PlatformOutageError(retry_after=120)) == seconds


@pytest.mark.parametrize("told", [None, 0, 1])
def test_a_probe_that_is_due_already_is_not_waited_for_by_spinning(world, told):
    assert delay(world, PlatformOutageError(retry_after=told)) == delaying.SHORTEST


def test_what_was_waited_for_together_with_others_does_not_use_up_a_post_s_own_patience():
    world = world_of(state=PostState.DELAYED, delays={"platform_outage": 12}, problem={"code": "platform_outage"})
    beginning.begin_post(world.task, world.ports)
    assert delay(world) == delaying.PATIENCE[0]


def test_its_own_trouble_does():
    world = world_of(state=PostState.PROCESSING)
    for patience in delaying.PATIENCE:
        assert delay(world) == patience
        beginning.begin_post(world.task, world.ports)
    assert delay(world) is None
