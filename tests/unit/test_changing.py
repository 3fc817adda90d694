"""Changing what was accepted: what the post holds follows it, and a repetition hears what the first request did."""

from datetime import timedelta

import pytest

from darkroom import changing
from darkroom.accounts import AccountState
from darkroom.errors import AccountUnavailableError, ConflictError, NotFoundError
from darkroom.posts import PostState
from tests.builders import NOW, OTHER_TENANT, a_caller, a_post, an_account
from tests.unit.world import submission_ports

SECOND = timedelta(seconds=1)


@pytest.fixture
def ports():
    return submission_ports()


def stored(ports, state, **changes):
    at = {"publish_at": NOW + timedelta(days=1)} if state is PostState.SCHEDULED else {}
    queued_at = None if state in (PostState.DRAFT, PostState.SCHEDULED) else NOW - timedelta(hours=1)
    return ports.posts.add(
        a_post(**{"state": state, "queued_at": queued_at, "accepted_at": NOW - timedelta(days=1)} | at | changes)
    )


# Again, with the same Idempotency-Key.

PUBLISH, RETRY = changing.publish_now, changing.retry
BEFORE = [
    (PUBLISH, PostState.DRAFT),
    (PUBLISH, PostState.SCHEDULED),
    (RETRY, PostState.FAILED),
    (RETRY, PostState.UNCONFIRMED),
]


@pytest.mark.parametrize(("act", "state"), BEFORE)
@pytest.mark.parametrize("became", [None, PostState.PROCESSING, PostState.FAILED])
def test_a_repetition_is_answered_with_the_post_wherever_it_is_by_now(ports, act, state, became):
    post = stored(ports, state)
    done = act(a_caller(), post.id, ports, None)
    ports.now.advance(40)
    if became:
        done = ports.posts.save(done.moved_to(became, ports.now()))
    assert act(a_caller(), post.id, ports, NOW) == done
    assert ports.posts.get(post.tenant_id, post.id) == done
    assert len(ports.workflows.runs) == 1


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_what_the_first_request_stored_and_did_not_start_the_repetition_starts(ports, act, state):
    post = stored(ports, state)
    start = ports.workflows.start
    ports.workflows.start = lambda *_: None
    done = act(a_caller(), post.id, ports, None)
    ports.workflows.start = start
    act(a_caller(), post.id, ports, NOW)
    assert ports.workflows.runs == {(post.id, done.first_run): "running"}


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_a_repetition_hears_so_although_the_account_cannot_publish_any_more(ports, act, state):
    post = stored(ports, state)
    done = act(a_caller(), post.id, ports, None)
    ports.accounts.flag(an_account(state=AccountState.REAUTHORIZATION_REQUIRED))
    assert act(a_caller(), post.id, ports, NOW) == done


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_where_the_first_request_came_to_nothing_the_repetition_does_it(ports, act, state):
    post = stored(ports, state)
    ports.now.advance(40)
    assert act(a_caller(), post.id, ports, NOW).queued_at == NOW + SECOND * 40


@pytest.mark.parametrize(("act", "state"), [(PUBLISH, PostState.FAILED), (RETRY, PostState.PROCESSING)])
def test_a_repetition_of_what_was_never_possible_is_refused_like_the_first(ports, act, state):
    post = stored(ports, state)
    for first_asked_at in (None, NOW):
        with pytest.raises(ConflictError):
            act(a_caller(), post.id, ports, first_asked_at)


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_a_first_request_for_a_post_that_was_just_queued_by_another_is_refused(ports, act, state):
    post = stored(ports, state)
    act(a_caller(), post.id, ports)
    with pytest.raises(ConflictError):
        act(a_caller(), post.id, ports)


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_a_repetition_tells_nobody_of_another_s_post(ports, act, state):
    post = stored(ports, state)
    act(a_caller(), post.id, ports)
    for caller in (a_caller(OTHER_TENANT), a_caller(account_ids=("acc_other",))):
        with pytest.raises(NotFoundError):
            act(caller, post.id, ports, NOW)


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_an_account_that_cannot_publish_refuses_the_first_request(ports, act, state):
    post = stored(ports, state)
    ports.accounts.flag(an_account(state=AccountState.REAUTHORIZATION_REQUIRED))
    with pytest.raises(AccountUnavailableError):
        act(a_caller(), post.id, ports)
    assert ports.posts.get(post.tenant_id, post.id) == post
