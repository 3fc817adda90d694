"""
The workflow on the bench: the real state machine, the real handlers and the real Instagram client, over stores in
memory and the pretend Instagram, which all share one virtual clock. Whatever a test does to them, the invariants below
hold at the end of each execution.

Most tests are about one post of one account; `accept` and `connect` make more. Of several posts of one kind and account
each needs a caption of its own, by which the lab tells them apart.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from darkroom import changing
from darkroom.accounts import Account, AccountState
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.models import Access
from darkroom.instagram.oauth import FACEBOOK_SCOPES
from darkroom.posts import Post, PostContent, PostState
from darkroom.recording import Recorder
from darkroom.reloading import ReloadingInstagram
from darkroom.submission import Ports as PostingPorts
from darkroom.timeline import Entry
from darkroom.workflow import CallingPorts, Ports
from simulator import oauth
from simulator.clock import Clock
from simulator.instagram import Instagram
from simulator.options import DAY, Options, PretendAccount
from simulator.testing import sample_media, transport
from tests.builders import NOW, TENANT, a_caller, a_post, an_account, content, image_item, video_item
from tests.fakes import (
    FakeAccounts,
    FakeBus,
    FakeEvents,
    FakeFingerprints,
    FakeOutages,
    FakePosts,
    FakeQuota,
    FakeRates,
    FakeSchedules,
    FakeTokens,
    FakeWorkflows,
    standing_ports,
    unforeseen,
)
from tests.statemachines.interpreter import Execution, state_machine
from tests.statemachines.lambdas import ROOT, Lambdas, Points, Watched
from tests.statemachines.virtual_time import VirtualTime

DEFINITION = ROOT / "statemachines" / "publish_post.asl.yaml"
USERNAME = "lumen.bakery"
CAPTION = "CANARY-caption of a post"
COMMENT = "CANARY-comment, the first"
OUTCOMES = {"published", "not_published", "failed", "unclear"}
FINISHES = {"nothing", "add_first_comment", "turn_comments_off"}
ENDS = {PostState.PUBLISHED, PostState.FAILED, PostState.UNCONFIRMED, PostState.CANCELLED}

IMAGE = content("image", caption=CAPTION, media=(image_item("photo"),))
CAROUSEL = content("carousel", caption=CAPTION, media=(image_item("photo"), video_item("clip"), image_item("square")))
REEL = content("reel", caption=CAPTION, media=(video_item("clip"),))
STORY = content("story", media=(image_item("story"),))


def captioned(caption: str, post_content: PostContent = IMAGE) -> PostContent:
    return replace(post_content, caption=f"CANARY {caption}")


class Lab:
    def __init__(self, **options: Any) -> None:
        """`options` are the simulator's."""
        clock = Clock(start=NOW.timestamp())
        self.time = VirtualTime(clock)
        self.points = Points()
        self.lambdas = Lambdas(self.time, self.points)
        self.instagram = Instagram(Options(**options), clock=clock, media_transport=sample_media(), seed=1)
        self.accounts, self.posts = FakeAccounts(), FakePosts()
        self.quota, self.outages, self.bus = FakeQuota(), FakeOutages(), FakeBus()
        self.events = FakeEvents(self.now)
        self.workflows, self.schedules, self.fingerprints = FakeWorkflows(), FakeSchedules(), FakeFingerprints()
        self._usernames: dict[str, str] = {}
        self._tokens: list[str] = []
        account = self.connect(USERNAME)
        self._key = (account.tenant_id, account.id)
        self.token = self.accounts.tokens[self._key]
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
            "standing": standing_ports(self._watched("accounts", self.accounts), self.now, self.events, self.bus),
            "announce": lambda name, detail: self.bus.announce(name, detail, self.now()),
            "now": self.now,
        }

    def calling_ports(self) -> CallingPorts:
        wire = _Wire(transport(self.instagram), self.time, self.points)
        record = Recorder(self._watched("timeline", self.posts.timeline), self.posts, self.quota, self.now)
        client = InstagramClient(
            transport=wire,
            meta_app_secret=lambda: self.instagram.world.options.meta_app_secret,
            on_call=lambda call: record(replace(call, duration_ms=0.0)),  # in virtual time an answer takes none
        )
        ports, tokens = self._ports(), self._watched("tokens", FakeTokens(self.accounts))
        instagram = ReloadingInstagram(client, ports["accounts"], tokens)
        return CallingPorts(**ports, tokens=tokens, instagram=instagram, sleep=self.time.sleep)

    def _watched(self, name: str, port: object) -> Any:
        return Watched(name, port, self.points)

    def posting_ports(self) -> PostingPorts:
        """What the API sees; none of it is a point of the workflow."""
        return PostingPorts(
            posts=self.posts,
            accounts=self.accounts,
            workflows=self.workflows,
            schedules=self.schedules,
            quota=self.quota,
            fingerprints=self.fingerprints,
            rates=FakeRates(),
            now=self.now,
            tell=unforeseen,
        )

    # What tests do and see.

    def connect(self, username: str) -> Account:
        """One more account; whoever does not exist yet joins the pretend Instagram. Every scope is granted."""
        if self.instagram.world.account_named(username) is None:
            self.instagram.world.add_account(PretendAccount(username))
        pretend = self.instagram.world.account_named(username)
        assert pretend is not None
        number = len(self._usernames) + 1
        account = an_account(id=f"acc_{number:026}", ig_user_id=pretend.user_id, username=username, scopes=oauth.SCOPES)
        token = self.instagram.token_for(username)
        self.accounts.connect(account, token)
        self._usernames[account.id] = username
        self._tokens.append(token)
        return account

    def accept(self, post_content: PostContent, account: Account | None = None) -> Post:
        """A queued post, as the API leaves it, of the first account unless another is named."""
        account, now = account or self.account, self.now()
        number = len(self.posts.stored) + 1
        post = a_post(
            id=f"post_{number:026}",
            account_id=account.id,
            tenant_id=account.tenant_id,
            content=post_content,
            accepted_at=now,
        )
        self.quota.reserve(post.tenant_id, post.account_id, post.id, post.slot_at)
        self._post_key = (post.tenant_id, post.id)
        return self.posts.add(post)

    def publish(self, post_content: PostContent) -> Execution:
        self.accept(post_content)
        return self.execute()

    def execute(self) -> Execution:
        """The workflow of the post accepted last."""
        [execution] = self.execute_side_by_side(1)
        return execution

    def execute_side_by_side(self, times: int, *, every: float = 0.0) -> list[Execution]:
        return self.execute_all([self.post] * times, every=every)

    def execute_all(self, posts: list[Post], *, every: float = 0.0) -> list[Execution]:
        """The workflows of these posts side by side; the next one starts `every` so many seconds."""
        inputs = [{"tenant_id": post.tenant_id, "post_id": post.id} for post in posts]
        executions = state_machine(DEFINITION).execute_all(inputs, self.lambdas.invoke, self.time, every=every)
        for execution, post in zip(executions, posts, strict=True):
            self._check(execution, self.posts.stored[post.tenant_id, post.id])
        return executions

    def cancel(self) -> Post:
        """As its caller does, by the API. Raises ConflictError when it is too late."""
        return changing.cancel(a_caller(TENANT), self._post_key[1], self.posting_ports())

    def retry(self) -> Execution:
        """As its caller does, by the API; and the execution that this starts."""
        changing.retry(a_caller(TENANT), self._post_key[1], self.posting_ports())
        return self.execute()

    @property
    def post(self) -> Post:
        return self.posts.stored[self._post_key]

    @property
    def timeline(self) -> tuple[Entry, ...]:
        return self.timeline_of(self.post)

    def timeline_of(self, post: Post) -> tuple[Entry, ...]:
        return self.posts.timeline.read(post.tenant_id, post.id, self.now(), 100_000)

    @property
    def states(self) -> list[PostState]:
        """Every state of the post accepted last, in order."""
        return [entry.state for entry in self.timeline if entry.state]

    @property
    def account(self) -> Account:
        return self.accounts.stored[self._key]

    @account.setter
    def account(self, account: Account) -> None:
        self.accounts.stored[self._key] = account

    @property
    def live(self) -> list[dict[str, Any]]:
        """What followers see of the post accepted last."""
        return self.live_of(self.post)

    @property
    def all_live(self) -> list[dict[str, Any]]:
        """What followers see of all our posts, oldest first."""
        return [entry for entry in self.instagram.ledger() if entry["container_id"] not in self._by_hand]

    def live_of(self, post: Post) -> list[dict[str, Any]]:
        wanted = self._usernames[post.account_id], post.content.kind, post.content.caption
        return [
            entry
            for entry in self.all_live
            if (entry["account"]["username"], entry["kind"], entry["caption"]) == wanted
        ]

    @property
    def comments(self) -> list[str]:
        """What followers read under the post accepted last."""
        return [comment["text"] for entry in self.live for comment in entry["comments"]]

    @property
    def problem(self) -> dict[str, Any]:
        assert self.post.problem is not None
        return self.post.problem

    def called(self, route: str) -> int:
        """How often a route of Instagram was called, such as `POST /{ig}/media_publish`."""
        return len(self.instagram.calls(route))

    def disconnect(self) -> None:
        self.accounts.erase(self.account)

    def reconnect(self) -> None:
        """Its owner logs in again: the account is as new, with another token."""
        self.token = self.instagram.token_for(USERNAME)
        self._tokens.append(self.token)
        again = {"state": AccountState.CONNECTED, "connected_at": self.now(), "last_problem": None}
        self.accounts.connect(replace(self.account, **again, token_version=self.account.token_version + 1), self.token)

    def reconnect_through_facebook(self) -> None:
        """As `reconnect`, but through the Page; every call has to carry the app's proof."""
        self.instagram.switch(appsecret_proof="require")
        self.token = self.instagram.page_token_for(USERNAME)
        self._tokens.append(self.token)
        changes = {"login": "facebook", "page_id": "134000000000001", "scopes": tuple(FACEBOOK_SCOPES)}
        again = replace(self.account, **changes, token_version=self.account.token_version + 1)
        self.accounts.connect(again, self.token, "EAA-CANARY-person")

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

    def later(self, seconds: float, happens: Callable[[], object]) -> None:
        """So long after the next execution has begun."""

        def flow() -> None:
            self.time.sleep(seconds)
            happens()

        self.time.start(flow)

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
            container.created_at -= DAY

    def break_containers(self, subcode: int) -> None:
        """All that there are fail."""
        for container in self.instagram.world.containers.values():
            container.failure = subcode

    def revoke_token(self, subcode: int = 460) -> None:
        self.instagram.world.tokens[self.token].revoked_with = subcode

    # The invariants.

    def _check(self, execution: Execution, post: Post) -> None:
        assert execution.seconds < 259_200, "the execution would have been stopped"
        assert len(execution.history) < 20_000, "the execution comes near to what Step Functions keeps"
        assert len(self.live_of(post)) <= 1, "the post is visible twice"
        assert len(self.all_live) == sum(len(self.live_of(each)) for each in self.posts.stored.values())
        if execution.status == "SUCCEEDED":
            self._check_end(post)
        else:
            assert execution.status == "FAILED"
            assert execution.path[-1] in {"MarkPublished", "MarkFailed"}
        self._check_comments(post, has_ended=execution.status == "SUCCEEDED")
        seen = json.dumps([execution.history, execution.output, execution.cause], default=str)
        assert not any(secret in seen for secret in self._secrets)
        known = {post.tenant_id, post.id, *OUTCOMES, *FINISHES, *(media["media_id"] for media in self.live_of(post))}
        for state_input in execution.inputs:
            assert set(_strings({name: value for name, value in state_input.items() if name != "error"})) <= known
        self._check_timeline(post)

    def _check_end(self, post: Post) -> None:
        is_live = bool(self.live_of(post))
        assert post.state in ENDS
        assert (post.state is PostState.PUBLISHED) <= is_live, "published, but nobody sees it"
        assert (post.state is PostState.FAILED) <= (not is_live), "failed, but everybody sees it"
        assert (post.state is PostState.CANCELLED) <= (not is_live), "cancelled, but everybody sees it"
        assert (post.problem is None) == (post.state in {PostState.PUBLISHED, PostState.CANCELLED})
        assert post.delayed_until is None, "waits, though it has ended"

    def _check_comments(self, post: Post, *, has_ended: bool) -> None:
        made = [comment for entry in self.live_of(post) for comment in entry["comments"]]
        ours = [comment["id"] for comment in made if comment["text"] == post.content.first_comment]
        assert len(ours) <= 1, "the comment is there twice"
        assert post.comment.comment_id in {None, *ours}, "commented, but nobody sees it"
        if has_ended and post.state is PostState.PUBLISHED and post.content.first_comment and post.media_id:
            assert (post.comment.comment_id is None) == (post.comment.problem is not None)

    def _check_timeline(self, post: Post) -> None:
        """Names and numbers only; what became of the post is its last state."""
        entries, world = self.timeline_of(post), self.instagram.world
        told, ids = str(entries), [*world.accounts, *world.containers, *world.media]
        assert not any(secret in told for secret in (*self._secrets, *ids))
        assert [entry.state for entry in entries if entry.state][-1] is post.state

    @property
    def _secrets(self) -> tuple[str, ...]:
        return *self._tokens, "CANARY", "media.example.com"


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
