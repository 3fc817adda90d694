"""
What a published image and a published reel cost, at list prices: transitions, invocations and Lambda time from the
histories of real executions on the local cloud; what DynamoDB, KMS and EventBridge were asked from `metered`.

    python -m bench.cost [--posts N] [--video-seconds S]

The durations are this machine's, warm, with the local cloud's overhead in them, so the Lambda part of the price is an
upper bound. The requests hold those of accepting the post through the API; the API's own invocations are not counted.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from bench import prices
from bench.metered import meter, metered
from devstack.cloud import ANY_PORTS, LocalCloud
from devstack.showing import connect

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300.0  # seconds


@dataclass(frozen=True)
class Execution:
    transitions: int
    invocations: int
    lambda_seconds: float
    seconds: float

    @property
    def price(self) -> float:
        return prices.workflow(self.transitions, self.invocations, self.lambda_seconds)


@dataclass(frozen=True)
class Batch:
    """Posts of one kind; `requests` is what one of them asked other services, on average."""

    executions: list[Execution]
    requests: dict[str, float]

    def median(self, name: str) -> float:
        return float(statistics.median(getattr(each, name) for each in self.executions))

    @property
    def price(self) -> float:
        return self.median("price") + prices.requests(**self.requests)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--posts", type=int, default=5, help="posts of each kind (default: 5)")
    parser.add_argument("--image-seconds", type=float, default=2, help="Instagram's time for an image (default: 2)")
    parser.add_argument("--video-seconds", type=float, default=60, help="Instagram's time for a reel (default: 60)")
    options = parser.parse_args(arguments)
    cloud = LocalCloud(
        ROOT,
        state_dir=ROOT / ".local/bench-cost",
        ports=ANY_PORTS,
        image_seconds=options.image_seconds,
        video_seconds=options.video_seconds,
    )
    with metered(cloud), connect(cloud, lambda _: None) as account:
        warm = [_published(cloud, account, _image(cloud), 1).executions[0].seconds for _ in range(2)]
        images = _published(cloud, account, _image(cloud), options.posts)
        reels = _published(cloud, account, _reel(cloud), options.posts)
    print(f"first publish after a deploy {warm[0]:.1f} s, the next {warm[1]:.1f} s (image)")
    print(f"per published post, $ per 1,000; medians and means of {options.posts} posts of each kind; Instagram takes")
    print(f"{options.image_seconds:g} s for an image and {options.video_seconds:g} s for a reel")
    print(
        f"{'':6} {'transitions':>11} {'invocations':>11} {'lambda s':>8} {'seconds':>8} {'workflow $':>10}"
        f" {'writes':>6} {'reads':>6} {'kms':>5} {'events':>6} {'requests $':>10} {'total $':>8}"
    )
    _print_row("image", images)
    _print_row("reel", reels)
    print(f"a reel costs {reels.price / images.price:.2f} x an image")


def _print_row(name: str, batch: Batch) -> None:
    asked = batch.requests
    print(
        f"{name:6} {batch.median('transitions'):11.0f} {batch.median('invocations'):11.0f}"
        f" {batch.median('lambda_seconds'):8.2f} {batch.median('seconds'):8.1f} {batch.median('price') * 1000:10.4f}"
        f" {asked['writes']:6.1f} {asked['reads']:6.1f} {asked['kms']:5.1f} {asked['events']:6.1f}"
        f" {prices.requests(**asked) * 1000:10.4f} {batch.price * 1000:8.4f}"
    )


def _image(cloud: LocalCloud) -> dict[str, Any]:
    return {"kind": "image", "media": [{"url": f"{cloud.simulator_url}/_sim/samples/photo.jpg"}]}


def _reel(cloud: LocalCloud) -> dict[str, Any]:
    return {"kind": "reel", "media": [{"url": f"{cloud.simulator_url}/_sim/samples/clip.mp4"}]}


def _published(cloud: LocalCloud, account: Any, body: dict[str, Any], count: int) -> Batch:
    """One after the other is started, all are awaited; each has its own caption, so that none is another's twin."""
    api: httpx.Client = account.api
    ids, before = [], meter(cloud)
    for number in range(count):
        answer = api.post("/v1/posts", json={**body, "caption": f"{body['kind']} {number} {time.time_ns()}"})
        ids.append(answer.raise_for_status().json()["id"])
    executions = [_execution(cloud, post_id) for post_id in ids]
    asked = meter(cloud)
    for post_id in ids:
        state = api.get(f"/v1/posts/{post_id}").raise_for_status().json()["state"]
        assert state == "published", f"{post_id} is {state}"
    each = {name: (asked[name] - before[name]) / count for name in ("writes", "reads", "kms", "events")}
    return Batch(executions, each)


def _execution(cloud: LocalCloud, post_id: str) -> Execution:
    """Of the post, when it has ended. Its state is not asked for: that would be in the requests."""
    machine = cloud.outputs["PublishPostStateMachineArn"]
    arn = machine.replace(":stateMachine:", ":execution:") + f":{post_id}"
    client, deadline = cloud.client("stepfunctions"), time.monotonic() + PATIENCE
    while client.describe_execution(executionArn=arn)["status"] == "RUNNING":
        assert time.monotonic() < deadline, f"{post_id} is still running"
        time.sleep(0.5)
    events = list(_history(client, arn))
    kinds = Counter(event["type"] for event in events)
    busy = [
        (after["timestamp"] - before["timestamp"]).total_seconds()
        for before, after in pairwise(events)
        if before["type"] == "TaskScheduled"
    ]
    return Execution(
        transitions=sum(count for kind, count in kinds.items() if kind.endswith("StateEntered")),
        invocations=kinds["TaskScheduled"],
        lambda_seconds=sum(busy),
        seconds=(events[-1]["timestamp"] - events[0]["timestamp"]).total_seconds(),
    )


def _history(client: Any, arn: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("get_execution_history").paginate(executionArn=arn):
        yield from page["events"]


if __name__ == "__main__":
    main()
