"""Ending a connection: whatever Instagram says, we forget."""

from collections import Counter
from datetime import timedelta

import pytest

from darkroom import disconnecting
from darkroom.errors import NotFoundError, StoreUnavailableError, TokenUnreadableError
from darkroom.instagram.errors import InstagramUnavailableError, RateLimitedError, TokenInvalidError
from darkroom.posts import PostState
from tests.builders import IG_USER_ID, NOW, OTHER_TENANT, TENANT, a_caller, a_post, an_account
from tests.fakes import Clock, FakeAccounts, FakeBus, FakeInstagram, FakePosts, FakeTokens, Killed, standing_ports
from tests.unit.world import overtaken


@pytest.fixture
def account():
    return an_account()


@pytest.fixture
def bus():
    return FakeBus()


@pytest.fixture
def ports(account, bus):
    accounts = FakeAccounts(account)
    instagram = FakeInstagram()
    instagram.subscribed[IG_USER_ID] = ("comments",)
    clock = Clock()
    telling = standing_ports(accounts, clock, bus=bus).telling
    return disconnecting.Ports(accounts, FakeTokens(accounts), instagram, FakePosts(), telling, clock)


def nothing_is_left(ports):
    return not any((ports.accounts.stored, ports.accounts.tokens, ports.accounts.holders, ports.accounts.defaults))


def test_tells_instagram_and_erases_everything(ports, account):
    assert disconnecting.disconnect(a_caller(), account.id, ports)
    assert ports.instagram.subscribed == {}
    assert nothing_is_left(ports)


def test_says_so_once(ports, account, bus):
    disconnecting.disconnect(a_caller(), account.id, ports)
    ((name, detail),) = bus.announced
    assert (name, detail["account_id"]) == ("AccountDisconnected", account.id)


def test_forgets_also_when_it_cannot_be_told(ports, account, bus):
    bus.failure = StoreUnavailableError()
    disconnecting.disconnect(a_caller(), account.id, ports)
    assert nothing_is_left(ports)


@pytest.mark.parametrize("error", [InstagramUnavailableError(), TokenInvalidError(code=190), RateLimitedError()])
def test_forgets_also_when_instagram_cannot_be_told(ports, account, error):
    ports.instagram.fail("unsubscribe_webhooks", error)
    assert not disconnecting.disconnect(a_caller(), account.id, ports)
    assert nothing_is_left(ports)


@pytest.mark.parametrize("failure", [TokenUnreadableError(), StoreUnavailableError()])
def test_forgets_also_when_the_token_cannot_be_read(ports, account, failure):
    ports.tokens.failure = failure
    assert not disconnecting.disconnect(a_caller(), account.id, ports)
    assert ports.instagram.calls == []
    assert nothing_is_left(ports)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_dies_leaves_an_account_that_can_be_disconnected_again(ports, account, when):
    ports.instagram.fail("unsubscribe_webhooks", Killed(), when=when)
    with pytest.raises(Killed):
        disconnecting.disconnect(a_caller(), account.id, ports)
    assert disconnecting.disconnect(a_caller(), account.id, ports)
    assert nothing_is_left(ports)


def test_cancels_what_was_scheduled_and_leaves_the_rest_as_it_is(ports, account):
    later = NOW + timedelta(days=1)
    for number in range(disconnecting.PAGE + 5):
        ports.posts.add(a_post(id=f"post_{number:026}", state=PostState.SCHEDULED, publish_at=later))
    ports.posts.add(a_post(id=f"post_{900:026}", state=PostState.PUBLISHED))
    ports.posts.add(
        a_post(id=f"post_{901:026}", account_id=f"acc_{9:026}", state=PostState.SCHEDULED, publish_at=later)
    )
    disconnecting.disconnect(a_caller(), account.id, ports)
    states = Counter(post.state for post in ports.posts.stored.values())
    assert states == {PostState.CANCELLED: disconnecting.PAGE + 5, PostState.PUBLISHED: 1, PostState.SCHEDULED: 1}
    assert nothing_is_left(ports)


def test_a_scheduled_post_that_starts_just_now_is_left_to_its_workflow(ports, account):
    post = ports.posts.add(a_post(state=PostState.SCHEDULED, publish_at=NOW))
    overtaken(ports.posts, "save", lambda: ports.posts.save(post.moved_to(PostState.QUEUED, NOW, queued_at=NOW)))
    disconnecting.disconnect(a_caller(), account.id, ports)
    assert ports.posts.get(TENANT, post.id).state is PostState.QUEUED
    assert nothing_is_left(ports)


def test_a_second_disconnect_finds_nothing(ports, account):
    disconnecting.disconnect(a_caller(), account.id, ports)
    with pytest.raises(NotFoundError):
        disconnecting.disconnect(a_caller(), account.id, ports)


@pytest.mark.parametrize(
    "caller", [a_caller(OTHER_TENANT), a_caller(TENANT, account_ids=("acc_other",)), a_caller(TENANT, account_ids=())]
)
def test_an_account_that_is_not_the_caller_s_is_not_found_and_not_touched(ports, account, caller):
    with pytest.raises(NotFoundError):
        disconnecting.disconnect(caller, account.id, ports)
    assert ports.instagram.calls == []
    assert ports.accounts.get(TENANT, account.id) == account
