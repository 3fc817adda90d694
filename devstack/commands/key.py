"""`darkroom key create`: an API key for a tenant, through the operator's Lambda function."""

import argparse
import json
import sys
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from devstack import api_keys
from devstack.cloud import STACK
from devstack.gateway import FunctionError, UnavailableError
from devstack.processes import LocalCloudError

DESCRIPTION = """\
Creates an API key by invoking the stack's IssueApiKeyFunction. Which AWS is meant is up to the environment, as for
the AWS CLI: your profile and region for an account, or `. .local/env` for a running `darkroom up`. The caller needs
cloudformation:DescribeStacks and lambda:InvokeFunction. The key goes to standard output and is never shown again."""


@dataclass(frozen=True)
class _Issuer:
    function: str
    mode: str  # live or test, as the stack was deployed


def add_to(commands: Any) -> None:
    key: argparse.ArgumentParser = commands.add_parser("key", help="API keys (on AWS, or of `darkroom up`)")
    parser = key.add_subparsers(title="commands", metavar="COMMAND", required=True).add_parser(
        "create", help="create an API key for a tenant", description=DESCRIPTION
    )
    parser.add_argument("--tenant", required=True, help="the tenant that the key speaks for")
    parser.add_argument(
        "--scope", action="append", required=True, help="what it may do, for example posts:write; repeatable"
    )
    parser.add_argument("--name", default="darkroom key create", help="what the key is for, shown in lists")
    parser.add_argument("--stack", default=STACK, help="CloudFormation stack (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    scopes = options.scope
    try:
        session = boto3.Session()
        issuer = _issuer(session.client("cloudformation"), options.stack)
        wish = {"tenant_id": options.tenant, "scopes": scopes, "mode": issuer.mode, "name": options.name}
        issued = api_keys.issue(session.client("lambda"), issuer.function, wish)
    except (ClientError, BotoCoreError, UnavailableError) as error:
        raise LocalCloudError(f"AWS refused: {error}") from error
    except FunctionError as error:
        raise LocalCloudError(f"The function refused: {error}. Its log says more.") from error
    if options.json:
        print(json.dumps(issued))
    else:
        print(f"For {options.tenant}, {', '.join(scopes)}. Keep it: it is not shown again.", file=sys.stderr)
        print(issued["key"])
    return 0


def _issuer(cloudformation: Any, stack: str) -> _Issuer:
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}
    if "IssueApiKeyFunctionName" not in outputs:
        raise LocalCloudError(f"Stack {stack} has no output IssueApiKeyFunctionName; is it this project's?")
    return _Issuer(outputs["IssueApiKeyFunctionName"], parameters.get("Mode", "live"))
