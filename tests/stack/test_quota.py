"""The publishing limit, from Instagram's count and the ledger in the real table."""

from datetime import UTC, datetime, timedelta

import pytest

from darkroom.aws.quota import DynamoDBQuota
from darkroom.errors import QuotaFullError

ASKED = "GET /{ig}/content_publishing_limit"


@pytest.fixture
def ledger(cloud):
    """With an administrator's rights; what the functions may do is for test_roles."""
    return DynamoDBQuota(cloud.client("dynamodb"), cloud.outputs["PostsTableName"])


def limit_of(tenant):
    return tenant.api.get(f"/v1/accounts/{tenant.account.id}/publishing-limit")


def test_the_limit_is_instagrams_and_reserved_slots_are_told_with_it(tenant, ledger):
    soon = datetime.now(UTC) + timedelta(hours=1)
    ledger.reserve(tenant.id, tenant.account.id, "post_1", soon)
    ledger.count_container(tenant.id, tenant.account.id, datetime.now(UTC))
    told = limit_of(tenant).json()
    assert (told["is_live"], told["quota_usage"], told["reserved"], told["containers_used"]) == (True, 0, 1, 1)
    found = ledger.allowance(tenant.id, tenant.account.id)
    assert (found.quota_total, found.window) == (told["quota_total"], timedelta(days=1))


def test_a_full_window_is_refused_and_a_freed_slot_can_be_taken(tenant, ledger):
    key, now = (tenant.id, tenant.account.id), datetime.now(UTC)
    ledger.told(*key, 0, 1, 86_400, now)
    ledger.reserve(*key, "post_1", now)
    with pytest.raises(QuotaFullError) as full:
        ledger.reserve(*key, "post_2", now)
    assert full.value.next_free_slot == now + timedelta(days=1)
    ledger.reserve(*key, "post_1", now + timedelta(days=4), before=now)
    ledger.reserve(*key, "post_2", now)
    ledger.release(*key, "post_2", now)
    assert ledger.slots(*key, now, now + timedelta(days=9)) == (now + timedelta(days=4),)


def test_a_throttled_account_is_left_alone_and_shown_what_was_told_before(tenant, instagram):
    ig_user_id = tenant.account.ig_user_id
    before = limit_of(tenant).json()
    instagram.fail(f"GET /{ig_user_id}/content_publishing_limit", "json_error", code=80002, regain_minutes=3)
    for _ in range(2):
        told = limit_of(tenant).json()
        assert (told["is_live"], told["measured_at"]) == (False, before["measured_at"])
    left = datetime.fromisoformat(told["paused_until"]) - datetime.now(UTC)
    assert timedelta(minutes=2) < left <= timedelta(minutes=3)
    assert len(instagram.calls(ig_user_id, ASKED)) == 2
