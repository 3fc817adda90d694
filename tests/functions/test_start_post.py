"""The function that a post's schedule wakes, with the input that the schedule hands it."""

from datetime import timedelta

import pytest

from darkroom.errors import StoreUnavailableError
from darkroom.posts import PostState
from tests.builders import NOW, TENANT, a_post
from tests.events import event
from tests.functions.world import call

POST_ID = event("start_post")["post_id"]


def put(world, **changes):
    post = a_post(**{"id": POST_ID, "state": PostState.SCHEDULED, "publish_at": NOW, "queued_at": None} | changes)
    return world.posts.add(post)


def test_a_post_that_is_due_is_started(world, lines):
    put(world)
    assert call("start_post", event("start_post")) == {"outcome": "started"}
    assert world.posts.get(TENANT, POST_ID).state is PostState.QUEUED
    assert world.workflows.started.keys() == {POST_ID}
    assert len(lines.named("step done")) == 1


def test_a_post_that_was_moved_is_not(world):
    put(world, publish_at=NOW + timedelta(hours=1))
    assert call("start_post", event("start_post")) == {"outcome": "not due"}
    assert world.workflows.started == {}


def test_a_workflow_that_cannot_be_started_fails_so_that_lambda_tries_again(world):
    put(world)
    world.workflows.failure = StoreUnavailableError()
    with pytest.raises(Exception, match="store_unavailable"):
        call("start_post", event("start_post"))
    world.workflows.failure = None
    assert call("start_post", event("start_post")) == {"outcome": "started"}


def test_a_task_with_a_field_too_many_is_refused(world):
    put(world)
    with pytest.raises(Exception, match="has the fields"):
        call("start_post", event("start_post") | {"caption": "CANARY"})
    assert world.workflows.started == {}
