"""The steps of the demo, all of them over HTTP as a caller and a browser would take them."""

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from devstack.cloud import LocalCloud

POLL_SECONDS = 0.4
PUBLISH_SECONDS = 90.0
CALL_SECONDS = 35.0  # longer than the gateway waits
LAST_STATES = {"published", "failed", "unconfirmed", "cancelled"}

type Progress = Callable[[str], None]


class DemoError(Exception):
    """The demo did not show what it promises; the message says which step and what was answered."""


@dataclass(frozen=True)
class Account:
    """Connected, and the client that may publish to it."""

    api: httpx.Client
    account_id: str


@dataclass
class PostRun:
    """One post on its way."""

    kind: str
    media: list[str]  # sample files of the simulator
    caption: str | None = None
    post_id: str | None = None
    seen: dict[str, Any] = field(default_factory=dict)  # the last answer of GET /v1/posts/{id}
    sent_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @property
    def state(self) -> str:
        return str(self.seen.get("state", "not accepted"))

    def as_json(self) -> dict[str, Any]:
        kept = {name: self.seen.get(name) for name in ("state", "media_id", "permalink", "problem")}
        return {"kind": self.kind, "post_id": self.post_id, **kept, "timeline": list(self._timeline())}

    def _timeline(self) -> Iterator[dict[str, Any]]:
        """The service's own times, counted from the moment we sent the request."""
        moments = [(self.seen.get("accepted_at") or self.seen.get("created_at"), "accepted")]
        for container in self.seen.get("containers") or []:
            item = container.get("item")
            name = f"container {container['container_id']}" + ("" if item is None else f" of item {item + 1}")
            moments += [(container.get("created_at"), f"{name} created")]
            moments += [(container.get("finished_at"), f"{name} processed by Instagram")]
        moments.append((self.seen.get("publish_attempted_at"), "Instagram asked to publish"))
        moments.append((self.seen.get("published_at"), f"published as media {self.seen.get('media_id')}"))
        for at, what in sorted((at, what) for at, what in moments if at):
            since = dt.datetime.fromisoformat(at) - self.sent_at
            yield {"at": at, "seconds": round(max(since.total_seconds(), 0.0), 1), "what": what}


def the_four() -> list[PostRun]:
    return [
        PostRun("image", ["photo.jpg"], "A single image"),
        PostRun("carousel", ["photo.jpg", "clip.mp4", "square.jpg"], "Image, video, image"),
        PostRun("reel", ["clip.mp4"], "A reel"),
        PostRun("story", ["photo.jpg"]),
    ]


@contextlib.contextmanager
def connect(cloud: LocalCloud, progress: Progress) -> Iterator[Account]:
    headers = {"authorization": f"Bearer {cloud.issue_api_key(name='demo')}"}
    with httpx.Client(base_url=cloud.api_url, headers=headers, timeout=CALL_SECONDS) as api:
        allow_as_owner(_json(api.post("/v1/connect-sessions", json={"login": "instagram"}), 201)["authorize_url"])
        accounts = _json(api.get("/v1/accounts"), 200)["data"]
        if len(accounts) != 1:
            raise DemoError(f"one account should be connected, not {len(accounts)}")
        username, account_id = accounts[0]["username"], accounts[0]["id"]
        progress(f"Connected {username} as {account_id}, through Instagram's authorise page")
        yield Account(api, account_id)


def allow_as_owner(authorize_url: str, username: str | None = None) -> None:
    """Through every redirect, with cookies, like the browser of the account's owner: of the first, or of that one."""
    decided = {"decision": "allow"} | ({"user": username} if username else {})
    with httpx.Client(timeout=CALL_SECONDS) as browser:
        dialogue = browser.get(authorize_url, follow_redirects=True)
        _require(dialogue, 200, "Instagram's authorise page")
        decision = browser.post(dialogue.url, data=decided)
        _require(decision, 302, "the decision on Instagram's page")
        _require(browser.get(decision.headers["location"]), 200, "the callback")


def publish_all(cloud: LocalCloud, account: Account, runs: list[PostRun], progress: Progress) -> None:
    """All at once. Fills `runs` as they go, so that a failure can still be told."""
    runs.extend(the_four())
    samples = f"{cloud.simulator_url}/_sim/samples"
    with ThreadPoolExecutor(len(runs)) as threads:
        for done in [threads.submit(_publish, account, run, samples, progress) for run in runs]:
            done.result()
    unpublished = [f"{run.kind} is {run.state}" for run in runs if run.state != "published"]
    if unpublished:
        raise DemoError("; ".join(unpublished))


def _publish(account: Account, run: PostRun, samples: str, progress: Progress) -> None:
    body: dict[str, Any] = {
        "account_id": account.account_id,
        "kind": run.kind,
        "mode": "now",
        "media": [{"url": f"{samples}/{name}"} for name in run.media],
    }
    if run.caption:
        body["caption"] = run.caption
    run.sent_at = dt.datetime.now(dt.UTC)
    run.seen = _json(account.api.post("/v1/posts", json=body), 202)
    run.post_id = run.seen["id"]
    progress(f"{run.kind:9} accepted as {run.post_id}")
    _follow(account.api, run, progress)


def _follow(api: httpx.Client, run: PostRun, progress: Progress) -> None:
    deadline = time.monotonic() + PUBLISH_SECONDS
    while run.state not in LAST_STATES or (run.state == "published" and not run.seen.get("permalink")):
        if time.monotonic() > deadline:
            raise DemoError(f"{run.kind} is still {run.state} after {PUBLISH_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
        before, run.seen = run.state, _json(api.get(f"/v1/posts/{run.post_id}"), 200)
        if run.state != before:
            progress(f"{run.kind:9} {run.state}")


def require_live_once(simulator_url: str, runs: list[PostRun]) -> None:
    """Instagram's own books: what is live there is what we published, nothing less and nothing twice."""
    ledger = _json(httpx.get(f"{simulator_url}/_sim/ledger", timeout=10), 200)
    live = sorted(str(entry["media_id"]) for entry in ledger["ledger"])
    ours = sorted(str(run.seen["media_id"]) for run in runs)
    if live != ours:
        raise DemoError(f"live on Instagram: {', '.join(live) or 'nothing'}; published by us: {', '.join(ours)}")


def _json(answer: httpx.Response, status: int) -> dict[str, Any]:
    _require(answer, status, f"{answer.request.method} {answer.request.url.path}")
    parsed: dict[str, Any] = answer.json()
    return parsed


def _require(answer: httpx.Response, status: int, step: str) -> None:
    if answer.status_code != status:
        told = parse_qs(urlsplit(answer.headers.get("location", "")).query).get("result", [])
        raise DemoError(f"{step} answered {answer.status_code} instead of {status}: {told or answer.text[:500]}")
