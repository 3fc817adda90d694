"""
The SDK clients, one of each while the function is warm. Time-outs are designed: a healthy call answers in milliseconds,
and both attempts together, six seconds at most, stay within the shortest function time-out.
"""

import logging
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_kms import KMSClient
    from types_boto3_scheduler import EventBridgeSchedulerClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

# botocore tells at INFO where it found credentials: noise at every cold start, paid for by the byte.
logging.getLogger("botocore").setLevel(logging.WARNING)

_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
# For what may be lost, but must not hold anything up.
_IMPATIENT = Config(connect_timeout=0.5, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1})


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = boto3.client("dynamodb", config=_CONFIG)
    return client


@cache
def eventbridge() -> "EventBridgeClient":
    client: EventBridgeClient = boto3.client("events", config=_CONFIG)
    return client


@cache
def impatient_dynamodb() -> "DynamoDBClient":
    """One attempt, a second at most."""
    client: DynamoDBClient = boto3.client("dynamodb", config=_IMPATIENT)
    return client


@cache
def kms() -> "KMSClient":
    client: KMSClient = boto3.client("kms", config=_CONFIG)
    return client


@cache
def scheduler() -> "EventBridgeSchedulerClient":
    client: EventBridgeSchedulerClient = boto3.client("scheduler", config=_CONFIG)
    return client


@cache
def secretsmanager() -> "SecretsManagerClient":
    client: SecretsManagerClient = boto3.client("secretsmanager", config=_CONFIG)
    return client


@cache
def sqs() -> "SQSClient":
    client: SQSClient = boto3.client("sqs", config=_CONFIG)
    return client


@cache
def stepfunctions() -> "SFNClient":
    client: SFNClient = boto3.client("stepfunctions", config=_CONFIG)
    return client
