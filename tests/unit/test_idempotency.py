"""`Idempotency-Key`: one request of many runs, and its answer is everybody's answer."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import idempotency
from darkroom.errors import BadRequestError, ConflictError
from tests.builders import NOW, TENANT
from tests.fakes import FakeRecords

DIGEST = idempotency.digest("acme", "POST /v1/posts", "key-1")
BODY = b'{"kind": "image"}'


@pytest.fixture
def records():
    return FakeRecords()


def begin(records, body=BODY, ulid="ulid-1", now=NOW, digest=DIGEST):
    return idempotency.begin(digest, body, ulid, now, records)


def test_the_first_request_runs_under_its_own_id(records):
    record = begin(records)
    assert (record.ulid, record.answer) == ("ulid-1", None)
    assert record.locked_until == int((NOW + idempotency.LEASE).timestamp())


def test_the_same_request_is_given_the_first_answer_again(records):
    idempotency.settle(begin(records), 202, "the answer", TENANT, records)
    again = begin(records, ulid="ulid-2", now=NOW + timedelta(days=6))
    assert (again.ulid, again.answer) == ("ulid-1", "the answer")


def test_a_request_beside_the_first_is_told_to_ask_later(records):
    begin(records)
    with pytest.raises(ConflictError) as refusal:
        begin(records, ulid="ulid-2", now=NOW + timedelta(seconds=30))
    assert refusal.value.code == "idempotency_in_progress"
    assert refusal.value.retry_after


@pytest.mark.parametrize("is_answered", [False, True])
def test_a_key_with_another_body_is_refused(records, is_answered):
    record = begin(records)
    if is_answered:
        idempotency.settle(record, 202, "the answer", TENANT, records)
    with pytest.raises(BadRequestError) as refusal:
        begin(records, body=BODY + b" ")
    assert refusal.value.code == "idempotency_key_reused"


def test_of_a_hundred_at_once_one_runs(records):
    def attempt(number):
        try:
            return begin(records, ulid=f"ulid-{number}")
        except ConflictError:
            return None

    with ThreadPoolExecutor(100) as pool:
        running = [record for record in pool.map(attempt, range(100)) if record]
    assert len(running) == 1


def test_when_the_worker_died_the_next_goes_on_under_the_same_id(records):
    begin(records)
    later = NOW + idempotency.LEASE + timedelta(seconds=1)
    resumed = begin(records, ulid="ulid-2", now=later)
    assert (resumed.ulid, resumed.answer) == ("ulid-1", None)
    with pytest.raises(ConflictError):
        begin(records, ulid="ulid-3", now=later)


def test_of_many_that_find_a_dead_worker_s_record_one_goes_on(records):
    begin(records)
    later = NOW + timedelta(minutes=5)

    def attempt(number):
        try:
            return begin(records, ulid=f"ulid-{number}", now=later)
        except ConflictError:
            return None

    with ThreadPoolExecutor(50) as pool:
        running = [record for record in pool.map(attempt, range(50)) if record]
    assert [record.ulid for record in running] == ["ulid-1"]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_after_a_refusal_the_key_is_free_for_the_mended_request(records, status):
    idempotency.settle(begin(records), status, "refused", TENANT, records)
    assert begin(records, body=b"mended", ulid="ulid-2").ulid == "ulid-2"


def test_a_refusal_does_not_free_a_key_whose_first_request_may_have_done_half_of_it(records):
    idempotency.settle(begin(records), 503, "failed", TENANT, records)
    idempotency.settle(begin(records, ulid="ulid-2"), 409, "refused", TENANT, records)
    assert begin(records, ulid="ulid-3").ulid == "ulid-1"


@pytest.mark.parametrize("status", [500, 503])
def test_after_a_failure_of_ours_the_retry_runs_at_once_under_the_same_id(records, status):
    idempotency.settle(begin(records), status, "failed", TENANT, records)
    assert begin(records, ulid="ulid-2") == replace(begin_again(), ulid="ulid-1", is_taken_over=True)


def begin_again():
    return begin(FakeRecords())


def test_a_key_is_free_again_after_a_week(records):
    idempotency.settle(begin(records), 202, "the answer", TENANT, records)
    late = begin(records, body=b"other", ulid="ulid-2", now=NOW + idempotency.KEPT)
    assert (late.ulid, late.answer) == ("ulid-2", None)


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\nb", "a\x00b", "\x7f", "\ud800"])
def test_a_malformed_key_is_refused(key):
    with pytest.raises(BadRequestError) as refusal:
        idempotency.digest("acme", "POST /v1/posts", key)
    assert refusal.value.code == "idempotency_key_invalid"


def test_a_key_may_have_255_visible_characters():
    assert idempotency.digest("acme", "POST /v1/posts", "~" * 255)


PARTS = st.tuples(
    st.from_regex(r"\A[A-Za-z0-9_.@:-]{1,8}\Z"),
    st.sampled_from(["POST /v1/posts", "POST /v1/connect-sessions"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=8),
)


@given(one=PARTS, other=PARTS)
def test_tenants_and_routes_never_share_a_key(one, other):
    assert (idempotency.digest(*one) == idempotency.digest(*other)) == (one == other)
