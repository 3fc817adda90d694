"""Who takes part: a tenant's server with an API key, and the owner of an Instagram account with a browser."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.stack.canaries import Canaries
from tests.stack.pretend import PretendInstagram

LAST_STATES = {"published", "failed", "unconfirmed", "cancelled"}
POST_SECONDS = 40.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Account:
    """A connected account: Darkroom's id, Instagram's id and name."""

    id: str
    ig_user_id: str
    username: str


@dataclass
class Tenant:
    """A customer's server. `api` sends the tenant's API key."""

    id: str
    api: httpx.Client
    instagram: PretendInstagram
    canaries: Canaries
    accounts: list[Account] = field(default_factory=list)

    @property
    def account(self) -> Account:
        return self.accounts[0]

    def body(self, kind: str = "image", *media: str | dict[str, Any], **fields: Any) -> dict[str, Any]:
        """A valid request; `media` are samples of the simulator, or whole items."""
        items = [
            {"url": self.instagram.sample(item)} if isinstance(item, str) else item
            for item in media or ("clip.mp4" if kind == "reel" else "photo.jpg",)
        ]
        if kind != "story":
            fields.setdefault("caption", self.canaries.caption())
        if self.accounts:
            fields.setdefault("account_id", self.account.id)
        return {"kind": kind, "mode": "now", "media": items} | fields

    def publish(self, kind: str = "image", *media: str | dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Sends a post and follows it to its end."""
        return self.follow(self.accepted(self.api.post("/v1/posts", json=self.body(kind, *media, **fields))))

    def schedule(self, at: datetime, **fields: Any) -> dict[str, Any]:
        """The post as it was accepted, to go out then."""
        answer = self.api.post("/v1/posts", json=self.body(mode="scheduled", publish_at=at.isoformat(), **fields))
        self.accepted(answer)
        scheduled: dict[str, Any] = answer.json()
        return scheduled

    def accepted(self, answer: httpx.Response) -> str:
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def follow(self, post_id: str) -> dict[str, Any]:
        """The post in its last state, with its permalink when it is live."""
        return self.awaited(
            post_id, lambda post: post["state"] in LAST_STATES and (post["permalink"] or post["state"] != "published")
        )

    def awaited(self, post_id: str, is_it: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The post as soon as it is so."""
        deadline = time.monotonic() + POST_SECONDS
        while True:
            post: dict[str, Any] = self.api.get(f"/v1/posts/{post_id}").json()
            if is_it(post):
                return post
            assert time.monotonic() < deadline, f"{post_id} is still {post['state']}"
            time.sleep(POLL_SECONDS)

    def link(self, **wishes: Any) -> str:
        """A fresh link for the owner's browser."""
        answer = self.api.post("/v1/connect-sessions", json=wishes)
        assert answer.status_code == 201, answer.text
        url = str(answer.json()["authorize_url"])
        self.canaries.meet_url(url)
        return url


@dataclass(frozen=True)
class Owner:
    """A person with a browser of their own: `browser` keeps cookies and follows nothing by itself."""

    username: str
    browser: httpx.Client
    canaries: Canaries

    def connect(self, link: str) -> httpx.Response:
        """All the way, allowing everything; the answer of Darkroom's callback."""
        return self.browser.get(self.decide(link))

    def decide(self, link: str, decision: str = "allow", scopes: str | None = None) -> str:
        """Opens the link and decides on Instagram's page; where Instagram then sends the browser."""
        dialogue = self.open(link)
        form = {"decision": decision, "user": self.username} | ({"scopes": scopes} if scopes else {})
        answer = self.browser.post(dialogue, data=form)
        assert answer.status_code == 302, answer.text
        callback = answer.headers["location"].partition("#")[0]
        self.canaries.meet_url(callback)
        return callback

    def open(self, link: str) -> str:
        """Where the link leads: Instagram's page."""
        answer = self.browser.get(link)
        assert answer.status_code == 302, answer.text
        dialogue = answer.headers["location"]
        assert self.browser.get(dialogue).status_code == 200
        return dialogue


def result(answer: httpx.Response) -> dict[str, str]:
    """What a redirect to the return_url says."""
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))
