"""
A state machine's real definition, executed by moto's interpreter: in this process, in virtual time, and strictly.

This module is the one place that knows the inside of moto. It goes past moto's Step Functions API, which parses the
definition anew for every execution and runs it in real time, and replaces what `_in_virtual_time` lists.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import yaml
from jsonpath_ng.ext.parser import parse
from moto.stepfunctions.parser.api import HistoryEventType, StateMachineType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.inline_iteration_component import (
    InlineIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.utils import TMP_THREADS

from tests.statemachines.virtual_time import VirtualTime

type Json = dict[str, Any]
# The function's name and its event; the result. Raises TaskError.
type Invoke = Callable[[str, Json], Any]

ROLE = "arn:aws:iam::123456789012:role/workflow"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:"
# Errors of the definition. AWS ends the execution on some of them whatever is caught; moto hands them to the Catch.
_BROKEN = {
    "Exception",  # moto's word for what went wrong in itself while it prepared a task
    "States.Runtime",
    "States.DataLimitExceeded",
    "States.IntrinsicFailure",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
}


class BrokenDefinitionError(AssertionError):
    """The definition and what runs through it do not fit together, such as a path to something that is not there."""


class TaskError(Exception):
    """A task failed under this name. `cause` is what Step Functions keeps beside it: any text, or nothing."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.cause = cause


@dataclass(frozen=True)
class Execution:
    """`path`: the states in the order in which they were entered. `seconds`: virtual ones."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    path: tuple[str, ...]
    retries: int
    seconds: float
    history: list[Json]

    @property
    def inputs(self) -> list[Json]:
        """What each state was given."""
        entered = [event["stateEnteredEventDetails"] for event in self.history if "stateEnteredEventDetails" in event]
        return [json.loads(each["input"]) for each in entered]

    @property
    def transitions(self) -> int:
        """What AWS charges for: every state entered, and every retry again."""
        return len(self.path) + self.retries

    def visits(self, state: str) -> int:
        return Counter(self.path)[state]


class StateMachine:
    """`definition`: JSON or YAML text; `${NameFunctionArn}` becomes the ARN of a function called `Name`."""

    def __init__(self, definition: str) -> None:
        self.definition = yaml.safe_load(definition)
        substituted = re.sub(r"\$\{(\w+)FunctionArn\}", FUNCTION + r"\1", json.dumps(self.definition))
        self._program = AmazonStateLanguageParser.parse(substituted)[0]

    def execute(self, execution_input: Json, invoke: Invoke, time: VirtualTime, *, times: int = 1) -> list[Execution]:
        """`times` executions with the same input, side by side."""
        return self.execute_all([execution_input] * times, invoke, time)

    def execute_all(
        self, inputs: Sequence[Json], invoke: Invoke, time: VirtualTime, *, every: float = 0.0
    ) -> list[Execution]:
        """An execution of each input, in this order; the next one starts `every` so many seconds."""
        ended: dict[int, tuple[Environment, float]] = {}

        def flow(number: int) -> None:
            if every:
                time.sleep(number * every)
            started, environment = time.clock.now(), _environment(inputs[number])
            self._program.eval(environment)
            ended[number] = environment, time.clock.now() - started

        with _in_virtual_time(invoke, time):
            time.run(*(partial(flow, number) for number in range(len(inputs))))
        TMP_THREADS.clear()
        return [_outcome(*ended[number]) for number in range(len(inputs))]

    def execute_beside(self, execution_input: Json, time: VirtualTime) -> None:
        """One more execution, from within `execute`, which waits for it too; what came of it is not told."""
        time.start(lambda: self._program.eval(_environment(execution_input)))


@cache
def state_machine(file: Path) -> StateMachine:
    """Parsing takes most of a second."""
    return StateMachine(file.read_text())


def _environment(execution_input: Json) -> Environment:
    names = {"Id": "execution", "Input": execution_input, "Name": "execution", "RoleArn": ROLE, "StartTime": ""}
    context: Any = {"Execution": names, "StateMachine": {"Id": "machine", "Name": "machine"}}
    started: Any = {"executionStartedEventDetails": {"input": json.dumps(execution_input), "roleArn": ROLE}}
    environment = Environment(
        aws_execution_details=AWSExecutionDetails("123456789012", "eu-central-1", ROLE),
        execution_type=StateMachineType.STANDARD,
        context=context,
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    environment.event_manager.add_event(
        context=environment.event_history_context,
        event_type=HistoryEventType.ExecutionStarted,
        event_details=started,
        update_source_event_id=False,
    )
    return environment


def _outcome(environment: Environment, seconds: float) -> Execution:
    history: list[Any] = environment.event_manager.get_event_history()
    for event in history:
        if _errors_of(event) & _BROKEN:
            raise BrokenDefinitionError(json.dumps(event, default=str))
    ending = environment.program_state()
    error = (ending.error or {}) if isinstance(ending, ProgramError) else {}
    entered = [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]
    tasks = Counter(str(event["type"].value) for event in history)
    return Execution(
        status={ProgramEnded: "SUCCEEDED", ProgramError: "FAILED"}[type(ending)],
        output=environment.states.get_input() if isinstance(ending, ProgramEnded) else None,
        error=error.get("error"),
        cause=error.get("cause"),
        path=tuple(entered),
        retries=tasks["LambdaFunctionScheduled"] - tasks["TaskStateEntered"],
        seconds=seconds,
        history=history,
    )


def _errors_of(event: Json) -> set[str]:
    return {value["error"] for value in event.values() if isinstance(value, dict) and value.get("error")}


@contextmanager
def _in_virtual_time(invoke: Invoke, time: VirtualTime) -> Iterator[None]:
    """
    Replaces, in moto: how it waits and backs off (real time); how it calls Lambda (over the API, and every error of the
    Lambda service itself becomes "Exception"); the threads of a Map (real, and in no order); how a Map names a failed
    item's error (one that begins with "States." breaks it); and two look-ups that parse the same path every time.
    """
    await_jobs, close_job = _map_in_turns(time)
    with ExitStack() as replaced:
        for place, name, replacement in (
            (retrier_decl, "time", SimpleNamespace(sleep=time.sleep)),
            (WaitFunction, "_wait_interval", lambda _self, env, wait_seconds: time.sleep(wait_seconds)),
            (lambda_eval_utils, "execute_lambda_function_integration", _call_lambda(invoke)),
            (InlineIterationComponent, "_launch_worker", _launch_worker(time)),
            (JobPool, "await_jobs", await_jobs),
            (JobPool, "close_job", close_job),
            (iteration_worker, "CustomErrorName", _error_name),
            (result_path, "parse", _parsed),
            (json_path, "parse", _parsed),
        ):
            replaced.enter_context(patch.object(place, name, replacement))
        yield


_parsed = cache(parse)


def _call_lambda(invoke: Invoke) -> Callable[..., None]:
    def call(env: Environment, parameters: Json, **_: Any) -> None:
        function = parameters["FunctionName"].rpartition(":")[2]
        try:
            result = invoke(function, json.loads(parameters["Payload"]))
        except TaskError as error:
            raise FailureEventException(_failure(env, error)) from None
        env.stack.append({"StatusCode": 200, "Payload": json.loads(json.dumps(result))})

    return call


def _failure(env: Environment, error: TaskError) -> FailureEvent:
    details: Any = {"error": error.name} | ({"cause": error.cause} if error.cause else {})
    if error.name == "States.Timeout":
        kind, field = HistoryEventType.LambdaFunctionTimedOut, "lambdaFunctionTimedOutEventDetails"
    else:
        kind, field = HistoryEventType.LambdaFunctionFailed, "lambdaFunctionFailedEventDetails"
    event: Any = {field: details}
    return FailureEvent(env, _error_name(error.name), kind, event)


def _error_name(error_name: str) -> CustomErrorName | StatesErrorName:
    return (StatesErrorName.from_name if error_name.startswith("States.") else CustomErrorName)(error_name)


def _launch_worker(time: VirtualTime) -> Callable[..., Any]:
    def launch(self: Any, env: Environment, eval_input: Any, job_pool: JobPool) -> Any:
        worker = self._create_worker(env=env, eval_input=eval_input, job_pool=job_pool)
        time.start(worker.eval)
        return worker

    return launch


def _map_in_turns(time: VirtualTime) -> tuple[Callable[..., None], Callable[..., None]]:
    """The flow that waits for the items is due as soon as the last of them has ended, or the first has failed."""
    close = JobPool.close_job

    def await_jobs(pool: Any) -> None:
        if not pool._is_terminated():
            time.wait(pool._termination_event)

    def close_job(pool: Any, job: Any) -> None:
        was_terminated, signal = pool._is_terminated(), pool._termination_event
        pool._termination_event = Event()  # the original sets it at once, but it is not that flow's turn yet
        close(pool, job)
        pool._termination_event = signal
        if pool._is_terminated() and not was_terminated:
            time.due(signal)

    return await_jobs, close_job


logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)  # it logs every error that a machine then catches
