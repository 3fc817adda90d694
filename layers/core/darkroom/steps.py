"""
What every function of a workflow shares: `@step(Task)` turns the event into its task, opens the timeline of its post,
logs one line, and raises errors the way Step Functions can use them.

Step Functions keeps two things of an error: the name of its class, which `Retry` and `Catch` compare, and its text. So
the text is made the problem as JSON, which `confirming.mark_failed` reads back.
"""

import time
from collections.abc import Callable
from typing import Any

from darkroom import problems, timeline
from darkroom.errors import DarkroomError
from darkroom.instagram.errors import InstagramError
from darkroom.observability import about, function_of, log, log_unforeseen, name_of, since, textless
from darkroom.tasks import MalformedTaskError, parsed

type Handler = Callable[[dict[str, Any], object], dict[str, Any]]


def step[T](task_type: type[T]) -> Callable[[Callable[[T], dict[str, Any]]], Handler]:
    """`task_type` is a frozen dataclass; the event has exactly its fields."""

    def decorate(function: Callable[[T], dict[str, Any]]) -> Handler:
        def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
            started = time.perf_counter()
            step_name = function_of(context) or function.__name__  # the source calls every one `handler`
            about(step=step_name, post_id=event.get("post_id"), item=event.get("item"))
            try:
                task = parsed(task_type, event)
                with timeline.at(timeline.Place(event["tenant_id"], event["post_id"], step_name)):
                    result = function(task)
            except (DarkroomError, InstagramError) as error:
                log("step failed", error=type(error).__name__, duration_ms=since(started))
                raise textless(error, problems.dump(error, _number(event), step_name)) from None
            except MalformedTaskError as error:  # its text names fields and no value
                log("step failed", error=type(error).__name__, detail=str(error), duration_ms=since(started))
                raise
            except Exception as error:  # noqa: BLE001 — the runtime would print and keep its text, which may hold a token
                log_unforeseen(error)
                log("step failed", error=name_of(error), duration_ms=since(started))
                raise textless(error, problems.dump(DarkroomError(), step=step_name)) from None
            log("step done", duration_ms=since(started))
            return result

        handler.__name__ = function.__name__
        return handler

    return decorate


def _number(event: dict[str, Any]) -> int | None:
    """The carousel item as a person counts."""
    item = event.get("item")
    return item + 1 if isinstance(item, int) else None
