"""All schedules, spread over processes, and the report."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import batched
from multiprocessing import get_context
from typing import Any

from tests.faults import plans
from tests.faults.mutants import MUTANTS
from tests.faults.publishers import NaivePublisher
from tests.faults.work import Tally, hunt_mutant, run_all, run_pairs, run_random

BATCH = 100
CONTROLLED = 200  # random schedules that the naive publisher is given


@dataclass
class Report:
    stages: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    control: Tally = field(default_factory=Tally)
    mutants: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        is_controlled = self.control.runs == 0 or self.control.duplicates > 0
        return not self.tally.broken and is_controlled and all(self.mutants.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "stages": self.stages,
            "schedules": self.tally.runs,
            "faults_struck": self.tally.struck,
            "ends": dict(self.tally.ends),
            "breaks": [{"schedule": str(each.schedule), "breaks": each.breaks} for each in self.tally.broken],
            "control": {"schedules": self.control.runs, "duplicates": self.control.duplicates},
            "mutants": self.mutants,
            "seconds": round(self.seconds, 1),
        }


@dataclass
class Campaign:
    """`is_quick` leaves out everything but the random schedules."""

    seed: int
    randoms: int
    jobs: int
    is_quick: bool = False
    report: Report = field(default_factory=Report)

    def run(self) -> Report:
        started = time.monotonic()
        with ProcessPoolExecutor(self.jobs, mp_context=get_context("spawn")) as pool:
            self._random(pool)
            if not self.is_quick:
                self._singles(pool)
                self._pairs(pool)
                self._overtaken(pool)
                self._control(pool)
                self._mutants(pool)
        self.report.seconds = time.monotonic() - started
        return self.report

    def _random(self, pool: ProcessPoolExecutor) -> None:
        numbers = batched(range(self.randoms), BATCH, strict=False)
        self._gather("random", [pool.submit(run_random, self.seed, each) for each in numbers])

    def _singles(self, pool: ProcessPoolExecutor) -> None:
        self._gather(
            "single faults", [pool.submit(run_all, each) for each in batched(plans.singles(), BATCH, strict=False)]
        )

    def _pairs(self, pool: ProcessPoolExecutor) -> None:
        self._gather("pairs", [pool.submit(run_pairs, each) for each in batched(plans.firsts(), 2, strict=False)])

    def _overtaken(self, pool: ProcessPoolExecutor) -> None:
        batches = batched(plans.overtaken(), BATCH, strict=False)
        self._gather("overtaken", [pool.submit(run_all, each) for each in batches])

    def _gather(self, stage: str, futures: Sequence[Future[Tally]]) -> None:
        tally = Tally()
        for done, future in enumerate(as_completed(futures), 1):
            tally += future.result()
            _progress(f"{stage}: {tally.runs} run, {len(tally.broken)} broken, {done * 100 // len(futures)} %")
        self.report.stages[stage] = tally.runs
        self.report.tally += tally

    def _control(self, pool: ProcessPoolExecutor) -> None:
        numbers = batched(range(CONTROLLED), BATCH, strict=False)
        for future in [pool.submit(run_random, self.seed, each, NaivePublisher.name) for each in numbers]:
            self.report.control += future.result()

    def _mutants(self, pool: ProcessPoolExecutor) -> None:
        futures = [pool.submit(hunt_mutant, number, self.seed) for number in range(len(MUTANTS))]
        for number, (mutant, future) in enumerate(zip(MUTANTS, futures, strict=True), 1):
            self.report.mutants[mutant.name] = future.result()
            _progress(f"mutants: {number} of {len(MUTANTS)}")


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
