"""The quota ledger: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from darkroom.aws import keys
from darkroom.aws.dynamodb import unmarshal
from darkroom.aws.quota import DynamoDBQuota
from darkroom.errors import QuotaFullError, StoreUnavailableError
from darkroom.quota import Allowance
from tests.builders import NOW, OTHER_TENANT, TENANT
from tests.fakes import FakeQuota

ACCOUNT = "acc_00000000000000000000000001"
HERE = (TENANT, ACCOUNT)
DAY = 86_400
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
FAR = timedelta(days=30)


@pytest.fixture
def client(cloud):
    return cloud.client("dynamodb")


@pytest.fixture
def stored(cloud, client):
    return DynamoDBQuota(client, cloud.table("PostsTable"), sleep=lambda _: None)


@pytest.fixture(params=["fake", "dynamodb"])
def quota(request):
    return FakeQuota() if request.param == "fake" else request.getfixturevalue("stored")


def every(quota, around=NOW):
    return quota.slots(*HERE, around - FAR, around + FAR)


def hours(number):
    return timedelta(hours=number)


# What Instagram told


def test_of_an_account_that_nobody_has_asked_about_nothing_is_known(quota):
    assert quota.allowance(*HERE) == Allowance()


def test_keeps_what_instagram_told(quota):
    quota.told(*HERE, 7, 25, 3600, NOW)
    quota.used(*HERE, 81, NOW + timedelta(microseconds=1))
    quota.pause(*HERE, NOW + hours(1))
    assert quota.allowance(*HERE) == Allowance(
        quota_usage=7,
        quota_total=25,
        quota_duration=3600,
        measured_at=NOW,
        usage_percent=81,
        usage_at=NOW + timedelta(microseconds=1),
        paused_until=NOW + hours(1),
    )
    assert quota.allowance(OTHER_TENANT, ACCOUNT) == quota.allowance(TENANT, "acc_2") == Allowance()


def test_an_older_answer_that_comes_late_changes_nothing(quota):
    quota.told(*HERE, 7, 25, DAY, NOW)
    quota.used(*HERE, 81, NOW)
    quota.told(*HERE, 1, 50, DAY, NOW - timedelta(seconds=1))
    quota.used(*HERE, 1, NOW - timedelta(seconds=1))
    found = quota.allowance(*HERE)
    assert (found.quota_usage, found.quota_total, found.usage_percent) == (7, 25, 81)


def test_a_pause_is_never_shortened(quota):
    for minutes in (10, 5, 20, 1):
        quota.pause(*HERE, NOW + timedelta(minutes=minutes))
    assert quota.allowance(*HERE).paused_until == NOW + timedelta(minutes=20)


# Slots


def test_without_a_total_there_is_always_room(quota):
    for number in range(30):
        quota.reserve(*HERE, f"post_{number}", NOW)
    assert every(quota) == (NOW,) * 30


def test_a_full_window_is_refused_with_the_next_moment_that_has_room(quota):
    quota.told(*HERE, 0, 2, DAY, NOW)
    quota.reserve(*HERE, "post_1", NOW)
    quota.reserve(*HERE, "post_2", NOW + hours(5))
    with pytest.raises(QuotaFullError) as full:
        quota.reserve(*HERE, "post_3", NOW + hours(10))
    assert full.value.next_free_slot == NOW + hours(24)
    assert full.value.retry_after == 14 * 3600
    assert every(quota) == (NOW, NOW + hours(5))
    quota.reserve(*HERE, "post_3", full.value.next_free_slot)


def test_whether_there_is_room_can_be_asked_without_taking_it(quota):
    quota.require_room(*HERE, NOW)
    quota.told(*HERE, 0, 1, DAY, NOW)
    quota.require_room(*HERE, NOW)
    assert every(quota) == ()
    quota.reserve(*HERE, "post_1", NOW)
    refusals = []
    for ask in (lambda: quota.require_room(*HERE, NOW), lambda: quota.reserve(*HERE, "post_2", NOW)):
        with pytest.raises(QuotaFullError) as full:
            ask()
        refusals.append((full.value.next_free_slot, full.value.retry_after))
    assert refusals == [(NOW + hours(24), DAY)] * 2
    quota.require_room(*HERE, NOW + hours(24))
    assert every(quota) == (NOW,)


def test_posts_of_somebody_else_take_room_too(quota):
    quota.told(*HERE, 2, 2, DAY, NOW)
    with pytest.raises(QuotaFullError) as full:
        quota.require_room(*HERE, NOW)
    assert full.value.next_free_slot == NOW + hours(24)


def test_a_window_reaches_over_midnight_on_both_sides(quota):
    quota.told(*HERE, 0, 2, DAY, NOW)
    quota.reserve(*HERE, "post_1", MIDNIGHT - hours(1))
    quota.reserve(*HERE, "post_2", MIDNIGHT + hours(1))
    for moment in (MIDNIGHT - hours(22), MIDNIGHT, MIDNIGHT + hours(22)):
        with pytest.raises(QuotaFullError):
            quota.reserve(*HERE, "post_3", moment)
    quota.reserve(*HERE, "post_3", MIDNIGHT + hours(23))


def test_the_search_for_room_looks_past_days_that_are_full(quota):
    quota.told(*HERE, 0, 1, DAY, NOW)
    for day in range(10):
        quota.reserve(*HERE, f"post_{day}", NOW + timedelta(days=day))
    with pytest.raises(QuotaFullError) as full:
        quota.reserve(*HERE, "post_late", NOW)
    assert full.value.next_free_slot == NOW + timedelta(days=10)


def test_a_smaller_window_that_was_told_is_the_one_that_counts(quota):
    quota.told(*HERE, 0, 1, 3600, NOW)
    quota.reserve(*HERE, "post_1", NOW)
    with pytest.raises(QuotaFullError):
        quota.reserve(*HERE, "post_2", NOW + timedelta(minutes=59))
    quota.reserve(*HERE, "post_2", NOW + hours(1))


def test_posts_that_instagram_counts_and_we_do_not_know_take_their_room(quota):
    quota.told(*HERE, 2, 2, DAY, NOW)
    with pytest.raises(QuotaFullError) as full:
        quota.reserve(*HERE, "post_1", NOW + hours(1))
    assert full.value.next_free_slot == NOW + hours(24)
    quota.reserve(*HERE, "post_1", NOW + hours(24))


def test_a_post_of_ours_that_instagram_counts_is_counted_once(quota):
    minute = timedelta(minutes=1)
    quota.reserve(*HERE, "post_1", MIDNIGHT - hours(24) - minute)
    quota.told(*HERE, 1, 1, DAY, MIDNIGHT - 2 * minute)
    quota.reserve(*HERE, "post_2", MIDNIGHT + 5 * minute)
    with pytest.raises(QuotaFullError):
        quota.reserve(*HERE, "post_3", MIDNIGHT + 5 * minute)


def test_the_same_reservation_twice_is_one_slot_even_when_the_window_is_full(quota):
    quota.told(*HERE, 0, 1, DAY, NOW)
    quota.reserve(*HERE, "post_1", NOW)
    quota.reserve(*HERE, "post_1", NOW, before=NOW)
    quota.reserve(*HERE, "post_1", NOW.astimezone(timezone(hours(9))))
    assert every(quota) == (NOW,)


@pytest.mark.parametrize("by", [timedelta(minutes=1), hours(20), hours(30), timedelta(days=12), -timedelta(days=12)])
def test_a_post_that_moves_gives_up_the_slot_it_had(quota, by):
    quota.told(*HERE, 0, 1, DAY, NOW)
    quota.reserve(*HERE, "post_1", NOW)
    quota.reserve(*HERE, "post_1", NOW + by, before=NOW)
    assert every(quota) == (NOW + by,)


def test_a_post_that_cannot_move_keeps_its_slot(quota):
    quota.told(*HERE, 0, 1, DAY, NOW)
    quota.reserve(*HERE, "post_1", NOW)
    quota.reserve(*HERE, "post_2", NOW + timedelta(days=5))
    with pytest.raises(QuotaFullError) as full:
        quota.reserve(*HERE, "post_1", NOW + timedelta(days=5), before=NOW)
    assert full.value.next_free_slot == NOW + timedelta(days=6)
    assert every(quota) == (NOW, NOW + timedelta(days=5))


def test_a_released_slot_is_free_again(quota):
    quota.told(*HERE, 0, 1, DAY, NOW)
    quota.reserve(*HERE, "post_1", NOW)
    for _ in range(2):
        quota.release(*HERE, "post_1", NOW)
    quota.release(*HERE, "post_unknown", NOW)
    assert every(quota) == ()
    quota.reserve(*HERE, "post_2", NOW)


def test_another_account_and_another_tenant_have_slots_of_their_own(quota):
    quota.told(*HERE, 0, 1, DAY, NOW)
    for tenant_id, account_id in (HERE, (OTHER_TENANT, ACCOUNT), (TENANT, "acc_2")):
        quota.reserve(tenant_id, account_id, "post_1", NOW)
    quota.release(OTHER_TENANT, ACCOUNT, "post_1", NOW)
    assert every(quota) == (NOW,)
    assert quota.slots(TENANT, "acc_2", NOW, NOW + hours(1)) == (NOW,)
    assert quota.slots(OTHER_TENANT, ACCOUNT, NOW, NOW + hours(1)) == ()


def test_slots_are_read_from_a_moment_on_and_before_another(quota):
    for number in (3, 1, 2):
        quota.reserve(*HERE, f"post_{number}", NOW + hours(number))
    assert quota.slots(*HERE, NOW + hours(1), NOW + hours(3)) == (NOW + hours(1), NOW + hours(2))


def test_of_fifty_at_once_the_last_three_free_slots_go_to_three(quota):
    quota.told(*HERE, 0, 10, DAY, NOW)
    for number in range(7):
        quota.reserve(*HERE, f"post_early_{number}", NOW + hours(number))

    def attempt(number):
        try:
            # On both sides of midnight, so that rivals write different days.
            quota.reserve(*HERE, f"post_{number}", MIDNIGHT + timedelta(minutes=number - 25))
        except QuotaFullError:
            return 0
        return 1

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(attempt, range(50))) == 3
    assert len(every(quota)) == 10


def test_of_fifty_at_once_where_there_is_room_for_all_none_is_refused(quota):
    quota.told(*HERE, 0, 100, DAY, NOW)
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda number: quota.reserve(*HERE, f"post_{number}", MIDNIGHT + hours(number - 25)), range(50)))
    assert len(every(quota)) == 50


def test_what_is_taken_before_midnight_counts_in_the_search_for_room_after_it(quota):
    quota.told(*HERE, 0, 2, DAY, NOW)
    for number in (2, 1):
        quota.reserve(*HERE, f"post_{number}", MIDNIGHT - hours(number))
    with pytest.raises(QuotaFullError) as full:
        quota.reserve(*HERE, "post_3", MIDNIGHT + hours(1))
    assert full.value.next_free_slot == MIDNIGHT + hours(22)


def test_a_slot_that_was_taken_stays_when_the_total_shrinks(quota):
    quota.told(*HERE, 0, 2, DAY, NOW)
    for post in ("post_1", "post_2"):
        quota.reserve(*HERE, post, NOW)
    quota.told(*HERE, 0, 1, DAY, NOW + hours(1))
    quota.reserve(*HERE, "post_1", NOW)
    assert every(quota) == (NOW, NOW)


def test_a_move_gives_up_every_slot_of_the_post_that_it_comes_by(quota):
    """One that could not be saved with its post may have left a second."""
    quota.reserve(*HERE, "post_1", NOW)
    quota.reserve(*HERE, "post_1", NOW + timedelta(days=9))
    assert len(every(quota)) == 2
    quota.reserve(*HERE, "post_1", NOW + timedelta(days=9), before=NOW)
    assert every(quota) == (NOW + timedelta(days=9),)
    quota.reserve(*HERE, "post_1", NOW)
    quota.reserve(*HERE, "post_1", NOW + timedelta(days=10), before=NOW)
    assert every(quota) == (NOW + timedelta(days=10),)


# Containers


def test_containers_are_counted_from_the_hour_of_a_moment_on(quota):
    for ago in (0, 1, 23, 23.8, 25, 30):
        quota.count_container(*HERE, NOW - hours(ago))
    assert quota.containers_since(*HERE, NOW) == 1
    assert quota.containers_since(*HERE, NOW - hours(1)) == 2
    assert quota.containers_since(*HERE, NOW - hours(24)) == 4
    assert quota.containers_since(TENANT, "acc_2", NOW - hours(24)) == 0


def test_a_container_of_the_same_hour_is_rather_counted_once_too_often(quota):
    quota.count_container(*HERE, NOW.replace(minute=1))
    assert quota.containers_since(*HERE, NOW.replace(minute=59)) == 1


def test_containers_and_slots_of_a_day_do_not_disturb_each_other(quota):
    quota.told(*HERE, 0, 1, DAY, NOW)
    quota.count_container(*HERE, NOW)
    quota.reserve(*HERE, "post_1", NOW)
    quota.count_container(*HERE, NOW)
    quota.release(*HERE, "post_1", NOW)
    assert quota.containers_since(*HERE, NOW) == 2
    assert every(quota) == ()


# DynamoDB alone


def test_everything_expires(stored, client):
    stored.told(*HERE, 0, 1, DAY, NOW)
    stored.reserve(*HERE, "post_1", NOW)
    stored.count_container(*HERE, NOW + timedelta(days=3))
    items = [unmarshal(item) for item in client.scan(TableName=stored.table)["Items"]]
    kept = {item["sk"]: datetime.fromtimestamp(int(item["expires_at"]), UTC) for item in items}
    assert kept == {
        f"QUOTA#{ACCOUNT}": NOW + timedelta(days=90),
        f"QUOTA#{ACCOUNT}#2026-11-23": datetime(2026, 12, 3, tzinfo=UTC),
        f"QUOTA#{ACCOUNT}#2026-11-26": datetime(2026, 12, 6, tzinfo=UTC),
    }
    assert {item["pk"] for item in items} == {keys.tenant(TENANT)}


def test_a_reservation_whose_answer_was_lost_is_found_by_the_next(stored, client, wire):
    stored.told(*HERE, 0, 1, DAY, NOW)
    wire.loses_the_answer(client, "TransactWriteItems")
    with pytest.raises(StoreUnavailableError):
        stored.reserve(*HERE, "post_1", NOW)
    wire.mended()
    stored.reserve(*HERE, "post_1", NOW)
    assert every(stored) == (NOW,)


def test_a_slot_taken_between_reading_and_writing_is_seen(stored, client, wire):
    stored.told(*HERE, 0, 1, DAY, NOW)
    wire.before(client, "TransactWriteItems", lambda: stored.reserve(*HERE, "post_rival", MIDNIGHT + hours(1)))
    with pytest.raises(QuotaFullError):
        stored.reserve(*HERE, "post_1", MIDNIGHT - hours(1))
    assert every(stored) == (MIDNIGHT + hours(1),)


def test_slots_taken_meanwhile_on_several_days_are_seen_together(stored, client, wire):
    """Each day alone has gained no more than there was room for."""
    stored.told(*HERE, 0, 4, DAY, NOW)

    def rivals():
        for number in (-2, -1, 1, 2):
            stored.reserve(*HERE, f"post_rival_{number}", MIDNIGHT + hours(number))

    wire.before(client, "TransactWriteItems", rivals)
    with pytest.raises(QuotaFullError):
        stored.reserve(*HERE, "post_1", MIDNIGHT)
    assert len(every(stored)) == 4


@pytest.mark.parametrize("calls", ["reserve", "count"])
def test_an_item_that_stays_busy_means_wait(stored, client, wire, calls):
    operation = "TransactWriteItems" if calls == "reserve" else "UpdateItem"
    sent = wire.counts(client, operation)
    wire.answers(client, operation, "TransactionConflictException")
    with pytest.raises(StoreUnavailableError):
        stored.reserve(*HERE, "post_1", NOW) if calls == "reserve" else stored.count_container(*HERE, NOW)
    assert 3 <= len(sent) <= 10
