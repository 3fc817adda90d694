"""Calls are made with the newest token, and what is refused says which token was refused."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from darkroom import confirming, containers, problems, publishing
from darkroom.accounts import AccountState
from darkroom.errors import StoreUnavailableError, TokenUnreadableError
from darkroom.instagram.errors import (
    AccountRestrictedError,
    InstagramUnavailableError,
    OutcomeUnknownError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.instagram.models import Access, ContainerStatus
from darkroom.posts import PostState
from darkroom.reloading import ReloadingInstagram
from darkroom.workflow import AccountAccess, PublishedTask
from tests.builders import TENANT, a_container, an_account, content
from tests.fakes import FakeAccounts, FakeTokens
from tests.unit.world import caught, world_of

ACCOUNT = an_account()
CALLS = {
    "create_container": (containers.plan(content()).main.parameters,),
    "container_status": ("17",),
    "publish_container": ("17",),
    "media": ("18",),
    "recent_media": (),
    "stories": (),
    "publishing_limit": (),
    "add_comment": ("18", "words"),
    "comments": ("18",),
    "set_comments_enabled": ("18", True),
}


class Strict:
    """Answers the newest token alone, with what it was asked; `meanwhile` happens before the first refusal."""

    def __init__(self, newest="new", error=None, meanwhile=lambda: None):
        self.newest, self.error, self.meanwhile, self.seen = newest, error, meanwhile, []

    def __getattr__(self, name):
        def call(access, *arguments):
            self.seen.append(access.token)
            if access.token != self.newest:
                self.meanwhile()
                raise self.error or TokenInvalidError(code=190, subcode=467, status=400)
            return name, arguments

        return call


def made(instagram, accounts=None):
    accounts = accounts or FakeAccounts()
    accounts.connect(ACCOUNT, "old")
    tokens = FakeTokens(accounts)
    reloading = ReloadingInstagram(instagram, accounts, tokens)
    return SimpleNamespace(
        accounts=accounts, tokens=tokens, reloading=reloading, access=AccountAccess.by(ACCOUNT, tokens)
    )


def refresh(world, token="new"):
    world.accounts.connect(replace(ACCOUNT, token_version=2), token)


@pytest.mark.parametrize("name", CALLS)
def test_every_call_whose_token_was_replaced_meanwhile_is_made_with_the_newer_one(name):
    world = made(instagram := Strict())
    refresh(world)
    answer = getattr(world.reloading, name)(world.access, *CALLS[name])
    assert answer in {None, (name, CALLS[name])} if name == "set_comments_enabled" else (name, CALLS[name])
    assert instagram.seen == ["old", "new"]


def test_every_call_of_the_port_is_tested():
    assert set(CALLS) == {name for name in vars(ReloadingInstagram) if not name.startswith("_")} - {
        "instagram",
        "accounts",
        "tokens",
    }


@pytest.mark.parametrize(
    "error", [TokenInvalidError(code=190, subcode=460), AccountRestrictedError(code=190, subcode=459)]
)
def test_a_refusal_says_which_token_was_refused(error):
    world = made(instagram := Strict(error=error))
    with pytest.raises(type(error)) as refused:
        world.reloading.recent_media(world.access)
    assert refused.value.token_version == 1
    assert '"token_version":1' in problems.dump(refused.value)
    assert instagram.seen == ["old"]


def test_a_newer_token_that_is_refused_as_well_is_the_one_that_is_told():
    world = made(Strict(newest="none of them"))
    refresh(world)
    with pytest.raises(TokenInvalidError) as refused:
        world.reloading.recent_media(world.access)
    assert refused.value.token_version == 2


@pytest.mark.parametrize(
    "error",
    [
        RateLimitedError(code=4),
        OutcomeUnknownError(code=190),
        InstagramUnavailableError(),
        AccountRestrictedError(code=368),
    ],
)
def test_any_other_error_is_nobody_s_token_and_nothing_is_called_again(error):
    world = made(instagram := Strict(error=error))
    refresh(world)
    with pytest.raises(type(error)) as refused:
        world.reloading.publish_container(world.access, "17")
    assert refused.value.token_version is None
    assert instagram.seen == ["old"]


def test_a_token_that_nobody_keeps_is_called_with_as_it_is():
    world = made(instagram := Strict())
    with pytest.raises(TokenInvalidError):
        world.reloading.recent_media(Access(ACCOUNT.ig_user_id, "old"))
    assert instagram.seen == ["old"]


@pytest.mark.parametrize("act", ["erase", "deauthorize"])
def test_an_account_that_has_no_token_any_more_leaves_the_refusal_as_it_is(act):
    world = made(Strict())
    if act == "erase":
        world.accounts.erase(ACCOUNT)
    else:
        key = (TENANT, ACCOUNT.id)
        del world.accounts.tokens[key]
        dead = {"state": AccountState.REAUTHORIZATION_REQUIRED, "token_version": 2}
        world.accounts.stored[key] = replace(ACCOUNT, **dead)
    with pytest.raises(TokenInvalidError) as refused:
        world.reloading.recent_media(world.access)
    assert refused.value.token_version == 1


@pytest.mark.parametrize("error", [StoreUnavailableError, TokenUnreadableError])
def test_where_the_newer_token_cannot_be_read_the_step_may_be_run_again(error):
    world = made(Strict())
    refresh(world)
    world.tokens.failure = error()
    with pytest.raises(InstagramUnavailableError):
        world.reloading.publish_container(world.access, "17")


def test_a_post_whose_token_is_replaced_just_before_it_is_sent_is_published_once():
    world = world_of(state=PostState.PROCESSING, containers=(a_container(),))
    real = world.instagram.publish_container

    def publish(access, container_id):
        if access.token != "new":
            world.accounts.connect(replace(world.account, token_version=2), "new")
            raise TokenInvalidError(code=190, subcode=467)
        return real(access, container_id)

    world.instagram.containers[a_container().container_id] = SimpleNamespace(
        media_id=None, statuses=[ContainerStatus("FINISHED")], parameters={}
    )
    world.instagram.publish_container = publish
    media_id = publishing.publish_container(world.task, world.ports)["media_id"]
    confirming.mark_published(PublishedTask(TENANT, world.first.id, media_id), world.ports)
    assert (world.post().state, world.post().publish_attempts) == (PostState.PUBLISHED, 1)
    assert world.accounts.get(TENANT, world.account.id).state is AccountState.CONNECTED


def test_a_refused_token_that_is_replaced_after_the_step_condemns_nobody():
    """The step ends before the refresh has written its token; the failure is told after that."""
    world = world_of(state=PostState.PROCESSING, containers=(a_container(),))
    world.instagram.fail("recent_media", TokenInvalidError(code=190, subcode=467))
    with pytest.raises(TokenInvalidError) as refused:
        publishing.publish_container(world.task, world.ports)
    world.accounts.connect(replace(world.account, token_version=2), "new")
    confirming.mark_failed(world.failing(refused.value), world.ports)
    assert world.accounts.get(TENANT, world.account.id).state is AccountState.CONNECTED
    assert caught(refused.value)["Error"] == "TokenInvalidError"
