"""Token custody over KMS on moto: a token opens for its own account, and for nobody else."""

from dataclasses import replace

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from darkroom.aws.vault import Vault
from darkroom.errors import StoreUnavailableError, TokenUnreadableError
from tests.builders import OTHER_TENANT, TENANT

TOKEN = "CANARY-token-ä-🗝"
URL = "https://kms.test"


@pytest.fixture
def kms(cloud):
    return cloud.client("kms")


@pytest.fixture
def vault(kms):
    return Vault(kms, kms.create_key()["KeyMetadata"]["Arn"])


def cold(vault):
    """The same vault after a restart."""
    return Vault(vault.kms, vault.key_arn)


def test_opens_what_it_sealed(vault):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    assert vault.open(sealed, TENANT, "acc_1") == TOKEN
    assert cold(vault).open(sealed, TENANT, "acc_1") == TOKEN


def test_nothing_that_is_stored_or_printed_shows_the_token(vault):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    assert TOKEN.encode() not in sealed.ciphertext + sealed.wrapped_key
    vault.open(sealed, TENANT, "acc_1")
    assert "CANARY" not in repr(vault) + repr(sealed)
    assert "_unwrapped" not in repr(vault)


def test_the_same_token_never_looks_the_same_twice(vault):
    first, second = (vault.seal(TOKEN, TENANT, "acc_1") for _ in range(2))
    assert first.ciphertext != second.ciphertext
    assert first.wrapped_key != second.wrapped_key


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(("tenant_id", "account_id"), [(TENANT, "acc_2"), (OTHER_TENANT, "acc_1"), ("acmeacc", "_1")])
def test_a_ciphertext_copied_to_another_account_opens_for_nobody(vault, tenant_id, account_id, warm):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    opener = vault if warm else cold(vault)
    if warm:
        opener.open(sealed, TENANT, "acc_1")
    with pytest.raises(TokenUnreadableError):
        opener.open(sealed, tenant_id, account_id)


def test_the_key_of_one_token_does_not_open_another(vault):
    one, two = vault.seal(TOKEN, TENANT, "acc_1"), vault.seal("other", TENANT, "acc_1")
    with pytest.raises(TokenUnreadableError):
        vault.open(replace(one, wrapped_key=two.wrapped_key), TENANT, "acc_1")


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("position", [0, 11, 12, 20, -1])
def test_one_flipped_bit_makes_it_unreadable(vault, position, warm):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    if warm:
        vault.open(sealed, TENANT, "acc_1")
    spoilt = bytearray(sealed.ciphertext)
    spoilt[position] ^= 1
    with pytest.raises(TokenUnreadableError):
        vault.open(replace(sealed, ciphertext=bytes(spoilt)), TENANT, "acc_1")


def test_a_flipped_bit_in_the_wrapped_key_makes_it_unreadable(vault):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    spoilt = bytearray(sealed.wrapped_key)
    spoilt[-1] ^= 1
    with pytest.raises(TokenUnreadableError):
        vault.open(replace(sealed, wrapped_key=bytes(spoilt)), TENANT, "acc_1")


@pytest.mark.parametrize("ciphertext", [b"", b"short", b"twelve bytes"])
def test_a_clipped_ciphertext_is_unreadable(vault, ciphertext):
    sealed = replace(vault.seal(TOKEN, TENANT, "acc_1"), ciphertext=ciphertext)
    with pytest.raises(TokenUnreadableError):
        vault.open(sealed, TENANT, "acc_1")


def test_a_format_that_it_does_not_know_is_unreadable(vault):
    sealed = replace(vault.seal(TOKEN, TENANT, "acc_1"), format=3)
    with pytest.raises(TokenUnreadableError):
        vault.open(sealed, TENANT, "acc_1")


def test_a_rotated_token_key_opens_what_was_sealed_before(vault, kms):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    kms.rotate_key_on_demand(KeyId=vault.key_arn)
    assert cold(vault).open(sealed, TENANT, "acc_1") == TOKEN


@pytest.mark.parametrize("code", ["DisabledException", "AccessDeniedException", "KMSInvalidStateException"])
@pytest.mark.parametrize("operation", ["Decrypt", "GenerateDataKey"])
def test_says_that_the_token_is_unreadable_when_kms_refuses(vault, kms, wire, operation, code):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    wire.answers(kms, operation, code)
    with pytest.raises(TokenUnreadableError) as refusal:
        vault.open(sealed, TENANT, "acc_1") if operation == "Decrypt" else vault.seal(TOKEN, TENANT, "acc_1")
    assert code in refusal.value.detail


@pytest.mark.parametrize(
    "answer",
    [
        ("ThrottlingException", 400),
        ("KMSInternalException", 500),
        ("DependencyTimeoutException", 503),
        ("KeyUnavailableException", 500),
        ("", 503, "<html>somewhere on the way</html>"),
    ],
    ids=str,
)
@pytest.mark.parametrize("operation", ["Decrypt", "GenerateDataKey"])
def test_waits_when_kms_is_busy(vault, kms, wire, operation, answer):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    wire.answers(kms, operation, *answer)
    with pytest.raises(StoreUnavailableError):
        vault.open(sealed, TENANT, "acc_1") if operation == "Decrypt" else vault.seal(TOKEN, TENANT, "acc_1")
    wire.mended()
    assert vault.open(sealed, TENANT, "acc_1") == TOKEN


@pytest.mark.parametrize("error", [ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError])
def test_waits_when_kms_cannot_be_reached(vault, kms, wire, error):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    wire.breaks(kms, "Decrypt", error(endpoint_url=URL, error="down"))
    with pytest.raises(StoreUnavailableError):
        vault.open(sealed, TENANT, "acc_1")


def test_opening_a_token_again_asks_kms_no_more(vault, kms, wire):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    sent = wire.counts(kms, "Decrypt")
    for _ in range(3):
        vault.open(sealed, TENANT, "acc_1")
    assert len(sent) == 1


def test_a_token_sealed_anew_misses_the_cache(vault, kms, wire):
    vault.open(vault.seal("old", TENANT, "acc_1"), TENANT, "acc_1")
    sent = wire.counts(kms, "Decrypt")
    assert vault.open(vault.seal("new", TENANT, "acc_1"), TENANT, "acc_1") == "new"
    assert len(sent) == 1


def test_a_failure_is_not_remembered(vault, kms, wire):
    sealed = vault.seal(TOKEN, TENANT, "acc_1")
    wire.answers(kms, "Decrypt", "DisabledException")
    with pytest.raises(TokenUnreadableError):
        vault.open(sealed, TENANT, "acc_1")
    wire.mended()
    assert vault.open(sealed, TENANT, "acc_1") == TOKEN


def test_remembers_a_bounded_number_of_keys(vault):
    for number in range(130):
        vault.open(vault.seal("token", TENANT, f"acc_{number}"), TENANT, f"acc_{number}")
    assert len(vault._unwrapped) <= 100
