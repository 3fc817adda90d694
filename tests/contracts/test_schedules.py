"""Schedules of posts: the fake and EventBridge Scheduler keep the same promises. moto's never fires."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from darkroom.aws.schedules import EventBridgeSchedules
from darkroom.errors import StoreUnavailableError
from darkroom.posts import PostState
from tests.builders import NOW, OTHER_TENANT, TENANT, a_post
from tests.fakes import Clock, FakeSchedules

GROUP = "darkroom-posts"
TARGET = "arn:aws:lambda:eu-central-1:123456789012:function:start-post"
ROLE = "arn:aws:iam::123456789012:role/schedules"
DEAD_LETTERS = "arn:aws:sqs:eu-central-1:123456789012:start-post"
HOUR = timedelta(hours=1)


@pytest.fixture
def client(cloud):
    client = cloud.client("scheduler")
    client.create_schedule_group(Name=GROUP)
    yield client
    client.delete_schedule_group(Name=GROUP)


@pytest.fixture
def scheduler(client):
    return EventBridgeSchedules(client, GROUP, TARGET, ROLE, DEAD_LETTERS, Clock())


@pytest.fixture(params=["fake", "eventbridge"])
def schedules(request):
    return FakeSchedules() if request.param == "fake" else request.getfixturevalue("scheduler")


def a_scheduled_post(ahead=HOUR, **changes):
    return a_post(**{"state": PostState.SCHEDULED, "publish_at": NOW + ahead, "queued_at": None} | changes)


def found(schedules):
    """When each post is to be started."""
    if isinstance(schedules, FakeSchedules):
        return schedules.stored
    listed = schedules.client.list_schedules(GroupName=GROUP)["Schedules"]
    return {each["Name"]: fires_at(schedules, each["Name"]) for each in listed}


def fires_at(scheduler, post_id):
    expression = described(scheduler, post_id)["ScheduleExpression"]
    return datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)


def described(scheduler, post_id):
    return scheduler.client.get_schedule(Name=post_id, GroupName=GROUP)


def test_a_post_is_to_be_started_at_its_time(schedules):
    first, second = a_scheduled_post(HOUR), a_scheduled_post(2 * HOUR, tenant_id=OTHER_TENANT)
    schedules.put(first)
    schedules.put(second)
    assert found(schedules) == {first.id: NOW + HOUR, second.id: NOW + 2 * HOUR}


def test_putting_twice_is_one_schedule(schedules):
    post = a_scheduled_post()
    schedules.put(post)
    schedules.put(post)
    assert found(schedules) == {post.id: NOW + HOUR}


@pytest.mark.parametrize("hours", [1, 3])
def test_a_post_that_is_moved_has_its_new_time_only(schedules, hours):
    post = a_scheduled_post(2 * HOUR)
    schedules.put(post)
    schedules.put(replace(post, publish_at=NOW + hours * HOUR))
    assert found(schedules) == {post.id: NOW + hours * HOUR}


def test_a_schedule_that_is_removed_is_gone_and_can_be_put_again(schedules):
    post, other = a_scheduled_post(), a_scheduled_post()
    schedules.put(post)
    schedules.put(other)
    schedules.remove(post)
    assert found(schedules) == {other.id: NOW + HOUR}
    schedules.put(post)
    assert found(schedules).keys() == {post.id, other.id}


def test_removing_what_has_fired_or_never_was_is_fine(schedules):
    post = a_scheduled_post()
    schedules.remove(post)
    schedules.put(post)
    schedules.remove(post)
    schedules.remove(post)
    assert found(schedules) == {}


def test_a_post_without_a_time_has_no_schedule(schedules):
    with pytest.raises(ValueError, match="has a time"):
        schedules.put(a_post())
    assert found(schedules) == {}


# ── what only EventBridge knows ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("times", [1, 2])
def test_a_schedule_is_one_shot_in_utc_wakes_the_function_with_ids_and_gives_up_within_minutes(scheduler, times):
    post = a_scheduled_post()
    for _ in range(times):
        scheduler.put(post)
    told = described(scheduler, post.id)
    assert told["ScheduleExpressionTimezone"] == "UTC"
    assert told["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert told["ActionAfterCompletion"] == "DELETE"
    target = told["Target"]
    assert json.loads(target.pop("Input")) == {"tenant_id": TENANT, "post_id": post.id}
    assert target.pop("RetryPolicy")["MaximumEventAgeInSeconds"] <= 300
    assert target == {"Arn": TARGET, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": DEAD_LETTERS}}


def test_a_time_is_handed_over_in_utc_however_it_is_held(scheduler):
    post = a_scheduled_post()
    scheduler.put(replace(post, publish_at=post.publish_at.astimezone(timezone(5 * HOUR))))
    assert described(scheduler, post.id)["ScheduleExpression"] == "at(2026-11-23T10:30:00)"


def test_a_moved_schedule_is_told_everything_again_because_an_update_forgets_the_rest(scheduler, client, wire):
    created, updated = (wire.hears(client, operation) for operation in ("CreateSchedule", "UpdateSchedule"))
    post = a_scheduled_post()
    scheduler.put(post)
    scheduler.put(replace(post, publish_at=NOW + 2 * HOUR))
    (made, _refused), (moved,) = created, updated
    assert moved | {"ClientToken": ""} == made | {"ScheduleExpression": "at(2026-11-23T11:30:00)", "ClientToken": ""}


@pytest.mark.parametrize("ahead", [timedelta(days=-1), timedelta(), timedelta(seconds=1)])
def test_a_time_that_is_nearly_here_or_past_fires_in_seconds_because_aws_refuses_one_that_has_passed(scheduler, ahead):
    post = a_scheduled_post(ahead)
    scheduler.put(post)
    assert NOW < fires_at(scheduler, post.id) <= NOW + timedelta(seconds=10)


def test_a_schedule_that_fires_while_it_is_moved_is_left_to_the_watchdog(scheduler, client, wire):
    post = a_scheduled_post()
    scheduler.put(post)
    wire.before(client, "UpdateSchedule", lambda: client.delete_schedule(Name=post.id, GroupName=GROUP))
    scheduler.put(replace(post, publish_at=NOW + 2 * HOUR))
    assert found(scheduler) == {}


def test_putting_again_after_a_lost_answer_is_one_schedule(scheduler, client, wire):
    post = a_scheduled_post()
    wire.loses_the_answer(client, "CreateSchedule")
    with pytest.raises(StoreUnavailableError):
        scheduler.put(post)
    wire.mended()
    scheduler.put(post)
    assert found(scheduler) == {post.id: NOW + HOUR}


BUSY = [("ThrottlingException", 429), ("InternalServerException", 500), ("ServiceQuotaExceededException", 402)]


@pytest.mark.parametrize(("code", "status"), BUSY)
def test_a_busy_scheduler_means_wait(scheduler, client, wire, code, status):
    post = a_scheduled_post()
    wire.answers(client, "CreateSchedule", code, status)
    wire.answers(client, "DeleteSchedule", code, status)
    for act in (scheduler.put, scheduler.remove):
        with pytest.raises(StoreUnavailableError):
            act(post)


def test_a_schedule_that_somebody_else_is_changing_means_wait(scheduler, client, wire):
    post = a_scheduled_post()
    scheduler.put(post)
    wire.answers(client, "UpdateSchedule", "ConflictException", 409)
    wire.answers(client, "DeleteSchedule", "ConflictException", 409)
    for act in (scheduler.put, scheduler.remove):
        with pytest.raises(StoreUnavailableError):
            act(post)


def test_a_scheduler_that_cannot_be_reached_means_wait(scheduler, client, wire):
    wire.breaks(client, "CreateSchedule", ConnectTimeoutError(endpoint_url="https://scheduler.test"))
    with pytest.raises(StoreUnavailableError):
        scheduler.put(a_scheduled_post())


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"])
def test_a_mistake_of_ours_is_not_called_weather(scheduler, client, wire, code):
    wire.answers(client, "CreateSchedule", code)
    with pytest.raises(ClientError) as mistake:
        scheduler.put(a_scheduled_post())
    assert mistake.value.response["Error"]["Code"] == code
