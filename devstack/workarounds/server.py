"""
Defects that can only be mended inside MiniStack's process, in its launcher, before it serves anything.

The only code that touches its internals; nothing else of devstack imports MiniStack.
"""

import os
import socketserver
import threading
from collections.abc import Iterator
from functools import partialmethod
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.lambda_runtime import Worker
from ministack.services import dynamodb, lambda_svc

from devstack.workarounds.condition_keys import encryption_context, leading_keys, parse

_PER_ITEM = "devstack:leading-keys-per-item"
_LEADING_KEYS = "dynamodb:LeadingKeys"
MOST_PROCESSES = 2 * max(2, os.cpu_count() or 1)  # of one function


def install() -> None:
    _answer_small_writes_at_once()
    _return_silent_invocations_at_once()
    _fill_in_condition_keys()
    _judge_transactions_item_by_item()
    _judge_schedules_by_their_group()
    _judge_batches_of_messages_as_messages()
    _queue_behind_busy_processes()


def _answer_small_writes_at_once() -> None:
    """
    Its Lambda Runtime API writes headers and body separately with Nagle's algorithm on.

    Each invocation may then wait up to 44 ms for a delayed acknowledgement. The standard library's own switch.
    """
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def _return_silent_invocations_at_once() -> None:
    """
    It holds every invocation that logs nothing back for 50 ms, in case a line is still in the pipe.

    Our own log files come from the function directly and lose nothing.
    """
    eager = partialmethod(Worker._drain_stderr_bounded, first_line_wait=0.002)  # noqa: SLF001 (see the module)
    setattr(Worker, "_drain_stderr_bounded", eager)  # noqa: B010 (mypy refuses to assign a method)


def _fill_in_condition_keys() -> None:
    """
    It knows neither `kms:EncryptionContext:*` nor `dynamodb:LeadingKeys`.

    A policy that demands an encryption context then denies everything, and one that restricts leading keys allows
    everything: `ForAllValues` holds when there is no value.
    """
    original = iam_actions.request_tag_context

    def with_condition_keys(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        context: dict[str, Any] = original(service, action, body, params)
        if service == "kms":
            return context | encryption_context(parse(body))
        if service == "dynamodb":
            return context | _leading_key_context(body)
        return context

    iam_actions.request_tag_context = with_condition_keys


def _leading_key_context(body: bytes) -> dict[str, Any]:
    items = leading_keys(parse(body), _hash_key)
    values = sorted({value for item in items for value in item})
    return {_LEADING_KEYS: values, _PER_ITEM: iter(items)} if values else {}


def _hash_key(table: str, index: str | None) -> str | None:
    found: dict[str, Any] = dynamodb._tables.get(table.rsplit("/", 1)[-1]) or {}  # noqa: SLF001 (see the module)
    indexes = {each["IndexName"]: each for each in found.get("GlobalSecondaryIndexes") or []}
    schema = indexes.get(index, found).get("KeySchema", [])
    return next((str(key["AttributeName"]) for key in schema if key["KeyType"] == "HASH"), None)


def _judge_transactions_item_by_item() -> None:
    """
    It asks once per item of a transaction, in order, but always with the keys of the whole request.

    Statements for different key prefixes in one transaction would then deny each other.
    """
    original = iam_evaluator.enforce

    def enforce(*args: Any, service_context: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        context = service_context or {}
        items: Iterator[list[str]] | None = context.get(_PER_ITEM)
        if items is not None and "dynamodb:EnclosingOperation" in context:
            context = context | {_LEADING_KEYS: next(items, None)}
        return original(*args, service_context=context, **kwargs)

    iam_evaluator.enforce = enforce


def _judge_schedules_by_their_group() -> None:
    """It takes every schedule for one of the default group, so that no policy on another group's ever matches."""
    original = iam_actions.extract_resource_arn

    def with_group(service: str, *request: Any) -> str:
        arn: str = original(service, *request)
        if service != "scheduler" or ":schedule/default/" not in arn:
            return arn
        _method, _path, _headers, body, query, *_ = request
        asked = query.get("groupName") or parse(body).get("GroupName") or "default"
        group = asked[0] if isinstance(asked, list) else asked
        return arn.replace(":schedule/default/", f":schedule/{group}/", 1)

    iam_actions.extract_resource_arn = with_group


def _judge_batches_of_messages_as_messages() -> None:
    """It wants a permission that IAM does not have; at AWS whoever may send a message may send a batch of them."""
    original = iam_actions.extract_iam_action

    def without_batch(service: str, *request: Any) -> str | None:
        action: str | None = original(service, *request)
        return action.removesuffix("Batch") if action is not None and service == "sqs" else action

    iam_actions.extract_iam_action = without_batch


def _queue_behind_busy_processes() -> None:
    """
    It starts a process for each of many simultaneous invocations, as AWS does on as many machines as it takes.

    One machine then does nothing but start Python until everything has timed out. Here a burst waits for a process to
    be free; no function of ours calls another and waits for it, so the wait ends.
    """
    acquire, release, freed = lambda_svc.acquire_worker, lambda_svc.release_worker, threading.Condition()

    def acquire_in_turn(*args: Any, **kwargs: Any) -> Any:
        with freed:
            while True:
                worker, reason = acquire(*args, **kwargs, max_concurrency=MOST_PROCESSES)
                if worker is not None or reason != "func_cap":
                    return worker, reason
                freed.wait(1)  # one that died frees its place without a word

    def release_and_tell(worker: Any) -> None:
        release(worker)
        with freed:
            freed.notify_all()

    lambda_svc.acquire_worker, lambda_svc.release_worker = acquire_in_turn, release_and_tell
