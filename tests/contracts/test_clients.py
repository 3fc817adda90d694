"""How long the SDK clients wait for an AWS that says nothing."""

import socket
import time

import pytest

from darkroom.aws import clients
from darkroom.aws.secrets import AppSecret, SigningSecrets
from darkroom.aws.timeline import DynamoDBTimeline
from darkroom.errors import StoreUnavailableError
from tests.builders import TENANT, a_call


@pytest.fixture
def silent_aws(monkeypatch):
    """Accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
        yield server


def test_an_entry_of_a_timeline_is_tried_once_and_for_a_second_at_most(silent_aws):
    client = clients.impatient_dynamodb.__wrapped__()
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError):
        DynamoDBTimeline(client, "posts").add(TENANT, "post_1", a_call())
    assert time.monotonic() - began < 1.0
    client.close()
    silent_aws.accept()[0].close()
    with pytest.raises(BlockingIOError):
        silent_aws.accept()


def test_secrets_that_cannot_be_read_anew_hold_a_delivery_up_for_less_than_five_seconds(silent_aws):
    """Both apps' together: Meta waits no longer, and the receiver's function has ten."""
    client, now = clients.secretsmanager.__wrapped__(), [0.0]
    apps = [AppSecret(client, arn, lambda: now[0]) for arn in ("instagram", "meta")]
    for app in apps:
        app._known = {"app_secret": "known"}
    now[0] = 1_000.0
    began = time.monotonic()
    assert SigningSecrets(*apps).keys().secrets == {"instagram": "known", "meta": "known"}
    assert time.monotonic() - began < 5.0
    client.close()
