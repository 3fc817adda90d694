"""Raw deliveries: the fake and S3 keep them alike."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.aws.deliveries import INBOX, S3Deliveries, prefix_of
from darkroom.deliveries import Delivery
from darkroom.errors import StoreUnavailableError
from darkroom.tenants import TENANT_ID
from tests.builders import NOW
from tests.contracts.conftest import REGION
from tests.fakes import FakeDeliveries

DELIVERY = Delivery(b'{"object": "instagram"}', "instagram", NOW)


@pytest.fixture
def real(cloud):
    s3 = cloud.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="deliveries", CreateBucketConfiguration={"LocationConstraint": REGION})
    return S3Deliveries(s3, "deliveries")


@pytest.fixture(params=["fake", "s3"])
def deliveries(request):
    return FakeDeliveries() if request.param == "fake" else request.getfixturevalue("real")


def test_what_was_put_aside_is_read_by_its_key(deliveries):
    key = deliveries.put_aside(DELIVERY)
    assert key == f"inbox/2026-11-23/{DELIVERY.sha256}"
    assert deliveries.read(key) == DELIVERY.raw


def test_only_what_was_put_aside_can_be_read(deliveries):
    key = deliveries.keep("acme", "acc_1", DELIVERY, DELIVERY.raw)
    with pytest.raises(ValueError, match="acme"):
        deliveries.read(key)


def test_what_is_kept_lies_below_its_account(deliveries):
    key = deliveries.keep("user@acme:eu", "acc_1", DELIVERY, b"{}")
    assert key == f"tenants/user%40acme%3Aeu/acc_1/2026-11-23/{DELIVERY.sha256}"
    assert deliveries.keep("user@acme:eu", "acc_1", DELIVERY, b"{}") == key


@given(st.one_of(st.sampled_from(["inbox", "tenants", "inbox.", "Inbox"]), st.from_regex(TENANT_ID, fullmatch=True)))
def test_no_tenant_is_called_so_that_what_is_of_everybody_seems_to_be_theirs(tenant_id):
    """What was put aside is of whichever tenants; an export and an erasure go by the tenant's prefix."""
    ours = FakeDeliveries().put_aside(DELIVERY)
    theirs = prefix_of(tenant_id)
    assert not ours.startswith(theirs)
    assert not theirs.startswith(INBOX)
    assert theirs.count("/") == 2
    assert prefix_of(tenant_id, "acc_1").startswith(theirs)


def test_a_bucket_that_fails_means_again(real, cloud, wire):
    wire.answers(cloud.client("s3"), "PutObject", "SlowDown", 503, "<Error><Code>SlowDown</Code></Error>")
    with pytest.raises(StoreUnavailableError):
        real.keep("acme", "acc_1", DELIVERY, b"{}")
