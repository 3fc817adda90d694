"""
Comments as the use cases see them: the real client on the pretend Instagram, and the fake, behave alike.

At the end is what only the real pair can show.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from darkroom.instagram.client import InstagramClient
from darkroom.instagram.errors import (
    InstagramError,
    InstagramUnavailableError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
)
from darkroom.instagram.models import Access, Media
from simulator.clock import Clock
from simulator.instagram import Instagram
from simulator.options import Options
from simulator.testing import sample_media, transport
from tests.fakes import FakeInstagram

USERNAME = "lumen.bakery"
NOWHERE = "18000000000000099"


@dataclass
class Stage:
    """A live post. `visible` are the comments under it, oldest first; `lose` loses the next answer to a method."""

    port: Any
    access: Access
    media_id: str
    visible: Callable[[], list[str]]
    lose: Callable[[str, str], object]
    delay_lists: Callable[[], object]

    def comment(self, text: str = "#bread") -> str:
        return self.port.add_comment(self.access, self.media_id, text)

    def listed(self) -> list[str]:
        return [comment.text for comment in self.port.comments(self.access, self.media_id)]


@pytest.fixture
def simulator() -> Instagram:
    return Instagram(Options(image_seconds=0), clock=Clock(1_800_000_000.0), media_transport=sample_media(), seed=1)


@pytest.fixture
def real(simulator) -> Iterator[Stage]:
    client = InstagramClient(transport=transport(simulator))
    access = Access(simulator.world.account_named(USERNAME).user_id, simulator.token_for(USERNAME))
    container = client.create_container(access, {"image_url": "https://media.example/photo.jpg"})
    media_id = client.publish_container(access, container)
    routes = {
        "add_comment": "POST /{media}/comments",
        "comments": "GET /{media}/comments",
        "set_comments_enabled": "POST /{media}",
    }
    yield Stage(
        client,
        access,
        media_id,
        visible=lambda: [comment["text"] for comment in simulator.ledger()[0]["comments"]],
        lose=lambda method, when: simulator.fail(routes[method], "reset", when=when, nth=1),
        delay_lists=lambda: simulator.switch(fresh_comment_lag=5.0),
    )
    client.close()


@pytest.fixture
def faked() -> Stage:
    fake = FakeInstagram()
    fake.appear(Media("18000000000000001"))

    def lose(method: str, when: str) -> None:
        fake.fail(method, OutcomeUnknownError() if method == "add_comment" else InstagramUnavailableError(), when=when)

    return Stage(
        fake,
        Access("17841400000000001", "token"),
        "18000000000000001",
        visible=lambda: [comment.text for comment in reversed(fake.comments_made["18000000000000001"])],
        lose=lose,
        delay_lists=lambda: setattr(fake, "hidden_reads", 1),
    )


@pytest.fixture(params=["real", "faked"])
def stage(request) -> Stage:
    return request.getfixturevalue(request.param)


def test_a_comment_is_visible_and_listed_with_its_author_and_time(stage):
    comment_id = stage.comment("#bread 🥖")
    (found,) = stage.port.comments(stage.access, stage.media_id)
    assert stage.visible() == ["#bread 🥖"]
    assert (found.id, found.text) == (comment_id, "#bread 🥖")
    assert found.username
    assert isinstance(found.timestamp, datetime)


def test_comments_are_listed_newest_first(stage):
    for text in ("first", "second", "third"):
        stage.comment(text)
    assert stage.listed() == ["third", "second", "first"]


def test_a_page_holds_the_newest_fifty(stage):
    for n in range(51):
        stage.comment(str(n))
    assert stage.listed() == [str(n) for n in range(50, 0, -1)]


def test_the_same_comment_twice_is_two_comments(stage):
    assert stage.comment() != stage.comment()
    assert stage.visible() == ["#bread", "#bread"]


@pytest.mark.parametrize(("when", "expected"), [("before", []), ("after", ["#bread"])])
def test_a_lost_answer_to_a_comment_is_an_unknown_outcome(stage, when, expected):
    stage.lose("add_comment", when)
    with pytest.raises(OutcomeUnknownError):
        stage.comment()
    assert stage.visible() == stage.listed() == expected


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_to_anything_else_may_be_asked_for_again(stage, when):
    stage.lose("comments", when)
    stage.lose("set_comments_enabled", when)
    for call in (stage.listed, lambda: stage.port.set_comments_enabled(stage.access, stage.media_id, True)):
        with pytest.raises(InstagramUnavailableError):
            call()
        call()


def test_a_new_comment_may_be_missing_from_the_list_although_it_is_visible(stage):
    stage.delay_lists()
    stage.comment()
    assert stage.listed() == []
    assert stage.visible() == ["#bread"]


def test_comments_are_switched_off_twice_and_on_again(stage):
    for enabled in (False, False):
        stage.port.set_comments_enabled(stage.access, stage.media_id, enabled)
    with pytest.raises(OutcomeUnknownError):
        stage.comment()
    assert stage.visible() == stage.listed() == []
    stage.port.set_comments_enabled(stage.access, stage.media_id, True)
    stage.comment()
    assert stage.visible() == ["#bread"]


def test_media_that_are_not_there_are_not_commented_on(stage):
    with pytest.raises(OutcomeUnknownError):
        stage.port.add_comment(stage.access, NOWHERE, "#bread")
    with pytest.raises(InstagramUnavailableError):
        stage.port.comments(stage.access, NOWHERE)
    with pytest.raises(InstagramUnavailableError):
        stage.port.set_comments_enabled(stage.access, NOWHERE, False)
    assert stage.visible() == []


# The real pair only.


def test_no_call_that_changes_something_carries_fields(real, simulator):
    real.comment()
    real.port.set_comments_enabled(real.access, real.media_id, False)
    parameters = {
        f"{call.method} {call.template}": call.parameters for call in simulator.calls() if call.method == "POST"
    }
    assert parameters == {
        "POST /{ig}/media": ["image_url"],
        "POST /{ig}/media_publish": ["creation_id"],
        "POST /{media}/comments": ["message"],
        "POST /{media}": ["comment_enabled"],
    }


ODD = ["timeout", "reset", "http_5xx", "http_429", "html", "empty", "truncate", "gzip_bomb", "huge"]


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize(("when", "expected"), [("before", []), ("after", ["#bread"])])
def test_an_odd_answer_to_a_comment_is_an_unknown_outcome(real, simulator, kind, when, expected):
    simulator.fail("POST /{media}/comments", kind, when=when, nth=1, size=2_000_000)
    with pytest.raises(OutcomeUnknownError):
        real.comment()
    assert real.visible() == expected


@pytest.mark.parametrize(
    "numbers",
    [{"code": 4, "subcode": 2207051}, {"code": 2}, {"code": 80002}, {"code": 100, "subcode": 33}, {"code": 368}],
)
def test_an_error_answer_to_a_comment_is_an_unknown_outcome(real, simulator, numbers):
    simulator.fail("POST /{media}/comments", "json_error", when="after", **numbers)
    with pytest.raises(OutcomeUnknownError) as caught:
        real.comment()
    assert (caught.value.code, caught.value.subcode) == (numbers["code"], numbers.get("subcode"))
    assert real.listed() == ["#bread"]


def test_a_token_without_the_permission_is_refused_before_the_comment(real, simulator):
    token = simulator.token_for(USERNAME, ("instagram_business_basic", "instagram_business_content_publish"))
    access = Access(real.access.ig_user_id, token)
    for call in (
        lambda: real.port.add_comment(access, real.media_id, "#bread"),
        lambda: real.port.comments(access, real.media_id),
        lambda: real.port.set_comments_enabled(access, real.media_id, False),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
    assert real.visible() == []


def test_a_throttled_account_is_told_how_long_to_wait(real, simulator):
    simulator.throttle(USERNAME, minutes=19)
    with pytest.raises(RateLimitedError) as caught:
        real.listed()
    assert caught.value.retry_after == 19 * 60
    with pytest.raises(OutcomeUnknownError) as caught:
        real.comment()
    assert caught.value.retry_after == 19 * 60
    simulator.clock.advance(19 * 60)
    assert real.listed() == []


def test_nothing_that_is_raised_or_shown_holds_the_comment(real, simulator):
    simulator.fail("POST /{media}/comments", "json_error", code=100, message="CANARY-comment is too rude", nth=1)
    with pytest.raises(InstagramError) as caught:
        real.comment("CANARY-comment")
    real.comment("CANARY-comment")
    assert "CANARY" not in f"{caught.value!r} {caught.value} {caught.value.facts()} {vars(caught.value)}"
    assert "CANARY" not in repr(real.port.comments(real.access, real.media_id))
