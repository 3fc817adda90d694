"""
`python -m devstack.asl FILE …`: what cfn-lint does not find in a workflow: states that lead nowhere or are led to by
nothing, rules that AWS refuses. The fields of each kind of state are cfn-lint's (E3601), over the translated template;
JSONPaths are tried by running them, in tests/statemachines. Source: Amazon States Language.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from devstack.template import parse_yaml

type Json = dict[str, Any]

_ENDS = {"Succeed", "Fail"}
_WAITS = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
_LOGIC = ("And", "Or", "Not")
_KINDS = ("Boolean", "Numeric", "String", "Timestamp")
_ORDERS = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_COMPARISONS = (
    {f"{kind}{order}{path}" for kind in _KINDS for order in _ORDERS for path in ("", "Path")}
    - {f"Boolean{order}{path}" for order in _ORDERS[1:] for path in ("", "Path")}
    | {f"Is{kind}" for kind in (*_KINDS, "Null", "Present")}
    | {"StringMatches"}
)


def problems(machine: Json, at: str = "") -> Iterator[str]:
    """A sentence each, for a workflow and the ones inside its states. Expects a definition that cfn-lint accepts."""
    states: dict[str, Json] = machine["States"]
    if not any(state.get("End") or state["Type"] in _ENDS for state in states.values()):
        yield f"{at or 'workflow'}: no state ends it"
    yield from _lost(machine["StartAt"], states, at)
    for name, state in states.items():
        place = f"{at}{name}"
        yield from (f"{place}: {each}" for each in _of_state(state))
        for inner in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor"), state.get("Iterator")])):
            yield from problems(inner, f"{place}/")


def _lost(start: str, states: dict[str, Json], at: str) -> Iterator[str]:
    """Targets that are not there, and states that nothing leads to."""
    yield from (
        f"{at}{name}: leads to {target!r}, which is no state beside it"
        for name, state in states.items()
        for target in _targets(state)
        if target not in states
    )
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name in states and name not in seen:
            seen.add(name)
            ahead += _targets(states[name])
    yield from (f"{at}{name}: nothing leads here" for name in states if name not in seen)


def _targets(state: Json) -> list[str]:
    rules = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    return [rule[key] for rule in rules for key in ("Next", "Default") if key in rule]


def _of_state(state: Json) -> Iterator[str]:
    for field in ("Retry", "Catch"):
        yield from _of_errors(field, state.get(field, []))
    if state["Type"] == "Wait" and sum(key in state for key in _WAITS) != 1:
        yield f"a Wait has exactly one of {', '.join(_WAITS)}"
    if state["Type"] == "Choice":
        for rule in state["Choices"]:
            if "Next" not in rule:
                yield "a choice without Next"
            yield from _of_choice(rule)


def _of_errors(field: str, rules: list[Json]) -> Iterator[str]:
    for number, rule in enumerate(rules, start=1):
        if "States.ALL" in rule["ErrorEquals"] and (len(rule["ErrorEquals"]) > 1 or number < len(rules)):
            yield f"States.ALL stands alone, in the last {field}"
        if not rule["ErrorEquals"]:
            yield f"a {field} of no error"


def _of_choice(rule: Json) -> Iterator[str]:
    tests = rule.keys() - {"Variable", "Next", "Comment", "Assign", "Output"}
    if len(tests) != 1:
        yield f"a choice tests one thing, not {sorted(tests)}"
        return
    (test,) = tests
    if test in _LOGIC:
        inner = rule[test] if isinstance(rule[test], list) else [rule[test]]
        for each in inner:
            if "Next" in each:
                yield "Next belongs to the outermost choice"
            yield from _of_choice(each)
    elif test not in _COMPARISONS:
        yield f"no such comparison: {test}"
    elif "Variable" not in rule:
        yield f"{test} of what? Variable is missing"


def main(files: Iterable[str]) -> int:
    found = [f"{file}: {each}" for file in files for each in problems(parse_yaml(Path(file).read_text()))]
    for each in found:
        print(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
