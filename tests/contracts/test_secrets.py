"""The app credentials over Secrets Manager on moto."""

import json

import pytest

from darkroom.aws.secrets import AppSecret
from darkroom.errors import ConfigurationError, StoreUnavailableError
from tests.fakes import Clock

GOOD = {"app_id": "990000000000001", "app_secret": "CANARY-secret"}


@pytest.fixture
def manager(cloud):
    return cloud.client("secretsmanager")


@pytest.fixture
def arn(manager):
    arn = manager.create_secret(Name="InstagramAppSecret")["ARN"]
    yield arn
    manager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def secret(manager, arn, clock):
    return AppSecret(manager, arn, lambda: clock().timestamp())


def put(manager, arn, value):
    manager.put_secret_value(SecretId=arn, SecretString=value if isinstance(value, str) else json.dumps(value))


def test_reads_the_credentials(secret, manager, arn):
    put(manager, arn, GOOD)
    assert secret.credentials().app_id == GOOD["app_id"]
    assert secret.credentials().app_secret == GOOD["app_secret"]


def test_never_prints_the_app_secret(secret, manager, arn):
    put(manager, arn, GOOD)
    assert "CANARY" not in repr(secret.credentials()) + repr(secret)


def test_says_what_to_do_while_the_secret_is_empty(secret):
    with pytest.raises(ConfigurationError) as refusal:
        secret.credentials()
    assert "app_id" in refusal.value.detail


@pytest.mark.parametrize(
    "value",
    [
        "not json",
        "[]",
        '"text"',
        {},
        {"app_id": "1"},
        {"app_id": 990000000000001, "app_secret": "x"},
        {"app_id": "", "app_secret": "x"},
        {"app_id": " ", "app_secret": "x"},
        {"app_id": "1", "app_secret": ""},
        {"app_id": "1", "app_secret": None},
        {"app_id": "1", "app_secret": '"quoted"'},
        {"app_id": "'1'", "app_secret": "x"},
        {"app_id": "1", "app_secret": "pasted with its line end\n"},
    ],
    ids=str,
)
def test_refuses_a_malformed_secret_without_showing_it(secret, manager, arn, value):
    put(manager, arn, value)
    with pytest.raises(ConfigurationError) as refusal:
        secret.credentials()
    assert "InstagramAppSecret" in refusal.value.detail
    assert "quoted" not in refusal.value.detail


def test_a_mended_secret_counts_at_once(secret, manager, arn):
    put(manager, arn, {})
    with pytest.raises(ConfigurationError):
        secret.credentials()
    put(manager, arn, GOOD)
    assert secret.credentials().app_id == GOOD["app_id"]


def test_reads_a_rotated_secret_when_the_old_one_is_a_quarter_of_an_hour_old(secret, manager, arn, clock, wire):
    put(manager, arn, GOOD)
    secret.credentials()
    put(manager, arn, GOOD | {"app_secret": "rotated"})
    sent = wire.counts(manager, "GetSecretValue")
    clock.advance(899)
    assert secret.credentials().app_secret == GOOD["app_secret"]
    assert sent == []
    clock.advance(1)
    assert secret.credentials().app_secret == "rotated"
    assert len(sent) == 1


def test_a_throttled_secrets_manager_means_wait(secret, manager, wire):
    wire.answers(manager, "GetSecretValue", "ThrottlingException")
    with pytest.raises(StoreUnavailableError):
        secret.credentials()
