"""Taking posts in: one post and one execution, however often it is asked for; nothing at all when it is refused."""

from datetime import timedelta

import pytest

from darkroom import posting
from darkroom.accounts import AccountState
from darkroom.errors import (
    AccountUnavailableError,
    BadRequestError,
    InvalidPostError,
    NotFoundError,
    StoreUnavailableError,
)
from darkroom.ids import new_id
from darkroom.pages import PageRequest
from darkroom.posting import Draft
from darkroom.posts import PostState
from tests.builders import NOW, OTHER_TENANT, TENANT, a_caller, a_post, an_account, content, image_item
from tests.fakes import Clock, FakeAccounts, FakePosts, FakeWorkflows

POST_ID = new_id("post", NOW)
ACCOUNT = an_account()


@pytest.fixture
def ports():
    return posting.Ports(FakePosts(), FakeAccounts(ACCOUNT), FakeWorkflows(), Clock())


def submit(ports, draft=None, caller=None, post_id=POST_ID):
    return posting.submit(draft or Draft(content()), caller or a_caller(), post_id, "req-1", ports)


def nothing_happened(ports):
    return ports.posts.stored == {} and ports.workflows.started == {}


def test_stores_the_post_and_starts_its_workflow(ports):
    post = submit(ports, Draft(content(), ACCOUNT.id, "invoice-7"))
    assert ports.posts.get(TENANT, POST_ID) == post
    assert ports.workflows.started == {POST_ID: post}
    assert (post.state, post.external_id, post.request_id) == (PostState.QUEUED, "invoice-7", "req-1")
    assert (post.tenant_id, post.account_id, post.accepted_at) == (TENANT, ACCOUNT.id, NOW)


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
    assert len(ports.posts.stored) == 1


def test_points_to_every_wrong_field_and_writes_nothing(ports):
    wrong = content(caption="x" * 2201, media=(image_item(url="http://10.0.0.1/a.jpg"),))
    with pytest.raises(InvalidPostError) as refusal:
        submit(ports, Draft(wrong, external_id="x" * 256))
    assert {error.pointer for error in refusal.value.errors} == {"/caption", "/media/0/url", "/external_id"}
    assert nothing_happened(ports)


def test_an_external_id_may_have_255_characters(ports):
    assert submit(ports, Draft(content(), external_id="x" * 255)).external_id == "x" * 255


def test_media_of_a_listed_test_host_is_taken(ports):
    local = Draft(content(media=(image_item(url="http://127.0.0.1:9000/a.jpg"),)))
    with pytest.raises(InvalidPostError):
        submit(ports, local)
    allowing = posting.Ports(ports.posts, ports.accounts, ports.workflows, ports.now, frozenset({"127.0.0.1:9000"}))
    assert submit(allowing, local)


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
    draft = Draft(content(), account_id)
    with pytest.raises(NotFoundError):
        submit(ports, draft, caller) if use == "submit" else posting.validate(draft, caller, ports)
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
    ports.accounts.connect(an_account(**changes), "the-token")
    with pytest.raises(AccountUnavailableError) as refusal:
        submit(ports)
    assert refusal.value.code == code
    assert nothing_happened(ports)


def test_validating_answers_the_containers_and_writes_nothing(ports):
    plan = posting.validate(Draft(content("carousel")), a_caller(), ports)
    assert len(plan.items) == 2
    assert nothing_happened(ports)


def test_validating_refuses_what_submitting_would(ports):
    with pytest.raises(InvalidPostError):
        posting.validate(Draft(content(caption="x" * 2201)), a_caller(), ports)


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
