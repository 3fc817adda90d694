"""`darkroom subject` against a table as AWS has it, and a stack that says where it is."""

import boto3
import pytest
from moto import mock_aws

from darkroom.aws.callers import DynamoDBBlockedSubjects
from darkroom.tenants import subject_hash
from devstack import cli
from devstack.commands import subject

REGION = "eu-central-1"
ISSUER = "https://issuer.example"


class CloudFormation:
    def __init__(self, issuer=ISSUER, table="callers"):
        self.parameters = {"OidcIssuer": issuer}
        self.outputs = {"CallersTableName": table} if table else {}

    def describe_stacks(self, **_asked):
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"Parameters": parameters, "Outputs": outputs}]}


@pytest.fixture
def aws(monkeypatch):
    """The stack, to be changed, and who is blocked in its table."""
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        names = ("pk", "sk")
        dynamodb.create_table(
            TableName="callers",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in zip(names, ("HASH", "RANGE"), strict=True)],
        )
        stack = CloudFormation()

        class Session:
            def client(self, name):
                return {"cloudformation": stack, "dynamodb": dynamodb}[name]

        monkeypatch.setattr(subject.boto3, "Session", Session)
        yield stack, DynamoDBBlockedSubjects(dynamodb, "callers")


def test_blocking_and_unblocking_reach_the_table_that_the_authorizer_reads(aws, capsys):
    _, blocked = aws
    ada = subject_hash(ISSUER, "ada")
    assert cli.main(["subject", "block", "--subject", "ada", "--stack", "darkroom-dev"]) == 0
    assert blocked.is_blocked(ada)
    assert not blocked.is_blocked(subject_hash(ISSUER, "grace"))
    assert cli.main(["subject", "unblock", "--subject", "ada"]) == 0
    assert not blocked.is_blocked(ada)
    assert "Unblocked: ada" in capsys.readouterr().out
    assert cli.main(["subject", "unblock", "--subject", "ada"]) == 0
    assert "Was not blocked: ada" in capsys.readouterr().out


def test_a_stack_that_takes_no_jwts_has_nobody_to_block(aws, capsys):
    stack, _ = aws
    stack.parameters = {"OidcIssuer": ""}
    assert cli.main(["subject", "block", "--subject", "ada"]) == 1
    assert "accepts no JWTs" in capsys.readouterr().err


def test_another_projects_stack_is_left_alone(aws, capsys):
    stack, _ = aws
    stack.outputs = {}
    assert cli.main(["subject", "block", "--subject", "ada"]) == 1
    assert "CallersTableName" in capsys.readouterr().err


def test_what_aws_refuses_is_no_success(aws, capsys):
    stack, _ = aws
    stack.outputs = {"CallersTableName": "another"}
    assert cli.main(["subject", "block", "--subject", "ada"]) == 1
    assert "AWS refused: " in capsys.readouterr().err
