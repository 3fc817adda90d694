"""Taking posts in: one post and one execution, however often it is asked for; nothing at all when it is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from darkroom import posting
from darkroom.accounts import AccountState
from darkroom.errors import (
    AccountUnavailableError,
    BadRequestError,
    ConflictError,
    InvalidPostError,
    NotFoundError,
    QuotaFullError,
    StoreUnavailableError,
    TooManyRequestsError,
)
from darkroom.ids import derived_id, new_id
from darkroom.limits import POSTS_A_MINUTE
from darkroom.pages import PageRequest
from darkroom.posts import PostState
from darkroom.submission import STORED_WITHIN, Submission
from tests.builders import NOW, OTHER_TENANT, TENANT, a_caller, a_post, an_account, content, image_item
from tests.unit.world import broken, submission_ports

POST_ID = new_id("post", NOW)
ACCOUNT = an_account()


@pytest.fixture
def ports():
    return submission_ports(ACCOUNT)


def submit(ports, caller=None, post_id=POST_ID, **wanted):
    return posting.submit(
        Submission(content=wanted.pop("content", content()), **wanted), caller or a_caller(), post_id, ports
    )


def nothing_happened(ports):
    taken = [slot for slots in ports.quota.taken.values() for slot in slots]
    claims = [claims for each in ports.fingerprints.stored.values() for claims in each.claims]
    return not (ports.posts.stored or ports.workflows.runs or ports.schedules.stored or taken or claims)


def slots(ports, account_id=ACCOUNT.id):
    return list(ports.quota.taken.get((TENANT, account_id), {}).values())


def full(ports, total=1, account_id=ACCOUNT.id, at=NOW):
    """Instagram has told that there may be so many, and other posts have taken them all."""
    ports.quota.told(TENANT, account_id, 0, total, 86_400, NOW)
    for number in range(total):
        ports.quota.reserve(TENANT, account_id, f"post_other_{number}", at)


def test_stores_the_post_and_starts_its_workflow(ports):
    post = submit(ports, account_id=ACCOUNT.id, external_id="invoice-7", request_id="req-1")
    assert ports.posts.get(TENANT, POST_ID) == post
    assert ports.workflows.started == {POST_ID: post}
    assert (post.state, post.external_id, post.request_id) == (PostState.QUEUED, "invoice-7", "req-1")
    assert (post.tenant_id, post.account_id, post.accepted_at) == (TENANT, ACCOUNT.id, NOW)
    assert (post.queued_at, post.state_since, slots(ports)) == (NOW, NOW, [NOW])


def test_without_an_account_the_default_is_meant(ports):
    assert submit(ports).account_id == ACCOUNT.id


def test_submitting_again_under_the_same_id_is_the_same_post(ports):
    first = submit(ports)
    ports.now.advance(5)
    assert submit(ports) == first
    assert len(ports.workflows.started) == 1


def test_a_post_is_accepted_once_it_is_stored_even_if_its_workflow_cannot_start_yet(ports):
    ports.workflows.failure = StoreUnavailableError()
    assert submit(ports).state is PostState.QUEUED
    assert ports.workflows.started == {}
    ports.workflows.failure = None
    post = submit(ports)
    assert ports.workflows.started == {POST_ID: post}
    assert len(ports.posts.stored) == len(slots(ports)) == 1


UNFORESEEN = [PermissionError("iam:PassRole"), ValueError("ValidationException")]


@pytest.mark.parametrize("error", UNFORESEEN, ids=repr)
@pytest.mark.parametrize(("mode", "port"), [("now", "workflows"), ("scheduled", "schedules")])
def test_a_stored_post_is_accepted_whatever_keeps_it_from_being_set_going_and_that_is_told(mode, port, error):
    told = []
    ports = submission_ports(ACCOUNT, tell=told.append)
    getattr(ports, port).failure = error
    post = submit(ports, mode=mode, publish_at=LATER if mode == "scheduled" else None)
    assert ports.posts.get(TENANT, POST_ID) == post
    assert told == [error]


def test_a_repetition_hears_of_its_post_whatever_keeps_it_from_being_set_going(ports):
    post = submit(ports)
    ports.workflows.failure = PermissionError()
    assert submit(ports, is_repeated=True) == post


def test_points_to_every_wrong_field_and_writes_nothing(ports):
    wrong = content(caption="x" * 2201, media=(image_item(url="http://10.0.0.1/a.jpg"),))
    with pytest.raises(InvalidPostError) as refusal:
        submit(ports, content=wrong, external_id="x" * 256)
    assert {error.pointer for error in refusal.value.errors} == {"/caption", "/media/0/url", "/external_id"}
    assert nothing_happened(ports)


def test_an_external_id_may_have_255_characters(ports):
    assert submit(ports, external_id="x" * 255).external_id == "x" * 255


def test_media_of_a_listed_test_host_is_taken(ports):
    local = content(media=(image_item(url="http://127.0.0.1:9000/a.jpg"),))
    with pytest.raises(InvalidPostError):
        submit(ports, content=local)
    assert submit(replace(ports, test_media_hosts=frozenset({"127.0.0.1:9000"})), content=local)


def test_a_tenant_without_accounts_is_told_so(ports):
    with pytest.raises(BadRequestError) as refusal:
        submit(ports, caller=a_caller(OTHER_TENANT))
    assert refusal.value.code == "no_default_account"
    assert nothing_happened(ports)


@pytest.mark.parametrize(
    ("caller", "account_id"),
    [
        (a_caller(OTHER_TENANT), ACCOUNT.id),
        (a_caller(), "acc_unknown"),
        (a_caller(TENANT, account_ids=("acc_other",)), ACCOUNT.id),
        (a_caller(TENANT, account_ids=("acc_other",)), None),
    ],
    ids=["another tenant's", "unknown", "not for this key", "default, not for this key"],
)
@pytest.mark.parametrize("use", ["submit", "validate"])
def test_an_account_that_is_not_the_caller_s_is_not_found(ports, caller, account_id, use):
    wanted = Submission(content=content(), account_id=account_id)
    with pytest.raises(NotFoundError):
        posting.submit(wanted, caller, POST_ID, ports) if use == "submit" else posting.validate(wanted, caller, ports)
    assert nothing_happened(ports)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": AccountState.ACTION_REQUIRED}, "action_required"),
        ({"state": AccountState.REAUTHORIZATION_REQUIRED}, "reauthorization_required"),
        ({"token_expires_at": NOW}, "reauthorization_required"),
        ({"token_expires_at": NOW - timedelta(days=1)}, "reauthorization_required"),
        ({"scopes": ("instagram_business_basic",)}, "permissions_missing"),
    ],
)
def test_an_account_that_cannot_publish_refuses_the_post_with_whose_turn_it_is(ports, changes, code):
    ports.accounts.connect(an_account(token_version=2, **changes), "the-token")
    with pytest.raises(AccountUnavailableError) as refusal:
        submit(ports)
    assert refusal.value.code == code
    assert nothing_happened(ports)


@pytest.mark.parametrize("mode", ["now", "draft"])
def test_validating_answers_the_containers_and_writes_nothing(ports, mode):
    preview = posting.validate(Submission(content=content("carousel"), mode=mode), a_caller(), ports)
    assert (len(preview.plan.items), preview.publish_at, preview.duplicate_of) == (2, None, None)
    assert nothing_happened(ports)


@pytest.mark.parametrize("mode", ["now", "draft"])
@pytest.mark.parametrize(
    "wrong", [{"caption": "x" * 2201}, {"media": ()}, {"media": (image_item(url="http://[/a.jpg"),)}]
)
def test_validating_refuses_what_submitting_would(ports, mode, wrong):
    """A draft's content too: what is incomplete has no plan."""
    with pytest.raises(InvalidPostError):
        posting.validate(Submission(content=content(**wrong), mode=mode), a_caller(), ports)


def test_validating_answers_a_full_window_as_submitting_would_and_takes_nothing(ports):
    full(ports)
    before = slots(ports)
    told = []
    for act in (posting.validate, lambda *asked: posting.submit(*asked[:2], POST_ID, asked[2])):
        with pytest.raises(QuotaFullError) as refusal:
            act(Submission(content=content()), a_caller(), ports)
        told.append((refusal.value.next_free_slot, refusal.value.retry_after))
    assert told[0] == told[1]
    assert slots(ports) == before


def test_validating_looks_for_room_where_the_post_would_go_and_for_a_draft_nowhere(ports):
    full(ports)
    later = Submission(content=content(), mode="scheduled", publish_at="2026-12-24T09:30:00Z")
    for wanted in (later, Submission(content=content(), mode="draft")):
        posting.validate(wanted, a_caller(), ports)
    full(ports, at=datetime(2026, 12, 24, 9, tzinfo=UTC))
    with pytest.raises(QuotaFullError):
        posting.validate(later, a_caller(), ports)


def test_validating_refuses_a_duplicate_that_submitting_would(ports):
    submit(ports)
    with pytest.raises(ConflictError) as refusal:
        posting.validate(Submission(content=content(), refuses_duplicates=True), a_caller(), ports)
    assert (refusal.value.code, POST_ID in refusal.value.detail) == ("duplicate_suspected", True)
    draft = Submission(content=content(), mode="draft", refuses_duplicates=True)
    assert posting.validate(draft, a_caller(), ports).duplicate_of == POST_ID


def test_validating_tells_what_the_caller_s_time_means_and_of_an_earlier_post(ports):
    earlier = submit(ports)
    wanted = Submission(
        content=content(), mode="scheduled", publish_at="2026-12-01T09:00:00", time_zone="America/New_York"
    )
    preview = posting.validate(wanted, a_caller(), ports)
    assert preview.publish_at.isoformat() == "2026-12-01T14:00:00+00:00"
    assert preview.duplicate_of == earlier.id
    assert len(ports.posts.stored) == 1


# At a time.


LATER = "2026-11-24T09:00:00Z"


def test_a_scheduled_post_waits_for_its_time(ports):
    post = submit(ports, mode="scheduled", publish_at=LATER)
    assert (post.state, post.publish_at.isoformat(), post.queued_at) == ("scheduled", "2026-11-24T09:00:00+00:00", None)
    assert ports.schedules.stored == {POST_ID: post.publish_at}
    assert slots(ports) == [post.publish_at]
    assert ports.workflows.runs == {}


def test_a_local_time_is_that_of_its_zone_on_that_day(ports):
    summer = submit(ports, mode="scheduled", publish_at="2027-07-01T09:00:00", time_zone="Europe/Berlin")
    assert (summer.publish_at.isoformat(), summer.time_zone) == ("2027-07-01T07:00:00+00:00", "Europe/Berlin")
    winter = submit(
        ports,
        post_id=new_id("post", NOW),
        mode="scheduled",
        publish_at="2026-12-01T09:00:00",
        time_zone="Europe/Berlin",
    )
    assert winter.publish_at.isoformat() == "2026-12-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("wanted", "pointer", "code"),
    [
        ({"mode": "scheduled"}, "/publish_at", "missing"),
        ({"mode": "scheduled", "publish_at": "2026-11-23T09:30:00Z"}, "/publish_at", "in_the_past"),
        ({"mode": "scheduled", "publish_at": "2030-01-01T00:00:00Z"}, "/publish_at", "too_far_ahead"),
        ({"mode": "scheduled", "publish_at": "tomorrow"}, "/publish_at", "not_a_time"),
        ({"mode": "scheduled", "publish_at": "2026-12-01T09:00:00"}, "/time_zone", "time_zone_needed"),
        ({"mode": "scheduled", "publish_at": LATER, "time_zone": "Mars/Olympus"}, "/time_zone", "unknown_time_zone"),
        ({"mode": "now", "publish_at": LATER}, "/publish_at", "not_possible"),
        ({"mode": "now", "time_zone": "Europe/Berlin"}, "/time_zone", "not_possible"),
        ({"mode": "draft", "time_zone": "Europe/Berlin"}, "/time_zone", "not_possible"),
        ({"mode": "draft", "publish_at": "tomorrow"}, "/publish_at", "not_a_time"),
    ],
)
def test_a_time_that_cannot_be_is_pointed_at_and_nothing_is_written(ports, wanted, pointer, code):
    with pytest.raises(InvalidPostError) as refusal:
        submit(ports, **wanted)
    assert [(error.pointer, error.code) for error in refusal.value.errors] == [(pointer, code)]
    assert nothing_happened(ports)


def test_a_wrong_time_is_told_together_with_the_wrong_content(ports):
    with pytest.raises(InvalidPostError) as refusal:
        submit(ports, content=content(caption="x" * 2201), mode="scheduled")
    assert {error.pointer for error in refusal.value.errors} == {"/caption", "/publish_at"}


def test_a_schedule_that_cannot_be_made_is_the_watchdog_s_and_the_post_is_accepted_all_the_same(ports):
    ports.schedules.failure = StoreUnavailableError()
    assert submit(ports, mode="scheduled", publish_at=LATER).state is PostState.SCHEDULED
    assert ports.posts.due_before(NOW + timedelta(days=2), 10) == ((TENANT, POST_ID),)


# Drafts.


def test_a_draft_may_be_incomplete_and_takes_nothing(ports):
    empty = content(media=(), caption="x" * 3000)
    post = submit(ports, content=empty, mode="draft")
    assert (post.state, post.content, post.queued_at) == (PostState.DRAFT, empty, None)
    assert (slots(ports), ports.workflows.runs, ports.schedules.stored) == ([], {}, {})
    assert ports.fingerprints.stored == {}


def test_a_draft_may_have_a_time_already_even_a_past_one(ports):
    assert submit(ports, mode="draft", publish_at="2026-01-01T00:00:00Z").publish_at is not None


def test_a_draft_can_be_kept_for_an_account_that_cannot_publish_now(ports):
    ports.accounts.connect(an_account(token_version=2, state=AccountState.ACTION_REQUIRED), "token")
    assert submit(ports, mode="draft").state is PostState.DRAFT


@pytest.mark.parametrize("caller", [a_caller(OTHER_TENANT), a_caller(TENANT, account_ids=("acc_other",))])
def test_a_draft_for_an_account_that_is_not_the_caller_s_is_refused(ports, caller):
    with pytest.raises(NotFoundError):
        submit(ports, caller, mode="draft", account_id=ACCOUNT.id)
    assert nothing_happened(ports)


# Quota.


def test_a_full_quota_refuses_the_post_with_the_next_free_slot_and_nothing_is_written(ports):
    full(ports)
    before = slots(ports)
    with pytest.raises(QuotaFullError) as refusal:
        submit(ports)
    assert refusal.value.next_free_slot == NOW + timedelta(days=1)
    assert (ports.posts.stored, ports.workflows.runs, slots(ports)) == ({}, {}, before)
    assert ports.fingerprints.stored == {}


def test_it_counts_around_the_time_of_the_post_and_not_around_now(ports):
    full(ports)
    assert submit(ports, mode="scheduled", publish_at="2026-11-24T09:30:00Z")
    with pytest.raises(QuotaFullError) as refusal:
        submit(ports, post_id=new_id("post", NOW), mode="scheduled", publish_at="2026-11-24T09:00:00Z")
    assert refusal.value.next_free_slot.isoformat() == "2026-11-25T09:30:00+00:00"


# Again.


@pytest.mark.parametrize("mode", ["now", "scheduled", "draft"])
def test_submitting_again_is_one_post_one_slot_one_fingerprint_and_one_start(ports, mode):
    full(ports, total=2)
    ports.quota.release(TENANT, ACCOUNT.id, "post_other_1", NOW)
    wanted = {"mode": mode, "publish_at": LATER if mode == "scheduled" else None, "refuses_duplicates": True}
    first = submit(ports, **wanted)
    before = slots(ports)
    ports.now.advance(5)
    assert submit(ports, **wanted) == first
    assert len(ports.posts.stored) == 1
    assert len(slots(ports)) == len(before)
    assert len(ports.workflows.runs) + len(ports.schedules.stored) == (mode != "draft")
    assert sum(len(each.claims) for each in ports.fingerprints.stored.values()) == (mode != "draft")
    assert first.duplicate_of is None


def spoiled(ports, by):
    """What would be refused now, and was not when it was asked for."""
    if by == "time":
        ports.now.advance(timedelta(days=2))
    elif by == "account":
        ports.accounts.connect(an_account(token_version=2, state=AccountState.ACTION_REQUIRED), "token")
    else:
        ports.accounts.erase(ACCOUNT)


@pytest.mark.parametrize("by", ["time", "account", "disconnected"])
@pytest.mark.parametrize("is_going", [True, False])
def test_a_repetition_hears_that_its_post_was_accepted_whatever_has_happened_since(ports, by, is_going):
    wanted = {"mode": "scheduled", "publish_at": LATER}
    if not is_going:
        ports.schedules.failure = StoreUnavailableError()
    first = submit(ports, account_id=ACCOUNT.id, **wanted)
    ports.schedules.failure = None
    spoiled(ports, by)
    assert submit(ports, account_id=ACCOUNT.id, is_repeated=True, **wanted) == first
    assert ports.schedules.stored == {POST_ID: first.publish_at}
    assert (len(ports.posts.stored), slots(ports)) == (1, [first.publish_at])


def test_a_repetition_of_what_was_never_stored_is_checked_like_the_first(ports):
    spoiled(ports, "account")
    with pytest.raises(AccountUnavailableError):
        submit(ports, is_repeated=True)
    assert nothing_happened(ports)


@pytest.mark.parametrize("caller", [a_caller(OTHER_TENANT), a_caller(TENANT, account_ids=("acc_other",))])
def test_a_repetition_tells_nobody_of_another_s_post(ports, caller):
    submit(ports)
    with pytest.raises(NotFoundError):
        submit(ports, caller, account_id=ACCOUNT.id, is_repeated=True)


HALF_WAY = [("quota.reserve", "after"), ("fingerprints.claim_if_new", "before"), ("fingerprints.claim_if_new", "after")]


@pytest.mark.parametrize(("method", "when"), [*HALF_WAY, ("posts.add", "before")])
def test_what_cannot_be_stored_holds_nothing_and_is_in_nobody_s_way(ports, method, when):
    wanted = {"mode": "scheduled", "publish_at": LATER, "refuses_duplicates": True}
    broken(ports, method, StoreUnavailableError, when)
    with pytest.raises(StoreUnavailableError):
        submit(ports, **wanted)
    assert nothing_happened(ports)
    again = submit(ports, post_id=new_id("post", NOW), **wanted)
    assert (again.duplicate_of, slots(ports)) == (None, [again.publish_at])


def test_what_was_stored_although_the_answer_was_lost_keeps_what_it_holds(ports):
    broken(ports, "posts.add", StoreUnavailableError, "after")
    with pytest.raises(StoreUnavailableError):
        submit(ports)
    assert (ports.posts.get(TENANT, POST_ID).state, slots(ports)) == (PostState.QUEUED, [NOW])
    assert submit(ports, post_id=new_id("post", NOW)).duplicate_of == POST_ID


def test_where_nobody_can_tell_whether_it_was_stored_it_keeps_what_it_holds(ports):
    broken(ports, "posts.add", StoreUnavailableError)
    broken(ports, "posts.get", StoreUnavailableError)
    with pytest.raises(StoreUnavailableError):
        submit(ports)
    assert slots(ports) == [NOW]


def test_a_refused_duplicate_that_cannot_give_its_slot_back_is_refused_all_the_same(ports):
    submit(ports)
    broken(ports, "quota.release", StoreUnavailableError)
    with pytest.raises(ConflictError):
        submit(ports, post_id=new_id("post", NOW), refuses_duplicates=True)


@pytest.mark.parametrize("method", ["fingerprints.claim", "posts.add"])
def test_a_store_that_fails_half_way_is_told_and_repeating_completes_the_post(ports, method):
    broken(ports, method, StoreUnavailableError)
    with pytest.raises(StoreUnavailableError):
        submit(ports)
    assert ports.posts.stored == {}
    post = submit(ports)
    assert ports.workflows.started == {POST_ID: post}
    assert slots(ports) == [NOW]


# The same content.


def test_the_same_content_is_accepted_with_a_warning(ports):
    first = submit(ports)
    second = submit(ports, post_id=new_id("post", NOW))
    assert (first.duplicate_of, second.duplicate_of) == (None, first.id)
    assert len(ports.workflows.started) == 2


def test_the_same_content_is_refused_if_asked_and_takes_nothing(ports):
    first = submit(ports)
    with pytest.raises(ConflictError) as refusal:
        submit(ports, post_id=new_id("post", NOW), refuses_duplicates=True)
    assert (refusal.value.code, first.id in refusal.value.detail) == ("duplicate_suspected", True)
    assert (len(ports.posts.stored), slots(ports)) == (1, [NOW])
    ports.now.advance(timedelta(hours=24))
    assert submit(ports, post_id=new_id("post", NOW), refuses_duplicates=True).duplicate_of is None


def ended(ports, post, state):
    ports.posts.stored[post.tenant_id, post.id] = replace(post, state=state)


def heard_of(ports, how):
    """Which earlier post a caller with the same content hears of."""
    if how == "validate":
        return posting.validate(Submission(content=content()), a_caller(), ports).duplicate_of
    try:
        return submit(ports, post_id=new_id("post", ports.now()), refuses_duplicates=how == "refuse").duplicate_of
    except ConflictError as refusal:
        return refusal.detail.partition(" ")[0]


@pytest.mark.parametrize("how", ["warn", "refuse", "validate"])
@pytest.mark.parametrize("state", sorted(PostState))
def test_the_same_content_counts_while_followers_see_it_or_may_come_to(ports, how, state):
    earlier = submit(ports)
    ended(ports, earlier, state)
    counts = state not in (PostState.FAILED, PostState.CANCELLED, PostState.DRAFT)
    assert heard_of(ports, how) == (earlier.id if counts else None)


@pytest.mark.parametrize("how", ["warn", "refuse", "validate"])
def test_behind_one_that_failed_the_one_before_it_counts(ports, how):
    live, first, second = (submit(ports, post_id=new_id("post", NOW)) for _ in range(3))
    for failed in (first, second):
        ended(ports, failed, PostState.FAILED)
    assert heard_of(ports, how) == live.id


@pytest.mark.parametrize("how", ["warn", "refuse", "validate"])
def test_one_that_is_just_being_stored_counts_and_one_whose_worker_died_does_not(ports, how):
    earlier = submit(ports)
    ports.posts.stored.clear()
    ports.now.advance(STORED_WITHIN)
    before = dict(ports.fingerprints.stored)
    assert heard_of(ports, how) == earlier.id
    ports.posts.stored.clear()
    ports.fingerprints.stored = before
    ports.now.advance(1)
    assert heard_of(ports, how) is None


def test_the_same_content_on_another_account_is_no_duplicate():
    ports = submission_ports(ACCOUNT, an_account(id="acc_2", ig_user_id="2"))
    submit(ports)
    assert submit(ports, post_id=new_id("post", NOW), account_id="acc_2", refuses_duplicates=True)


# For many accounts.


# Not too many in a minute.


def spent(ports, leaving=0, tenant_id=TENANT):
    ports.rates.take(tenant_id, POSTS_A_MINUTE.value - leaving, ports.now())


@pytest.mark.parametrize("mode", ["now", "draft"])
def test_a_tenant_that_has_sent_its_minutes_posts_is_refused_and_nothing_happens(ports, mode):
    spent(ports)
    with pytest.raises(TooManyRequestsError) as refused:
        submit(ports, mode=mode)
    assert 0 < refused.value.retry_after <= 60
    assert nothing_happened(ports)
    ports.now.advance(refused.value.retry_after)
    assert submit(ports, mode=mode).id == POST_ID


def test_what_one_tenant_has_sent_keeps_no_other_waiting(ports):
    spent(ports, tenant_id=OTHER_TENANT)
    assert submit(ports).id == POST_ID


def test_a_wrong_post_is_counted_before_it_is_looked_at(ports):
    spent(ports, leaving=1)
    with pytest.raises(InvalidPostError):
        submit(ports, content=content(caption="x" * 3000))
    with pytest.raises(TooManyRequestsError):
        submit(ports)


def test_a_repetition_is_not_counted_again(ports):
    spent(ports, leaving=1)
    post = submit(ports)
    assert submit(ports, is_repeated=True) == post


def test_when_the_count_cannot_be_kept_no_post_is_taken_in(ports):
    broken(ports, "rates.take", StoreUnavailableError)
    with pytest.raises(StoreUnavailableError):
        submit(ports)
    assert nothing_happened(ports)


GROUP_ID = new_id("grp", NOW)
IDS = ("acc_a", "acc_b", "acc_c")


@pytest.fixture
def many():
    return submission_ports(*(an_account(id=each, ig_user_id=each) for each in IDS))


def submit_to(ports, account_ids=IDS, caller=None, **wanted):
    whole = Submission(content=wanted.pop("content", content()), **wanted)
    return posting.submit_to_many(whole, account_ids, caller or a_caller(), GROUP_ID, ports)


@pytest.mark.parametrize(("mode", "publish_at"), [("now", None), ("scheduled", LATER), ("draft", None)])
def test_one_request_makes_one_post_for_each_account_in_its_order(many, mode, publish_at):
    results = submit_to(many, ("acc_c", "acc_a", "acc_b"), mode=mode, publish_at=publish_at)
    assert [result.account_id for result in results] == ["acc_c", "acc_a", "acc_b"]
    assert [result.post.account_id for result in results] == ["acc_c", "acc_a", "acc_b"]
    assert {result.post.group_id for result in results} == {GROUP_ID}
    assert all(many.posts.get(TENANT, result.post.id) == result.post for result in results)
    started = {"now": many.workflows.started, "scheduled": many.schedules.stored, "draft": many.posts.stored}[mode]
    assert len(started) == 3
    assert all(result.problem is None for result in results)


def test_each_account_of_a_request_counts(many):
    spent(many, leaving=2)
    with pytest.raises(TooManyRequestsError):
        submit_to(many)
    assert nothing_happened(many)
    submit_to(many, ("acc_a", "acc_b"))
    submit_to(many, ("acc_a", "acc_b"), is_repeated=True)
    with pytest.raises(TooManyRequestsError):
        submit_to(many, ("acc_c",))


def test_the_refusal_of_one_account_keeps_no_other_from_its_post(many):
    many.accounts.connect(
        an_account(token_version=2, id="acc_b", ig_user_id="acc_b", state=AccountState.ACTION_REQUIRED), "token"
    )
    full(many, account_id="acc_c")
    taken, broken, refused, unknown = submit_to(many, (*IDS, "acc_unknown"))
    assert taken.post.state is PostState.QUEUED
    assert [result.post for result in (broken, refused, unknown)] == [None] * 3
    assert [result.problem["code"] for result in (broken, refused, unknown)] == [
        "action_required",
        "publishing_limit_reached",
        "not_found",
    ]
    assert refused.problem["next_free_slot"] == "2026-11-24T09:30:00Z"
    assert many.workflows.started.keys() == {taken.post.id}


def test_accounts_that_the_key_may_not_use_are_not_found_and_get_no_post(many):
    allowed, *others = submit_to(many, caller=a_caller(TENANT, account_ids=("acc_a",)))
    assert allowed.post is not None
    assert [result.problem["code"] for result in others] == ["not_found", "not_found"]
    assert {post.account_id for post in many.posts.stored.values()} == {"acc_a"}


def test_what_is_wrong_with_the_post_itself_is_told_once(many):
    with pytest.raises(InvalidPostError) as refusal:
        submit_to(many, content=content(caption="x" * 2201))
    assert [error.pointer for error in refusal.value.errors] == ["/caption"]
    assert nothing_happened(many)


def test_when_every_account_refuses_for_its_own_reason_each_is_pointed_at(many):
    many.accounts.connect(an_account(token_version=2, id="acc_a", ig_user_id="acc_a", token_expires_at=NOW), "token")
    with pytest.raises(InvalidPostError) as refusal:
        submit_to(many, ("acc_a", "acc_unknown"))
    assert [(error.pointer, error.code) for error in refusal.value.errors] == [
        ("/account_ids/0", "reauthorization_required"),
        ("/account_ids/1", "not_found"),
    ]
    assert nothing_happened(many)


def test_the_same_request_again_finds_the_same_posts(many):
    first = submit_to(many)
    many.now.advance(5)
    assert submit_to(many) == first
    assert len(many.posts.stored) == len(many.workflows.started) == 3
    assert {result.post.id for result in first} == {derived_id("post", GROUP_ID, each) for each in IDS}


def test_a_repetition_gives_each_account_of_a_group_its_first_answer_again(many):
    first = submit_to(many, mode="scheduled", publish_at=LATER)
    many.now.advance(timedelta(days=2))
    many.accounts.erase(an_account(id="acc_b", ig_user_id="acc_b"))
    assert submit_to(many, mode="scheduled", publish_at=LATER, is_repeated=True) == first


def failing_on(ports, number, error, when="before"):
    """The store, at that post of the group."""
    add, calls = ports.posts.add, []

    def breaks(post):
        calls.append(post)
        if len(calls) != number + 1:
            return add(post)
        if when == "after":
            add(post)
        raise error

    ports.posts.add = breaks


@pytest.mark.parametrize("number", [1, 2])
def test_a_store_that_fails_in_the_middle_hides_no_post_and_repeating_completes_the_group(many, number):
    failing_on(many, number, StoreUnavailableError())
    results = submit_to(many)
    assert [result.post is not None for result in results] == [index < number for index in range(3)]
    assert {result.problem["code"] for result in results[number:]} == {"store_unavailable"}
    assert all(result.problem["retry"]["allowed"] for result in results[number:])
    assert len(many.posts.stored) == number
    completed(many)


def test_a_store_that_fails_before_there_is_any_post_is_told_alone_and_asked_no_more(many):
    failing_on(many, 0, StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        submit_to(many)
    assert many.posts.stored == {}
    completed(many)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_nobody_foresaw_for_one_account_keeps_no_other_from_its_post_and_is_told(number):
    told, error = [], ValueError("acc")
    many = submission_ports(*(an_account(id=each, ig_user_id=each) for each in IDS), tell=told.append)
    failing_on(many, number, error)
    results = submit_to(many)
    assert [index for index, result in enumerate(results) if result.post is None] == [number]
    assert (results[number].problem["code"], results[number].problem["retry"]["allowed"]) == ("internal_error", True)
    assert told == [error]


def test_what_nobody_foresaw_for_any_account_is_told_as_such(many):
    many.posts.add = lambda _: int("no post")
    with pytest.raises(ValueError, match="no post"):
        submit_to(many)


@pytest.mark.parametrize("error", [StoreUnavailableError(), ValueError()], ids=repr)
def test_a_post_of_a_group_that_was_stored_although_the_answer_was_lost_is_accepted(many, error):
    failing_on(many, 1, error, when="after")
    results = submit_to(many)
    assert all(result.post is not None for result in results)
    assert len(many.workflows.started) == 3


def test_where_nobody_can_tell_whether_a_post_of_a_group_was_stored_it_is_not_to_be_sent_again_blindly(many):
    failing_on(many, 2, StoreUnavailableError(), when="after")
    get = many.posts.get

    def unreadable(tenant_id, post_id):
        if post_id == derived_id("post", GROUP_ID, "acc_c"):
            raise StoreUnavailableError
        return get(tenant_id, post_id)

    many.posts.get = unreadable
    accepted, also, perhaps = submit_to(many)
    assert None not in (accepted.post, also.post)
    assert (perhaps.problem["status"], perhaps.problem["retry"]["allowed"]) == (503, False)


def completed(many):
    """The same request again."""
    results = submit_to(many)
    assert len(many.posts.stored) == len(many.workflows.started) == 3
    assert [slots(many, each) for each in IDS] == [[NOW]] * 3
    assert all(result.post.duplicate_of is None for result in results)


# Reading.


def test_reads_a_post(ports):
    post = submit(ports)
    assert posting.read(a_caller(), post.id, ports) == post


@pytest.mark.parametrize("caller", [a_caller(OTHER_TENANT), a_caller(TENANT, account_ids=("acc_other",))])
def test_another_s_post_is_not_found(ports, caller):
    post = submit(ports)
    with pytest.raises(NotFoundError):
        posting.read(caller, post.id, ports)


def test_lists_only_posts_of_accounts_that_the_key_may_use_and_still_goes_on(ports):
    mine, hidden = (
        ports.posts.add(a_post(account_id=account, accepted_at=NOW + timedelta(seconds=second)))
        for second, account in enumerate(["acc_1", "acc_2"])
    )
    caller = a_caller(TENANT, account_ids=("acc_1",))
    page = posting.list_posts(caller, PageRequest(limit=1), None, None, ports)
    assert page.data == ()
    assert page.next_cursor is not None
    assert posting.list_posts(caller, PageRequest(), None, None, ports).data == (mine,)
    assert posting.list_posts(a_caller(), PageRequest(), None, None, ports).data == (hidden, mine)


def test_lists_by_account_and_state(ports):
    wanted = ports.posts.add(a_post(account_id="acc_1", state=PostState.FAILED))
    ports.posts.add(a_post(account_id="acc_1"))
    ports.posts.add(a_post(account_id="acc_2", state=PostState.FAILED))
    found = posting.list_posts(a_caller(), PageRequest(), "acc_1", PostState.FAILED, ports)
    assert found.data == (wanted,)
