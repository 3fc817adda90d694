"""Not now: the account's quota is used up, or Instagram asks to slow down. The post waits, says so, and goes out."""

from datetime import timedelta

import pytest

from darkroom.accounts import AccountState
from darkroom.delaying import GIVE_UP_AFTER
from darkroom.limits import MOST_CONTAINERS
from darkroom.posts import PostState
from tests.statemachines.lab import CAPTION, CAROUSEL, IMAGE, USERNAME, captioned

CREATE, LIMIT, PUBLISH = "POST /{ig}/media", "GET /{ig}/content_publishing_limit", "POST /{ig}/media_publish"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUOTA = {"code": 9, "subcode": 2207042}


def wait_of(post):
    return post.published_at - post.accepted_at


def test_a_post_waits_for_room_in_the_quota_says_so_and_goes_out_by_itself(lab):
    lab.instagram.switch(quota_total=1)
    lab.post_by_hand("The only one of the day")
    calls, seen = lab.called(CREATE), []

    def look():
        seen.append((lab.post.state, lab.post.problem, lab.post.delayed_until, lab.called(CREATE), lab.now()))

    lab.points.meanwhile("invoke BeginPost", look, nth=2)
    lab.publish(IMAGE)
    [(state, problem, delayed_until, calls_meanwhile, now)] = seen
    assert (state, problem["code"], problem["actor"]) == (PostState.DELAYED, "publishing_limit_reached", "platform")
    assert problem["retry"] == {"allowed": False, "automatic": True, "after": 3600}
    assert (delayed_until, calls_meanwhile) == (now, calls), "it begins when it said, and nothing was sent before"
    assert lab.post.state is PostState.PUBLISHED
    assert DAY - HOUR < wait_of(lab.post) <= DAY + HOUR


def test_the_account_s_own_posts_tell_when_there_is_room_again(lab):
    lab.publish(captioned("one"))
    lab.time.clock.advance(DAY.total_seconds() - 1800)
    lab.instagram.switch(quota_total=1)
    lab.publish(captioned("two"))
    assert timedelta(minutes=29) < wait_of(lab.post) < timedelta(minutes=31)


def test_a_quota_that_is_used_up_at_the_last_moment_takes_the_attempt_back(lab):
    lab.points.meanwhile("invoke PublishContainer", lambda: lab.instagram.switch(quota_total=0))
    lab.later(5 * 3600, lambda: lab.instagram.switch(quota_total=100))
    execution = lab.publish(IMAGE)
    assert lab.states == [
        PostState.QUEUED,
        PostState.PROCESSING,
        PostState.PUBLISHING,
        PostState.PROCESSING,
        *[PostState.DELAYED] * 1,
        PostState.PROCESSING,
        PostState.PUBLISHING,
        PostState.PUBLISHED,
    ]
    assert (lab.called(PUBLISH), lab.called(CREATE), lab.post.publish_attempts) == (2, 1, 1)
    assert "StartAsking" not in execution.path


@pytest.mark.parametrize("times", [1, 3])
def test_a_publish_that_is_refused_for_the_quota_is_repeated_when_it_has_room(lab, times):
    lab.instagram.fail(PUBLISH, "json_error", nth=list(range(1, times + 1)), **QUOTA)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.post.media_id) == (PostState.PUBLISHED, lab.live[0]["media_id"])
    assert (lab.called(PUBLISH), execution.visits("WaitDelayed")) == (times + 1, times)
    assert wait_of(lab.post) == timedelta(hours=times, seconds=2)


def test_a_throttled_account_makes_no_call_for_any_of_its_posts_and_others_go_on(lab):
    other = lab.connect("north.cycles")
    posts = [lab.accept(captioned("one")), lab.accept(captioned("two")), lab.accept(captioned("three"), other)]
    began = lab.time.clock.now()
    lab.instagram.throttle(USERNAME, minutes=19)
    lab.execute_all(posts, every=60)
    one, two, three = (lab.posts.get(post.tenant_id, post.id) for post in posts)
    assert {post.state for post in (one, two, three)} == {PostState.PUBLISHED}
    ours = [call for call in lab.instagram.calls() if call.account == lab.account.ig_user_id]
    assert [call.template for call in ours if call.at < began + 19 * 60] == ["/{ig}/content_publishing_limit"]
    assert [one.delays, two.delays, three.delays] == [{"rate_limited": 1}, {"rate_limited": 1}, {}]
    assert wait_of(one) == timedelta(minutes=19, seconds=2)
    assert wait_of(two) == timedelta(minutes=19, seconds=2)
    assert wait_of(three) == timedelta(minutes=2, seconds=2)


def test_a_throttle_between_two_steps_makes_the_next_post_wait_too(lab):
    posts = [lab.accept(captioned("one")), lab.accept(captioned("two"))]
    lab.points.meanwhile("invoke CreateContainer", lambda: lab.instagram.throttle(USERNAME, minutes=7))
    lab.execute_all(posts, every=30)
    begins = [(call.event["post_id"], call.error) for call in lab.lambdas.calls("BeginPost")]
    assert begins[:2] == [(posts[0].id, None), (posts[1].id, "RateLimitedError")]
    assert [post.state for post in lab.posts.stored.values()] == [PostState.PUBLISHED] * 2


def test_calls_that_only_look_something_up_make_way_when_most_of_the_allowance_is_used(lab):
    lab.instagram.switch(usage_percent=80)
    lab.later(1800, lambda: lab.instagram.switch(usage_percent=79))
    posts = [lab.accept(captioned("one")), lab.accept(captioned("two"))]
    lab.execute_all(posts, every=60)
    assert [wait_of(post).total_seconds() for post in lab.posts.stored.values()] == [2, 62]
    assert lab.called(LIMIT) == 1, "until the first answer nobody knew"
    reads = [call.at for call in lab.instagram.calls("GET /{media}")]
    assert min(reads) - lab.post.published_at.timestamp() >= 3600 - 62
    assert all(post.permalink for post in lab.posts.stored.values()), "later is not never"


@pytest.mark.parametrize("percent", [1, 79])
def test_a_moderate_use_sheds_nothing(lab, percent):
    lab.instagram.switch(usage_percent=percent)
    execution = lab.publish(IMAGE)
    assert (lab.called(LIMIT), lab.called("GET /{media}"), execution.seconds) == (1, 1, 2)


@pytest.mark.parametrize(("post_content", "needed"), [(IMAGE, 1), (CAROUSEL, 4)])
def test_a_post_waits_before_its_containers_are_one_too_many(lab, post_content, needed):
    key = lab.account.tenant_id, lab.account.id
    lab.quota.containers[key] = [lab.now()] * (MOST_CONTAINERS.value - needed + 1)
    lab.publish(post_content)
    assert lab.post.state is PostState.PUBLISHED
    assert DAY <= wait_of(lab.post) <= DAY + 2 * HOUR
    lab.quota.containers[key] = [lab.now()] * (MOST_CONTAINERS.value - needed)
    execution = lab.publish(captioned("Just enough", post_content))
    assert (lab.post.state, "DelayPost" in execution.path) == (PostState.PUBLISHED, False)


def test_a_carousel_whose_last_container_was_one_too_many_is_made_anew_if_it_has_waited_for_too_long(make_lab):
    """Its items expire just when there is room again."""
    lab = make_lab(containers_per_day=4)
    lab.post_by_hand("One more container")
    lab.publish(CAROUSEL)
    assert lab.post.state is PostState.PUBLISHED
    assert (lab.post.rebuilds, len(lab.live[0]["children"])) == (1, 3)
    assert DAY - HOUR < wait_of(lab.post) < DAY + 2 * HOUR


@pytest.mark.parametrize(
    ("route", "fault", "code"),
    [
        (CREATE, {"kind": "http_429", "regain_minutes": 1}, "rate_limited"),
        (CREATE, {"kind": "json_error", **QUOTA}, "publishing_limit_reached"),
        (PUBLISH, {"kind": "json_error", **QUOTA}, "publishing_limit_reached"),
    ],
)
def test_waiting_ends_after_two_days_with_the_problem_that_was_waited_for(lab, route, fault, code):
    lab.instagram.fail(route, **fault)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"], lab.live) == (PostState.FAILED, code, [])
    assert GIVE_UP_AFTER - HOUR <= timedelta(seconds=execution.seconds) < GIVE_UP_AFTER
    assert lab.problem["retry"] == {"allowed": True, "automatic": False, "after": lab.problem["retry"]["after"]}
    assert lab.account.state is AccountState.CONNECTED


def test_a_throttle_of_the_look_at_the_quota_alone_keeps_no_post(lab):
    """The throttled answer says that the allowance is used up: from then on that call is left out."""
    lab.instagram.fail(LIMIT, "http_429", regain_minutes=0)
    lab.publish(IMAGE)
    assert (lab.post.state, wait_of(lab.post)) == (PostState.PUBLISHED, timedelta(seconds=62))


def test_a_carousel_that_is_throttled_for_two_days_fits_into_one_execution(lab):
    """The lab counts its events."""
    lab.instagram.fail("GET /{container}", "http_429", regain_minutes=1)
    lab.publish(CAROUSEL)
    assert (lab.post.state, lab.problem["code"]) == (PostState.FAILED, "rate_limited")


def test_a_post_that_waits_can_be_cancelled(lab):
    lab.instagram.switch(quota_total=0)
    lab.later(5 * 3600 + 60, lab.cancel)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, execution.seconds) == (PostState.CANCELLED, 6 * 3600)
    assert (lab.post.content.caption, lab.called(CREATE)) == (CAPTION, 0)
