"""What can be read from the definition without running it; tests/test_architecture.py reads more."""

import re

import pytest

from tests.statemachines.interpreter import state_machine
from tests.statemachines.lab import DEFINITION
from tests.statemachines.lambdas import timeout_of

# What Step Functions calls a worker that died or could not be reached; on some of them it may still be at work.
DEATHS = {
    "States.Timeout",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "Lambda.Unknown",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
}


def states_of(machine):
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states_of(state["ItemProcessor"])


STATES = dict(states_of(state_machine(DEFINITION).definition))
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def function_of(state):
    return re.fullmatch(r"\$\{(\w+)FunctionArn\}", state["Resource"])[1]


def names_in(rules):
    return {name for rule in rules for name in rule["ErrorEquals"]}


@pytest.mark.parametrize("task", TASKS)
def test_a_worker_is_stopped_by_its_own_time_out_before_the_workflow_gives_up_on_it(task):
    assert timeout_of(function_of(TASKS[task])) < TASKS[task]["TimeoutSeconds"]


@pytest.mark.parametrize("task", sorted(set(TASKS) - {"ReadPermalink"}))
def test_every_step_is_run_again_when_its_worker_died(task):
    assert names_in(TASKS[task]["Retry"]) >= DEATHS | {"StoreUnavailableError"}


def test_no_state_is_left_over():
    assert reachable_from("BeginPost") | reachable_from("CreateItem") == set(STATES)


def reachable_from(start):
    seen, ahead = set(), [start]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            state = STATES[name]
            rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
            ahead += [rule[key] for rule in rules for key in ("Next", "Default") if key in rule]
    return seen
