"""
Every kind of fault and what it does to the bench when its point is reached. The points are those of
tests/statemachines/lambdas.py: an invocation, a call of a store, a call of Instagram; and the end of an execution.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from darkroom.errors import StoreUnavailableError, TokenUnreadableError
from tests.faults import deeds
from tests.faults.schedules import Fault
from tests.statemachines.lab import CAPTION
from tests.statemachines.virtual_time import WorkerKilledError

if TYPE_CHECKING:
    from tests.faults.bench import Bench

type Effect = Callable[["Bench", Fault], None]

PUBLISH = "POST media_publish"
COMMENT = "POST comments"
END = "end"
BOTH = ("before", "after")
# Longer than a step may take, within the minute that asking about an unknown outcome takes.
LINGERS = 10.0
LATE = 100.0
OUTAGE = 120.0
FAILING = 180.0
LONG_OUTAGE = 900.0  # longer than any step is retried
SKEW = 600


@dataclass(frozen=True)
class Kind:
    """
    `at` says which points it can strike; `when` on which side of the effect. `passes`: one of it, alone, must not keep
    a post from being published. `is_common`: one of the representatives that pairs are made of. `is_answer`:
    it takes the place of the call's answer.
    """

    effect: Effect
    at: Callable[[str], bool]
    when: tuple[str, ...] = BOTH
    passes: bool = True
    is_common: bool = False
    is_answer: bool = False


def is_call(point: str) -> bool:
    return point.startswith(("GET ", "POST "))


def is_read(point: str) -> bool:
    return point.startswith("GET ")


def is_list(point: str) -> bool:
    return point in ("GET media", "GET stories")


def is_publish(point: str) -> bool:
    return point == PUBLISH


def is_create(point: str) -> bool:
    return point == "POST media"


def is_token(point: str) -> bool:
    return point == "tokens.token"


def is_invocation(point: str) -> bool:
    return point.startswith("invoke ")


def is_store(point: str) -> bool:
    return point.startswith(("posts.", "accounts.", "timeline.", "quota.", "outages.")) or is_token(point)


def is_end(point: str) -> bool:
    return point == END


def anywhere(point: str) -> bool:
    return not is_end(point)


def is_status(point: str) -> bool:
    return point == "GET id"


def is_comment(point: str) -> bool:
    return point == COMMENT


def is_repeatable(point: str) -> bool:
    return is_call(point) and not is_publish(point) and not is_comment(point)


def _raises(make: Callable[[], BaseException]) -> Effect:
    def strike(bench: "Bench", fault: Fault) -> None:
        raise make()

    return strike


def _dies(name: str) -> Effect:
    return _raises(lambda: WorkerKilledError(name))


def _answer(
    at: Callable[[str], bool],
    kind: str,
    *,
    when: tuple[str, ...] = BOTH,
    passes: bool = True,
    is_common: bool = False,
    **details: Any,
) -> Kind:
    """The simulator spoils the one request that is about to be sent; it knows whether before or after the effect."""

    def strike(bench: "Bench", fault: Fault) -> None:
        bench.instagram.fail("*", kind, when=fault.when, nth=1, **details)

    return Kind(strike, at, when, passes=passes, is_common=is_common, is_answer=True)


def _error(at: Callable[[str], bool], code: int, subcode: int | None = None, **rest: Any) -> Kind:
    numbers = {"code": code} if subcode is None else {"code": code, "subcode": subcode}
    return _answer(at, "json_error", **numbers, **rest)


KINDS: dict[str, Kind] = {
    # Instagram's answer to one call.
    "timeout": _answer(is_call, "timeout", is_common=True),
    "reset": _answer(is_call, "reset"),
    "http_5xx": _answer(is_call, "http_5xx"),
    "http_429": _answer(is_call, "http_429", is_common=True),
    "html": _answer(is_call, "html"),
    "truncate": _answer(is_call, "truncate"),
    "empty": _answer(is_call, "empty"),
    "wrong_types": _answer(is_call, "wrong_types"),
    "error_1": _error(is_call, 1, message="An unknown error occurred"),
    "error_2": _error(is_call, 2),
    "slow": Kind(lambda bench, _: bench.time.sleep(8.0), is_call),
    "stalled": Kind(lambda bench, _: bench.time.sleep(60.0), is_call),  # the function's own time-out comes first
    "not_found_yet": _error(is_read, 100, 33),
    "refused": _error(is_read, 100, message="Invalid parameter", passes=False, is_common=True),
    "blocked": _error(is_call, 4, 2207051, http_status=403, passes=False, is_common=True),
    "unknown_container": _error(is_publish, 24, 2207006),
    "builder_expired": _error(is_publish, 24, 2207008),
    "media_upload": _error(is_publish, -1, 2207032),
    "not_sent": Kind(_raises(lambda: httpx.ConnectError("no route")), is_call, ("before",)),
    "late": Kind(lambda bench, _: bench.publish_late(LATE), is_publish, ("before",), is_common=True, is_answer=True),
    # Refusals that prove that this call published nothing (codes.REFUSED_BEFORE_PUBLISHING): only before the effect.
    "not_ready": _error(is_publish, 9007, 2207027, when=("before",), is_common=True),
    "quota": _error(is_publish, 9, 2207042, when=("before",), passes=False),
    "token_dead": _error(is_publish, 190, 460, when=("before",), passes=False, is_common=True),
    "comment_refused": _error(is_comment, 10, when=("before",), passes=False),
    "token_dead_while_reading": _error(is_repeatable, 190, 460, passes=False),
    "unfetchable": _error(is_create, 9004, 2207052),
    # What becomes of containers.
    "expired": Kind(lambda bench, _: deeds.expire(bench), is_status, ("before",), is_common=True),
    "upload_failed": Kind(lambda bench, _: bench.fail_containers(2207076), is_status, ("before",)),
    "server_failed": Kind(lambda bench, _: bench.fail_containers(2207001), is_status, ("before",)),
    "failing": Kind(lambda bench, _: bench.fail_for_a_while(2207001, FAILING), is_create, ("before",)),
    "never_fetched": Kind(lambda bench, _: setattr(bench, "failing_with", 2207076), is_create, passes=False),
    # Not now.
    "quota_full": Kind(lambda bench, _: deeds.fill_quota(bench), is_call, ("before",)),
    "account_throttled": Kind(lambda bench, _: deeds.throttle(bench), is_call, ("before",), is_common=True),
    "paused": Kind(lambda bench, _: deeds.pause(bench), is_invocation, ("before",)),
    "platform_outage": Kind(lambda bench, _: deeds.open_outage(bench), is_invocation, ("before",)),
    # Its caller, and a watchdog that takes a running execution for dead.
    "cancelled": Kind(lambda bench, _: deeds.cancel(bench), anywhere, ("before",), passes=False, is_common=True),
    "retried": Kind(lambda bench, _: deeds.retry(bench), is_end, ("before",)),
    "restarted": Kind(lambda bench, _: bench.execute_beside(), anywhere, ("before",), is_common=True),
    "list_behind": Kind(lambda bench, _: bench.hide_list(), is_list, ("before",), is_common=True),
    # A worker.
    "killed": Kind(_dies("Sandbox.Timedout"), anywhere, is_common=True),
    "crashed": Kind(_dies("Runtime.ExitError"), anywhere),
    "vanished": Kind(_dies("Lambda.Unknown"), anywhere),
    "overdue": Kind(_dies("States.Timeout"), anywhere),
    "not_started": Kind(_dies("Lambda.TooManyRequestsException"), is_invocation, ("before",)),
    "undead": Kind(lambda bench, _: bench.believe_dead(LINGERS), anywhere, is_common=True),
    "doubled": Kind(lambda bench, _: bench.double(), anywhere, is_common=True),
    "ahead": Kind(lambda bench, _: bench.skew(SKEW), is_invocation, ("before",), passes=False),
    "behind": Kind(lambda bench, _: bench.skew(-SKEW), is_invocation, ("before",), passes=False),
    # The store and the key.
    "throttled": Kind(_raises(StoreUnavailableError), is_store, is_common=True),
    "unreadable": Kind(_raises(TokenUnreadableError), is_token, ("before",), passes=False),
    "key_disabled": Kind(lambda bench, _: bench.outage(is_token), is_token, ("before",), passes=False, is_common=True),
    # For a while, or from here to the end.
    "outage": Kind(lambda bench, _: bench.outage(is_call, OUTAGE), is_call, ("before",)),
    "long_outage": Kind(lambda bench, _: bench.outage(is_call, LONG_OUTAGE), is_repeatable, ("before",)),
    "blackout": Kind(lambda bench, _: bench.outage(is_call), is_call, passes=False),
    "table_outage": Kind(lambda bench, _: bench.outage(is_store, OUTAGE), is_store, ("before",), passes=False),
    "table_out_once_live": Kind(lambda bench, _: bench.outage(is_store, FAILING * 2), is_publish, ("after",)),
    "table_blackout": Kind(lambda bench, _: bench.outage(is_store, LONG_OUTAGE), is_store, passes=False),
    # Somebody else posts by hand.
    "twin": Kind(lambda bench, _: bench.post_alike(CAPTION), is_invocation, ("before",), is_common=True),
    "stranger": Kind(lambda bench, _: bench.post_alike("Another caption"), is_invocation, ("before",), is_common=True),
    "wordless": Kind(lambda bench, _: bench.post_alike(None), is_invocation, ("before",), is_common=True),
}
WORLD = ("twin", "stranger", "wordless")
ANSWERS = frozenset(name for name, kind in KINDS.items() if kind.is_answer)
WORKER = ("killed", "undead", "doubled", "cancelled", "restarted")  # and whoever overtakes one


def changes_something(point: str) -> bool:
    return point.startswith(("POST ", "invoke ", "posts.save", "posts.add_container"))


def faults_at(point: str, nth: int) -> list[Fault]:
    """Every fault of this point."""
    return [Fault(name, when, point, nth) for name, kind in KINDS.items() if kind.at(point) for when in kind.when]


def representatives(point: str, nth: int) -> list[Fault]:
    """
    One of each sort that can differ here. A call that changes nothing has no other side; a worker that dies or is
    overtaken before it is where it was after the one before it; each step reads the post before anything else.
    """
    return [fault for fault in faults_at(point, nth) if KINDS[fault.kind].is_common and _differs(fault)]


def _differs(fault: Fault) -> bool:
    if not changes_something(fault.point):
        is_repetition = fault.kind == "throttled" and fault.point != "posts.get"
        return fault.when == "before" and fault.kind not in WORKER and not is_repetition
    return fault.kind != "undead" or not is_invocation(fault.point)


def numbered(points: Sequence[str]) -> list[tuple[str, int]]:
    """Each with which of its name it is, from 1."""
    seen: Counter[str] = Counter()
    places = []
    for point in points:
        seen[point] += 1
        places.append((point, seen[point]))
    return places


def plan(bench: "Bench", fault: Fault) -> None:
    """An answer is spoiled by the simulator, which is told before the call, whichever side of the effect is meant."""
    effect = KINDS[fault.kind].effect
    when = "before" if is_call(fault.point) and fault.kind in ANSWERS else fault.when
    bench.points.meanwhile(fault.point, partial(_strike, bench, fault, effect), when=when, nth=fault.nth)


def _strike(bench: "Bench", fault: Fault, effect: Effect) -> None:
    if not bench.are_faults_over:
        bench.struck.append((fault, len(bench.points.passed)))
        effect(bench, fault)
