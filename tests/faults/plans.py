"""
Which schedules are run: every single fault, every pair around the one call, a second execution between two troubles
with that call, and random ones by seed.

Kinds of content go the same way for most of it. What a reel waits for, and what comes after an image is live, is broken
where it is their own; pairs are run in full for an image, and of a carousel and a story, whose way to the one call and
whose lists are others, one in eight.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random
from zlib import crc32

from tests.faults.kinds import ANSWERS, END, PUBLISH, Fault, faults_at, is_invocation, numbered, representatives
from tests.faults.running import REAL, Result, run
from tests.faults.schedules import CONTENTS, Schedule

type Switches = tuple[tuple[str, str | int | float], ...]

DUPLICATES: Switches = (("republish_mode", "dup"),)  # the least forgiving Instagram
REPUBLISHING: tuple[Switches, ...] = (
    DUPLICATES,
    (("republish_mode", "same"),),
    *(
        (("republish_mode", "error"), ("republish_error", code))
        for code in ("24/2207006", "24/2207008", "9007/2207027")
    ),
)
# From this point on they are no image any more.
LIKE_AN_IMAGE = {
    "reel": "invoke CheckContainer",
    "commented": "invoke AddFirstComment",
    "muted": "invoke TurnCommentsOff",
}
IN_FULL = ("image", "commented", "muted")
THINNED = 8
# What leaves nobody knowing; the second time also what has its effect, or only takes its time.
TROUBLES = tuple(Fault(kind, "before", PUBLISH) for kind in ("timeout", "crashed", "late"))
TROUBLES_AGAIN = tuple(
    Fault(kind, when, PUBLISH, 2)
    for kind, when in (
        ("slow", "before"),
        ("timeout", "before"),
        ("timeout", "after"),
        ("killed", "after"),
        ("late", "before"),
    )
)
MOST_RESTARTS = 24  # the last ones before the second call
MOST_STALE_READS = 5
SKEWS = (0, 0, 600, -600)
# A call has one answer. In a random schedule a list is behind twice at most: when it lies as often as we ask, and the
# status with it, nobody outside Instagram could tell that a post is live. An undead worker whose call also takes effect
# late may be later than the minute in which we ask.
MOST_LIES = 2
IMPOSSIBLE_TOGETHER = {"undead", "late"}
# Where a run is after it has gone wrong once.
_LATER = (
    *(
        (f"invoke {function}", nth)
        for function in ("ConfirmPublish", "PublishContainer", "MarkFailed")
        for nth in (1, 2, 3)
    ),
    *((f"posts.{method}", nth) for method in ("get", "save") for nth in range(3, 10)),
    *((name, nth) for name in ("accounts.get", "tokens.token") for nth in range(4, 9)),
    *((f"GET {what}", nth) for what in ("id", "media", "stories") for nth in range(1, 8)),
    *(("POST media_publish", nth) for nth in (1, 1, 1, 2, 2, 3)),
)


def singles() -> Iterator[Schedule]:
    """Each fault on either side of each point that an undisturbed post passes; of the one call, on any Instagram."""
    for content in CONTENTS:
        own = [place for index, place in enumerate(numbered(undisturbed(content).points)) if index >= parts_at(content)]
        for skew in (0, 600, -600):
            yield Schedule(content, (), DUPLICATES, skew)
        for place in own:
            for fault in faults_at(*place):
                yield Schedule(content, (fault,), DUPLICATES)
        if content not in LIKE_AN_IMAGE:
            for fault in representatives("POST media_publish", 1):
                for switches in every_instagram():
                    yield Schedule(content, (fault,), switches)


def parts_at(content: str) -> int:
    """The index of the point from which this content's way is its own, and not an image's."""
    points = undisturbed(content).points
    return points.index(LIKE_AN_IMAGE[content]) if content in LIKE_AN_IMAGE else 0


def every_instagram() -> Iterator[Switches]:
    for switches in REPUBLISHING:
        for stale in range(MOST_STALE_READS + 1):
            yield (*switches, ("stale_status_reads", stale))


@cache
def undisturbed(content: str) -> Result:
    return run(Schedule(content, (), DUPLICATES), REAL)


def window(points: tuple[str, ...]) -> range:
    """Around publishing: from the step that sends to having marked the post, and what it wanted after that."""
    invoked = [index for index, point in enumerate(points) if is_invocation(point)]
    start = next((index for index in invoked if points[index] == "invoke PublishContainer"), 0)
    end = next((index for index in invoked if points[index] == "invoke ReadPermalink"), len(points))
    return range(start, end)


def firsts() -> Iterator[Schedule]:
    """The first halves of all pairs; `seconds` finds what may follow."""
    for content in CONTENTS:
        points = undisturbed(content).points
        for index in window(points):
            if index < parts_at(content):
                continue
            for fault in representatives(*numbered(points)[index]):
                yield Schedule(content, (fault,), DUPLICATES)


def seconds(first: Result) -> Iterator[Schedule]:
    """Every second fault at every point that is reached after the first has struck, up to the mark."""
    for place in numbered(first.points)[first.reached : window(first.points).stop]:
        for fault in representatives(*place):
            pair = replace(first.schedule, faults=(*first.schedule.faults, fault))
            if first.schedule.content in IN_FULL or crc32(str(pair).encode()) % THINNED == 0:
                yield pair


def overtaken() -> Iterator[Schedule]:
    """
    Trouble with the one call, an execution that begins beside the first while that one asks, and trouble with the next
    call: two that ask about the same attempt, of which one makes another. Chance alone finds this too seldom.
    """
    for trouble in TROUBLES:
        result = run(Schedule("image", (trouble,), DUPLICATES), REAL)
        places = numbered(result.points)[: _second_call(result.points)]
        restarts = [fault for place in places for fault in representatives(*place) if fault.kind == "restarted"]
        for restart in restarts[-MOST_RESTARTS:]:
            for again in TROUBLES_AGAIN:
                yield Schedule("image", (trouble, restart, again), DUPLICATES)


def _second_call(points: tuple[str, ...]) -> int:
    calls = [index for index, point in enumerate(points) if point == PUBLISH]
    return (calls[1] if len(calls) > 1 else len(points)) + 1


def random_schedule(seed: int, number: int) -> Schedule:
    random = Random(f"{seed}:{number}")
    content = random.choice(list(CONTENTS))
    faults = random.sample(faults_at("POST media_publish", 1), random.randint(0, 1))  # half of them at the one call
    for _ in range(random.choice((1, 2, 2, 3, 3, 4, 5))):
        point, nth = random.choice(_places(content))
        fault = random.choice(faults_at(point, nth))
        if _is_possible([*faults, fault]):
            faults.append(fault)
    switches = (*random.choice(REPUBLISHING), ("stale_status_reads", random.randint(0, MOST_STALE_READS)))
    if random.random() < 0.3:
        faults.append(Fault("retried", "before", END))
    if random.random() < 0.2:
        switches = (*switches, ("fresh_read_lag", 6.0))
    return Schedule(content, tuple(faults), switches, random.choice(SKEWS))


@cache
def _places(content: str) -> list[tuple[str, int]]:
    points = undisturbed(content).points
    places = numbered(points)
    around = [places[index] for index in window(points)]
    lists = {"story": "GET media"}.get(content, "GET stories")
    return places + around * 2 + [(point, nth) for point, nth in _LATER if point != lists]


def _is_possible(faults: list[Fault]) -> bool:
    kinds = [fault.kind for fault in faults]
    return (
        len(set(faults)) == len(faults)
        and max(Counter((fault.point, fault.nth) for fault in faults if fault.kind in ANSWERS).values(), default=0) <= 1
        and kinds.count("list_behind") <= MOST_LIES
        and not set(kinds) >= IMPOSSIBLE_TOGETHER
    )
