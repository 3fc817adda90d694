"""
Keeps thousands of accounts alive for more than a year of virtual days in bad weather, and judges by Instagram's side.

    python -m tests.refreshing                              10,000 accounts, 400 days; then the mutants
    python -m tests.refreshing --accounts 500 --days 90     less of it
    python -m tests.refreshing --seed 7 --rate 0.05         another run, with more faults

Exit code 1: an invariant broke, or a mutant survived. The same arguments make the same run.
"""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.refreshing.mutants import MUTANTS, Mutant
from tests.refreshing.town import CALM, Town

SEED, TOWNS = 20261123, 4  # a run is as many towns, two at a time
# Small and stormy, so that each safeguard is needed soon. The product itself has to live through the same.
TRIAL = {"accounts": 200, "days": 160, "rate": 0.06}
TRIALS = 6


@dataclass(frozen=True)
class Outcome:
    breaks: list[str]
    counts: Counter[str]
    fewest_days: dict[str, float]
    figures: dict[str, Any]


def lived(seed: int, accounts: int, days: int, rate: float) -> Outcome:
    town = Town(seed, accounts, days, rate)
    ledger = town.run()
    return Outcome(ledger.breaks, ledger.counts, ledger.fewest_days, town.figures())


def caught(mutant: Mutant, seed: int = SEED) -> str | None:
    """The invariant that it breaks first; None: it survived."""
    for number in range(TRIALS):
        with mutant.taken():
            outcome = lived(seed + number, **TRIAL)
        if outcome.counts:
            return next(iter(outcome.counts))
    return None


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    with ProcessPoolExecutor(2) as pool:
        is_proven = _show_towns(options, pool)
        is_sharp = options.without_mutants or _show_mutants(options.seed, pool)
    print(f"\n{time.monotonic() - started:.0f} s")
    return 0 if is_proven and is_sharp else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.refreshing", description=__doc__.strip().split("\n")[0])
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--rate", type=float, default=0.01, help="of calls that are struck by a fault")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--without-mutants", action="store_true")
    return parser


def _show_towns(options: argparse.Namespace, pool: ProcessPoolExecutor) -> bool:
    each = max(1, options.accounts // TOWNS)
    print(f"{each * TOWNS:,} accounts, {options.days} virtual days and {CALM} of calm, seed {options.seed}")
    seeds = [options.seed + number for number in range(TOWNS)]
    outcomes = list(pool.map(lived, seeds, *zip(*[(each, options.days, options.rate)] * TOWNS, strict=True)))
    figures: Counter[str] = Counter()
    for outcome in outcomes:
        figures.update(outcome.figures)
    for name, number in figures.items():
        print(f"  {number:>9,}  {name.replace('_', ' ')}")
    for kind in sorted({kind for outcome in outcomes for kind in outcome.fewest_days}):
        days = min(outcome.fewest_days.get(kind, 60.0) for outcome in outcomes)
        print(f"  {days:>9.2f}  fewest days to expiry: {kind}")
    breaks = [each for outcome in outcomes for each in outcome.breaks]
    print(f"  {sum(outcome.counts.total() for outcome in outcomes):>9,}  invariants broken")
    for each_break in breaks:
        print(f"             {each_break}")
    return not breaks


def _show_mutants(seed: int, pool: ProcessPoolExecutor) -> bool:
    control = [pool.submit(lived, seed + number, **TRIAL) for number in range(TRIALS)]
    verdicts = pool.map(_caught_by_number, range(len(MUTANTS)), [seed] * len(MUTANTS))
    broken = sum(each.result().counts.total() for each in control)
    print(f"\nThe same in small and stormy ({TRIAL}): the product breaks {broken} invariants; without")
    killed = 0
    for mutant, verdict in zip(MUTANTS, verdicts, strict=True):
        killed += verdict is not None
        print(f"  {mutant.without:<62} {verdict or 'SURVIVED'}")
    print(f"mutants killed {killed}/{len(MUTANTS)}")
    return killed == len(MUTANTS) and broken == 0


def _caught_by_number(number: int, seed: int) -> str | None:
    return caught(MUTANTS[number], seed)


if __name__ == "__main__":
    sys.exit(main())
