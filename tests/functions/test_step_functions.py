"""The functions of the workflow, with the tasks that Step Functions hands them."""

import json

import pytest

from darkroom.instagram.errors import MediaUnreachableError, OutcomeUnknownError
from darkroom.posts import PostState
from tests.builders import TENANT, a_container, a_post, content
from tests.events import event
from tests.functions.world import ACCOUNT_ID, call

POST_ID = event("begin_post")["post_id"]
STEPS = [
    "begin_post",
    "create_container",
    "check_container",
    "publish_container",
    "confirm_publish",
    "mark_published",
    "read_permalink",
    "mark_failed",
    "delay_post",
    "add_first_comment",
    "turn_comments_off",
]


@pytest.fixture
def post(world):
    return world.posts.add(a_post(id=POST_ID, account_id=ACCOUNT_ID))


def stored(world):
    return world.posts.get(TENANT, POST_ID)


def put(world, **changes):
    world.posts.stored[TENANT, POST_ID] = a_post(id=POST_ID, account_id=ACCOUNT_ID, **changes)


def test_the_steps_in_order_make_a_post_public(world, post, lines):
    assert call("begin_post", event("begin_post")) == {"items": []}
    made = call("create_container", event("create_container"))
    assert stored(world).container(None).container_id == made["container_id"]
    checked = call("check_container", event("check_container") | {"item": None})
    assert checked["is_ready"] is True
    published = call("publish_container", event("publish_container"))
    call("mark_published", event("mark_published") | published)
    call("read_permalink", event("read_permalink"))
    told = stored(world)
    assert (told.state, told.media_id) == (PostState.PUBLISHED, published["media_id"])
    assert told.permalink is not None
    assert [line["step"] for line in lines.named("step done")] == ["handler"] * 6
    assert "CANARY" not in lines.getvalue()
    assert "Fresh from" not in lines.getvalue()


def test_a_carousel_asks_for_its_items(world):
    put(world, content=content("carousel"))
    assert call("begin_post", event("begin_post")) == {"items": [0, 1]}


@pytest.mark.parametrize("name", STEPS)
def test_answers_are_json_that_step_functions_can_keep(world, name):
    world.instagram.create_container(None, {"image_url": "x"})
    (container,) = world.instagram.containers
    put(
        world,
        state=PostState.PUBLISHING,
        publish_attempted_at=world.clock(),
        containers=(a_container(item=None, container_id=container), a_container(item=1, container_id=container)),
    )
    if name in ("begin_post", "create_container", "publish_container", "delay_post"):
        put(world, state=PostState.PROCESSING, containers=(a_container(item=None, container_id=container),))
    answer = call(name, event(name))
    assert json.loads(json.dumps(answer)) == answer


def test_an_unknown_outcome_is_raised_under_its_name(world, post):
    call("begin_post", event("begin_post"))
    call("create_container", event("create_container"))
    world.instagram.fail("publish_container", OutcomeUnknownError(), when="after")
    with pytest.raises(Exception, match="outcome_unknown") as caught:
        call("publish_container", event("publish_container"))
    assert type(caught.value).__name__ == "OutcomeUnknownError"
    world.clock.advance(60)
    answer = call("confirm_publish", event("confirm_publish"))
    assert answer["outcome"] == "published"
    assert len(world.instagram.live) == 1


def test_the_item_that_failed_is_named(world, lines):
    put(world, content=content("carousel"))
    world.instagram.fail("create_container", MediaUnreachableError(code=9004, user_message="CANARY"))
    with pytest.raises(Exception, match="Instagram could not download item 2") as caught:
        call("create_container", event("create_container") | {"item": 1})
    assert type(caught.value).__name__ == "MediaUnreachableError"
    assert "CANARY" not in str(caught.value) + lines.getvalue()


def test_what_step_functions_caught_ends_up_on_the_post(world, post):
    call("begin_post", event("begin_post"))
    call("mark_failed", event("mark_failed"))
    told = stored(world)
    assert told.state is PostState.FAILED
    assert told.problem["title"] == "Instagram could not download item 2."
    assert told.problem["instagram"]["error_subcode"] == 2207052


def test_a_worker_that_died_silently_still_ends_the_post(world, post):
    call("begin_post", event("begin_post"))
    call("mark_failed", event("mark_failed") | {"error": {"Error": "Lambda.Unknown", "Cause": "exited"}})
    assert stored(world).problem["code"] == "internal_error"


@pytest.mark.parametrize("name", STEPS)
def test_a_task_with_a_field_too_many_is_refused(world, post, name):
    with pytest.raises(Exception, match="has the fields") as caught:
        call(name, event(name) | {"caption": "CANARY"})
    assert type(caught.value).__name__ == "MalformedTaskError"
    assert "CANARY" not in str(caught.value)


def test_a_post_that_was_erased_on_its_way_has_nothing_to_record(world):
    assert call("mark_failed", event("mark_failed")) == {}


@pytest.mark.parametrize("name", [name for name in STEPS if name != "mark_failed"])
def test_a_post_of_another_tenant_is_not_found(world, post, name):
    with pytest.raises(Exception, match="not_found") as caught:
        call(name, event(name) | {"tenant_id": "globex"})
    assert type(caught.value).__name__ == "NotFoundError"
    assert world.instagram.calls == []
