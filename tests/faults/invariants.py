"""What must hold at the end of every run: by the simulator's ledger, and by what Step Functions and the log kept."""

import json
from collections.abc import Iterator
from typing import Any

from darkroom.posts import PostState
from tests.faults.bench import Bench
from tests.faults.kinds import KINDS
from tests.statemachines.interpreter import Execution
from tests.statemachines.lab import ENDS, FINISHES, OUTCOMES

THREE_DAYS = 259_200  # the state machine's own time-out
# Two days of waiting: 35 delays as they come (delaying.MANY), then half an hour each, and those of a second run.
MOST_BEGINNINGS = 140
PER_BEGINNING = (
    20  # a carousel's two containers and its check, each tried five times, one that begins and one that delays
)
# All that is asked after an unknown outcome, for 26 hours if Instagram does not answer, nine times in three quarters of
# an hour; and a reel that takes its time.
BESIDES = 400
MOST_SENDING = 60  # runs of the step that sends, most of which find out before the call that they may not
MOST_ATTEMPTS = 3
TO_ONE_THROTTLE = 3  # a carousel's items are sent side by side


def breaks(bench: Bench, executions: list[Execution], log: str) -> list[str]:
    return [
        *_visible_once(bench),
        *_one_true_end(bench, executions),
        *_cancelled_or_not(bench),
        *_commented_once(bench),
        *_nothing_lost(bench),
        *_bounded(bench, executions),
        *_waits(bench),
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
    if post.state in (PostState.FAILED, PostState.CANCELLED) and is_live:
        yield f"I2: {post.state}, but everybody sees it"
    if post.media_id is not None and post.media_id not in {entry["media_id"] for entry in bench.live}:
        yield "I2: its media id is that of another post"
    has_none = post.state in (PostState.PUBLISHED, PostState.CANCELLED)
    if (post.problem is None) != has_none and post.state in ENDS:
        yield f"I2: a {post.state} post with{'' if has_none else 'out'} a problem"


def _cancelled_or_not(bench: Bench) -> Iterator[str]:
    """Who was told that the post is cancelled finds it so, and it is never too late before it may have been sent."""
    answers = [each for each in bench.answers if each.request == "cancel"]
    if any(each.answer == "accepted" for each in answers) != (bench.post.state is PostState.CANCELLED):
        yield f"C: cancelling was answered {', '.join(each.answer for each in answers)}; it ends {bench.post.state}"
    for each in answers:
        if each.answer == "too_late_to_cancel" and "invoke PublishContainer" not in bench.points.passed[: each.passed]:
            yield "C: too late to cancel before anything was sent"


def _commented_once(bench: Bench) -> Iterator[str]:
    """A first comment is there once, or it is told that it may not be."""
    post, texts = bench.post, [comment.text for comment in bench.comments]
    if len(texts) > 1:
        yield f"F: {len(texts)} comments"
    if set(texts) - {post.content.first_comment}:
        yield "F: another comment than was asked for"
    if post.comment.comment_id not in {None, *(comment.id for comment in bench.comments)}:
        yield "F: its comment id is that of another comment"
    is_told = bool(texts) or post.comment.problem is not None
    is_live = post.state is PostState.PUBLISHED
    if post.content.first_comment is not None and is_live and not is_told:
        yield "F: no comment, and no problem with it"
    if post.content.first_comment is None and post.content.comments_enabled is None and post.comment.problem:
        yield "F: a problem with a comment that nobody wanted"
    is_off = post.media_id in bench.instagram.world.comments_off or post.comment.problem is not None
    if post.content.comments_enabled is False and is_live and not is_off:
        yield "F: comments are on, and no problem with it"


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
    elif not kinds and post.comment.problem is not None:
        yield "L: no fault, and something is not done"


def _bounded(bench: Bench, executions: list[Execution]) -> Iterator[str]:
    if bench.ran_away:
        yield "I7: it runs for ever"
    if any(execution.seconds >= THREE_DAYS for execution in executions):
        yield "I7: the execution would have been stopped"
    beginnings, invocations = len(bench.lambdas.calls("BeginPost")), len(bench.lambdas.invocations)
    if beginnings > MOST_BEGINNINGS or invocations > BESIDES * len(executions) + PER_BEGINNING * beginnings:
        yield f"I7: {invocations} invocations, {beginnings} beginnings"
    if (sending := len(bench.lambdas.calls("PublishContainer"))) > MOST_SENDING:
        yield f"I7: the step that sends runs {sending} times"
    sent = bench.points.passed.count("POST media_publish")
    if sent > MOST_ATTEMPTS * _tries(bench) + len(bench.schedule.faults):
        yield f"I7: asked {sent} times to publish"


def _tries(bench: Bench) -> int:
    return 1 + sum((each.request, each.answer) == ("retry", "accepted") for each in bench.answers)


def _waits(bench: Bench) -> Iterator[str]:
    """Whoever is told to wait does: calls prolong a throttle, and in an outage one post at a time finds out."""
    if bench.uncalled_for:
        yield f"W: told to wait, and calls {bench.uncalled_for[0]}"
    hasty = sum(bench.while_throttled.values())
    if hasty > TO_ONE_THROTTLE + len(bench.schedule.faults):
        yield f"W: {hasty} calls into one throttle"


def _no_canary(bench: Bench, executions: list[Execution], log: str) -> Iterator[str]:
    kept = json.dumps([[each.history, each.output, each.cause] for each in executions], default=str)
    for secret in (bench.token, "CANARY", "media.example.com"):
        if secret in kept:
            yield "I6: a secret in the execution"
        if secret in log:
            yield "I6: a secret in the log"
    known = {
        bench.post.tenant_id,
        bench.post.id,
        *OUTCOMES,
        *FINISHES,
        *(entry["media_id"] for entry in bench.instagram.ledger()),
    }
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
