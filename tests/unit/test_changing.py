"""Changing what was accepted: what the post holds follows it, and a repetition hears what the first request did."""

from datetime import timedelta

import pytest

from darkroom import changing, posting
from darkroom.accounts import AccountState
from darkroom.errors import (
    AccountUnavailableError,
    ConflictError,
    InvalidPostError,
    NotFoundError,
    PreconditionFailedError,
    QuotaFullError,
    StoreUnavailableError,
    TooManyRequestsError,
)
from darkroom.ids import new_id
from darkroom.limits import POSTS_A_MINUTE
from darkroom.posts import PostState
from darkroom.submission import Submission
from tests.builders import NOW, OTHER_TENANT, TENANT, a_caller, a_post, an_account, content
from tests.unit.world import broken, submission_ports

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
    ports.accounts.flag(an_account(state=AccountState.REAUTHORIZATION_REQUIRED), an_account())
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
    ports.accounts.flag(an_account(state=AccountState.REAUTHORIZATION_REQUIRED), an_account())
    with pytest.raises(AccountUnavailableError):
        act(a_caller(), post.id, ports)
    assert ports.posts.get(post.tenant_id, post.id) == post


# What a post holds.


def held(ports):
    slots = [slot for slots in ports.quota.taken.values() for slot in slots.values()]
    claims = [claim.post_id for claims in ports.fingerprints.stored.values() for claim in claims.claims]
    return slots, claims


def scheduled(ports, caption="one"):
    wanted = Submission(content=content(caption=caption), mode="scheduled", publish_at="2026-11-25T09:30:00Z")
    return posting.submit(wanted, a_caller(), new_id("post", NOW), ports)


def moved(ports, post):
    fields = {"publish_at": "2026-12-13T09:30:00Z", "caption": "two"}
    return changing.edit(a_caller(), post.id, changing.Change(post.version, fields), ports)


FAILURES = [
    ("quota.reserve", StoreUnavailableError, "after"),
    ("fingerprints.claim", StoreUnavailableError, "before"),
    ("fingerprints.claim", StoreUnavailableError, "after"),
    ("posts.save", StoreUnavailableError, "before"),
    ("posts.save", ConflictError, "before"),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_post_that_could_not_be_moved_holds_what_it_held(ports, failure):
    post = scheduled(ports)
    before = held(ports)
    broken(ports, *failure)
    with pytest.raises((failure[1], PreconditionFailedError)):
        moved(ports, post)
    assert held(ports) == before
    assert ports.posts.get(post.tenant_id, post.id) == post


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("act", "state"), [(PUBLISH, PostState.DRAFT), (RETRY, PostState.FAILED)])
def test_a_post_that_could_not_be_set_going_holds_nothing(ports, act, state, failure):
    post = stored(ports, state)
    broken(ports, *failure)
    with pytest.raises(failure[1]):
        act(a_caller(), post.id, ports)
    assert held(ports) == ([], [])


def test_a_post_that_was_moved_although_the_answer_was_lost_holds_its_new_slot(ports):
    post = scheduled(ports)
    broken(ports, "posts.save", StoreUnavailableError, "after")
    with pytest.raises(StoreUnavailableError):
        moved(ports, post)
    after = ports.posts.get(post.tenant_id, post.id)
    assert held(ports)[0] == [after.publish_at]
    assert (after.publish_at - post.publish_at).days == 18


def test_a_post_that_is_tried_again_is_in_the_way_of_the_same_content_again(ports):
    post = stored(ports, PostState.FAILED)
    wanted = Submission(content=post.content, refuses_duplicates=True)
    other = posting.submit(wanted, a_caller(), new_id("post", NOW), ports)
    assert other.duplicate_of is None
    assert changing.retry(a_caller(), post.id, ports).duplicate_of == other.id
    with pytest.raises(ConflictError) as refusal:
        posting.submit(wanted, a_caller(), new_id("post", NOW), ports)
    assert post.id in refusal.value.detail


@pytest.mark.parametrize("state", [PostState.FAILED, PostState.UNCONFIRMED])
def test_a_full_window_refuses_another_try_but_never_the_question_whether_a_post_is_live(ports, state):
    attempts = int(state is PostState.UNCONFIRMED)
    post = stored(ports, state, publish_attempts=attempts, publish_attempted_at=NOW if attempts else None)
    ports.quota.told(post.tenant_id, post.account_id, 2, 2, 86_400, NOW)
    if state is PostState.FAILED:
        with pytest.raises(QuotaFullError):
            changing.retry(a_caller(), post.id, ports)
    else:
        assert changing.retry(a_caller(), post.id, ports).state is PostState.QUEUED


# What fails behind a change that stands.


BEHIND = ["quota.release", "fingerprints.forget", "schedules.remove"]


@pytest.mark.parametrize("method", BEHIND)
@pytest.mark.parametrize("error", [PermissionError, ValueError])
def test_a_post_that_was_cancelled_is_answered_so_whatever_cannot_be_given_back_and_that_is_told(method, error):
    told = []
    ports = submission_ports(tell=told.append)
    post = scheduled(ports)
    broken(ports, method, error)
    cancelled = changing.cancel(a_caller(), post.id, ports)
    assert cancelled.state is PostState.CANCELLED
    assert [type(each) for each in told] == [error]


def test_what_cannot_be_given_back_does_not_keep_the_schedule(ports):
    post = scheduled(ports)
    broken(ports, "quota.release", PermissionError)
    changing.cancel(a_caller(), post.id, ports)
    assert ports.schedules.stored == {}


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_a_post_that_was_changed_is_answered_whatever_keeps_it_from_being_set_going(act, state):
    told = []
    ports = submission_ports(tell=told.append)
    post = stored(ports, state)
    ports.workflows.failure = PermissionError()
    done = act(a_caller(), post.id, ports)
    assert (done.state, ports.posts.get(post.tenant_id, post.id)) == (PostState.QUEUED, done)
    assert told == [ports.workflows.failure]


# Times.


def moved_to(ports, post, **fields):
    return changing.edit(a_caller(), post.id, changing.Change(post.version, fields), ports)


@pytest.fixture
def in_berlin(ports):
    wanted = Submission(
        content=content(), mode="scheduled", publish_at="2026-11-25T09:30:00", time_zone="Europe/Berlin"
    )
    return posting.submit(wanted, a_caller(), new_id("post", NOW), ports)


def test_a_new_local_time_is_that_of_the_zone_that_the_post_has(ports, in_berlin):
    moved = moved_to(ports, in_berlin, publish_at="2026-11-26T10:00:00")
    assert (moved.publish_at.isoformat(), moved.time_zone) == ("2026-11-26T09:00:00+00:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("fields", "at", "zone"),
    [
        ({"publish_at": "2026-11-26T10:00:00", "time_zone": "Asia/Tokyo"}, "2026-11-26T01:00:00+00:00", "Asia/Tokyo"),
        ({"publish_at": "2026-11-26T10:00:00-05:00"}, "2026-11-26T15:00:00+00:00", None),
        ({"publish_at": "2026-11-26T10:00:00Z"}, "2026-11-26T10:00:00+00:00", None),
    ],
)
def test_a_new_time_that_says_whose_it_is_needs_no_zone_of_the_post(ports, in_berlin, fields, at, zone):
    moved = moved_to(ports, in_berlin, **fields)
    assert (moved.publish_at.isoformat(), moved.time_zone) == (at, zone)


def test_a_local_time_of_nobody_is_refused_and_a_time_that_is_taken_away_takes_its_zone_along(ports, in_berlin):
    with pytest.raises(InvalidPostError) as refusal:
        moved_to(ports, in_berlin, publish_at="2026-11-26T10:00:00", time_zone=None)
    assert refusal.value.errors[0].code == "time_zone_needed"
    draft = moved_to(ports, in_berlin, mode="draft", publish_at=None)
    assert (draft.publish_at, draft.time_zone) == (None, None)


# Not too many in a minute.


def spent(ports, leaving=0):
    ports.rates.take(TENANT, POSTS_A_MINUTE.value - leaving, ports.now())


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_a_tenant_that_has_sent_its_minutes_posts_starts_no_other(ports, act, state):
    post = stored(ports, state)
    spent(ports)
    with pytest.raises(TooManyRequestsError):
        act(a_caller(), post.id, ports)
    assert ports.posts.get(post.tenant_id, post.id) == post
    assert not ports.workflows.runs


@pytest.mark.parametrize(("act", "state"), BEFORE)
def test_starting_counts_and_its_repetition_does_not(ports, act, state):
    post = stored(ports, state)
    spent(ports, leaving=1)
    done = act(a_caller(), post.id, ports)
    assert act(a_caller(), post.id, ports, NOW) == done


def test_an_edit_counts_only_when_it_sends_the_post(ports):
    post = stored(ports, PostState.DRAFT)
    spent(ports)
    edited = changing.edit(a_caller(), post.id, changing.Change(post.version, {"caption": "other words"}), ports)
    with pytest.raises(TooManyRequestsError):
        changing.edit(a_caller(), post.id, changing.Change(edited.version, {"mode": "now"}), ports)
    assert ports.posts.get(post.tenant_id, post.id) == edited
