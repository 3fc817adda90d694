"""What the other tests of this folder rely on: small machines that show the interpreter to behave as the documentation
of Step Functions says."""

import pytest

from simulator.clock import Clock
from tests.statemachines.interpreter import BrokenDefinitionError, StateMachine, TaskError
from tests.statemachines.virtual_time import VirtualTime, WorkerKilledError

TRY = """
StartAt: Try
States:
  Try:
    Type: Task
    Resource: ${TryFunctionArn}
    Parameters: {number.$: $.number}
    ResultPath: $.result
    Retry:
      - {ErrorEquals: [Busy], IntervalSeconds: 3, MaxAttempts: 3, BackoffRate: 2}
      - {ErrorEquals: [Slow, States.Timeout], IntervalSeconds: 10, MaxAttempts: 1, BackoffRate: 2}
    Catch:
      - {ErrorEquals: [Busy], ResultPath: $.error, Next: WasBusy}
      - {ErrorEquals: [States.ALL], ResultPath: $.error, Next: WasOther}
    End: true
  WasBusy: {Type: Succeed}
  WasOther: {Type: Succeed}
"""

MAP = """
StartAt: Each
States:
  Each:
    Type: Map
    ItemsPath: $.numbers
    ItemSelector: {number.$: $$.Map.Item.Value}
    MaxConcurrency: 2
    ItemProcessor:
      StartAt: Rest
      States:
        Rest: {Type: Wait, SecondsPath: $.number, Next: Do}
        Do:
          Type: Task
          Resource: ${DoFunctionArn}
          End: true
    Catch:
      - {ErrorEquals: [States.ALL], ResultPath: $.error, Next: Failed}
    End: true
  Failed: {Type: Wait, Seconds: 100, End: true}
"""


class Lambdas:
    """Answers or raises what it was given, in turn; the last one for ever."""

    def __init__(self, time, *turns):
        self.time, self.turns, self.calls = time, list(turns), []

    def __call__(self, function, event):
        self.calls.append((self.time.clock.now(), function, event))
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        if isinstance(turn, Exception):
            raise turn
        return turn(event) if callable(turn) else turn

    @property
    def moments(self):
        return [moment for moment, _, _ in self.calls]


@pytest.fixture
def time():
    return VirtualTime(Clock(start=0.0))


@pytest.fixture
def attempt(time):
    def run(*turns, definition=TRY, **execution_input):
        lambdas = Lambdas(time, *turns)
        [execution] = StateMachine(definition).execute(execution_input or {"number": 1}, lambdas, time)
        return execution, lambdas

    return run


def test_a_result_goes_where_its_path_says(attempt):
    execution, lambdas = attempt({"fine": True})
    assert execution.output == {"number": 1, "result": {"fine": True}}
    assert lambdas.calls == [(0.0, "Try", {"number": 1})]
    assert (execution.status, execution.transitions) == ("SUCCEEDED", 1)


def test_retries_back_off_and_then_the_first_catch_that_fits_takes_the_error(attempt):
    execution, lambdas = attempt(TaskError("Busy", "too much"))
    assert lambdas.moments == [0, 3, 9, 21]
    assert execution.path == ("Try", "WasBusy")
    assert execution.output == {"number": 1, "error": {"Error": "Busy", "Cause": "too much"}}
    assert execution.transitions == 5


def test_each_retrier_counts_for_itself(attempt):
    busy, slow = TaskError("Busy"), TaskError("Slow")
    execution, lambdas = attempt(busy, slow, busy, slow)
    assert lambdas.moments == [0, 3, 13, 19]
    assert execution.path == ("Try", "WasOther")


def test_an_error_without_a_retrier_is_caught_at_once(attempt):
    execution, lambdas = attempt(TaskError("Unheard"))
    assert (lambdas.moments, execution.path) == ([0], ("Try", "WasOther"))


def test_a_time_out_has_no_cause(attempt):
    execution, lambdas = attempt(TaskError("States.Timeout"))
    assert lambdas.moments == [0, 10]
    assert execution.output["error"] == {"Error": "States.Timeout", "Cause": ""}


def test_a_missing_path_is_a_broken_definition_even_where_everything_is_caught(attempt):
    with pytest.raises(BrokenDefinitionError, match=r"\$\.number"):
        attempt({}, count=1)


def test_the_items_of_a_map_run_side_by_side_up_to_its_limit(attempt):
    execution, lambdas = attempt(lambda event: event["number"] * 2, definition=MAP, numbers=[30, 20, 10])
    assert lambdas.moments == [20, 30, 30]
    assert execution.output == [60, 40, 20]
    assert execution.seconds == 30


@pytest.mark.parametrize("name", ["Bad", "States.Timeout"])
def test_a_failed_item_fails_its_map_with_its_own_name_and_cause_and_ends_the_others(attempt, name):
    execution, lambdas = attempt(TaskError(name, "why"), definition=MAP, numbers=[30, 20, 10])
    assert execution.output["error"] == {"Error": name, "Cause": "why"}
    assert lambdas.moments == [20]
    assert execution.seconds == 120


def test_a_worker_whose_time_is_up_sleeps_no_longer(time):
    slept = []

    def worker():
        time.limit_worker(5)
        time.sleep(4)
        slept.append(time.clock.now())
        time.sleep(4)
        slept.append(time.clock.now())

    with pytest.raises(WorkerKilledError):
        time.run(worker)
    assert (slept, time.clock.now()) == ([4], 5)
