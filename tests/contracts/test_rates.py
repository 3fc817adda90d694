"""How many posts a tenant sends in a minute: the fake and DynamoDB count alike."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from darkroom.aws import keys
from darkroom.aws.rates import DynamoDBRates
from darkroom.errors import StoreUnavailableError, TooManyRequestsError
from darkroom.limits import POSTS_A_MINUTE
from tests.builders import NOW, OTHER_TENANT, TENANT
from tests.fakes import FakeRates

MOST = POSTS_A_MINUTE.value
MINUTE = NOW.replace(second=0, microsecond=0)


@pytest.fixture(params=["fake", "dynamodb"])
def rates(request, cloud):
    if request.param == "fake":
        return FakeRates()
    return DynamoDBRates(cloud.client("dynamodb"), cloud.table("PostsTable"))


def is_taken(rates, posts=1, now=MINUTE, tenant_id=TENANT):
    try:
        rates.take(tenant_id, posts, now)
    except TooManyRequestsError:
        return False
    return True


def test_a_tenant_sends_up_to_the_limit_and_not_one_more(rates):
    assert is_taken(rates, MOST - 1)
    assert [is_taken(rates), is_taken(rates)] == [True, False]


def test_another_tenant_does_not_feel_it(rates):
    assert is_taken(rates, MOST)
    assert is_taken(rates, tenant_id=OTHER_TENANT)


def test_the_next_minute_begins_from_nothing(rates):
    assert is_taken(rates, MOST, MINUTE)
    assert not is_taken(rates, now=MINUTE + timedelta(seconds=59, microseconds=999_999))
    assert is_taken(rates, MOST, MINUTE + timedelta(minutes=1))


def test_what_is_refused_is_not_counted(rates):
    assert is_taken(rates, MOST - 1)
    assert not is_taken(rates, 2)
    assert is_taken(rates, 1)


@pytest.mark.parametrize(("seconds", "left"), [(0, 60), (0.5, 60), (1, 59), (59, 1), (59.999, 1)])
def test_a_refusal_says_when_the_minute_is_over(rates, seconds, left):
    assert is_taken(rates, MOST)
    with pytest.raises(TooManyRequestsError) as refused:
        rates.take(TENANT, 1, MINUTE + timedelta(seconds=seconds))
    assert refused.value.retry_after == left


def test_of_many_at_once_only_so_many_get_through_as_there_is_room_for(rates):
    assert is_taken(rates, MOST - 5)
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda _: is_taken(rates), range(16))) == 5


def test_a_count_expires(cloud):
    DynamoDBRates(cloud.client("dynamodb"), cloud.table("PostsTable")).take(TENANT, 1, NOW)
    item = cloud.client("dynamodb").get_item(TableName="PostsTable", Key=keys.rate(TENANT, MINUTE))["Item"]
    assert int(item["expires_at"]["N"]) == (MINUTE + timedelta(hours=1)).timestamp()


def test_a_throttled_table_lets_nobody_through_uncounted(cloud, wire):
    rates = DynamoDBRates(cloud.client("dynamodb"), cloud.table("PostsTable"))
    wire.answers(rates.client, "UpdateItem", "ThrottlingException")
    with pytest.raises(StoreUnavailableError):
        rates.take(TENANT, 1, NOW)
