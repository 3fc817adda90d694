import json
from types import SimpleNamespace

import pytest

from darkroom import timeline
from darkroom.errors import ConflictError, StoreUnavailableError
from darkroom.instagram.errors import MediaUnreachableError, OutcomeUnknownError
from darkroom.steps import step
from darkroom.tasks import MalformedTaskError, parsed
from darkroom.workflow import ConfirmTask, ContainerTask, FailureTask, PostTask, PublishedTask, caught_problem
from tests.events import event

CANARY = "CANARY-71aa"
TASK = {"tenant_id": "acme", "post_id": "post_1"}


class ClientError(Exception):
    """Shaped like botocore's."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code}): {CANARY}")
        self.response = {"Error": {"Code": code, "Message": CANARY}}


def failing(error: Exception, task_type=PostTask):
    @step(task_type)
    def handler(task):
        raise error

    return handler


def raised(error: Exception, task=TASK, task_type=PostTask) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 — which class it is, is the question
        failing(error, task_type)(task, None)
    return caught.value


def test_a_step_gets_its_task_and_gives_its_answer(lines):
    @step(ContainerTask)
    def handler(task):
        return {"seen": [task.tenant_id, task.post_id, task.item]}

    assert handler({**TASK, "item": None}, None) == {"seen": ["acme", "post_1", None]}
    (line,) = lines.read_lines()
    assert (line["message"], line["step"], line["post_id"]) == ("step done", "handler", "post_1")


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("darkroom-dev-PublishContainerFunction-a1B2c3D4e5F6", "PublishContainer"),
        ("a-stack-for-Functions-ReadPermalinkFunction-a1B2c3D4e5F6", "ReadPermalink"),
        ("PublishContainer", "PublishContainer"),
        ("own-name", "own-name"),
    ],
)
def test_a_step_goes_by_its_name_in_the_workflow(lines, function, name):
    @step(PostTask)
    def handler(task):
        return {"here": timeline.here()}

    seen = handler(TASK, SimpleNamespace(function_name=function))
    assert seen == {"here": timeline.Place("acme", "post_1", name)}
    assert [line["step"] for line in lines.read_lines()] == [name]


@pytest.mark.parametrize("error", [ConflictError(), KeyError(), KeyboardInterrupt()])
def test_a_step_that_fails_leaves_nobody_in_its_place(error):
    with pytest.raises((Exception, KeyboardInterrupt)):
        failing(error)(TASK, None)
    assert timeline.here() is None


@pytest.mark.parametrize(
    ("name", "task_type"),
    [
        ("begin_post", PostTask),
        ("create_container", ContainerTask),
        ("check_container", ContainerTask),
        ("publish_container", PostTask),
        ("confirm_publish", ConfirmTask),
        ("mark_published", PublishedTask),
        ("read_permalink", PostTask),
        ("mark_failed", FailureTask),
    ],
)
def test_each_event_of_the_workflow_is_its_task(name, task_type):
    assert parsed(task_type, event(name)) == task_type(**event(name))


@pytest.mark.parametrize(
    "task",
    [
        {},
        {"tenant_id": "acme"},
        {**TASK, "item": None},
        {**TASK, "caption": CANARY},
        {"tenant_id": 7, "post_id": "post_1"},
        {"tenant_id": None, "post_id": "post_1"},
    ],
)
def test_a_task_of_another_shape_is_a_mistake_of_ours_that_nothing_retries(task):
    with pytest.raises(MalformedTaskError) as caught:
        parsed(PostTask, task)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("item", ["0", 1.0, []])
def test_an_item_is_a_number_or_none(item):
    with pytest.raises(MalformedTaskError):
        parsed(ContainerTask, {**TASK, "item": item})


@pytest.mark.parametrize("error", [StoreUnavailableError(), ConflictError(), OutcomeUnknownError()])
def test_an_error_keeps_the_name_that_the_workflow_goes_by(error):
    assert type(raised(error)).__name__ == type(error).__name__


def test_an_error_is_told_as_the_problem_that_the_post_will_show(lines):
    error = MediaUnreachableError(CANARY, code=9004, subcode=2207052, user_message=CANARY)
    caught = raised(error, {**TASK, "item": 2}, ContainerTask)
    problem = json.loads(str(caught))
    assert problem["title"] == "Instagram could not download item 3."
    assert problem["instagram"]["error_subcode"] == 2207052
    assert caught.__suppress_context__, "the runtime prints causes too"
    assert CANARY not in str(caught) + lines.getvalue()
    assert caught_problem({"Error": "x", "Cause": json.dumps({"errorMessage": str(caught)})}) == problem


def test_an_unforeseen_error_shows_its_class_and_nothing_else(lines):
    caught = raised(KeyError(CANARY))
    assert type(caught).__name__ == "KeyError"
    assert json.loads(str(caught))["code"] == "internal_error"
    assert caught.__suppress_context__
    assert CANARY not in str(caught) + lines.getvalue()
    (line,) = lines.named("unforeseen error")
    assert (line["error"], line["post_id"]) == ("KeyError", "post_1")


def test_an_error_of_awss_goes_by_its_code(lines):
    caught = raised(ClientError("AccessDeniedException"))
    assert type(caught).__name__ == "AccessDeniedException"
    assert CANARY not in str(caught) + lines.getvalue()


def test_a_strange_code_of_awss_makes_no_strange_name():
    assert type(raised(ClientError("Not a name\n"))).__name__ == "ClientError"


def test_a_function_keeps_its_name():
    assert failing(KeyError()).__name__ == "handler"
