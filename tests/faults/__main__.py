"""
Breaks publishing in every way we know and judges what became of each post by the simulator's ledger.

    python -m tests.faults                            single faults, pairs, random schedules, control, mutants
    python -m tests.faults --random 10000 --seed 7    more random schedules, and others
    python -m tests.faults --seed 7 --only 4711       one of these again
    python -m tests.faults --replay 'image republish_mode=dup | killed after POST media_publish #1'

Exit code 1: an invariant broke, a mutant survived, or the control made no duplicate.
"""

import argparse
import json
import sys

from tests.faults.campaign import Campaign, Report
from tests.faults.plans import random_schedule
from tests.faults.running import Result, run
from tests.faults.schedules import Schedule, parsed
from tests.faults.shrinking import shrunk
from tests.faults.work import PUBLISHERS

SEED = 20261123
SHOWN = 5


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.replay is not None or options.only is not None:
        schedule = parsed(options.replay) if options.replay else random_schedule(options.seed, options.only)
        return _again(schedule, options.publisher)
    report = Campaign(options.seed, options.random, options.jobs, is_quick=options.quick).run()
    if options.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        _tell(report)
    _tell_breaks(report.tally.broken)
    return 0 if report.is_good else 1


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__, formatter_class=formatter)
    parser.add_argument("--random", type=int, default=1000, metavar="N", help="random schedules (default: 1000)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the random schedules (default: {SEED})")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side (default: 2)")
    parser.add_argument("--quick", action="store_true", help="random schedules only")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--only", type=int, metavar="K", help="only the random schedule with this number")
    parser.add_argument("--replay", metavar="SCHEDULE", help="only this schedule")
    parser.add_argument(
        "--publisher", choices=list(PUBLISHERS), default="ours", metavar="NAME", help="of --only and --replay"
    )
    return parser


def _again(schedule: Schedule, name: str) -> int:
    publisher = PUBLISHERS[name]
    with publisher.installed():
        result = run(schedule, publisher)
    print(schedule)
    print(f"struck: {', '.join(map(str, result.struck)) or 'nothing'}")
    print(f"points: {', '.join(result.points)}")
    print(f"the post ends {result.state}, {result.visible} visible")
    for each in result.breaks:
        print(each)
    return 1 if result.breaks else 0


def _tell(report: Report) -> None:
    for stage, runs in report.stages.items():
        print(f"{stage:<18} {runs:>6}")
    ends = ", ".join(f"{count} {state}" for state, count in report.tally.ends.most_common())
    print(f"schedules run      {report.tally.runs:>6}   {report.tally.struck} faults struck; {ends}")
    print(f"invariant breaks   {len(report.tally.broken):>6}")
    if report.mutants:
        _tell_controls(report)
    print(f"seconds            {report.seconds:>6.0f}")


def _tell_controls(report: Report) -> None:
    print(f"naive control      {report.control.duplicates:>6} duplicates in {report.control.runs} schedules")
    caught = sum(found is not None for found in report.mutants.values())
    print(f"mutants caught     {caught:>4}/{len(report.mutants)}")
    for name, found in report.mutants.items():
        print(f"  {'caught  ' if found else 'SURVIVED'}  {name}" + (f"\n            {found}" if found else ""))


def _tell_breaks(broken: list[Result]) -> None:
    """The shortest form of each, on stderr."""
    shown: set[Schedule] = set()
    for result in broken:
        if len(shown) == SHOWN:
            print(f"… and more: {len(broken)} in all", file=sys.stderr)
            return
        shortest = shrunk(result, PUBLISHERS["ours"])
        if shortest.schedule not in shown:
            shown.add(shortest.schedule)
            print(f"\nBROKEN {'; '.join(shortest.breaks)}\n  the post ends {shortest.state}", file=sys.stderr)
            print(f"  found by: {result.schedule}", file=sys.stderr)
            print(f"  repeat:   python -m tests.faults --replay '{shortest.schedule}'", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
