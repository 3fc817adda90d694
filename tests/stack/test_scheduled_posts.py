"""
Posts with a time: published then, moved, taken back in the last second. The local scheduler looks every ten seconds, so
everything here comes due together.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bench import schedules
from tests.stack import aws
from tests.stack.problems import refused

HOUR = timedelta(hours=1)
CROWD = schedules.Plan(posts=10, cancels=6, seconds=4, ahead=8)


def in_seconds(seconds):
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


def waiting(cloud):
    """The posts that have a schedule."""
    pages = cloud.client("scheduler").get_paginator("list_schedules").paginate()
    return {each["Name"] for page in pages for each in page["Schedules"]}


@pytest.fixture(scope="module")
def crowd(cloud):
    """Goes on beside the other tests."""
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(schedules.measured, cloud, CROWD)


@pytest.fixture(scope="module")
def tenant(new_tenant, connect, crowd):
    made = new_tenant()
    connect(made)
    return made


def test_a_scheduled_post_goes_out_at_its_time_and_one_that_was_moved_at_its_new_time(cloud, tenant, instagram):
    moved = tenant.schedule(in_seconds(3600))
    at_once = tenant.schedule(in_seconds(6))
    path, wish = f"/v1/posts/{moved['id']}", {"publish_at": in_seconds(6).isoformat()}
    assert refused(tenant.api.patch(path, json=wish), 428)["code"] == "precondition_required"
    edited = tenant.api.patch(path, json=wish, headers={"if-match": f'"{moved["version"]}"'})
    assert (edited.status_code, edited.json()["state"], edited.headers["etag"]) == (200, "scheduled", '"2"')
    stale = tenant.api.patch(path, json={"caption": "No"}, headers={"if-match": f'"{moved["version"]}"'})
    assert refused(stale, 412)["code"] == "precondition_failed"
    assert {moved["id"], at_once["id"]} <= waiting(cloud)
    posts = [tenant.follow(each["id"]) for each in (at_once, moved)]
    for post in posts:
        lag = datetime.fromisoformat(post["queued_at"]) - datetime.fromisoformat(post["publish_at"])
        assert (post["state"], timedelta() <= lag < timedelta(seconds=60)) == ("published", True), lag
    live = instagram.live(tenant.account.username)
    assert sorted(each["media_id"] for each in live) == sorted(post["media_id"] for post in posts)
    assert not {moved["id"], at_once["id"]} & waiting(cloud)


def test_a_post_that_is_cancelled_before_its_time_leaves_nothing(cloud, tenant, instagram):
    live = instagram.live(tenant.account.username)
    post = tenant.schedule(in_seconds(3600))
    answers = [tenant.api.delete(f"/v1/posts/{post['id']}") for _ in range(2)]
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, "cancelled")] * 2
    assert answers[0].json() == answers[1].json()
    assert post["id"] not in waiting(cloud)
    assert refused(tenant.api.post(f"/v1/posts/{post['id']}/publish"), 409)["code"] == "post_state_conflict"
    assert post["id"] not in {each["name"] for each in aws.executions(cloud)}
    assert instagram.live(tenant.account.username) == live


def test_what_is_published_cannot_be_cancelled(tenant):
    post = tenant.publish()
    assert refused(tenant.api.delete(f"/v1/posts/{post['id']}"), 409)["code"] == "too_late_to_cancel"
    assert tenant.follow(post["id"]) == post


def test_many_are_published_once_each_and_those_cancelled_around_their_time_once_or_never(crowd):
    figures = crowd.result()
    assert figures.breaks() == []
    assert (len(figures.left_alone), len(figures.cancelled)) == (CROWD.posts, CROWD.cancels)
