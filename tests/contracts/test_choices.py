"""Choices of an account that wait for their owner: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from darkroom.aws.choices import DynamoDBConnectChoices
from darkroom.aws.vault import Vault
from darkroom.errors import ConnectError
from tests.builders import NOW, a_choice
from tests.fakes import FakeChoices

OURS = ("state-hash", "browser")


@pytest.fixture(scope="module")
def key_arn(cloud):
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def vault(cloud, key_arn):
    return Vault(cloud.client("kms"), key_arn)


@pytest.fixture(params=["fake", "dynamodb"])
def choices(request, cloud, vault):
    if request.param == "fake":
        return FakeChoices()
    return DynamoDBConnectChoices(cloud.client("dynamodb"), cloud.table("CallersTable"), vault)


def test_keeps_every_field_and_the_token(choices):
    choice = a_choice(session=replace(a_choice().session, return_url="/done"), token_expires_at=NOW)
    choices.hold(choice, "EAA-token")
    assert choices.take(choice.session.id, *OURS, NOW) == (choice, "EAA-token")


def test_only_one_caller_ever_gets_it(choices):
    choice = a_choice()
    choices.hold(choice, "EAA-token")

    def attempt(_):
        try:
            return choices.take(choice.session.id, *OURS, NOW)
        except ConnectError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert len([taken for taken in pool.map(attempt, range(16)) if taken]) == 1


@pytest.mark.parametrize("wrong", [("guessed", "browser"), ("state-hash", "another")])
def test_another_state_or_browser_gets_nothing_and_leaves_it(choices, wrong):
    choice = a_choice()
    choices.hold(choice, "EAA-token")
    with pytest.raises(ConnectError):
        choices.take(choice.session.id, *wrong, NOW)
    with pytest.raises(ConnectError):
        choices.take("con_unknown", *OURS, NOW)
    assert choices.take(choice.session.id, *OURS, NOW)[1] == "EAA-token"


@pytest.mark.parametrize("late_by", [timedelta(0), timedelta(seconds=1), timedelta(days=2)])
def test_an_expired_choice_is_dead_although_its_item_is_still_there(choices, late_by):
    choice = a_choice()
    choices.hold(choice, "EAA-token")
    with pytest.raises(ConnectError):
        choices.take(choice.session.id, *OURS, choice.expires_at + late_by)


def test_the_token_is_nowhere_in_clear_and_dies_with_the_item(cloud, vault):
    client, table = cloud.client("dynamodb"), cloud.table("CallersTable")
    choice = a_choice()
    DynamoDBConnectChoices(client, table, vault).hold(choice, "CANARY-user-token")
    (item,) = client.scan(TableName=table)["Items"]
    assert "CANARY" not in repr(item)
    assert item["expires_at"]["N"] == str(int(choice.expires_at.timestamp()))


def test_a_choice_is_sealed_for_its_session_so_that_no_account_opens_it(cloud, vault, wire):
    heard = wire.hears(cloud.client("kms"), "GenerateDataKey")
    choice = a_choice()
    DynamoDBConnectChoices(cloud.client("dynamodb"), cloud.table("CallersTable"), vault).hold(choice, "t")
    assert heard[0]["EncryptionContext"] == {"tenant_id": choice.session.tenant_id, "account_id": choice.session.id}


def test_a_fault_of_the_store_is_not_mistaken_for_a_wrong_state(cloud, vault, wire):
    client = cloud.client("dynamodb")
    choices = DynamoDBConnectChoices(client, cloud.table("CallersTable"), vault)
    wire.answers(client, "DeleteItem", "ValidationException")
    with pytest.raises(ClientError):
        choices.take("con_1", *OURS, NOW)
