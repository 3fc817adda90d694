"""Instagram fails for many accounts: their posts wait, one at a time finds out, and all go out once it is over."""

from datetime import timedelta
from itertools import pairwise

import pytest

from darkroom.accounts import AccountState
from darkroom.delaying import GIVE_UP_AFTER
from darkroom.outages import BEGAN, ENDED, PROBE_EVERY
from darkroom.posts import PostState
from tests.builders import content, image_item
from tests.statemachines.lab import CAROUSEL, IMAGE, captioned

CREATE, STATUS, LIST = "POST /{ig}/media", "GET /{container}", "GET /{ig}/media"
OTHERS = ("north.cycles", "mira.draws", "field.notes")
LASTS = 3 * 3600


def posts_of(lab, accounts, post_content=IMAGE):
    """A post of each of so many accounts."""
    return [
        lab.accept(post_content),
        *(lab.accept(post_content, lab.connect(name)) for name in OTHERS[: accounts - 1]),
    ]


def strikes(lab, route, lasts=LASTS):
    outage = lab.instagram.fail(route, "json_error", code=2)
    lab.later(lasts, lambda: lab.instagram.mend(outage))


def now_of(lab, posts):
    return [lab.posts.get(post.tenant_id, post.id) for post in posts]


def told(lab):
    return [name for name, _ in lab.bus.announced]


@pytest.mark.parametrize("route", [CREATE, STATUS, LIST])
@pytest.mark.parametrize("post_content", [IMAGE, CAROUSEL], ids=lambda each: each.kind)
def test_posts_of_three_accounts_wait_for_the_end_of_an_outage_and_are_published_once(lab, route, post_content):
    posts = posts_of(lab, 4, post_content)
    strikes(lab, route)
    ends_at = lab.now() + timedelta(seconds=LASTS)
    lab.execute_all(posts, every=5)
    assert told(lab) == [BEGAN, ENDED]
    for post in now_of(lab, posts):
        assert post.state is PostState.PUBLISHED
        assert post.delays
        assert ends_at <= post.published_at < ends_at + timedelta(minutes=15)
    assert {account.state for account in lab.accounts.stored.values()} == {AccountState.CONNECTED}
    assert lab.outages.current() is None


def test_during_an_outage_one_post_is_let_through_at_a_time(lab):
    posts = posts_of(lab, 4)
    strikes(lab, CREATE)
    lab.execute_all(posts, every=5)
    opened = lab.bus.announced[0][1]["opened_at"]
    ended = lab.now().timestamp() - LASTS  # at the latest; the executions go on for a little
    through = [
        call.at
        for call in lab.lambdas.calls("BeginPost")
        if call.error is None and lab.now().fromisoformat(opened).timestamp() < call.at < LASTS + ended
    ]
    gaps = [later - earlier for earlier, later in pairwise(through)]
    assert len(through) > 10
    assert min(gaps[:-4]) >= PROBE_EVERY.total_seconds()


def test_whoever_comes_while_instagram_is_down_calls_it_no_more(lab):
    posts = [*posts_of(lab, 3), *(lab.accept(captioned(f"late {number}")) for number in range(3))]
    strikes(lab, CREATE)
    lab.execute_all(posts, every=100)
    late = now_of(lab, posts[3:])
    assert {post.state for post in late} == {PostState.PUBLISHED}
    codes = [entry.problem for post in late for entry in lab.timeline_of(post) if entry.state is PostState.DELAYED]
    assert "platform_outage" in codes
    assert told(lab) == [BEGAN, ENDED]


def test_two_accounts_in_trouble_are_no_outage(lab):
    posts = posts_of(lab, 2)
    strikes(lab, CREATE, lasts=3600)
    lab.execute_all(posts)
    assert told(lab) == []
    assert {post.state for post in now_of(lab, posts)} == {PostState.PUBLISHED}


def test_three_posts_of_one_account_are_no_outage(lab):
    posts = [lab.accept(captioned(name)) for name in ("one", "two", "three")]
    strikes(lab, CREATE, lasts=3600)
    lab.execute_all(posts, every=5)
    assert told(lab) == []
    assert {post.state for post in now_of(lab, posts)} == {PostState.PUBLISHED}


def test_a_single_account_that_is_in_trouble_for_hours_fails_and_keeps_nobody_waiting(lab):
    lab.instagram.fail(STATUS, "json_error", code=2, nth=list(range(1, 200)))
    lab.publish(IMAGE)
    assert (lab.post.state, lab.problem["code"], told(lab)) == (PostState.FAILED, "instagram_unavailable", [])


def test_a_probe_that_fails_for_another_reason_leaves_the_next_one_its_turn(lab):
    """The post that is let through first after the end cannot be published at all."""
    posts = posts_of(lab, 3)
    misfit = lab.accept(content("image", caption="CANARY misfit", media=(image_item("wide"),)), lab.connect(OTHERS[2]))
    strikes(lab, CREATE, lasts=1800)
    lab.execute_all([misfit, *posts])
    assert {post.state for post in now_of(lab, posts)} == {PostState.PUBLISHED}
    assert [post.problem["code"] for post in now_of(lab, [misfit])] == ["media_rejected"]
    assert told(lab) == [BEGAN, ENDED]


def test_a_probe_that_is_cancelled_leaves_the_next_one_its_turn(lab):
    posts = posts_of(lab, 4)
    strikes(lab, CREATE, lasts=1800)
    lab.later(1700, lab.cancel)
    lab.execute_all(posts)
    assert [post.state for post in now_of(lab, posts)] == [*[PostState.PUBLISHED] * 3, PostState.CANCELLED]
    assert told(lab) == [BEGAN, ENDED]


def test_an_outage_of_two_days_ends_the_posts_and_each_execution_stays_within_its_bounds(lab):
    """The lab counts the events of each."""
    posts = posts_of(lab, 3, CAROUSEL)
    lab.instagram.fail(STATUS, "json_error", code=2)
    executions = lab.execute_all(posts, every=5)
    for post, execution in zip(now_of(lab, posts), executions, strict=True):
        assert post.state is PostState.FAILED
        assert post.problem["code"] in {"instagram_unavailable", "platform_outage"}
        assert execution.seconds <= GIVE_UP_AFTER.total_seconds() + 3600
    assert told(lab) == [BEGAN]
    assert {account.state for account in lab.accounts.stored.values()} == {AccountState.CONNECTED}
