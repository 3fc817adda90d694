"""
What the demo shows besides publishing: Instagram tells Darkroom of a comment and Darkroom its caller; a token
is refreshed by the schedule; an owner takes the app away.
"""

import contextlib
import datetime as dt
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from devstack.cloud import LocalCloud
from devstack.showing import CALL_SECONDS, Account, DemoError, PostRun, Progress

WAIT_SECONDS = 40.0  # the local scheduler looks every ten
POLL_SECONDS = 0.2
LONG_AGO = "2020-01-01T00:00:00.000000Z"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Hook:
    """A server of the caller's own, for outgoing webhooks. `heard`: the type and the headers' names of each request."""

    port: int = field(default_factory=_free_port)
    heard: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                heard.append((body["type"], [name.lower() for name in self.headers]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """The demo tells what arrived."""

        with ThreadingHTTPServer(("127.0.0.1", self.port), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield
            server.shutdown()


@dataclass
class Story:
    """What came to pass, each with how many seconds after the story began."""

    progress: Progress
    hook: Hook
    moments: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def tell(self, what: str) -> None:
        self.moments.append({"seconds": round(time.monotonic() - self.started, 1), "what": what})
        self.progress(what)


def register(account: Account, hook: Hook) -> None:
    """Deliveries to it are signed; only what the demo is about is asked for."""
    wish = {"url": f"http://{hook.host}/hook", "types": ["comment.*", "account.*"]}
    _require(account.api.post("/v1/webhook-endpoints", json=wish), 201, "a webhook endpoint")


def refresh_soon(cloud: LocalCloud, account: Account) -> str:
    """
    Sets the account's token back to one issued long ago, and gives the hourly schedule's target a schedule that is due
    now. Answers when the token would have expired; `await_refresh` sees that it moved.
    """
    before = str(_account(account)["token_expires_at"])
    httpx.patch(f"{cloud.simulator_url}/_sim/switches", json={"refresh_min_age": 0}, timeout=CALL_SECONDS)
    dynamodb, table = cloud.client("dynamodb"), cloud.outputs["AccountsTableName"]
    stored = dynamodb.scan(TableName=table)["Items"]
    (key,) = ({"pk": each["pk"], "sk": each["sk"]} for each in stored if "refresh_at" in each)
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET token_issued_at = :past, refresh_at = :past",
        ExpressionAttributeValues={":past": {"S": LONG_AGO}},
    )
    scheduler = cloud.client("scheduler")
    hourly = (scheduler.get_schedule(Name=each["Name"]) for each in scheduler.list_schedules()["Schedules"])
    (target,) = (each["Target"] for each in hourly if "DispatchRefreshes" in each["Target"]["Arn"])
    scheduler.create_schedule(
        Name="demo-refresh-now",
        ScheduleExpression=f"at({dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )
    return before


def show(cloud: LocalCloud, account: Account, image: PostRun, before: str, story: Story) -> None:
    """All three, in order. Raises DemoError."""
    _comment(cloud, account, image, story)
    _await(lambda: _account(account)["token_expires_at"] > before, "the token was not refreshed by its schedule")
    story.tell("token refreshed by the schedule: it lives another 60 days")
    _withdraw(cloud, account, story)


def _comment(cloud: LocalCloud, account: Account, run: PostRun, story: Story) -> None:
    wish = {"username": _account(account)["username"], "media_id": run.seen["media_id"], "text": "How lovely!"}
    comment = httpx.post(f"{cloud.simulator_url}/_sim/comments", json=wish, timeout=CALL_SECONDS)
    _require(comment, 200, "a follower's comment")
    story.tell("a follower commented on the image; Instagram sent a signed webhook")
    _await(lambda: _unread(account, "comment.created"), "the comment became no event")
    story.tell("event comment.created, unread")
    _await(lambda: "comment.created" in dict(story.hook.heard), "the caller's own server heard nothing")
    if "webhook-signature" not in dict(story.hook.heard)["comment.created"]:
        raise DemoError("the outgoing webhook is not signed")
    story.tell("outgoing webhook comment.created delivered, signed")


def _withdraw(cloud: LocalCloud, account: Account, story: Story) -> None:
    wish = {"username": _account(account)["username"], "url": f"{cloud.api_url}/meta/deauthorize"}
    answer = httpx.post(f"{cloud.simulator_url}/_sim/withdrawals", json=wish, timeout=CALL_SECONDS)
    _require(answer, 200, "the owner's withdrawal")
    if answer.json()["status"] != 200:
        raise DemoError(f"deauthorising was answered {answer.json()['status']}")
    _await(lambda: _account(account)["state"] == "reauthorization_required", "the account was not deauthorised")
    story.tell("the owner removed the app: token erased, account reauthorization_required")
    _await(lambda: "account.deauthorized" in dict(story.hook.heard), "nobody was told of the deauthorisation")
    story.tell("outgoing webhook account.deauthorized delivered")


def _unread(account: Account, kind: str) -> bool:
    answer = account.api.get("/v1/events", params={"unread": "true", "type": kind})
    return bool(answer.json().get("data"))


def _account(account: Account) -> dict[str, Any]:
    found: dict[str, Any] = account.api.get(f"/v1/accounts/{account.account_id}").json()
    return found


def _await(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise DemoError(otherwise)
        time.sleep(POLL_SECONDS)


def _require(answer: httpx.Response, status: int, what: str) -> None:
    if answer.status_code != status:
        raise DemoError(f"{what} was answered {answer.status_code}: {answer.text[:300]}")
