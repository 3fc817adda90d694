"""
The SDK clients, one of each while the function is warm. Time-outs are designed: a healthy call answers in milliseconds,
and both attempts together, six seconds at most, stay within the shortest function time-out.

They are botocore's, the very ones that boto3 hands out: what boto3 adds to them is resources and file transfers, which
nothing here uses and each cold start would import. Their data holds only what this folder calls (devstack/sdk_data.py).
"""

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client
    from types_boto3_scheduler import EventBridgeSchedulerClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

# botocore tells at INFO where it found credentials: noise at every cold start, paid for by the byte.
logging.getLogger("botocore").setLevel(logging.WARNING)

_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
# For what may be lost, but must not hold anything up.
_IMPATIENT = Config(connect_timeout=0.5, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1})
# Meta waits five seconds for an answer, and sends again.
_WITHIN_FIVE_SECONDS = Config(
    connect_timeout=0.5, read_timeout=1.2, retries={"mode": "standard", "total_max_attempts": 2}
)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def _client(service: str, config: Config = _CONFIG) -> Any:
    return _session().create_client(service, config=config)


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb")
    return client


@cache
def eventbridge() -> "EventBridgeClient":
    client: EventBridgeClient = _client("events")
    return client


@cache
def impatient_dynamodb() -> "DynamoDBClient":
    """One attempt, a second at most."""
    client: DynamoDBClient = _client("dynamodb", _IMPATIENT)
    return client


@cache
def kms() -> "KMSClient":
    client: KMSClient = _client("kms")
    return client


@cache
def s3() -> "S3Client":
    client: S3Client = _client("s3")
    return client


@cache
def scheduler() -> "EventBridgeSchedulerClient":
    client: EventBridgeSchedulerClient = _client("scheduler")
    return client


@cache
def secretsmanager() -> "SecretsManagerClient":
    """As `sqs`: the receiver waits for one of its two secrets at most."""
    client: SecretsManagerClient = _client("secretsmanager", _WITHIN_FIVE_SECONDS)
    return client


@cache
def sqs() -> "SQSClient":
    """Both attempts together take less than five seconds."""
    client: SQSClient = _client("sqs", _WITHIN_FIVE_SECONDS)
    return client


@cache
def stepfunctions() -> "SFNClient":
    client: SFNClient = _client("stepfunctions")
    return client
