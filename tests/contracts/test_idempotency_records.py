"""Idempotency records: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from darkroom.aws.idempotency import DynamoDBIdempotency
from tests.builders import NOW, TENANT, a_record
from tests.fakes import FakeRecords

LATER = NOW + timedelta(minutes=2)


@pytest.fixture(params=["fake", "dynamodb"])
def records(request, cloud):
    if request.param == "fake":
        return FakeRecords()
    return DynamoDBIdempotency(cloud.client("dynamodb"), cloud.table("CallersTable"))


def test_the_first_holds_the_record_and_the_second_is_shown_it(records):
    first = a_record()
    assert records.add(first, NOW) is None
    assert records.add(replace(first, ulid="01JOTHER", body_hash="body-2"), NOW) == first


def test_of_a_hundred_at_once_one_holds_the_record(records):
    wanted = [a_record(ulid=f"ulid-{number}") for number in range(100)]
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda record: records.add(record, NOW), wanted))
    winners = [record for record, known in zip(wanted, answers, strict=True) if known is None]
    assert len(winners) == 1
    assert {known for known in answers if known} == set(winners)


def test_an_answer_is_kept_to_be_given_again(records):
    records.add(a_record(), NOW)
    records.finish(a_record(), '{"status": 202}', TENANT)
    known = records.add(a_record(), LATER)
    assert known.answer == '{"status": 202}'
    assert not records.take_over(known, LATER)


def test_an_abandoned_record_is_taken_over_once(records):
    records.add(a_record(), NOW)
    with ThreadPoolExecutor(16) as pool:
        taken = list(
            pool.map(lambda second: records.take_over(a_record(), LATER + timedelta(seconds=second)), range(16))
        )
    assert sum(taken) == 1
    until = LATER + timedelta(seconds=taken.index(True))
    assert records.add(a_record(), LATER) == a_record(locked_until=int(until.timestamp()))


def test_a_released_record_keeps_its_id_and_can_be_taken_over_at_once(records):
    records.add(a_record(), NOW)
    records.release(a_record())
    known = records.add(a_record(ulid="another"), NOW)
    assert (known.ulid, known.locked_until) == (a_record().ulid, 0)
    assert records.take_over(known, LATER)


def test_a_finished_record_is_not_released(records):
    records.add(a_record(), NOW)
    records.finish(a_record(), "the answer", TENANT)
    records.release(a_record())
    assert records.add(a_record(), NOW).answer == "the answer"


def test_a_removed_record_frees_the_key(records):
    records.add(a_record(), NOW)
    records.remove(a_record())
    assert records.add(a_record(body_hash="body-2"), NOW) is None


def test_a_worker_that_comes_back_late_writes_nothing_over_a_removed_record(records):
    records.add(a_record(), NOW)
    records.remove(a_record())
    records.finish(a_record(), "too late", TENANT)
    records.release(a_record())
    assert not records.take_over(a_record(), LATER)
    assert records.add(a_record(ulid="new"), NOW) is None


def test_an_expired_record_counts_as_gone_although_its_item_is_still_there(records):
    old = a_record()
    records.add(old, NOW)
    records.finish(old, "the old answer", TENANT)
    expired = datetime.fromtimestamp(old.expires_at, UTC)
    assert records.add(a_record(ulid="too-early"), expired - timedelta(seconds=1)).answer == "the old answer"
    new = a_record(ulid="new", expires_at=old.expires_at + 1000)
    assert records.add(new, expired) is None
    assert records.add(old, expired) == new
