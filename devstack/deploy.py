"""The translated template, created as a CloudFormation stack through public APIs."""

import json
import time
from dataclasses import dataclass
from typing import Any

from devstack.artifacts import BUCKET
from devstack.ministack import REGION, MiniStack
from devstack.processes import LocalCloudError
from devstack.template import Template

TEMPLATE_KEY = "template.json"
DEPLOY_SECONDS = 120


@dataclass(frozen=True)
class Stack:
    name: str
    outputs: dict[str, str]
    physical_ids: dict[str, str]  # by logical id


def create_stack(
    aws: MiniStack, name: str, template: Template, artifacts: dict[str, bytes], parameters: dict[str, str]
) -> Stack:
    _upload(aws, {**artifacts, TEMPLATE_KEY: json.dumps(template).encode()})
    aws.client("cloudformation").create_stack(
        StackName=name,
        TemplateURL=f"{aws.url}/{BUCKET}/{TEMPLATE_KEY}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    outputs = _wait(aws, name)
    return Stack(name, outputs, physical_ids(aws.client("cloudformation"), name))


def _upload(aws: MiniStack, objects: dict[str, bytes]) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key, body in objects.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def _wait(aws: MiniStack, name: str) -> dict[str, str]:
    cloudformation = aws.client("cloudformation")
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if not stack["StackStatus"].endswith("IN_PROGRESS") or "ROLLBACK" in stack["StackStatus"]:
            raise LocalCloudError(f"{_failure(cloudformation, name, stack)}\n{aws.process.last_words()}")
        time.sleep(0.05)
    raise LocalCloudError(f"Stack {name} was not complete after {DEPLOY_SECONDS} s.")


def _failure(cloudformation: Any, name: str, stack: dict[str, Any]) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in events
        if "FAILED" in event["ResourceStatus"]
    ]
    summary = f"Stack {name}: {stack['StackStatus']} {stack.get('StackStatusReason', '')}"
    return "\n".join([summary, *reasons])


def physical_ids(cloudformation: Any, name: str) -> dict[str, str]:
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
