"""
What a published image and a published reel cost: transitions, invocations and Lambda time, counted from the histories
of real executions on the local cloud, at list prices.

    python -m bench.cost [--posts N] [--video-seconds S]

The histories are real and so is the workflow; the durations are this machine's, warm, with the local cloud's overhead
in them, so the Lambda part of the price is an upper bound. DynamoDB and KMS requests are not counted.
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

from devstack.cloud import ANY_PORTS, LocalCloud
from devstack.showing import connect

ROOT = Path(__file__).resolve().parent.parent
# us-east-1 list prices of 2026-11, arm64.
TRANSITION = 25.0 / 1_000_000
INVOCATION = 0.20 / 1_000_000
GB_SECOND = 0.0000133334
MEMORY_GB = 0.5
ENDS = {"published", "failed", "unconfirmed"}


@dataclass(frozen=True)
class Execution:
    transitions: int
    invocations: int
    lambda_seconds: float
    seconds: float

    @property
    def price(self) -> float:
        lambdas = self.invocations * INVOCATION + self.lambda_seconds * MEMORY_GB * GB_SECOND
        return self.transitions * TRANSITION + lambdas


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
    with cloud, connect(cloud, lambda _: None) as account:
        warm = _published(cloud, account, _image(cloud), 1) + _published(cloud, account, _image(cloud), 1)
        images = _published(cloud, account, _image(cloud), options.posts)
        reels = _published(cloud, account, _reel(cloud), options.posts)
    print(f"first publish after a deploy {warm[0].seconds:.1f} s, the next {warm[1].seconds:.1f} s (image)")
    print(f"per 1,000 published; medians of {options.posts} posts of each kind; Instagram takes")
    print(f"{options.image_seconds:g} s for an image and {options.video_seconds:g} s for a reel")
    print(f"{'':8} {'transitions':>12} {'invocations':>12} {'lambda s':>9} {'seconds':>8} {'$ / 1,000':>10}")
    for name, found in (("image", images), ("reel", reels)):
        _print_row(name, found)
    ratio = statistics.median(each.price for each in reels) / statistics.median(each.price for each in images)
    print(f"a reel costs {ratio:.2f} x an image")


def _print_row(name: str, found: list[Execution]) -> None:
    transitions = statistics.median(each.transitions for each in found)
    invocations = statistics.median(each.invocations for each in found)
    busy = statistics.median(each.lambda_seconds for each in found)
    seconds = statistics.median(each.seconds for each in found)
    price = statistics.median(each.price for each in found) * 1000
    print(f"{name:8} {transitions:12.0f} {invocations:12.0f} {busy:9.2f} {seconds:8.1f} {price:10.4f}")


def _image(cloud: LocalCloud) -> dict[str, Any]:
    return {"kind": "image", "media": [{"url": f"{cloud.simulator_url}/_sim/samples/photo.jpg"}]}


def _reel(cloud: LocalCloud) -> dict[str, Any]:
    return {"kind": "reel", "media": [{"url": f"{cloud.simulator_url}/_sim/samples/clip.mp4"}]}


def _published(cloud: LocalCloud, account: Any, body: dict[str, Any], count: int) -> list[Execution]:
    """One after the other is started, all are awaited; each has its own caption, so that none is another's twin."""
    api: httpx.Client = account.api
    ids = []
    for number in range(count):
        answer = api.post("/v1/posts", json={**body, "caption": f"{body['kind']} {number} {time.time_ns()}"})
        ids.append(answer.raise_for_status().json()["id"])
    for post_id in ids:
        _await(api, post_id)
    return [_execution(cloud, post_id) for post_id in ids]


def _await(api: httpx.Client, post_id: str) -> None:
    deadline = time.monotonic() + 300
    while (state := api.get(f"/v1/posts/{post_id}").raise_for_status().json()["state"]) not in ENDS:
        assert time.monotonic() < deadline, f"{post_id} is still {state}"
        time.sleep(0.5)
    assert state == "published", f"{post_id} is {state}"


def _execution(cloud: LocalCloud, post_id: str) -> Execution:
    machine = cloud.outputs["PublishPostStateMachineArn"]
    arn = machine.replace(":stateMachine:", ":execution:") + f":{post_id}"
    client = cloud.client("stepfunctions")
    while client.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.2)
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
