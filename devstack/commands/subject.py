"""`darkroom subject block` and `unblock`: one user of the OIDC issuer, whose tokens have not expired yet."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.callers import DynamoDBBlockedSubjects
from darkroom.errors import StoreUnavailableError
from darkroom.tenants import subject_hash
from devstack.cloud import STACK
from devstack.processes import LocalCloudError

DESCRIPTION = """\
Refuses every JWT of one user from the next request on, or accepts them again. SUBJECT is the `sub` claim as the issuer
writes it; only its hash is stored. API keys belong to nobody: delete those that the user had (docs/operations.md).

Which AWS is meant is up to the environment, as for the AWS CLI: your profile and region for an account, or
`. .local/env` for a running `darkroom up`. The caller needs cloudformation:DescribeStacks, and dynamodb:PutItem and
dynamodb:DeleteItem on the callers' table."""


@dataclass(frozen=True)
class _Door:
    table: str
    issuer: str


def add_to(commands: Any) -> None:
    subject: argparse.ArgumentParser = commands.add_parser("subject", help="block a user's JWTs (on AWS, or here)")
    deeds = subject.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, words in (("block", "refuse every JWT of a user at once"), ("unblock", "accept them again")):
        parser = deeds.add_parser(
            name, help=words, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--subject", required=True, help="the user: the `sub` claim, to the letter")
        parser.add_argument("--stack", default=STACK, help="CloudFormation stack (default: %(default)s)")
        parser.set_defaults(run=run, deed=name)


def run(options: argparse.Namespace) -> int:
    try:
        session = boto3.Session()
        door = _door(session.client("cloudformation"), options.stack)
        blocked = DynamoDBBlockedSubjects(session.client("dynamodb"), door.table)
        sha256 = subject_hash(door.issuer, options.subject)
        if options.deed == "block":
            blocked.block(sha256, datetime.now(UTC))
            print(f"Blocked: JWTs of {options.subject} from {door.issuer} are refused from now on.")
        else:
            was_blocked = blocked.unblock(sha256)
            print(f"{'Unblocked' if was_blocked else 'Was not blocked'}: {options.subject} from {door.issuer}.")
    except StoreUnavailableError as error:
        raise LocalCloudError("DynamoDB does not answer; nothing is certain. Say it again.") from error
    except (ClientError, BotoCoreError) as error:
        raise LocalCloudError(f"AWS refused: {error}") from error
    return 0


def _door(cloudformation: Any, stack: str) -> _Door:
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}
    if "CallersTableName" not in outputs:
        raise LocalCloudError(f"Stack {stack} has no output CallersTableName; is it this project's?")
    issuer = parameters.get("OidcIssuer", "").strip()
    if not issuer:
        raise LocalCloudError(f"Stack {stack} has no OidcIssuer: it accepts no JWTs, so there is nobody to block.")
    return _Door(outputs["CallersTableName"], issuer)
