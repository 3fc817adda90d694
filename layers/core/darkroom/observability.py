"""
What functions say: one JSON line for each piece of work (a request, a step, a message, a change, a run), whatever
became of it, and one a call to Instagram. Metrics are counted from these lines (MetricFilters in template.yaml).

Lines hold ids, codes and durations; never a token, code, secret, signature, caption, message text, body or query.
Exception texts are somebody else's words and may hold any of these, so of an unforeseen error only its class, its AWS
code and the place are logged.
"""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from darkroom.errors import DarkroomError

if TYPE_CHECKING:
    from darkroom.instagram.client import Call

_LONGEST = 300  # characters of one text
_MOST = 50  # entries of one list or dict
_DEEPEST = 4


@cache
def logger() -> Logger:
    return Logger(service="darkroom", utc=True, location=None)


def about(**ids: str | int | None) -> None:
    """Ids that every further line of this invocation carries; the next invocation starts with none of them."""
    known: dict[str, Any] = {name: value for name, value in ids.items() if value is not None}
    logger().structure_logs(append=False, location=None, **known)


def log(message: str, **facts: Any) -> None:
    logger().info(message, extra={name: _clipped(value) for name, value in facts.items() if value is not None})


@contextmanager
def one_line(message: str, context: object) -> Iterator[dict[str, Any]]:
    """
    The line of a function that has none of `http.Api`, `step`, `consumer` and `follower`: what is put into the dict,
    how long it took, and the error if there was one. An error leaves with its name and without its text, which the
    runtime would print.
    """
    started, facts = time.perf_counter(), dict[str, Any]()
    about(function=function_of(context))
    try:
        yield facts
    except DarkroomError as error:  # foreseen, and its words are ours
        log(message, **facts, error=name_of(error), duration_ms=since(started))
        raise
    except Exception as error:  # noqa: BLE001 — whatever it is, the line is written and the text kept back
        log_unforeseen(error)
        log(message, **facts, error=name_of(error), duration_ms=since(started))
        raise textless(error) from None
    log(message, **facts, duration_ms=since(started))


def textless(error: Exception, text: str = "") -> Exception:
    """An error of the same name with another text."""
    made: Exception = type(name_of(error), (Exception,), {})(text)
    return made


def since(started: float) -> float:
    """Milliseconds since `time.perf_counter()` said `started`."""
    return round((time.perf_counter() - started) * 1000, 1)


def function_of(context: object) -> str | None:
    """As template.yaml calls it: AWS names it `<stack>-PublishContainerFunction-<random>`."""
    name: str = getattr(context, "function_name", "")
    own = [part.removesuffix("Function") for part in name.split("-") if part.endswith("Function")]
    return own[-1] if own else name or None


def log_call(call: "Call") -> None:
    """`path` is the template of the path: no ids in it."""
    log(
        "instagram call",
        method=call.method,
        path=call.path_template,
        status=call.status,
        duration_ms=round(call.duration_ms, 1),
        error=call.error,
        instagram_code=call.code,
        instagram_subcode=call.subcode,
        fbtrace_id=call.trace_id,
        app_usage_percent=call.usage.app_percent,
        account_usage_percent=call.usage.account_percent,
    )


def log_unforeseen(error: Exception) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}:{frame.name}" for frame in frames[-8:]]
    logger().error("unforeseen error", extra={"error": name_of(error), "at": places})


def name_of(error: Exception) -> str:
    """The class, or for an AWS error its code, such as AccessDeniedException: what runbooks and workflows go by."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code if isinstance(code, str) and code.isidentifier() else type(error).__name__


def _clipped(value: Any, depth: int = 0) -> Any:
    """Whatever a line is given, it stays one that can be stored and read: somebody else may have chosen the words."""
    if isinstance(value, str):
        return value[:_LONGEST].encode(errors="replace").decode()  # half a surrogate pair would cost the whole line
    if not isinstance(value, dict | list | tuple | set | frozenset):
        return value
    if depth == _DEEPEST:
        return "…"
    first = list(islice(value, _MOST))
    if isinstance(value, dict):
        return {_clipped(name): _clipped(value[name], depth + 1) for name in first}
    return [_clipped(each, depth + 1) for each in first]
