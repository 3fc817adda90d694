"""Running schedules against a publisher: the real one, or another that should be worse."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from tests.faults.bench import Bench, installed
from tests.faults.invariants import breaks
from tests.faults.schedules import Fault, Schedule
from tests.statemachines.interpreter import BrokenDefinitionError, StateMachine
from tests.statemachines.lab import DEFINITION


@dataclass(frozen=True)
class Result:
    """`points` are those that were passed; `reached` how many of them before the last fault that struck."""

    schedule: Schedule
    breaks: tuple[str, ...]
    state: str
    visible: int
    points: tuple[str, ...] = ()
    reached: int = 0
    struck: tuple[Fault, ...] = ()


class Publisher(Protocol):
    def definition(self, text: str) -> str:
        """Of the state machine, made from the real one."""
        ...

    def installed(self) -> AbstractContextManager[None]: ...


class RealPublisher:
    def definition(self, text: str) -> str:
        return text

    @contextmanager
    def installed(self) -> Iterator[None]:
        yield


REAL = RealPublisher()


def run(schedule: Schedule, publisher: Publisher) -> Result:
    """`publisher` is installed already."""
    bench = Bench(schedule)
    try:
        with installed(bench) as log:
            executions = bench.run(_machine(publisher.definition(DEFINITION.read_text())))
    except BrokenDefinitionError as error:
        return Result(schedule, (f"the definition does not fit: {str(error)[:200]}",), bench.post.state, 0)
    return Result(
        schedule,
        tuple(breaks(bench, executions, log.getvalue())),
        bench.post.state,
        len(bench.live),
        tuple(bench.points.passed),
        bench.struck[-1][1] if bench.struck else 0,
        tuple(fault for fault, _ in bench.struck),
    )


@cache
def _machine(definition: str) -> StateMachine:
    """Parsing takes most of a second."""
    return StateMachine(definition)
