"""Endpoints for outgoing webhooks and their secrets: the fakes and DynamoDB keep the same promises."""

from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom.aws.endpoints import DynamoDBEndpointSecrets, RegisteringEndpoints
from darkroom.aws.vault import Vault
from darkroom.endpoints import OLD_SECRET_VALID
from darkroom.errors import ConflictError, NotFoundError, TokenUnreadableError
from tests.builders import NOW, OTHER_TENANT, TENANT, an_endpoint
from tests.outgoing_fakes import FakeEndpoints, FakeEndpointSecrets

SECRET, NEWER, NEWEST = ("whsec_Q0FOQVJZLW9uZQ==", "whsec_Q0FOQVJZLXR3bw==", "whsec_Q0FOQVJZLXRocmVl")


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request, cloud):
    if request.param == "fake":
        endpoints = FakeEndpoints()
        return endpoints, FakeEndpointSecrets(endpoints)
    kms = cloud.client("kms")
    vault = Vault(kms, kms.create_key()["KeyMetadata"]["Arn"])
    client, table = cloud.client("dynamodb"), cloud.table("EndpointsTable")
    return RegisteringEndpoints(client, table, vault), DynamoDBEndpointSecrets(client, table, vault)


@pytest.fixture
def endpoints(stores):
    return stores[0]


@pytest.fixture
def secrets(stores):
    return stores[1]


@pytest.fixture
def endpoint(endpoints):
    made = an_endpoint(types=("comment.*", "post.published"), account_ids=("acc_1",), description="ä\u2028😀")
    endpoints.add(made, SECRET)
    return made


def test_an_endpoint_comes_back_as_it_was(endpoints, endpoint):
    assert endpoints.get(TENANT, endpoint.id) == endpoint


def test_what_is_left_out_stays_out(endpoints):
    plain = an_endpoint()
    endpoints.add(plain, SECRET)
    assert endpoints.get(TENANT, plain.id) == plain


def test_a_tenants_endpoints_are_its_own_in_the_order_of_their_making(endpoints):
    made = [an_endpoint(id=f"wh_0000000000000000000000000{number}") for number in (2, 1, 3)]
    for each in (*made, an_endpoint(tenant_id=OTHER_TENANT)):
        endpoints.add(each, SECRET)
    assert [each.id[-1] for each in endpoints.of(TENANT)] == ["1", "2", "3"]
    assert len(endpoints.of(OTHER_TENANT)) == 1
    with pytest.raises(NotFoundError):
        endpoints.get("initech", made[0].id)


def test_a_change_makes_a_new_version_and_forgets_failures(endpoints, endpoint):
    endpoints.mark_failing(endpoint, NOW)
    changed = replace(endpoint, url="https://new.example.com", types=None, description=None)
    saved = endpoints.save(changed)
    assert saved == replace(changed, version=2)
    assert endpoints.get(TENANT, endpoint.id) == saved


def test_of_two_changes_to_one_version_the_first_counts(endpoints, endpoint):
    endpoints.save(replace(endpoint, description="first"))
    with pytest.raises(ConflictError):
        endpoints.save(replace(endpoint, description="second"))
    assert endpoints.get(TENANT, endpoint.id).description == "first"


def test_an_endpoint_that_is_gone_cannot_be_changed_marked_or_rotated(endpoints, endpoint, secrets):
    endpoints.remove(endpoint)
    endpoints.remove(endpoint)
    endpoints.mark_failing(endpoint, NOW)
    endpoints.mark_working(endpoint)
    for change in (
        lambda: endpoints.rotate(endpoint, NEWER, NOW),
        lambda: endpoints.disable(endpoint, "gone", NOW),
        lambda: endpoints.get(TENANT, endpoint.id),
        lambda: secrets.valid(endpoint, NOW),
    ):
        with pytest.raises(NotFoundError):
            change()
    with pytest.raises(ConflictError):
        endpoints.save(endpoint)
    assert endpoints.of(TENANT) == ()


def test_it_fails_since_the_first_failure_after_the_last_success(endpoints, endpoint):
    endpoints.mark_failing(endpoint, NOW)
    endpoints.mark_failing(endpoint, NOW + timedelta(hours=1))
    assert endpoints.get(TENANT, endpoint.id) == replace(endpoint, failing_since=NOW)
    endpoints.mark_working(endpoint)
    assert endpoints.get(TENANT, endpoint.id) == endpoint


def test_whoever_disables_it_first_says_why(endpoints, endpoint):
    disabled = replace(endpoint, disabled_at=NOW, disabled_reason="gone", version=2)
    assert endpoints.disable(endpoint, "gone", NOW) == disabled
    assert endpoints.disable(endpoint, "failing", NOW + timedelta(hours=1)) == disabled
    assert endpoints.get(TENANT, endpoint.id) == disabled


def test_whoever_edits_it_hears_that_it_was_disabled_meanwhile(endpoints, endpoint):
    endpoints.disable(endpoint, "gone", NOW)
    with pytest.raises(ConflictError):
        endpoints.save(replace(endpoint, description="no idea"))


def test_an_endpoint_is_enabled_again(endpoints, endpoint):
    disabled = endpoints.disable(endpoint, "gone", NOW)
    endpoints.save(replace(disabled, disabled_at=None, disabled_reason=None))
    assert endpoints.get(TENANT, endpoint.id).is_enabled


def test_its_secret_is_valid(endpoint, secrets):
    assert secrets.valid(endpoint, NOW) == (SECRET,)


def test_after_a_rotation_both_are_valid_for_a_day(endpoints, endpoint, secrets):
    assert endpoints.rotate(endpoint, NEWER, NOW) == NOW + OLD_SECRET_VALID
    assert secrets.valid(endpoint, NOW) == (NEWER, SECRET)
    assert secrets.valid(endpoint, NOW + OLD_SECRET_VALID) == (NEWER,)


def test_a_second_rotation_ends_the_oldest_at_once(endpoints, endpoint, secrets):
    endpoints.rotate(endpoint, NEWER, NOW)
    endpoints.rotate(endpoint, NEWEST, NOW)
    assert secrets.valid(endpoint, NOW) == (NEWEST, NEWER)


# Of DynamoDB alone


@pytest.fixture
def sealed(cloud):
    kms = cloud.client("kms")
    vault = Vault(kms, kms.create_key()["KeyMetadata"]["Arn"])
    return RegisteringEndpoints(cloud.client("dynamodb"), cloud.table("EndpointsTable"), vault)


def test_no_item_holds_a_secret_in_clear(sealed):
    sealed.add(an_endpoint(), SECRET)
    sealed.rotate(an_endpoint(), NEWER, NOW)
    stored = repr(sealed.client.scan(TableName=sealed.table)["Items"])
    assert "whsec" not in stored
    assert "CANARY" not in stored


def test_a_secret_that_was_copied_to_another_endpoint_opens_for_nobody(sealed):
    mine, other = an_endpoint(), an_endpoint(id="wh_00000000000000000000000002")
    sealed.add(mine, SECRET)
    sealed.add(other, NEWER)
    key = {"pk": {"S": f"TENANT#{TENANT}"}, "sk": {"S": f"SECRETS#{mine.id}"}}
    item = sealed.client.get_item(TableName=sealed.table, Key=key)["Item"]
    sealed.client.put_item(TableName=sealed.table, Item=item | {"sk": {"S": f"SECRETS#{other.id}"}})
    with pytest.raises(TokenUnreadableError):
        DynamoDBEndpointSecrets(sealed.client, sealed.table, Vault(sealed.vault.kms, sealed.vault.key_arn)).valid(
            other, NOW
        )


def test_a_secret_is_not_opened_as_a_token_of_the_same_name(sealed):
    kept = sealed.vault.seal_for_endpoint(SECRET, TENANT, "x")
    with pytest.raises(TokenUnreadableError):
        Vault(sealed.vault.kms, sealed.vault.key_arn).open(kept, TENANT, "x")
