"""The app credentials over Secrets Manager on moto."""

import json

import pytest

from darkroom.aws.secrets import AppSecret, SigningSecrets
from darkroom.deliveries import Keys
from darkroom.errors import ConfigurationError, StoreUnavailableError
from tests.fakes import Clock, FakeKeyRing

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


# ── who may sign ──


@pytest.fixture
def meta_arn(manager):
    arn = manager.create_secret(Name="MetaAppSecret")["ARN"]
    yield arn
    manager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def signing(secret, manager, meta_arn):
    return SigningSecrets(secret, AppSecret(manager, meta_arn, secret.seconds, "MetaAppSecret"))


INSTAGRAM = GOOD | {"verify_token": "CANARY-verify-token"}


def test_both_apps_may_sign_each_with_its_previous_secret(signing, manager, arn, meta_arn):
    put(manager, arn, INSTAGRAM | {"previous_app_secret": "CANARY-old"})
    put(manager, meta_arn, {"app_secret": "CANARY-meta", "previous_app_secret": "CANARY-older"})
    keys = signing.keys()
    assert keys.verify_token == "CANARY-verify-token"
    assert keys.secrets == {
        "instagram": "CANARY-secret",
        "instagram_previous": "CANARY-old",
        "meta": "CANARY-meta",
        "meta_previous": "CANARY-older",
    }
    assert "CANARY" not in repr(keys)


@pytest.mark.parametrize(
    "empty", [{}, {"app_secret": ""}, {"app_secret": None}, {"app_secret": " x"}, "not json", "[]"], ids=str
)
def test_an_app_that_is_not_set_up_is_left_out_whichever_it_is(secret, manager, arn, meta_arn, empty):
    for good, bad in ((arn, meta_arn), (meta_arn, arn)):
        put(manager, good, INSTAGRAM)
        put(manager, bad, empty)
        apps = (AppSecret(manager, each, secret.seconds) for each in (arn, meta_arn))
        keys = SigningSecrets(*apps).keys()
        assert list(keys.secrets.values()) == ["CANARY-secret"]
        assert keys.verify_token == "CANARY-verify-token"


@pytest.mark.parametrize("emptied", [{}, {"app_secret": ""}, {"app_secret": None}], ids=str)
def test_a_secret_that_was_taken_back_counts_no_more(signing, manager, arn, meta_arn, emptied):
    put(manager, arn, INSTAGRAM)
    put(manager, meta_arn, {"app_secret": "CANARY-meta"})
    signing.keys()
    put(manager, arn, emptied)
    assert signing.keys(max_age=0).secrets == {"meta": "CANARY-meta"}


BROKEN = ["not json", "[]", '{"app_secret": "CANARY', {"app_secret": "pasted\n"}, {"app_secret": 5}]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_slip_while_rotating_changes_nothing_and_is_mended_within_seconds(signing, manager, arn, clock, broken):
    put(manager, arn, INSTAGRAM)
    signing.keys()
    put(manager, arn, broken)
    clock.advance(900)
    assert signing.keys().secrets == {"instagram": "CANARY-secret"}
    put(manager, arn, INSTAGRAM | {"app_secret": "rotated"})
    clock.advance(10)
    assert signing.keys().secrets == {"instagram": "rotated"}


def test_a_slip_does_not_make_every_delivery_read_secrets(signing, manager, arn, clock, wire):
    put(manager, arn, INSTAGRAM)
    signing.keys()
    put(manager, arn, "not json")
    clock.advance(900)
    sent = wire.counts(manager, "GetSecretValue")
    for _ in range(10):
        signing.keys()
    assert len(sent) == 2


@pytest.mark.parametrize("unset", [{}, "not json", {"previous_app_secret": "old"}], ids=str)
def test_a_secret_that_was_not_set_counts_within_seconds_of_being_set(signing, manager, arn, clock, unset):
    put(manager, arn, unset)
    with pytest.raises(ConfigurationError):
        signing.signing()
    put(manager, arn, INSTAGRAM)
    clock.advance(10)
    assert signing.signing() == {"instagram": "CANARY-secret"}


def test_while_nothing_is_set_strangers_make_nobody_read_secrets_at_every_knock(signing, manager, wire):
    sent = wire.counts(manager, "GetSecretValue")
    for _ in range(10):
        with pytest.raises(ConfigurationError):
            signing.signing()
    assert len(sent) == 2


@pytest.mark.parametrize("value", [{}, {"verify_token": "t"}, {"previous_app_secret": "old", "verify_token": "t"}])
def test_without_a_secret_of_either_app_nothing_can_be_verified(signing, manager, arn, meta_arn, value):
    put(manager, arn, value)
    with pytest.raises(ConfigurationError) as refusal:
        signing.signing()
    assert "app_secret" in refusal.value.detail


def test_without_a_verify_token_signed_requests_can_be_read(signing, manager, arn, meta_arn):
    put(manager, arn, GOOD)
    assert signing.signing() == signing.keys().secrets == {"instagram": "CANARY-secret"}
    assert signing.keys().verify_token is None


def test_an_app_that_is_not_set_up_is_not_asked_about_at_every_delivery(signing, manager, arn, clock, wire):
    put(manager, arn, INSTAGRAM)
    sent = wire.counts(manager, "GetSecretValue")
    for _ in range(10):
        signing.keys()
    assert len(sent) == 2
    clock.advance(61)
    signing.keys(max_age=60)
    signing.keys(max_age=60)
    assert len(sent) == 4


@pytest.fixture(params=["fake", "secrets manager"])
def rotated(request):
    """A ring that knows `old`, after a rotation to `new` ten minutes ago."""
    if request.param == "fake":
        return FakeKeyRing(Keys({"instagram": "old"}, "token"), latest=Keys({"instagram": "new"}, "token"))
    signing, manager, arn, clock = map(request.getfixturevalue, ("signing", "manager", "arn", "clock"))
    put(manager, arn, {"app_secret": "old", "verify_token": "token"})
    signing.keys()
    put(manager, arn, {"app_secret": "new", "verify_token": "token"})
    clock.advance(600)
    return signing


def test_a_ring_answers_what_it_knows_and_reads_anew_for_who_insists(rotated):
    assert (rotated.keys().secrets, rotated.keys().verify_token) == ({"instagram": "old"}, "token")
    assert rotated.keys(60).secrets == {"instagram": "new"}


def test_a_secrets_manager_that_does_not_answer_means_wait(signing, manager, arn, wire):
    put(manager, arn, INSTAGRAM)
    wire.answers(manager, "GetSecretValue", "InternalServiceError", 500)
    with pytest.raises(StoreUnavailableError):
        signing.keys()


def test_a_secrets_manager_that_is_down_leaves_what_is_known(signing, manager, arn, clock, wire):
    put(manager, arn, INSTAGRAM)
    signing.keys()
    wire.answers(manager, "GetSecretValue", "InternalServiceError", 500)
    for max_age in (None, 60, 0):
        clock.advance(100_000)
        assert signing.keys(max_age).secrets == {"instagram": "CANARY-secret"}
        assert signing.keys(max_age).verify_token == "CANARY-verify-token"


def test_a_secrets_manager_that_is_down_is_asked_once_in_ten_seconds(signing, manager, arn, clock, wire):
    """Each asking holds a delivery up for seconds, and the second app would double them."""
    put(manager, arn, INSTAGRAM)
    signing.keys()
    clock.advance(900)
    wire.answers(manager, "GetSecretValue", "InternalServiceError", 500)
    sent = wire.counts(manager, "GetSecretValue")
    for _ in range(10):
        signing.keys()
    assert len(sent) == 1
    clock.advance(10)
    signing.keys()
    assert len(sent) == 2


def test_a_secrets_manager_that_is_back_is_believed(signing, manager, arn, clock, wire):
    put(manager, arn, INSTAGRAM)
    signing.keys()
    clock.advance(900)
    wire.answers(manager, "GetSecretValue", "InternalServiceError", 500)
    signing.keys()
    wire.mended()
    put(manager, arn, INSTAGRAM | {"app_secret": "rotated"})
    put(manager, signing.meta.secret_arn, {"app_secret": "CANARY-meta"})
    clock.advance(10)
    assert signing.keys().secrets == {"instagram": "rotated", "meta": "CANARY-meta"}
