"""
What a function behind a DynamoDB stream shares: one function a record, in order, and an answer that names those that
failed. Lambda comes again from the first of them on, so whatever it is has to bear being done twice.
"""

import time
from collections.abc import Callable
from typing import Any

from darkroom.errors import DarkroomError
from darkroom.observability import about, function_of, log, log_unforeseen, name_of, since

type Handler = Callable[[dict[str, Any], object], dict[str, Any]]


def follower(work: Callable[[dict[str, Any]], dict[str, Any]]) -> Handler:
    """
    `work` gets a record's `dynamodb` part and answers what its line says. One that fails does not keep those behind it
    waiting: they are done now, and once more with it.
    """

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        failed = [record for record in event["Records"] if not _is_done(record["dynamodb"], context, work)]
        return {"batchItemFailures": [{"itemIdentifier": each["dynamodb"]["SequenceNumber"]} for each in failed]}

    handler.__name__ = work.__name__
    return handler


def _is_done(change: dict[str, Any], context: object, work: Callable[[dict[str, Any]], dict[str, Any]]) -> bool:
    started = time.perf_counter()
    about(function=function_of(context), sequence_number=change["SequenceNumber"])
    try:
        facts = work(change)
    except Exception as error:  # noqa: BLE001 — whatever is wrong with one record, the others go on
        if not isinstance(error, DarkroomError):
            log_unforeseen(error)
        log("change failed", error=name_of(error), duration_ms=since(started))
        return False
    log("change done", duration_ms=since(started), **facts)
    return True
