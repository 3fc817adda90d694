"""What goes wrong in one run, as a value with a text form: a failure is repeated by pasting its schedule."""

from dataclasses import dataclass, replace
from functools import cached_property

from darkroom.posts import PostContent
from tests.builders import content, image_item, video_item
from tests.statemachines.lab import CAPTION, IMAGE, REEL, STORY

CAROUSEL = content("carousel", caption=CAPTION, media=(image_item("photo"), video_item("clip")))
COMMENT = "CANARY-first comment"
# What is wanted after it is live decides nothing before: these are images until then.
LATER: dict[str, PostContent] = {
    "commented": replace(IMAGE, first_comment=COMMENT),
    "muted": replace(IMAGE, comments_enabled=False),
}
CONTENTS: dict[str, PostContent] = {each.kind: each for each in (IMAGE, CAROUSEL, REEL, STORY)} | LATER
_NUMBERS = {"stale_status_reads": int, "fresh_read_lag": float}


@dataclass(frozen=True)
class Fault:
    """`kind` is a key of `kinds.KINDS`; `nth` counts the arrivals at `point` in the whole run, from 1."""

    kind: str
    when: str
    point: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.kind} {self.when} {self.point} #{self.nth}"


@dataclass(frozen=True)
class Schedule:
    """`switches` are the simulator's; `skew` is how many seconds our workers' clocks are ahead of Instagram's."""

    content: str
    faults: tuple[Fault, ...] = ()
    switches: tuple[tuple[str, str | int | float], ...] = ()
    skew: int = 0

    def __str__(self) -> str:
        settings = [f"{name}={value}" for name, value in self.switches] + ([f"skew={self.skew}"] if self.skew else [])
        return " | ".join([" ".join([self.content, *settings]), *map(str, self.faults)])

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(fault.kind for fault in self.faults)


def parsed(text: str) -> Schedule:
    """The inverse of `str(schedule)`."""
    head, *faults = (part.strip() for part in text.split("|"))
    content, *settings = head.split()
    values = dict(setting.split("=", 1) for setting in settings)
    skew = int(values.pop("skew", 0))
    switches = tuple((name, _NUMBERS.get(name, str)(value)) for name, value in values.items())
    return Schedule(content, tuple(_fault(each) for each in faults), switches, skew)


def _fault(text: str) -> Fault:
    what, _, nth = text.rpartition(" #")
    kind, when, point = what.split(" ", 2)
    return Fault(kind, when, point, int(nth))
