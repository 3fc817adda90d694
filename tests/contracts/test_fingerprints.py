"""Who had this content before: the fake and DynamoDB give the same answers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.fingerprints import DynamoDBFingerprints
from darkroom.errors import StoreUnavailableError
from darkroom.fingerprints import KEPT
from tests.builders import NOW, OTHER_TENANT, TENANT
from tests.fakes import FakeFingerprints

SHA = "ab" * 32
PLACE = (TENANT, "acc_1", SHA)
SECOND = timedelta(seconds=1)


@pytest.fixture(params=["fake", "dynamodb"])
def fingerprints(request, cloud):
    if request.param == "fake":
        return FakeFingerprints()
    return DynamoDBFingerprints(cloud.client("dynamodb"), cloud.table("PostsTable"))


def test_the_first_post_with_a_content_is_new(fingerprints):
    assert fingerprints.find(*PLACE, NOW) is None
    assert fingerprints.claim(*PLACE, "post_a", NOW) is None
    assert fingerprints.find(*PLACE, NOW) == "post_a"


def test_each_further_post_hears_of_the_one_before_it(fingerprints):
    heard = [fingerprints.claim(*PLACE, post_id, NOW) for post_id in ("post_a", "post_b", "post_c")]
    assert heard == [None, "post_a", "post_b"]
    assert fingerprints.find(*PLACE, NOW) == "post_c"


def test_a_repeated_request_hears_what_it_heard_before(fingerprints):
    posts = ("post_a", "post_b", "post_c")
    first = [fingerprints.claim(*PLACE, post_id, NOW) for post_id in posts]
    again = [fingerprints.claim(*PLACE, post_id, NOW + SECOND) for post_id in posts]
    assert again == first
    assert [fingerprints.claim_if_new(*PLACE, post_id, NOW + SECOND) for post_id in posts] == first


def test_a_post_that_insists_on_being_new_leaves_no_trace_when_it_is_not(fingerprints):
    assert fingerprints.claim_if_new(*PLACE, "post_a", NOW) is None
    assert fingerprints.claim_if_new(*PLACE, "post_b", NOW) == "post_a"
    assert fingerprints.claim_if_new(*PLACE, "post_b", NOW) == "post_a"
    assert fingerprints.find(*PLACE, NOW) == "post_a"
    assert fingerprints.claim_if_new(*PLACE, "post_a", NOW) is None


def test_of_many_at_once_exactly_one_is_new(fingerprints):
    posts = [f"post_{number}" for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        heard = list(pool.map(lambda post_id: fingerprints.claim_if_new(*PLACE, post_id, NOW), posts))
    (winner,) = (post_id for post_id, earlier in zip(posts, heard, strict=True) if earlier is None)
    assert set(heard) == {None, winner}


def test_of_many_at_once_each_hears_of_another(fingerprints):
    """In some order, one after the other: nobody's claim is lost."""
    posts = [f"post_{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda post_id: fingerprints.claim(*PLACE, post_id, NOW), posts))
    assert len(set(heard)) == len(posts)
    assert set(posts) - set(heard) == {fingerprints.find(*PLACE, NOW)}


@pytest.mark.parametrize("method", ["claim", "claim_if_new"])
def test_after_24_hours_a_post_is_forgotten_although_its_item_is_still_there(fingerprints, method):
    fingerprints.claim(*PLACE, "post_a", NOW)
    assert fingerprints.find(*PLACE, NOW + KEPT - SECOND) == "post_a"
    assert fingerprints.find(*PLACE, NOW + KEPT) is None
    assert getattr(fingerprints, method)(*PLACE, "post_b", NOW + KEPT) is None
    assert fingerprints.find(*PLACE, NOW + KEPT) == "post_b"


def test_a_cancelled_post_is_no_longer_in_the_way(fingerprints):
    fingerprints.claim(*PLACE, "post_a", NOW)
    fingerprints.forget(*PLACE, "post_a")
    assert fingerprints.find(*PLACE, NOW) is None
    assert fingerprints.claim_if_new(*PLACE, "post_b", NOW) is None


def test_forgetting_a_post_brings_the_one_before_it_back(fingerprints):
    fingerprints.claim(*PLACE, "post_a", NOW)
    fingerprints.claim(*PLACE, "post_b", NOW)
    fingerprints.forget(*PLACE, "post_b")
    assert fingerprints.find(*PLACE, NOW) == "post_a"


def test_forgetting_a_post_leaves_the_ones_after_it(fingerprints):
    fingerprints.claim(*PLACE, "post_a", NOW)
    fingerprints.claim(*PLACE, "post_b", NOW)
    fingerprints.forget(*PLACE, "post_a")
    assert fingerprints.find(*PLACE, NOW) == "post_b"


def test_forgetting_what_nobody_knows_does_nothing(fingerprints):
    fingerprints.forget(*PLACE, "post_a")
    fingerprints.claim(*PLACE, "post_b", NOW)
    fingerprints.forget(*PLACE, "post_a")
    fingerprints.forget(*PLACE, "post_b")
    fingerprints.forget(*PLACE, "post_b")
    assert fingerprints.find(*PLACE, NOW) is None


@pytest.mark.parametrize(
    "elsewhere", [(OTHER_TENANT, "acc_1", SHA), (TENANT, "acc_2", SHA), (TENANT, "acc_1", "cd" * 32)]
)
def test_tenants_accounts_and_contents_are_apart(fingerprints, elsewhere):
    fingerprints.claim(*PLACE, "post_a", NOW)
    assert fingerprints.find(*elsewhere, NOW) is None
    assert fingerprints.claim_if_new(*elsewhere, "post_b", NOW) is None
    fingerprints.forget(*elsewhere, "post_a")
    assert fingerprints.find(*PLACE, NOW) == "post_a"


# DynamoDB alone


@pytest.fixture
def stored(cloud):
    return DynamoDBFingerprints(cloud.client("dynamodb"), cloud.table("PostsTable"))


def test_the_usual_post_costs_one_write_and_no_read(stored, wire):
    reads, writes = wire.counts(stored.client, "GetItem"), wire.counts(stored.client, "PutItem")
    stored.claim(*PLACE, "post_a", NOW)
    assert (len(reads), len(writes)) == (0, 1)


def test_a_repeated_request_writes_nothing(stored):
    stored.claim(*PLACE, "post_a", NOW)
    before = stored.client.get_item(TableName=stored.table, Key=keys.fingerprint(*PLACE))["Item"]
    stored.claim(*PLACE, "post_a", NOW + SECOND)
    assert stored.client.get_item(TableName=stored.table, Key=keys.fingerprint(*PLACE))["Item"] == before


def test_a_cancellation_and_a_new_post_that_cross_lose_nothing(stored, wire):
    stored.claim(*PLACE, "post_a", NOW)
    wire.before(stored.client, "PutItem", lambda: stored.claim(*PLACE, "post_b", NOW))
    stored.forget(*PLACE, "post_a")
    assert stored.find(*PLACE, NOW) == "post_b"


def test_an_item_goes_a_day_after_its_last_post(stored):
    stored.claim(*PLACE, "post_a", NOW)
    stored.claim(*PLACE, "post_b", NOW + SECOND)
    stored.forget(*PLACE, "post_a")
    stored.forget(*PLACE, "post_b")
    item = stored.client.get_item(TableName=stored.table, Key=keys.fingerprint(*PLACE))["Item"]
    assert int(item["expires_at"]["N"]) == int((NOW + SECOND + KEPT).timestamp())


def test_a_write_whose_answer_is_lost_may_be_repeated(stored, wire):
    wire.loses_the_answer(stored.client, "PutItem")
    with pytest.raises(StoreUnavailableError):
        stored.claim(*PLACE, "post_a", NOW)
    wire.mended()
    assert stored.claim(*PLACE, "post_a", NOW) is None


def test_a_mistake_of_ours_is_not_taken_for_somebody_elses_write(stored, wire):
    wire.answers(stored.client, "PutItem", "AccessDeniedException")
    with pytest.raises(ClientError):
        stored.claim(*PLACE, "post_a", NOW)
