"""
How a workflow may wait for Instagram: the same posts published by the same steps, which wait in different ways.

    python -m bench.polling

The state machine, the handlers and the Instagram client are the real ones, changed in memory where a shape says so, in
virtual time (tests/statemachines). So transitions, invocations, errors and lags are exact; of the Lambda seconds the
sleeping is, and each invocation is taken to work for `BUSY` besides. Every figure is the mean over containers that are
ready a little earlier or later, since a single moment may suit the rhythm of one shape by chance.
"""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import yaml

from bench import prices
from darkroom.posts import PostContent
from tests.faults.bench import installed
from tests.faults.publishers import Change, Mutant
from tests.statemachines.interpreter import StateMachine
from tests.statemachines.lab import DEFINITION, IMAGE, REEL, Lab

BUSY = 0.15  # seconds of one invocation without its sleep, warm: see bench.cost
SPREAD = (0.80, 0.85, 0.90, 0.95, 1.00, 1.05, 1.10, 1.15, 1.20)
READY = (
    *((f"image {seconds} s", IMAGE, tuple(seconds * share for share in SPREAD)) for seconds in (1, 3, 8)),
    *((f"reel {seconds} s", REEL, tuple(seconds * share for share in SPREAD)) for seconds in (20, 60, 180, 600)),
    ("reel 10-180 s", REEL, tuple(range(15, 180, 10))),
)

type Definition = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """`changes` to the text of publishing.py, `edit` to the state machine."""

    name: str
    changes: tuple[Change, ...] = ()
    edit: Callable[[Definition], None] = lambda _: None


@dataclass(frozen=True)
class Figures:
    """Of one published post. `lag`: from ready at Instagram to published, in seconds. `errors` of functions."""

    transitions: float
    invocations: float
    lambda_seconds: float
    asks: float
    lag: float
    errors: float

    @property
    def price(self) -> float:
        return prices.workflow(self.transitions, self.invocations, self.lambda_seconds)


def _retry(definition: Definition) -> None:
    states = definition["States"]
    items = states["CreateItems"]["ItemProcessor"]["States"]
    again = {"ErrorEquals": ["MediaNotReadyError"], "IntervalSeconds": 2, "BackoffRate": 1.5, "MaxAttempts": 99}
    for state in (states["CheckContainer"], items["CheckItem"]):
        state["Retry"].insert(0, {**again, "MaxDelaySeconds": 60})


def _change(old: str, new: str) -> Change:
    return Change("publishing", old, new)


_ONE_ASK = _change("POLL_FOR = timedelta(seconds=12)", "POLL_FOR = timedelta(0)")
_GIVE_UP = "min(container.created_at, ports.now()) + POLL_FOR"
_ANSWER = "return _checked(container, ports.now(), is_ready=is_ready)"
_SOON = _change("min(60, max(15, age / 3))", "min(60, max(5, age / 2))")
SHAPES = (
    Shape("loop, one ask a check", (_ONE_ASK, _SOON)),
    Shape(
        "retry, 2 s x 1.5, to 60 s",
        (_ONE_ASK, _change(_ANSWER, f"if not is_ready:\n        raise MediaNotReadyError\n    {_ANSWER}")),
        _retry,
    ),
    Shape("8 s in every check", (_change(_GIVE_UP, "ports.now() + timedelta(seconds=8)"), _SOON)),
    Shape("30 s in every check", (_change(_GIVE_UP, "ports.now() + timedelta(seconds=30)"), _SOON)),
    Shape("12 s in the first (ours)"),
)


def main() -> None:
    print(f"means over posts ready a little earlier or later; {BUSY} s of work an invocation; without the database")
    print(
        f"{'ready after':14} {'shape':26} {'transitions':>11} {'invocations':>11} {'lambda s':>8} {'$ / 1,000':>9}"
        f" {'asks':>5} {'lag s':>6} {'errors':>6}"
    )
    machines = [_machine(shape) for shape in SHAPES]
    for title, content, moments in READY:
        for shape, machine in zip(SHAPES, machines, strict=True):
            _print_row(title, shape, _mean(shape, machine, content, moments))


def _print_row(title: str, shape: Shape, found: Figures) -> None:
    print(
        f"{title:14} {shape.name:26} {found.transitions:11.1f} {found.invocations:11.1f} {found.lambda_seconds:8.1f}"
        f" {found.price * 1000:9.3f} {found.asks:5.1f} {found.lag:6.1f} {found.errors:6.1f}",
        flush=True,
    )


def _machine(shape: Shape) -> StateMachine:
    definition = yaml.safe_load(DEFINITION.read_text())
    shape.edit(definition)
    return StateMachine(yaml.safe_dump(definition))


def _mean(shape: Shape, machine: StateMachine, content: PostContent, moments: Iterable[float]) -> Figures:
    with Mutant(shape.name, shape.changes).installed():
        found = [_published(machine, content, seconds) for seconds in moments]
    return Figures(*(statistics.mean(getattr(each, field.name) for each in found) for field in fields(Figures)))


def _published(machine: StateMachine, content: PostContent, seconds: float) -> Figures:
    lab = Lab(image_seconds=seconds, video_seconds=seconds)
    post, clock, slept = lab.accept(content), lab.time.clock, []

    def invoke(function: str, event: Any) -> Any:
        started = clock.now()
        try:
            return lab.lambdas.invoke(function, event)
        finally:
            slept.append(clock.now() - started)

    with installed(lab):
        [execution] = machine.execute({"tenant_id": post.tenant_id, "post_id": post.id}, invoke, lab.time)
    container, published_at = lab.post.container(None), lab.post.published_at
    assert container, lab.post
    assert published_at, lab.post
    return Figures(
        transitions=execution.transitions,
        invocations=len(slept),
        lambda_seconds=sum(slept) + BUSY * len(slept),
        asks=lab.called("GET /{container}"),
        lag=(published_at - container.created_at).total_seconds() - seconds,
        errors=sum(each.error is not None for each in lab.lambdas.invocations),
    )


if __name__ == "__main__":
    main()
