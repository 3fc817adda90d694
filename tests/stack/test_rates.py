"""A tenant that sends too many posts at once, over HTTP."""

from datetime import UTC, datetime, timedelta

from darkroom.aws.rates import DynamoDBRates
from darkroom.limits import POSTS_A_MINUTE
from tests.stack.problems import refused


def test_a_flood_of_one_tenant_is_refused_and_another_tenant_publishes(cloud, tenant, new_tenant, connect):
    """The flood itself is three hundred requests; here the count is put where they would have brought it."""
    other = new_tenant()
    connect(other)
    counts = DynamoDBRates(cloud.client("dynamodb"), cloud.outputs["PostsTableName"])
    for ahead in (0, 1):  # the minute may end meanwhile
        counts.take(tenant.id, POSTS_A_MINUTE.value, datetime.now(UTC) + timedelta(minutes=ahead))
    answer = tenant.api.post("/v1/posts", json=tenant.body())
    told = refused(answer, 429)
    assert (told["code"], told["actor"], told["retry"]["allowed"]) == ("too_many_requests", "caller", True)
    assert 0 < int(answer.headers["retry-after"]) <= 60
    draft = tenant.api.post("/v1/posts/post_01M83QFV33YPD40KDVQ5S94WCG/publish")
    assert refused(draft, 429)["code"] == "too_many_requests"
    assert tenant.api.get("/v1/posts").json()["data"] == []
    assert other.publish()["state"] == "published"
