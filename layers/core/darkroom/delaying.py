"""
When a post that was on its way has to wait: the account's quota is used up, Instagram asks to slow down, or Instagram
itself is in trouble. The post is `delayed`, says why and until when, and begins again by itself.

One account in trouble waits a little longer each time and gives up in the end. When several are, it is an outage: then
no post gives up, one at a time is let through to find out, and the rest follow when it has come out at the other end.
"""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from darkroom import problems
from darkroom.errors import DarkroomError
from darkroom.outages import BEGAN, is_platforms, signature
from darkroom.posts import Post, PostState
from darkroom.workflow import DelayTask, Ports, caught_problem, uncancelled

# Seconds. Trouble of one account: after these waits, more than two hours, it is not Instagram that needs time.
PATIENCE = (60, 120, 300, 600, 1200, 1800, 1800, 1800)
THROTTLED = (60, 120, 300, 600, 1200, 1800, 3600)  # when Instagram does not say how long
LONGEST = 3600  # nobody knows when a quota or an outage ends: ask at least hourly
SHORTEST = 15
MOST_PROBES_MISSED = 6  # a thousand posts that all wake at every probe cost more than a few minutes' delay
GIVE_UP_AFTER = timedelta(days=2)
# An execution may have 25,000 events, and a carousel that begins again makes up to 150: after so many delays a post
# waits for half an hour at least, which keeps two days below 20,000.
MANY = 35
RARELY = 1800


def delay_post(task: DelayTask, ports: Ports) -> dict[str, Any]:
    """Answers `{is_worth_waiting, wait_seconds}`. May be run again: the wait is then counted from there."""
    post = uncancelled(task, ports)
    problem = caught_problem(task.error) or problems.describe(DarkroomError())
    now = ports.now()
    seconds = _seconds(post, problem, now, ports)
    if seconds is not None and sum(post.delays.values()) >= MANY:
        seconds = max(seconds, RARELY)
    since = post.queued_at or post.accepted_at
    if seconds is None or now + timedelta(seconds=seconds) > since + GIVE_UP_AFTER:
        return {"is_worth_waiting": False, "wait_seconds": 0}
    told = problem | {"retry": {"allowed": False, "automatic": True, "after": seconds}}
    told.pop("is_pause", None)  # between the steps and us
    delayed = replace(
        post,
        delays={**post.delays, problem["code"]: _times(post, problem) + 1},
        delayed_until=now + timedelta(seconds=seconds),
        probes=None,
        problem=told,
    )
    ports.posts.save(delayed if post.state is PostState.DELAYED else delayed.moved_to(PostState.DELAYED, now))
    return {"is_worth_waiting": True, "wait_seconds": seconds}


def _seconds(post: Post, problem: dict[str, Any], now: datetime, ports: Ports) -> int | None:
    """How long to wait; None: not at all."""
    match problem["code"]:
        case "platform_outage":
            return _bounded(
                (problem["retry"]["after"] or SHORTEST) * min(_times(post, problem) + 1, MOST_PROBES_MISSED)
            )
        case "publishing_limit_reached":
            return _until_a_slot_is_free(post, now, ports)
        case "rate_limited":
            return _throttled(post, problem, now, ports)
        case _ if is_platforms(problem):
            return _in_trouble(post, problem, now, ports)
        case _:
            return None


def _times(post: Post, problem: dict[str, Any]) -> int:
    """How often it has waited for this already: a day of waiting for the quota leaves all patience for the rest."""
    return post.delays.get(problem["code"], 0)


def _bounded(seconds: float) -> int:
    """Never a moment too short: whoever wakes before a pause has ended waits again."""
    return math.ceil(min(max(seconds, SHORTEST), LONGEST))


def _until_a_slot_is_free(post: Post, now: datetime, ports: Ports) -> int:
    """As far as we know: the account may have published elsewhere too."""
    day = timedelta(days=1)
    taken = ports.quota.slots(post.tenant_id, post.account_id, now - day, now)
    return _bounded((min(taken) + day - now).total_seconds() if taken else LONGEST)


def _throttled(post: Post, problem: dict[str, Any], now: datetime, ports: Ports) -> int:
    """
    The whole account waits: calls made while throttled prolong it. Not once more when it was that pause which this post
    met (`is_pause`): each would prolong it for the others, and none would ever begin.
    """
    told = problem["retry"]["after"]
    guess = THROTTLED[min(_times(post, problem), len(THROTTLED) - 1)]
    seconds = math.ceil(max(guess if told is None else told, SHORTEST))  # Instagram's word is not shortened
    if not problem.get("is_pause"):
        ports.quota.pause(post.tenant_id, post.account_id, now + timedelta(seconds=seconds))
    return seconds


def _in_trouble(post: Post, problem: dict[str, Any], now: datetime, ports: Ports) -> int | None:
    begun = ports.outages.report(problem.get("step", ""), signature(problem), post.account_id, now)
    if begun is not None:
        ports.announce(BEGAN, begun.facts())
    outage = ports.outages.current()
    if outage is not None:
        return _bounded((outage.probe_at - now).total_seconds())
    times = _times(post, problem)
    return PATIENCE[times] if times < len(PATIENCE) else None
