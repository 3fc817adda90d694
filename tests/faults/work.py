"""What runs in another process: pieces of a few seconds, and what is told of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.faults import plans
from tests.faults.mutants import MUTANTS, hunt
from tests.faults.publishers import Mutant, NaivePublisher
from tests.faults.running import REAL, Publisher, Result, run
from tests.faults.schedules import Schedule

PUBLISHERS: dict[str, Publisher | Mutant] = {
    "ours": REAL,
    NaivePublisher.name: NaivePublisher(),
    **{mutant.name: mutant for mutant in MUTANTS},
}


@dataclass
class Tally:
    runs: int = 0
    struck: int = 0
    duplicates: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    broken: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.runs += 1
        self.struck += len(result.struck)
        self.duplicates += result.visible > 1
        self.ends[result.state] += 1
        if result.breaks:
            self.broken.append(result)

    def __iadd__(self, other: Self) -> Self:
        self.runs += other.runs
        self.struck += other.struck
        self.duplicates += other.duplicates
        self.ends += other.ends
        self.broken += other.broken
        return self


def run_all(schedules: Iterable[Schedule], publisher: str = "ours") -> Tally:
    tally, used = Tally(), PUBLISHERS[publisher]
    with used.installed():
        for schedule in schedules:
            tally.add(run(schedule, used))
    return tally


def run_pairs(firsts: Sequence[Schedule]) -> Tally:
    tally = Tally()
    for first in firsts:
        tally += run_all(plans.seconds(run(first, REAL)))
    return tally


def run_random(seed: int, numbers: Sequence[int], publisher: str = "ours") -> Tally:
    return run_all((plans.random_schedule(seed, number) for number in numbers), publisher)


def hunt_mutant(number: int, seed: int) -> str | None:
    return hunt(MUTANTS[number], seed)
