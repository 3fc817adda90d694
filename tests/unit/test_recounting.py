from datetime import timedelta

import pytest

from darkroom import recounting
from darkroom.errors import NotFoundError
from tests.builders import NOW, OTHER_TENANT, TENANT, a_call, a_caller, a_post
from tests.fakes import FakePosts

SECOND = timedelta(seconds=1)


@pytest.fixture
def posts():
    return FakePosts()


def told(posts, post, caller=None):
    ports = recounting.Ports(posts, posts.timeline, lambda: NOW)
    return recounting.timeline_of(caller or a_caller(TENANT, "posts:read"), post.id, ports)


def test_tells_what_happened_in_order_of_time(posts):
    post = posts.add(a_post(accepted_at=NOW - SECOND))
    posts.timeline.add(TENANT, post.id, a_call())
    story = told(posts, post)
    assert [entry.kind for entry in story.entries] == ["state", "call"]
    assert story.is_whole


@pytest.mark.parametrize(
    "caller", [a_caller(OTHER_TENANT), a_caller(TENANT, account_ids=()), a_caller(TENANT, account_ids=("acc_another",))]
)
def test_who_may_not_see_the_post_may_not_see_its_timeline(posts, caller):
    post = posts.add(a_post())
    with pytest.raises(NotFoundError):
        told(posts, post, caller)


def test_a_timeline_without_its_post_is_nothing(posts):
    post = a_post()
    posts.timeline.add(TENANT, post.id, a_call())
    with pytest.raises(NotFoundError):
        told(posts, post)


def test_of_a_very_long_story_the_end_is_told_and_that_there_was_more(posts):
    post = posts.add(a_post(accepted_at=NOW - SECOND))
    for number in range(recounting.MOST_ENTRIES - 1):
        posts.timeline.add(TENANT, post.id, a_call(status=number))
    assert (len(told(posts, post).entries), told(posts, post).is_whole) == (recounting.MOST_ENTRIES, True)
    posts.timeline.add(TENANT, post.id, a_call(status=-1))
    story = told(posts, post)
    assert (len(story.entries), story.is_whole) == (recounting.MOST_ENTRIES, False)
    assert {entry.kind for entry in story.entries} == {"call"}, "the oldest entry is the one left out"
    assert story.entries[-1].status == -1
