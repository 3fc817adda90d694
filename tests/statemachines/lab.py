"""
One post's workflow on the bench: the real state machine, the real handlers and the real Instagram client, over stores
in memory and the pretend Instagram, which all share one virtual clock. Whatever a test does to them, the invariants
below hold at the end of each execution.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from darkroom.accounts import Account
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.models import Access
from darkroom.posts import Post, PostContent, PostState
from darkroom.recording import Recorder
from darkroom.timeline import Entry
from darkroom.workflow import CallingPorts, Ports
from simulator.clock import Clock
from simulator.instagram import Instagram
from simulator.options import Options
from simulator.testing import sample_media, transport
from tests.builders import NOW, a_post, an_account, content, image_item, video_item
from tests.fakes import FakeAccounts, FakeBus, FakeOutages, FakePosts, FakeQuota, FakeTokens
from tests.statemachines.interpreter import Execution, state_machine
from tests.statemachines.lambdas import ROOT, Lambdas, Points, Watched
from tests.statemachines.virtual_time import VirtualTime

DEFINITION = ROOT / "statemachines" / "publish_post.asl.yaml"
USERNAME = "lumen.bakery"
CAPTION = "CANARY-caption of a post"
OUTCOMES = {"published", "not_published", "failed", "unclear"}
FINISHES = {"nothing", "add_first_comment", "turn_comments_off"}
ENDS = {PostState.PUBLISHED, PostState.FAILED, PostState.UNCONFIRMED, PostState.CANCELLED}

IMAGE = content("image", caption=CAPTION, media=(image_item("photo"),))
CAROUSEL = content("carousel", caption=CAPTION, media=(image_item("photo"), video_item("clip"), image_item("square")))
REEL = content("reel", caption=CAPTION, media=(video_item("clip"),))
STORY = content("story", media=(image_item("story"),))


class Lab:
    def __init__(self, **options: Any) -> None:
        """`options` are the simulator's."""
        clock = Clock(start=NOW.timestamp())
        self.time = VirtualTime(clock)
        self.points = Points()
        self.lambdas = Lambdas(self.time, self.points)
        self.instagram = Instagram(Options(**options), clock=clock, media_transport=sample_media(), seed=1)
        self.token = self.instagram.token_for(USERNAME)
        pretend = self.instagram.world.account_named(USERNAME)
        assert pretend is not None
        account = an_account(ig_user_id=pretend.user_id, username=USERNAME)
        self.accounts, self.posts = FakeAccounts(account), FakePosts()
        self.quota, self.outages, self.bus = FakeQuota(), FakeOutages(), FakeBus()
        self.accounts.tokens[account.tenant_id, account.id] = self.token
        self._key = (account.tenant_id, account.id)
        self._post_key = ("", "")
        self._by_hand: set[str] = set()
        self._hidden: dict[str, Any] = {}

    # What the handlers see.

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time.clock.now(), UTC)

    def recording_ports(self) -> Ports:
        return Ports(**self._ports())

    def _ports(self) -> dict[str, Any]:
        return {
            "posts": self._watched("posts", self.posts),
            "accounts": self._watched("accounts", self.accounts),
            "quota": self._watched("quota", self.quota),
            "outages": self._watched("outages", self.outages),
            "announce": lambda name, detail: self.bus.announce(name, detail, self.now()),
            "now": self.now,
        }

    def calling_ports(self) -> CallingPorts:
        wire = _Wire(transport(self.instagram), self.time, self.points)
        record = Recorder(self._watched("timeline", self.posts.timeline), self.posts, self.quota, self.now)
        return CallingPorts(
            **self._ports(),
            tokens=self._watched("tokens", FakeTokens(self.accounts)),
            # In virtual time an answer takes none.
            instagram=InstagramClient(transport=wire, on_call=lambda call: record(replace(call, duration_ms=0.0))),
            sleep=self.time.sleep,
        )

    def _watched(self, name: str, port: object) -> Any:
        return Watched(name, port, self.points)

    # What tests do and see.

    def accept(self, post_content: PostContent) -> Post:
        """A queued post, as the API leaves it."""
        account = self.account
        post = a_post(account_id=account.id, tenant_id=account.tenant_id, content=post_content, accepted_at=self.now())
        self._post_key = (post.tenant_id, post.id)
        return self.posts.add(post)

    def publish(self, post_content: PostContent) -> Execution:
        self.accept(post_content)
        return self.execute()

    def execute(self) -> Execution:
        """The workflow of the post accepted last."""
        [execution] = self.execute_side_by_side(1)
        return execution

    def execute_side_by_side(self, times: int) -> list[Execution]:
        execution_input = {"tenant_id": self._post_key[0], "post_id": self._post_key[1]}
        machine = state_machine(DEFINITION)
        executions = machine.execute(execution_input, self.lambdas.invoke, self.time, times=times)
        for execution in executions:
            self._check(execution)
        return executions

    @property
    def post(self) -> Post:
        return self.posts.stored[self._post_key]

    @property
    def timeline(self) -> tuple[Entry, ...]:
        return self.posts.timeline.read(*self._post_key, self.now(), 1000)

    @property
    def account(self) -> Account:
        return self.accounts.stored[self._key]

    @account.setter
    def account(self, account: Account) -> None:
        self.accounts.stored[self._key] = account

    @property
    def live(self) -> list[dict[str, Any]]:
        """What followers see of our post, or of our posts, oldest first."""
        return [entry for entry in self.instagram.ledger() if entry["container_id"] not in self._by_hand]

    @property
    def problem(self) -> dict[str, Any]:
        assert self.post.problem is not None
        return self.post.problem

    def called(self, route: str) -> int:
        """How often a route of Instagram was called, such as `POST /{ig}/media_publish`."""
        return len(self.instagram.calls(route))

    def disconnect(self) -> None:
        self.accounts.erase(self.account)

    def post_by_hand(self, caption: str | None) -> None:
        """Somebody publishes an image in Instagram's own app."""
        client, access = (
            InstagramClient(transport=transport(self.instagram)),
            Access(self.account.ig_user_id, self.token),
        )
        parameters = {"image_url": "https://elsewhere.example/square.jpg", "caption": caption}
        container_id = client.create_container(access, parameters)
        self._by_hand.add(container_id)
        self.time.clock.advance(5)
        client.publish_container(access, container_id)

    def hide_media(self) -> None:
        """Until `show_media`, Instagram's lists leave out what is there."""
        media = self.instagram.world.media
        self._hidden |= media
        media.clear()

    def show_media(self) -> None:
        self.instagram.world.media |= self._hidden

    def age_containers(self) -> None:
        """By the day that Instagram keeps them."""
        for container in self.instagram.world.containers.values():
            container.created_at -= 86_400

    def revoke_token(self, subcode: int = 460) -> None:
        self.instagram.world.tokens[self.token].revoked_with = subcode

    # The invariants.

    def _check(self, execution: Execution) -> None:
        assert execution.seconds < 259_200, "the execution would have been stopped"
        assert len(self.live) <= 1, "the post is visible twice"
        if execution.status == "SUCCEEDED":
            assert self.post.state in ENDS
            assert (self.post.state is PostState.PUBLISHED) <= bool(self.live), "published, but nobody sees it"
            assert (self.post.state is PostState.FAILED) <= (not self.live), "failed, but everybody sees it"
            assert (self.post.problem is None) == (self.post.state is PostState.PUBLISHED)
        else:
            assert (execution.status, execution.path[-1]) == ("FAILED", "MarkFailed")
        seen = json.dumps([execution.history, execution.output, execution.cause], default=str)
        for secret in (self.token, "CANARY", "media.example.com"):
            assert secret not in seen
        for state_input in execution.inputs:
            strings = set(_strings({name: value for name, value in state_input.items() if name != "error"}))
            assert strings <= {*self._post_key, *OUTCOMES, *FINISHES, *(media["media_id"] for media in self.live)}
        self._check_timeline()

    def _check_timeline(self) -> None:
        """Names and numbers only; what became of the post is its last state."""
        told, account = str(self.timeline), self.instagram.world.account_named(USERNAME)
        assert account is not None
        ids = [account.user_id, *self.instagram.world.containers, *(each["media_id"] for each in self.live)]
        for secret in (self.token, "CANARY", "media.example.com", *ids):
            assert secret not in told
        assert [entry.state for entry in self.timeline if entry.state][-1] is self.post.state


class _Wire(httpx.BaseTransport):
    """Every call is a point, and a silent Instagram costs as much time as the client is patient."""

    def __init__(self, wire: httpx.BaseTransport, time: VirtualTime, points: Points) -> None:
        self._wire, self._time, self._points = wire, time, points

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = self._points.passes(_name(request), lambda: self._answer(request))
        return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._wire.handle_request(request)
        except httpx.ReadTimeout:
            self._time.sleep(request.extensions["timeout"]["read"])
            raise


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict() | list():
            for each in value.values() if isinstance(value, dict) else value:
                yield from _strings(each)


def _name(request: httpx.Request) -> str:
    """`GET id`, `POST media_publish`."""
    last = request.url.path.rpartition("/")[2]
    return f"{request.method} {'id' if last.isdecimal() else last}"
