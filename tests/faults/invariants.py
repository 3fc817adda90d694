"""What must hold at the end of every run: by the simulator's ledger, and by what Step Functions and the log kept."""

import json
from collections.abc import Iterator
from typing import Any

from darkroom.posts import PostState
from tests.faults.bench import Bench
from tests.faults.kinds import KINDS
from tests.statemachines.interpreter import Execution
from tests.statemachines.lab import ENDS, OUTCOMES

DAY = 86_400
MOST_INVOCATIONS = 300
MOST_ATTEMPTS = 3


def breaks(bench: Bench, executions: list[Execution], log: str) -> list[str]:
    return [
        *_visible_once(bench),
        *_one_true_end(bench, executions),
        *_nothing_lost(bench),
        *_bounded(bench, executions),
        *_no_canary(bench, executions, log),
    ]


def _visible_once(bench: Bench) -> Iterator[str]:
    if len(bench.live) > 1:
        yield f"I1: {len(bench.live)} visible posts"
    for entry in bench.live:
        wanted = bench.post.content
        if (entry["kind"], entry["caption"]) != (wanted.kind, wanted.caption):
            yield "I1: what is visible is not what was asked for"
        if wanted.kind == "carousel" and len(entry["children"]) != len(wanted.media):
            yield "I1: the carousel has another number of items"


def _one_true_end(bench: Bench, executions: list[Execution]) -> Iterator[str]:
    post, is_live = bench.post, bool(bench.live)
    if post.state not in ENDS:
        yield f"I2: the post ends {post.state}, its execution {executions[-1].status}"
    if post.state is PostState.PUBLISHED and not is_live:
        yield "I2: published, but nobody sees it"
    if post.state is PostState.FAILED and is_live:
        yield "I2: failed, but everybody sees it"
    if post.media_id is not None and post.media_id not in {entry["media_id"] for entry in bench.live}:
        yield "I2: its media id is that of another post"
    if (post.problem is None) != (post.state is PostState.PUBLISHED) and post.state in ENDS:
        yield "I2: a problem with a published post, or none with another"


def _nothing_lost(bench: Bench) -> Iterator[str]:
    """One fault that passes must cost neither the post nor its media id, whatever strangers post meanwhile."""
    post, kinds = bench.post, [fault.kind for fault in bench.schedule.faults if fault.kind != "stranger"]
    is_bearable = len(kinds) <= 1 and all(KINDS[kind].passes for kind in kinds)
    if not is_bearable or (post.content.caption is None and "stranger" in bench.schedule.kinds):
        return
    if post.state is not PostState.PUBLISHED:
        yield f"L: one passing fault, and the post ends {post.state}"
    elif post.media_id is None:
        yield "L: one passing fault, and the media id is unknown"


def _bounded(bench: Bench, executions: list[Execution]) -> Iterator[str]:
    if bench.ran_away:
        yield "I7: it runs for ever"
    if sum(execution.seconds for execution in executions) >= DAY:
        yield "I7: the execution would have been stopped"
    if len(bench.lambdas.invocations) > MOST_INVOCATIONS:
        yield f"I7: {len(bench.lambdas.invocations)} invocations"
    sent = bench.points.passed.count("POST media_publish")
    if sent > MOST_ATTEMPTS + len(bench.schedule.faults):
        yield f"I7: asked {sent} times to publish"


def _no_canary(bench: Bench, executions: list[Execution], log: str) -> Iterator[str]:
    kept = json.dumps([[each.history, each.output, each.cause] for each in executions], default=str)
    for secret in (bench.token, "CANARY", "media.example.com"):
        if secret in kept:
            yield "I6: a secret in the execution"
        if secret in log:
            yield "I6: a secret in the log"
    known = {bench.post.tenant_id, bench.post.id, *OUTCOMES, *(entry["media_id"] for entry in bench.instagram.ledger())}
    for execution in executions:
        for state_input in execution.inputs:
            strings = set(_strings({name: value for name, value in state_input.items() if name != "error"}))
            if not strings <= known:
                yield f"I6: the execution carries {len(strings - known)} strings that are no ids"


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict() | list():
            for each in value.values() if isinstance(value, dict) else value:
                yield from _strings(each)
