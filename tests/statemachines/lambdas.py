"""
The functions of the workflow as Lambda runs them: the real handlers, the real way of telling errors, and an end when
their time is up.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from awslambdaric.bootstrap import build_fault_result
from awslambdaric.lambda_runtime_marshaller import to_json

from tests.statemachines.interpreter import Json, TaskError
from tests.statemachines.virtual_time import VirtualTime, WorkerKilledError

ROOT = Path(__file__).parents[2]


@dataclass
class Plan:
    point: str
    happens: Callable[[], object]
    when: str
    nth: int | None
    seen: int = 0


@dataclass
class Points:
    """
    Every place where a worker can die or a port can fail: each invocation of a function, each call of a store, each
    call of Instagram. `passed` names them in the order in which they were reached.
    """

    passed: list[str] = field(default_factory=list)
    _plans: list[Plan] = field(default_factory=list)

    def fail(self, point: str, error: BaseException, *, when: str = "before", nth: int | None = 1) -> None:
        """`when` is before the effect, or after it, so that the answer is lost. Otherwise as `meanwhile`."""

        def happens() -> None:
            raise error

        self.meanwhile(point, happens, when=when, nth=nth)

    def meanwhile(
        self, point: str, happens: Callable[[], object], *, when: str = "before", nth: int | None = 1
    ) -> None:
        """`point` "*" is any. `nth` is which of the points with this name, from 1; None is every one."""
        assert when in {"before", "after"}
        self._plans.append(Plan(point, happens, when, nth))

    def passes(self, name: str, effect: Callable[[], Any]) -> Any:
        self.passed.append(name)
        due = self._due(name)
        for plan in due:
            if plan.when == "before":
                plan.happens()
        result = effect()
        for plan in due:
            if plan.when == "after":
                plan.happens()
        return result

    def _due(self, name: str) -> list[Plan]:
        concerned = [plan for plan in self._plans if plan.point in {"*", name}]
        for plan in concerned:
            plan.seen += 1
        return [plan for plan in concerned if plan.nth in {None, plan.seen}]


class Watched:
    """A port whose every method is a point."""

    def __init__(self, name: str, port: object, points: Points) -> None:
        self._name, self._port, self._points = name, port, points

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._port, method)
        return lambda *args: self._points.passes(f"{self._name}.{method}", lambda: call(*args))


@dataclass(frozen=True)
class Invocation:
    function: str
    event: Json
    at: float
    error: str | None


class Lambdas:
    """Invocations in the order in which they ended."""

    def __init__(self, time: VirtualTime, points: Points) -> None:
        self._time = time
        self._points = points
        self.invocations: list[Invocation] = []

    def invoke(self, function: str, event: Json) -> Any:
        started, error = self._time.clock.now(), None
        context = SimpleNamespace(function_name=function)
        self._time.limit_worker(timeout_of(function))
        try:
            return self._points.passes(
                f"invoke {function}", lambda: json.loads(to_json(handler(function)(event, context)))
            )
        except WorkerKilledError as killed:
            error = TaskError(killed.reported_as, "" if killed.reported_as == "States.Timeout" else "No usable answer.")
        except Exception as raised:  # noqa: BLE001 — as the runtime does
            fault = build_fault_result(sys.exc_info(), None)
            error = TaskError(type(raised).__name__, to_json(fault))
        finally:
            self.invocations.append(Invocation(function, event, started, error.name if error else None))
        raise error

    def calls(self, function: str) -> list[Invocation]:
        return [each for each in self.invocations if each.function == function]


@cache
def handler(function: str) -> Callable[[Json, object], Any]:
    folder = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in function).removeprefix("_")
    spec = spec_from_file_location(f"functions_{folder}", ROOT / "functions" / folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded: Callable[[Json, object], Any] = module.handler
    return loaded


def timeout_of(function: str) -> int:
    template = _template()
    properties = template["Resources"][f"{function}Function"]["Properties"]
    return int(properties.get("Timeout", template["Globals"]["Function"]["Timeout"]))


@cache
def _template() -> Json:
    class Loader(yaml.SafeLoader):
        """`!Ref` and its kind mean nothing here."""

    Loader.add_multi_constructor("!", lambda *_: None)
    loaded: Json = yaml.load((ROOT / "template.yaml").read_text(), Loader)
    return loaded
