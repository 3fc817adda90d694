"""From a schedule that breaks something to the shortest that still does."""

from collections.abc import Iterator
from dataclasses import replace

from tests.faults.running import Publisher, Result, run
from tests.faults.schedules import Schedule


def shrunk(result: Result, publisher: Publisher) -> Result:
    """`publisher` is installed already. Every step simplifies one thing and keeps one of the broken invariants."""
    simpler = next(_still_breaking(result, publisher), None)
    return result if simpler is None else shrunk(simpler, publisher)


def _still_breaking(result: Result, publisher: Publisher) -> Iterator[Result]:
    for schedule in _simpler(result.schedule):
        again = run(schedule, publisher)
        if _invariants(again) & _invariants(result):
            yield again


def _invariants(result: Result) -> set[str]:
    return {each.partition(":")[0] for each in result.breaks}


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    for fault in schedule.faults:
        yield replace(schedule, faults=tuple(each for each in schedule.faults if each is not fault))
    for switch in schedule.switches:
        yield replace(schedule, switches=tuple(each for each in schedule.switches if each is not switch))
    if schedule.skew:
        yield replace(schedule, skew=0)
    if schedule.content != "image":
        yield replace(schedule, content="image")
    for number, fault in enumerate(schedule.faults):
        if fault.nth > 1:
            earlier = [*schedule.faults]
            earlier[number] = replace(fault, nth=fault.nth - 1)
            yield replace(schedule, faults=tuple(earlier))
