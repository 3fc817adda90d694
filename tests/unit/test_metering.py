"""What an account may still publish: asked of Instagram, or told again while it is to be spared."""

from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom import metering
from darkroom.accounts import AccountState
from darkroom.errors import AccountUnavailableError, NotFoundError
from darkroom.instagram.errors import InstagramUnavailableError, RateLimitedError
from darkroom.instagram.models import Media
from tests.builders import NOW, OTHER_TENANT, TENANT, a_caller, an_account
from tests.fakes import Clock, FakeAccounts, FakeInstagram, FakeQuota, FakeTokens

ACCOUNT = an_account()
HERE = (TENANT, ACCOUNT.id)


@pytest.fixture
def ports():
    clock, accounts = Clock(), FakeAccounts(ACCOUNT)
    return metering.Ports(accounts, FakeTokens(accounts), FakeInstagram(clock=clock), FakeQuota(), clock)


def read(ports, caller=None):
    return metering.read_publishing_limit(caller or a_caller(), ACCOUNT.id, ports)


def published(ports, number):
    for each in range(number):
        ports.instagram.appear(Media(id=str(each), timestamp=NOW - timedelta(hours=1)))


def test_tells_what_instagram_counts_and_what_our_posts_hold(ports):
    published(ports, 2)
    for hours in (-1, 5, 23, 24):
        ports.quota.reserve(*HERE, f"post_{hours}", NOW + timedelta(hours=hours))
    for hours in (0, 30):
        ports.quota.count_container(*HERE, NOW - timedelta(hours=hours))
    assert read(ports) == metering.AccountQuota(
        quota_usage=2,
        quota_total=100,
        quota_duration=86_400,
        measured_at=NOW,
        is_live=True,
        reserved=2,
        next_free_slot=NOW,
        containers_used=1,
        containers_total=400,
        paused_until=None,
    )


def test_keeps_what_was_told(ports):
    ports.instagram.quota_total = 25
    read(ports)
    found = ports.quota.allowance(*HERE)
    assert (found.quota_usage, found.quota_total, found.measured_at) == (0, 25, NOW)


def test_the_next_free_slot_is_behind_scheduled_posts_that_fill_the_window(ports):
    ports.instagram.quota_total = 2
    for number in range(2):
        ports.quota.reserve(*HERE, f"post_{number}", NOW + timedelta(hours=number))
    assert read(ports).next_free_slot == NOW + timedelta(hours=24)


def test_posts_from_elsewhere_take_room_too(ports):
    ports.instagram.quota_total = 2
    published(ports, 2)
    assert read(ports).next_free_slot == NOW + timedelta(hours=24)


@pytest.mark.parametrize("why", ["paused", "sheds"])
def test_an_account_whose_calls_are_spared_is_told_what_was_told_last(ports, why):
    read(ports)
    ports.now.advance(timedelta(minutes=10))
    if why == "paused":
        ports.quota.pause(*HERE, ports.now() + timedelta(minutes=5))
    else:
        ports.quota.used(*HERE, 80, ports.now())
    found = read(ports)
    assert (found.is_live, found.measured_at) == (False, NOW)
    assert found.paused_until == (ports.now() + timedelta(minutes=5) if why == "paused" else None)
    assert ports.instagram.called("publishing_limit") == 1


@pytest.mark.parametrize(("why", "wait"), [("paused", 300), ("sheds", 3600)])
def test_with_nothing_to_tell_it_says_how_long_to_wait(ports, why, wait):
    if why == "paused":
        ports.quota.pause(*HERE, NOW + timedelta(minutes=5))
    else:
        ports.quota.used(*HERE, 100, NOW)
    with pytest.raises(RateLimitedError) as refusal:
        read(ports)
    assert refusal.value.retry_after == wait
    assert ports.instagram.calls == []


@pytest.mark.parametrize(("said", "pause"), [(90.0, 90), (None, 300)])
def test_a_throttle_answer_makes_the_account_rest(ports, said, pause):
    read(ports)
    ports.now.advance(60)
    ports.instagram.fail("publishing_limit", RateLimitedError(code=80002, retry_after=said))
    found = read(ports)
    assert (found.is_live, found.measured_at) == (False, NOW)
    assert found.paused_until == ports.quota.allowance(*HERE).paused_until == ports.now() + timedelta(seconds=pause)
    read(ports)
    assert ports.instagram.called("publishing_limit") == 2


def test_a_throttle_answer_with_nothing_told_before_says_how_long_to_wait(ports):
    ports.instagram.fail("publishing_limit", RateLimitedError(code=4))
    with pytest.raises(RateLimitedError) as refusal:
        read(ports)
    assert refusal.value.retry_after == 300


def test_a_pause_that_is_over_is_not_shown(ports):
    ports.quota.pause(*HERE, NOW - timedelta(seconds=1))
    found = read(ports)
    assert (found.is_live, found.paused_until) == (True, None)


def test_instagrams_own_trouble_is_no_answer(ports):
    ports.instagram.fail("publishing_limit", InstagramUnavailableError())
    with pytest.raises(InstagramUnavailableError):
        read(ports)
    assert ports.quota.allowance(*HERE).measured_at is None


def test_an_account_that_cannot_publish_is_not_asked_about(ports):
    ports.accounts.flag(replace(ACCOUNT, state=AccountState.ACTION_REQUIRED), ACCOUNT)
    with pytest.raises(AccountUnavailableError):
        read(ports)
    assert ports.instagram.calls == []


@pytest.mark.parametrize("caller", [a_caller(OTHER_TENANT), a_caller(TENANT, account_ids=("acc_another",))])
def test_what_is_not_the_caller_s_is_not_found(ports, caller):
    with pytest.raises(NotFoundError):
        read(ports, caller)
    assert ports.instagram.calls == []
