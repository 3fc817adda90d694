"""What an administrator of this AWS account can look up: executions and their histories, tables, roles."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
from botocore.exceptions import ClientError

from devstack.cloud import LocalCloud

TABLES = ("AccountsTableName", "PostsTableName", "CallersTableName", "EventsTableName", "EndpointsTableName")
EXECUTION_SECONDS = 30.0

type Item = dict[str, Any]


def tables(cloud: LocalCloud) -> dict[str, list[Item]]:
    """Every item of the three tables, as DynamoDB stores it, in the order of their keys."""
    return {name: items(cloud, name) for name in TABLES}


# Of other tenants' accounts, whose upkeep goes on: a deletion that ends, a refresh.
_OTHERS = ("TENANT#", "CONSENTS#", "META_USER#", "INSTAGRAM#", "DELETION")


def untouched_by(cloud: LocalCloud, *tenant_ids: str) -> dict[str, list[Item]]:
    """
    All that requests of these tenants could have changed, but for how much they ask for in this minute: that is counted
    before anything else is looked at.
    """
    own = {f"TENANT#{tenant_id}" for tenant_id in tenant_ids}

    def is_theirs(item: Item) -> bool:
        partition, sort_key = item["pk"]["S"], item["sk"]["S"]
        is_counted = sort_key.startswith("RATE#")
        return not is_counted and (partition in own or not partition.startswith(_OTHERS))

    return {name: [item for item in found if is_theirs(item)] for name, found in tables(cloud).items()}


def items(cloud: LocalCloud, table: str) -> list[Item]:
    """Without what has expired: DynamoDB deletes that when it likes."""
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs[table])
    found = [item for page in pages for item in page["Items"] if not _has_expired(item)]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def _has_expired(item: Item) -> bool:
    return "expires_at" in item and int(item["expires_at"]["N"]) < time.time()


def items_of(cloud: LocalCloud, table: str, tenant_id: str) -> dict[str, Item]:
    """One tenant's items, by sort key."""
    return {item["sk"]["S"]: item for item in items(cloud, table) if item["pk"]["S"] == f"TENANT#{tenant_id}"}


def executions(cloud: LocalCloud) -> list[dict[str, Any]]:
    pages = cloud.client("stepfunctions").get_paginator("list_executions")
    return [
        execution
        for page in pages.paginate(stateMachineArn=cloud.outputs["PublishPostStateMachineArn"])
        for execution in page["executions"]
    ]


def settle(cloud: LocalCloud) -> None:
    """
    Waits until no workflow is running and no webhook is on its way: what a post's last state is followed by happens
    behind the answers.
    """
    deadline = time.monotonic() + EXECUTION_SECONDS
    while running := [each["name"] for each in executions(cloud) if each["status"] == "RUNNING"]:
        assert time.monotonic() < deadline, f"still running: {running}"
        time.sleep(0.1)
    while waiting := webhooks_on_their_way(cloud):
        assert time.monotonic() < deadline, f"still on their way: {waiting}"
        time.sleep(0.1)


def webhooks_on_their_way(cloud: LocalCloud) -> int:
    """Not delivered yet, or not processed."""
    told = httpx.get(f"{cloud.simulator_url}/_sim/webhooks").json()
    undelivered = told["waiting"] + sum(each["state"] == "waiting" for each in told["deliveries"])
    return int(undelivered + messages_in(cloud, "WebhookQueueUrl"))


def messages_in(cloud: LocalCloud, queue: str) -> int:
    """`queue` is an output of the stack."""
    return messages_at(cloud, cloud.outputs[queue])


def messages_at(cloud: LocalCloud, url: str) -> int:
    """Visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(found["Attributes"][name]) for name in names)


@contextmanager
def erasing_at_once(cloud: LocalCloud) -> Iterator[None]:
    """On AWS the job waits until every function that may still hold the account has ended."""
    sqs, url = cloud.client("sqs"), queue_url(cloud, "ErasureQueue")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "120"})


def erase_now(cloud: LocalCloud, code: str) -> None:
    """One more message of the job's, which comes before the one that waits."""
    body = json.dumps({"code": code})
    cloud.client("sqs").send_message(QueueUrl=queue_url(cloud, "ErasureQueue"), MessageBody=body, DelaySeconds=0)


def queue_url(cloud: LocalCloud, logical_id: str) -> str:
    found = cloud.client("cloudformation").describe_stack_resource(
        StackName=cloud.describe()["stack"], LogicalResourceId=logical_id
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def open_deletions(cloud: LocalCloud) -> set[str]:
    return {each["sk"]["S"] for each in items(cloud, "AccountsTableName") if each["pk"]["S"] == "DELETIONS"}


def settle_deletions(cloud: LocalCloud, but: set[str]) -> None:
    """Waits until all have ended `but` those."""
    deadline = time.monotonic() + EXECUTION_SECONDS
    while open_deletions(cloud) - but:
        assert time.monotonic() < deadline, "still erasing"
        time.sleep(0.1)


TAP = "what-was-on-the-bus"


def tap_bus(cloud: LocalCloud) -> None:
    """A rule of the tests' own: from now on each event on the bus lies in a queue of that name."""
    sqs, events, bus = cloud.client("sqs"), cloud.client("events"), cloud.outputs["EventBusName"]
    url = sqs.create_queue(QueueName=TAP)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=TAP, EventBusName=bus, EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    events.put_targets(Rule=TAP, EventBusName=bus, Targets=[{"Id": "tap", "Arn": arn}])


def queues(cloud: LocalCloud) -> dict[str, list[dict[str, Any]]]:
    """
    What lies in every queue of the region, dead-letter queues included, by name. It stays where it is, but it has been
    received once more: five times, and its queue gives it up.
    """
    sqs = cloud.client("sqs")
    urls = [url for page in sqs.get_paginator("list_queues").paginate() for url in page.get("QueueUrls", [])]
    return {url.rpartition("/")[2]: _lying(sqs, url) for url in urls}


def _lying(sqs: Any, url: str) -> list[dict[str, Any]]:
    """Hidden while they are read, so that each is read once, and then shown again."""
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += messages
    for each in found:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0)
    return found


@contextmanager
def consumers_paused(cloud: LocalCloud) -> Iterator[None]:
    """Nothing is taken out of any queue meanwhile."""
    client = cloud.client("lambda")
    mappings = client.list_event_source_mappings()["EventSourceMappings"]
    of_queues = [each["UUID"] for each in mappings if ":sqs:" in each["EventSourceArn"]]
    assert of_queues
    try:
        for each in of_queues:
            client.update_event_source_mapping(UUID=each, Enabled=False)
        yield
    finally:
        for each in of_queues:
            client.update_event_source_mapping(UUID=each, Enabled=True)


def objects(cloud: LocalCloud) -> dict[str, str]:
    """Every object of every bucket, by bucket and key; the code of the functions is not data."""
    s3 = cloud.client("s3")
    found = {}
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
                found[f"{bucket}/{each['Key']}"] = f"{each['Key']}\n{body.decode('latin-1')}"
    return found


def history(cloud: LocalCloud, execution_arn: str) -> list[dict[str, Any]]:
    pages = cloud.client("stepfunctions").get_paginator("get_execution_history")
    return [event for page in pages.paginate(executionArn=execution_arn) for event in page["events"]]


def failures(cloud: LocalCloud, post_id: str) -> list[tuple[str, str]]:
    """Each failed task of a post's execution: the state and the error's name."""
    arn = next(each["executionArn"] for each in executions(cloud) if each["name"] == post_id)
    found, state = [], ""
    for event in history(cloud, arn):
        state = event.get("stateEnteredEventDetails", {}).get("name", state)
        if event["type"] in {"TaskFailed", "LambdaFunctionFailed"}:
            details = event.get("taskFailedEventDetails") or event.get("lambdaFunctionFailedEventDetails") or {}
            found.append((state, details["error"]))
    return found


def as_role_of(cloud: LocalCloud, function: str) -> boto3.Session:
    """
    A session with the rights of a function's role.

    Only Lambda may assume it, so the administrator first lets himself in. That changes who has the rights, not which.
    """
    role = _role(cloud, function)
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = role["AssumeRolePolicyDocument"]
    document = json.loads(document) if isinstance(document, str) else document
    document["Statement"].append(trust)
    cloud.client("iam").update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=json.dumps(document))
    told = cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="probe")["Credentials"]
    return boto3.Session(
        told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"], region_name=cloud.describe()["region"]
    )


def outcome(cloud: LocalCloud, session: boto3.Session, service: str, operation: str, **arguments: Any) -> str:
    """`ok`, or the code of the refusal."""
    client = session.client(service, endpoint_url=cloud.aws_url)
    try:
        getattr(client, operation)(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    finally:
        client.close()
    return "ok"


def _role(cloud: LocalCloud, function: str) -> dict[str, Any]:
    """By the function's logical id."""
    resource = cloud.client("cloudformation").describe_stack_resource(
        StackName=cloud.describe()["stack"], LogicalResourceId=f"{function}Role"
    )["StackResourceDetail"]
    role: dict[str, Any] = cloud.client("iam").get_role(RoleName=resource["PhysicalResourceId"])["Role"]
    return role
