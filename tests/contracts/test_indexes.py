"""The contract suite refuses a query that DynamoDB would refuse, whichever store and whichever client sends it."""

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.contracts.conftest import REGION, RESOURCES
from tests.contracts.indexes import refusal

CALLERS = RESOURCES["CallersTable"]["Properties"]  # ByTenant projects the keys and `answer`
POSTS = RESOURCES["PostsTable"]["Properties"]  # Open projects the keys, ByAccount everything


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"ProjectionExpression": "pk, sk, tenant_pk, answer"},
        {"FilterExpression": "contains(answer, :x) AND NOT answer IN (:x, :y) OR answer BETWEEN :x AND :y"},
        {
            "FilterExpression": "size(#a) > :x AND attribute_exists(#a.b[0])",
            "ExpressionAttributeNames": {"#a": "answer"},
        },
        {"Select": "COUNT"},
    ],
)
def test_what_an_index_projects_may_be_named(named):
    assert refusal({"IndexName": "ByTenant", "KeyConditionExpression": "tenant_pk = :pk", **named}, CALLERS) is None


@pytest.mark.parametrize(
    ("named", "missing"),
    [
        ({"ProjectionExpression": "pk, sk, publish_at"}, "publish_at"),
        ({"ProjectionExpression": "pk,#p", "ExpressionAttributeNames": {"#p": "publish_at"}}, "publish_at"),
        ({"ProjectionExpression": "content.caption"}, "content"),
        ({"FilterExpression": "answer = :x AND size(expires_at) > :y"}, "expires_at"),
        ({"FilterExpression": "attribute_not_exists(digest)"}, "digest"),
        ({"AttributesToGet": ["pk", "digest"]}, "digest"),
        ({"Select": "ALL_ATTRIBUTES"}, "ALL_ATTRIBUTES"),
        ({"ConsistentRead": True}, "Consistent"),
    ],
)
def test_what_it_does_not_project_is_refused(named, missing):
    assert missing in str(refusal({"IndexName": "ByTenant", **named}, CALLERS))


def test_an_index_of_everything_and_the_table_itself_know_every_attribute():
    assert refusal({"IndexName": "ByAccount", "ProjectionExpression": "whatever"}, POSTS) is None
    assert refusal({"ProjectionExpression": "whatever", "ConsistentRead": True}, POSTS) is None
    assert refusal({"IndexName": "Open", "ProjectionExpression": "whatever"}, POSTS) is not None


def test_no_client_of_a_contract_test_is_spared(cloud):
    table = cloud.table("CallersTable")
    asked = {
        "TableName": table,
        "IndexName": "ByTenant",
        "KeyConditionExpression": "tenant_pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "TENANT#acme"}},
    }
    for client in (cloud.client("dynamodb"), boto3.client("dynamodb", region_name=REGION)):
        assert client.query(**asked)["Items"] == []
        with pytest.raises(ClientError, match=r"ValidationException.*ByTenant does not project \[publish_at\]"):
            client.query(**asked, ProjectionExpression="publish_at")
