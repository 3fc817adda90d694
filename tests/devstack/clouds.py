"""What tests ask of a running toy cloud."""

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from devstack.cloud import LocalCloud

BURST = 16


def call(cloud: LocalCloud, path: str, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(cloud.api_url + path, data, {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=35) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def outcome(cloud: LocalCloud, service: str, operation: str, **arguments: Any) -> str:
    """What a function with the private function's role is told by AWS."""
    wish = {"service": service, "operation": operation, "arguments": arguments}
    status, answer = call(cloud, "/private", wish, authorization="ada")
    assert status == 200, answer
    return answer["outcome"]


def put_note(cloud: LocalCloud, key: str) -> str:
    return outcome(cloud, "dynamodb", "put_item", TableName=cloud.outputs["NotesTableName"], Item={"pk": {"S": key}})


def encrypt(cloud: LocalCloud, context: dict[str, str]) -> str:
    key = cloud.outputs["KeyArn"]
    return outcome(cloud, "kms", "encrypt", KeyId=key, Plaintext="x", EncryptionContext=context)


def remind(cloud: LocalCloud, operation: str, group: str) -> str:
    """What comes of creating, updating or deleting a schedule of that group, far in the future."""
    arguments: dict[str, Any] = {"Name": "reminder", "GroupName": group}
    if operation != "delete_schedule":
        target = {
            "Arn": "arn:aws:lambda:eu-central-1:000000000000:function:x",
            "RoleArn": "arn:aws:iam::000000000000:role/x",
        }
        arguments |= {"ScheduleExpression": "at(2099-01-01T00:00:00)", "FlexibleTimeWindow": {"Mode": "OFF"}}
        arguments["Target"] = target
    return outcome(cloud, "scheduler", operation, **arguments)


def execute(cloud: LocalCloud) -> dict[str, Any]:
    client = cloud.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=cloud.outputs["WorkflowArn"], input="{}")["executionArn"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = client.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            return found
        time.sleep(0.05)
    raise AssertionError("the execution did not end")


def busy_processes(cloud: LocalCloud, function: str) -> int:
    """How many processes of a function there are after a burst of calls."""
    with ThreadPoolExecutor(BURST) as threads:
        assert {status for status, _ in threads.map(partial(call, cloud), ["/hello/Ada"] * BURST)} == {200}
    mentioned = processes_mentioning(str(cloud.state_dir), f"-{function}-")
    return sum("awslambdaric" in command for command in mentioned)


def processes_mentioning(*texts: str) -> list[str]:
    """Their environment names the state folder (HOME), and so does every worker's, which also names its function."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if all(text.encode() in environment for text in texts):
            found.append((process / "cmdline").read_bytes().decode())
    return found
