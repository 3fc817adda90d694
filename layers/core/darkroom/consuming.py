"""
What every function behind a queue shares: `@consumer` takes a batch of SQS apart, runs one function a message, logs one
line each, and answers which messages are to come again. One that fails never holds up its neighbours; one that fails
each time ends in the dead-letter queue with its body as it was.

A message comes at least once, in any order, and once more when it is redriven: the function has to bear all of that.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.errors import DarkroomError
from darkroom.instagram.errors import InstagramError
from darkroom.observability import about, function_of, log, log_unforeseen, since
from darkroom.tasks import MalformedTaskError, parsed
from darkroom.values import Value

_NEEDED_MS = 5000  # to begin another message, for work that may be cut off anywhere

type Work = Callable[["Message"], dict[str, Any]]
type Handler = Callable[[dict[str, Any], object], dict[str, Any]]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Message(Value):
    """
    `receives` counts this time too. `is_redriven`: it has been in the dead-letter queue before. `attributes` are those
    that its sender gave it, as text. `ends_at`, by `time.monotonic`, is when the function is cut off.
    """

    id: str
    body: str = field(repr=False)
    receives: int = 1
    is_redriven: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    ends_at: float = math.inf

    def task[T](self, task_type: type[T]) -> T:
        """The body as a frozen dataclass. Raises MalformedTaskError."""
        try:
            task = json.loads(self.body)
        except (ValueError, RecursionError):
            raise MalformedTaskError("The body is not JSON.") from None
        if not isinstance(task, dict):
            raise MalformedTaskError(f"The body is a {type(task).__name__}.")
        return parsed(task_type, task)


def consumer(work: Work, needed_ms: int = _NEEDED_MS) -> Handler:
    """
    `work` answers what its line says besides: ids, codes and counts, nothing secret. What it raises fails it. Messages
    that there is no time left for are given back untouched: a function that is cut off gives back those it had done.
    `needed_ms` is how long one may take that must not be cut off; the function's time-out has to be longer.
    """

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        records = event.get("Records") or ()
        failed = [
            record for record in records if not (_has_time(context, needed_ms) and _is_done(record, context, work))
        ]
        # A record without an id fails the whole batch: the others bear coming again, and nothing is lost.
        identifiers = [{"itemIdentifier": record.get("messageId", "")} for record in failed]
        return {"batchItemFailures": identifiers} if identifiers else {}

    handler.__name__ = work.__name__
    return handler


def _has_time(context: object, needed_ms: int) -> bool:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return left is None or left() > needed_ms


def _is_done(record: dict[str, Any], context: object, work: Work) -> bool:
    started = time.perf_counter()
    about(function=function_of(context), message_id=record.get("messageId"))
    error: Exception
    try:
        message = _message(record, context)
        facts = work(message)
    except (DarkroomError, InstagramError, MalformedTaskError) as foreseen:
        error = foreseen
    except Exception as unforeseen:  # noqa: BLE001 — whatever is wrong with one message, the others go on
        log_unforeseen(unforeseen)
        error = unforeseen
    else:
        facts = {"receives": message.receives, "redriven": message.is_redriven or None} | facts
        log("message done", duration_ms=since(started), age_ms=_age(record), **facts)
        return True
    log("message failed", error=type(error).__name__, duration_ms=since(started), age_ms=_age(record))
    return False


def _message(record: dict[str, Any], context: object) -> Message:
    attributes = record.get("attributes") or {}
    receives = int(attributes.get("ApproximateReceiveCount", "1"))
    given = {name: each.get("stringValue", "") for name, each in (record.get("messageAttributes") or {}).items()}
    is_redriven = "DeadLetterQueueSourceArn" in attributes
    return Message(record["messageId"], record["body"], receives, is_redriven, given, _ends_at(context))


def _ends_at(context: object) -> float:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return math.inf if left is None else time.monotonic() + left() / 1000


def _age(record: dict[str, Any]) -> int | None:
    """Milliseconds since the message was sent, its waiting included. The clocks are SQS's and ours."""
    sent = (record.get("attributes") or {}).get("SentTimestamp")
    return max(round(time.time() * 1000) - int(sent), 0) if sent else None
