"""
Are scheduled posts published at their time, once each, and what becomes of those that are cancelled in the last second?

    python -m bench.schedules [--posts N] [--seconds S] [--cancels N]

Posts of several accounts come due evenly over some time on a local cloud; others are cancelled around their time, and
around the moment in which they are started. What is live is read from Instagram's own ledger. The lag is what lies
between a post's time and its start (`publish_at` to `queued_at`). Exit code 1 when a promise is broken.
"""

import argparse
import math
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from devstack.cloud import ANY_PORTS, LocalCloud
from devstack.showing import CALL_SECONDS, LAST_STATES, allow_as_owner

ROOT = Path(__file__).resolve().parent.parent
POSTS_AN_ACCOUNT = 50  # Instagram lets an account publish 100 a day
PROMISED_LAG = 60.0
PATIENCE = 600.0  # seconds until the last post is at its end
# When a post is cancelled: so many seconds from its time, or as soon as it is seen to be past that state.
MOMENTS: tuple[float | str, ...] = (
    -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, "scheduled", "queued", "processing", "scheduled", "queued", "processing",
)  # fmt: skip
ON_THE_WAY = ("scheduled", "queued", "processing")
PARALLEL = 8


@dataclass(frozen=True)
class Plan:
    """`ahead`: seconds until the first post is due, enough to schedule them all."""

    posts: int
    cancels: int
    seconds: float
    ahead: float


@dataclass(frozen=True)
class Ended:
    """A post in its last state, and how often it is live. `cancel` is the status of the answer to the cancellation."""

    state: str
    times_live: int
    lag: float | None
    cancel: int | None = None

    @property
    def is_kept(self) -> bool:
        """Whoever was told that the post is cancelled never sees it; everybody else sees it once."""
        if self.state == "cancelled":
            return (self.times_live, self.cancel) == (0, 200)
        return (self.state, self.times_live) == ("published", 1) and self.cancel in {None, 409}


@dataclass(frozen=True)
class Figures:
    left_alone: tuple[Ended, ...]
    cancelled: tuple[Ended, ...]

    @property
    def lags(self) -> list[float]:
        return sorted(each.lag for each in self.left_alone + self.cancelled if each.lag is not None)

    def breaks(self) -> list[str]:
        """What was promised and not kept."""
        found = [f"left alone, but {each}" for each in self.left_alone if not each.is_kept or each.state != "published"]
        found += [f"cancelled, but {each}" for each in self.cancelled if not each.is_kept]
        if self.lags and (self.lags[0] < 0 or quantile(self.lags, 0.99) > PROMISED_LAG):
            found.append(f"start lag from {self.lags[0]:.1f} s, p99 {quantile(self.lags, 0.99):.1f} s")
        return found


def quantile(values: list[float], share: float) -> float:
    """Of sorted values: the smallest that so many are not above."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Desk:
    """A tenant of its own with accounts of its own."""

    api: httpx.Client
    simulator_url: str
    accounts: tuple[str, ...]

    def scheduled(self, number: int, at: datetime) -> str:
        """Each has its own caption, so that none is another's twin."""
        body = {
            "account_id": self.accounts[number % len(self.accounts)],
            "kind": "image",
            "mode": "scheduled",
            "publish_at": at.isoformat(),
            "caption": f"number {number} {secrets.token_hex(6)}",
            "media": [{"url": f"{self.simulator_url}/_sim/samples/photo.jpg"}],
        }
        answer = self._sent("POST", "/v1/posts", json=body, headers={"idempotency-key": body["caption"]})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def read(self, post_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._sent("GET", f"/v1/posts/{post_id}").raise_for_status().json()
        return found

    def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Again when a busy machine had no answer, as any client would: each request may be repeated."""
        deadline = time.monotonic() + CALL_SECONDS
        while (answer := self.api.request(method, path, **options)).status_code >= 500 or _is_in_progress(answer):
            assert time.monotonic() < deadline, f"{method} {path}: {answer.status_code} {answer.text}"
            time.sleep(0.5)
        return answer

    def cancelled(self, post_id: str, at: datetime, moment: float | str) -> int:
        """The status of the answer: 200 or 409."""
        if isinstance(moment, str):
            _sleep_until(at)
            before = ON_THE_WAY[: ON_THE_WAY.index(moment) + 1]
            while self.read(post_id)["state"] in before:
                time.sleep(0.02)
        else:
            _sleep_until(at + timedelta(seconds=moment))
        return self._sent("DELETE", f"/v1/posts/{post_id}").status_code

    def followed(self, post_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Each in its last state."""
        deadline, open_ids, ends = time.monotonic() + PATIENCE, set(post_ids), {}
        while open_ids:
            assert time.monotonic() < deadline, f"{len(open_ids)} posts have not ended"
            time.sleep(1)
            for post in (self.read(post_id) for post_id in sorted(open_ids)):
                if post["state"] in LAST_STATES:
                    ends[post["id"]] = post
                    open_ids.discard(post["id"])
        return ends

    def live(self) -> Counter[str]:
        ledger = httpx.get(f"{self.simulator_url}/_sim/ledger", timeout=CALL_SECONDS).raise_for_status().json()
        return Counter(entry["caption"] for entry in ledger["ledger"])


def _is_in_progress(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and answer.json()["code"] == "idempotency_in_progress"


def desk(cloud: LocalCloud, api: httpx.Client, accounts: int) -> Desk:
    for _ in range(accounts):
        username = f"studio.{secrets.token_hex(4)}"
        added = httpx.post(f"{cloud.simulator_url}/_sim/accounts", json={"username": username}, timeout=CALL_SECONDS)
        added.raise_for_status()
        allow_as_owner(api.post("/v1/connect-sessions", json={}).raise_for_status().json()["authorize_url"], username)
    connected = api.get("/v1/accounts").raise_for_status().json()["data"]
    return Desk(api, cloud.simulator_url, tuple(each["id"] for each in connected))


def measured(cloud: LocalCloud, plan: Plan) -> Figures:
    """Schedules everything, cancels what is to be cancelled, and waits for every end."""
    key = cloud.issue_api_key(f"bench-{secrets.token_hex(4)}", name="bench")
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=cloud.api_url, headers=headers, timeout=CALL_SECONDS) as api:
        everything = plan.posts + plan.cancels
        return _played(desk(cloud, api, math.ceil(everything / POSTS_AN_ACCOUNT)), plan)


def _played(own: Desk, plan: Plan) -> Figures:
    times = list(_times(plan))
    with ThreadPoolExecutor(PARALLEL) as threads:
        ids = list(threads.map(own.scheduled, range(len(times)), times))
    late = datetime.now(UTC) - times[0]
    assert late < timedelta(), f"scheduling took too long by {late}; give it more time ahead"
    doomed = list(zip(ids, times, strict=True))[plan.posts :]
    moments = [MOMENTS[number % len(MOMENTS)] for number in range(plan.cancels)]
    with ThreadPoolExecutor(max(1, plan.cancels)) as threads:
        running = [
            threads.submit(own.cancelled, post_id, at, moment)
            for (post_id, at), moment in zip(doomed, moments, strict=True)
        ]
        answers = dict(zip(ids[plan.posts :], (each.result() for each in running), strict=True))
    ends, live = own.followed(ids), own.live()
    ended = [_ended(ends[post_id], live, answers.get(post_id)) for post_id in ids]
    return Figures(tuple(ended[: plan.posts]), tuple(ended[plan.posts :]))


def _times(plan: Plan) -> Iterator[datetime]:
    """Whole seconds, as the API takes them: first of those that are left alone, then of those to be cancelled."""
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=math.ceil(plan.ahead))
    for count in (plan.posts, plan.cancels):
        for number in range(count):
            yield first + timedelta(seconds=int(plan.seconds * number / max(1, count)))


def _ended(post: dict[str, Any], live: Counter[str], cancel: int | None) -> Ended:
    due, started = post["publish_at"], post["queued_at"]
    lag = (datetime.fromisoformat(started) - datetime.fromisoformat(due)).total_seconds() if started else None
    return Ended(post["state"], live[post["caption"]], lag, cancel)


def _sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.schedules", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--posts", type=int, default=200, help="posts that are left alone (default: 200)")
    parser.add_argument("--seconds", type=float, default=120, help="over how long they come due (default: 120)")
    parser.add_argument("--cancels", type=int, default=12, help="more posts, to be cancelled (default: 12)")
    parser.add_argument("--ahead", type=float, default=60, help="seconds to schedule them all in (default: 60)")
    options = parser.parse_args(arguments)
    plan = Plan(options.posts, options.cancels, options.seconds, options.ahead)
    with LocalCloud(ROOT, state_dir=ROOT / ".local/bench-schedules", ports=ANY_PORTS, image_seconds=0) as cloud:
        figures = measured(cloud, plan)
    _print(figures, plan)
    return 1 if figures.breaks() else 0


def _print(figures: Figures, plan: Plan) -> None:
    alone, lags = figures.left_alone, figures.lags
    print(f"{len(alone)} scheduled posts, due over {plan.seconds:g} s")
    print(f"  published once {sum(each.is_kept and each.state == 'published' for each in alone)}", end=", ")
    print(f"doubled {sum(each.times_live > 1 for each in alone)}, lost {sum(not each.times_live for each in alone)}")
    if lags:
        shares = (f"{name} {quantile(lags, share):.1f} s" for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)))
        print(f"  start lag {', '.join(shares)}; promised: p99 at most {PROMISED_LAG:g} s")
    print(f"{len(figures.cancelled)} cancelled around their time")
    for (state, answer), count in sorted(Counter((each.state, each.cancel) for each in figures.cancelled).items()):
        print(f"  {state}, the caller was answered {answer}: {count}")
    for each in figures.breaks():
        print(f"BROKEN: {each}")


if __name__ == "__main__":
    sys.exit(main())
