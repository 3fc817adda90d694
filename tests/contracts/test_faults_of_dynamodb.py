"""What the stores say when DynamoDB is busy, unreachable, or does its work and nobody hears of it."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError, SSLError

from darkroom.aws.accounts import ConnectingAccounts
from darkroom.aws.dynamodb import translated
from darkroom.aws.idempotency import DynamoDBIdempotency
from darkroom.aws.posts import DynamoDBPosts
from darkroom.aws.vault import Vault
from darkroom.errors import ConflictError, NotFoundError, StoreUnavailableError
from darkroom.posts import PostState
from tests.builders import NOW, TENANT, a_post, a_record, an_account

URL = "https://dynamodb.test"
BUSY = [
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
]


@pytest.fixture
def client(cloud):
    return cloud.client("dynamodb")


@pytest.fixture
def posts(cloud, client):
    return DynamoDBPosts(client, cloud.table("PostsTable"))


@pytest.fixture
def accounts(cloud, client):
    kms = cloud.client("kms")
    vault = Vault(kms, kms.create_key()["KeyMetadata"]["Arn"])
    return ConnectingAccounts(client, cloud.table("AccountsTable"), vault)


@pytest.mark.parametrize("code", BUSY)
def test_a_busy_table_means_wait(posts, client, wire, code):
    post = posts.add(a_post())
    for operation, call in (
        ("GetItem", lambda: posts.get(TENANT, post.id)),
        ("UpdateItem", lambda: posts.save(replace(post, publish_attempts=1))),
        ("TransactWriteItems", lambda: posts.save(post.moved_to(PostState.PROCESSING, NOW))),
        ("TransactWriteItems", lambda: posts.add(a_post())),
    ):
        wire.answers(client, operation, code)
        with pytest.raises(StoreUnavailableError):
            call()
    wire.mended()
    assert posts.get(TENANT, post.id) == post


def test_an_answer_that_is_not_dynamodb_s_means_wait(posts, client, wire):
    wire.answers(client, "GetItem", "", 503, "<html>somewhere on the way</html>")
    with pytest.raises(StoreUnavailableError):
        posts.get(TENANT, "post_1")


@pytest.mark.parametrize("error", [ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError, SSLError])
def test_a_lost_connection_means_wait(posts, client, wire, error):
    wire.breaks(client, "GetItem", error(endpoint_url=URL, error="down"))
    with pytest.raises(StoreUnavailableError):
        posts.get(TENANT, "post_1")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"])
def test_a_mistake_of_ours_is_not_called_weather(posts, client, wire, code):
    wire.answers(client, "GetItem", code)
    with pytest.raises(ClientError) as mistake:
        posts.get(TENANT, "post_1")
    assert mistake.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_cancelled_by_load_means_wait(reason):
    cancelled = ClientError(
        {
            "Error": {"Code": "TransactionCanceledException", "Message": ""},
            "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
        },
        "TransactWriteItems",
    )
    with pytest.raises(StoreUnavailableError), translated():
        raise cancelled


def test_a_save_whose_answer_was_lost_is_found_when_read_again(posts, client, wire):
    post = posts.add(a_post())
    wire.loses_the_answer(client, "TransactWriteItems")
    with pytest.raises(StoreUnavailableError):
        posts.save(post.moved_to(PostState.PROCESSING, NOW))
    wire.mended()
    assert posts.get(TENANT, post.id).state is PostState.PROCESSING
    with pytest.raises(ConflictError):
        posts.save(post.moved_to(PostState.FAILED, NOW))


def test_adding_again_after_a_lost_answer_is_one_post(posts, client, wire):
    post = a_post()
    wire.loses_the_answer(client, "TransactWriteItems")
    with pytest.raises(StoreUnavailableError):
        posts.add(post)
    wire.mended()
    assert posts.add(post) == post


def test_a_connection_that_fails_leaves_nothing(accounts, client, wire):
    account = an_account()
    wire.answers(client, "TransactWriteItems", "ThrottlingException")
    with pytest.raises(StoreUnavailableError):
        accounts.connect(account, "the-token")
    wire.mended()
    assert accounts.holder(account.ig_user_id) is None
    with pytest.raises(NotFoundError):
        accounts.get(TENANT, account.id)


def test_erasing_is_taken_up_again_where_it_stopped(accounts, client, wire):
    """Whatever call fails, a second try finds the account or nothing of it; never a default that leads nowhere."""
    for operation in ("DeleteItem", "TransactWriteItems"):
        account = an_account()
        accounts.connect(account, "the-token")
        wire.answers(client, operation, "ThrottlingException")
        with pytest.raises(StoreUnavailableError):
            accounts.erase(account)
        wire.mended()
        assert accounts.get(TENANT, account.id) == account
        accounts.erase(account)
        assert accounts.default_id(TENANT) is None
        assert accounts.holder(account.ig_user_id) is None


def test_a_record_that_is_removed_while_it_is_read_is_not_taken_for_ours(cloud, client, wire):
    """Two requests must never both believe that they hold the key."""
    records = DynamoDBIdempotency(client, cloud.table("CallersTable"))
    records.add(a_record(), NOW)
    wire.before(client, "GetItem", lambda: records.remove(a_record()))
    second = a_record(ulid="second")
    assert records.add(second, NOW) is None
    assert records.add(a_record(ulid="third"), NOW) == second
