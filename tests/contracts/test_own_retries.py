"""
The SDK sends a request again by itself when its answer is lost; a conditional write then meets its own first attempt,
and its condition fails. For each whose answer matters: what it says then, and what its user makes of that.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from darkroom import commenting, connection, deauthorizing, publishing, refreshing, standing
from darkroom.accounts import AccountState
from darkroom.aws.accounts import ConnectingAccounts
from darkroom.aws.meta_users import DynamoDBMetaUsers
from darkroom.aws.posts import DynamoDBPosts
from darkroom.aws.refreshes import DynamoDBRefreshes, VaultedRenewals
from darkroom.aws.vault import Vault
from darkroom.errors import ConflictError
from darkroom.instagram.errors import (
    AccountRestrictedError,
    InstagramUnavailableError,
    MediaNotReadyError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.instagram.models import LongLivedToken
from darkroom.posts import PostState
from darkroom.refreshes import Due, Successor
from tests.builders import NOW, TENANT, a_container, a_post, a_session, an_account, content
from tests.contracts.conftest import RESOURCES
from tests.fakes import Clock, FakeBus, FakeEvents, standing_ports
from tests.unit.world import StepsWorld

HOUR = timedelta(hours=1)
OLD = {"token_issued_at": NOW - timedelta(days=31), "token_expires_at": NOW + timedelta(days=29), "refresh_at": NOW}


@pytest.fixture(autouse=True)
def no_pause_between_attempts(monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.fixture(scope="module")
def key_arn(cloud):
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


@dataclass
class Real:
    """Stores over a client with two attempts, and the refresher around them. `answer` is Instagram's."""

    client: Any
    accounts: Any
    connecting: Any
    renewals: Any
    users: Any
    answer: Any = None

    def __post_init__(self):
        self.clock, self.bus = Clock(NOW), FakeBus()
        self.events = FakeEvents(self.clock)
        self.standing = standing_ports(self.accounts, self.clock, self.events, self.bus)
        refresh = refreshing.by_instagram(self.asked)
        self.ports = refreshing.Ports(
            self.accounts, self.renewals, {"instagram": refresh}, self.standing, self.clock, self.clock.sleep
        )

    def asked(self, _token):
        if isinstance(self.answer, Exception):
            raise self.answer
        return LongLivedToken(self.answer, 60 * 86_400)

    def connect(self, **changes):
        account = an_account(**OLD | changes)
        self.connecting.connect(account, "old")
        return account

    def refreshed(self, account):
        return refreshing.refresh_due(refreshing.RefreshTask(TENANT, account.id, account.token_version), self.ports)

    def stored(self, account):
        return self.accounts.get(TENANT, account.id)

    def told(self):
        return [event.type for event in self.events.stored.values()]


@pytest.fixture
def real(cloud, key_arn):
    client = cloud.client("dynamodb", attempts=2)
    table, vault = (client, cloud.table("AccountsTable")), Vault(cloud.client("kms"), key_arn)
    accounts = DynamoDBRefreshes(*table)
    connecting = ConnectingAccounts(*table, vault)
    return Real(client, accounts, connecting, VaultedRenewals(accounts, vault), DynamoDBMetaUsers(*table))


def only(wire, real, act, operation="UpdateItem"):
    """Of all that is written while `act` runs, the first write's answer is lost."""
    sent = wire.loses_the_first_answer(real.client, operation)
    answer = act()
    wire.mended()
    assert len(sent) >= 2, "nothing was sent again"
    return answer


# Accounts


def test_a_flag_that_meets_itself_says_no_and_is_told_all_the_same(real, wire):
    account = real.connect()
    dead = replace(account, state=AccountState.REAUTHORIZATION_REQUIRED, untold=("x",))
    assert not only(wire, real, lambda: real.accounts.flag(dead, account))
    assert real.stored(account).untold == ("x",)


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (TokenInvalidError(code=190, subcode=458), "reauthorization_required", standing.REAUTHORIZATION_REQUIRED),
        (AccountRestrictedError(code=368), "action_required", standing.ACTION_REQUIRED),
    ],
)
def test_what_a_refresh_finds_out_is_told_whichever_write_is_sent_twice(real, wire, error, state, told):
    real.answer = error
    for number in range(5):  # the lease, the flag, what is told, the next look
        account = real.connect(
            id=f"acc_{number:026}", ig_user_id=f"17841{number:04}", app_scoped_id=f"254{number}", token_version=1
        )
        lose_the(wire, real.client, number)
        real.refreshed(account)
        wire.mended()
        real.clock.advance(timedelta(hours=7))
        real.refreshed(account)
        stored = real.stored(account)
        assert (stored.state.value, stored.untold) == (state, ())
        assert (stored.refresh_at is None) is (state == "reauthorization_required")
        assert real.told().count(told) == number + 1
        real.clock.now = NOW


def lose_the(wire, client, number):
    """The answer to this write, counted from 0."""
    count = iter(range(99))

    def arm():
        if next(count) == number:
            wire.loses_the_first_answer(client, "UpdateItem")
        else:
            wire.before(client, "UpdateItem", arm)

    wire.before(client, "UpdateItem", arm)


def test_a_warning_is_told_though_its_write_meets_itself(real, wire):
    account = real.connect(token_expires_at=NOW + timedelta(days=13))
    real.answer = InstagramUnavailableError(status=503)
    lose_the(wire, real.client, 1)  # after the lease
    assert real.refreshed(account)["outcome"] == "instagram_unavailable"
    assert real.told() == [standing.TOKEN_EXPIRING]
    assert (real.stored(account).untold, real.stored(account).warned_days) == ((), 14)


def test_who_has_the_lease_already_has_it(real, wire):
    account = real.connect()
    assert only(wire, real, lambda: real.accounts.lease(account, NOW, NOW + HOUR))
    assert not real.accounts.lease(account, NOW, NOW + HOUR)


def test_what_is_put_off_twice_is_put_off_once(real, wire):
    account = real.connect()
    due = Due(TENANT, account.id, NOW, account.state, 1, account.token_expires_at)
    only(wire, real, lambda: real.accounts.put_off(due, NOW + HOUR))
    assert real.stored(account).refresh_at == NOW + HOUR


def test_a_token_that_meets_itself_is_kept(real, wire):
    account = real.connect()
    renewal = real.renewals.open(account)
    renewed = replace(account, token_version=2, token_issued_at=NOW, version=account.version + 1)
    only(wire, real, lambda: renewal.keep(renewed, Successor("new")), "TransactWriteItems")
    assert real.renewals.open(real.stored(account)).token == "new"


@pytest.mark.parametrize("is_known", [False, True])
def test_a_connection_that_meets_itself_is_one_account_with_that_token(real, wire, is_known):
    known = real.connect() if is_known else None
    found = connection.Found(
        ig_user_id=an_account().ig_user_id,
        app_scoped_id="254",
        username="ada",
        name=None,
        scopes=(),
        token_expires_at=NOW + timedelta(days=60),
    )
    make = lambda: connection.connected(a_session(), found, "new", None, real.connecting, None, real.standing)  # noqa: E731 — for the next line
    account = only(wire, real, make, "TransactWriteItems")
    assert known is None or account.id == known.id
    assert real.stored(account) == account
    assert real.renewals.open(account).token == "new"
    assert real.told() == [standing.CONNECTED]


def test_a_deauthorisation_that_meets_itself_is_told_once(real, wire):
    account = real.connect()
    ports = deauthorizing.Ports(None, real.users, real.standing, real.clock)
    (consent,) = real.users.consents_of(account.login, account.app_scoped_id)
    only(wire, real, lambda: deauthorizing._end(consent, NOW, ports), "TransactWriteItems")
    stored = real.stored(account)
    assert (stored.state, stored.token_version) == (AccountState.REAUTHORIZATION_REQUIRED, 2)
    assert real.told() == [standing.DEAUTHORIZED]


def test_what_was_told_and_what_is_erased_or_subscribed_bears_being_written_twice(real, wire):
    account = real.connect(untold=("x",))
    only(wire, real, lambda: real.accounts.mark_told(account, NOW + HOUR))
    assert (real.stored(account).untold, real.stored(account).refresh_at) == ((), NOW + HOUR)
    only(wire, real, lambda: real.accounts.mark_subscribed(account))
    assert real.stored(account).is_webhook_subscribed
    only(wire, real, lambda: real.accounts.erase(account), "TransactWriteItems")
    assert real.accounts.holder(account.ig_user_id) is None


# Posts


@pytest.fixture
def steps(cloud):
    """The steps of one post over the real store of posts."""

    def made(**changes):
        world = StepsWorld(a_post(**changes))
        posts = DynamoDBPosts(cloud.client("dynamodb", attempts=2), cloud.table("PostsTable"))
        world.posts = posts
        world.ports = replace(world.ports, posts=posts)
        posts.add(world.first)
        return world

    return made


def test_a_post_that_is_added_twice_is_there_once(cloud, wire):
    posts = DynamoDBPosts(cloud.client("dynamodb", attempts=2), cloud.table("PostsTable"))
    sent = wire.loses_the_first_answer(posts.client, "TransactWriteItems")
    post = posts.add(a_post())
    assert len(sent) == 2
    assert posts.get(TENANT, post.id) == post


@pytest.mark.parametrize("operation", ["TransactWriteItems", "UpdateItem"])
def test_a_save_that_meets_itself_is_saved_and_anybody_else_s_is_not(cloud, wire, operation):
    posts = DynamoDBPosts(cloud.client("dynamodb", attempts=2), cloud.table("PostsTable"))
    post = posts.add(a_post())
    changed = replace(post, permalink="https://x")
    if operation == "TransactWriteItems":
        changed = post.moved_to(PostState.PROCESSING, NOW)
    sent = wire.loses_the_first_answer(posts.client, operation)
    saved = posts.save(changed)
    assert len(sent) == 2
    assert posts.get(TENANT, post.id) == saved
    with pytest.raises(ConflictError):
        posts.save(changed)


def test_a_container_that_is_added_twice_is_there_once(cloud, wire):
    posts = DynamoDBPosts(cloud.client("dynamodb", attempts=2), cloud.table("PostsTable"))
    post = posts.add(a_post())
    sent = wire.loses_the_first_answer(posts.client, "UpdateItem")
    posts.add_container(post, a_container())
    assert len(sent) == 2
    assert posts.get(TENANT, post.id).containers == (a_container(),)


def ready(world):
    container_id = world.instagram.create_container(None, {})
    container = replace(a_container(), container_id=container_id)
    world.posts.add_container(world.post(), container)
    return world


def test_an_attempt_that_meets_itself_is_the_one_attempt_and_publishes(steps, wire):
    world = ready(steps(state=PostState.PROCESSING))
    sent = wire.loses_the_first_answer(world.posts.client, "TransactWriteItems")
    media_id = publishing.publish_container(world.task, world.ports)["media_id"]
    assert len(sent) == 2
    assert (len(world.instagram.live), media_id) == (1, world.instagram.live[0].id)
    assert (world.post().state, world.post().publish_attempts) == (PostState.PUBLISHING, 1)


@pytest.mark.parametrize("error", [RateLimitedError(code=4), MediaNotReadyError(code=9007, subcode=2207027)])
def test_an_attempt_that_is_taken_back_twice_is_taken_back_and_the_post_waits(steps, wire, error):
    """The step's own error decides what follows; a conflict in its place would end the post."""
    world = ready(steps(state=PostState.PROCESSING))
    world.instagram.fail("publish_container", error)
    wire.before(
        world.posts.client,
        "TransactWriteItems",
        lambda: wire.before(
            world.posts.client,
            "TransactWriteItems",
            lambda: wire.loses_the_first_answer(world.posts.client, "TransactWriteItems"),
        ),
    )
    with pytest.raises(type(error)):
        publishing.publish_container(world.task, world.ports)
    assert (world.post().state, world.post().publish_attempted_at) == (PostState.PROCESSING, None)


def test_a_comment_whose_attempt_meets_itself_is_sent_once(steps, wire):
    world = steps(state=PostState.PROCESSING, content=content(first_comment="words"))
    scopes = (*world.account.scopes, "instagram_business_manage_comments")
    world.accounts.connect(replace(world.account, scopes=scopes, token_version=2), "token")
    ready(world)
    media_id = publishing.publish_container(world.task, world.ports)["media_id"]
    world.posts.save(world.post().moved_to(PostState.PUBLISHED, NOW, media_id=media_id, published_at=NOW))
    sent = wire.loses_the_first_answer(world.posts.client, "UpdateItem")
    commenting.add_first_comment(world.task, world.ports)
    assert len(sent) >= 2
    assert world.post().comment.comment_id is not None
    assert world.instagram.calls.count("add_comment") == 1


SAVES = {"dynamodb:PutItem", "dynamodb:UpdateItem"}  # a post, and the timeline's entry of its new state
SAVERS = [
    (name, set(statement["Action"]))
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
    for policy in resource["Properties"].get("Policies", ())
    for statement in policy.get("Statement", ())
    if statement.get("Resource") == {"Fn::GetAtt": ["PostsTable", "Arn"]} and set(statement["Action"]) >= SAVES
]


@pytest.mark.parametrize(("name", "actions"), SAVERS, ids=[name for name, _ in SAVERS])
def test_whoever_may_save_a_post_may_find_out_that_it_was_saved(name, actions):
    assert "dynamodb:GetItem" in actions, f"{name} could not tell its own write from that of somebody who was faster"
    assert len(SAVERS) > 10
