"""What an account leaves behind, on DynamoDB, S3 and Scheduler: all of it is found and erased, and nothing else."""

import contextlib
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from darkroom.aws import keys, shelves
from darkroom.aws.accounts import ConnectingAccounts
from darkroom.aws.belongings import Consents, Items, Posts, RawDeliveries, answers_about, of_account, with_prefix
from darkroom.aws.deliveries import S3Deliveries
from darkroom.aws.events import DynamoDBEvents
from darkroom.aws.fingerprints import DynamoDBFingerprints
from darkroom.aws.idempotency import DynamoDBIdempotency
from darkroom.aws.posts import DynamoDBPosts
from darkroom.aws.quota import DynamoDBQuota
from darkroom.aws.sealed import SealedToken
from darkroom.aws.shelves import OF_POSTS, TenantDeliveries, TenantItems
from darkroom.aws.timeline import DynamoDBTimeline
from darkroom.deliveries import Delivery
from darkroom.errors import StoreUnavailableError
from darkroom.posts import PostState
from tests.builders import NOW, OTHER_TENANT, TENANT, a_call, a_post, a_record, an_account, an_event, content
from tests.contracts.conftest import REGION

DOOMED, STAYING = "acc_00000000000000000000000001", "acc_00000000000000000000000002"
HERE = Path(__file__).parent
# What is kept of an account elsewhere, and why no job has to look for it there.
NOT_BELONGINGS = {
    "ACCOUNT#", "TOKEN#", "DEFAULT", "HOLDER",  # erased at once, in the transaction that dooms the account
    "DELETION", "OPEN#",  # tell of a deletion, and name nobody
    "KEY", "CONNECT", "CHOICE",  # a caller's; the last two expire within minutes
    "BLOCK",  # a hash, of a user of the issuer's
    "ENDPOINT#", "SECRETS#",  # a tenant's
    "DELIVERY#",  # ids of events, which are erased; expires
    "<step>:<error>",  # Instagram's
    "RATE#",  # a number, of a tenant; expires
}  # fmt: skip
BELONGINGS = {
    "POST#", "TIMELINE#", "FINGERPRINT#", "QUOTA#", "IDEMPOTENCY", "EVENT#", "MESSAGE#", "THREAD#", "COMMENTS#",
    "STORY#", "CONSENT#",
}  # fmt: skip
PARTITIONS = {
    "TENANT#",
    "INSTAGRAM#",
    "CONSENTS#",
    "DELETION#",
    "DELETIONS",
    "OUTAGE",
    "KEY#",
    "SUBJECT#",
    "CONNECT#",
    "IDEMPOTENCY#",
}


class _NoVault:
    def seal(self, secret, tenant_id, account_id, number):
        return SealedToken(b"sealed", b"wrapped", "arn", number)


class Cloud:
    """All that is kept, in empty tables and a bucket."""

    def __init__(self, cloud):
        self.dynamodb, self.s3, self.scheduler = (cloud.client(name) for name in ("dynamodb", "s3", "scheduler"))
        self.posts, self.callers, self.events, self.accounts = (
            cloud.table(name) for name in ("PostsTable", "CallersTable", "EventsTable", "AccountsTable")
        )
        with contextlib.suppress(self.s3.exceptions.BucketAlreadyOwnedByYou):
            self.s3.create_bucket(Bucket="belongings", CreateBucketConfiguration={"LocationConstraint": REGION})
        for each in self.s3.list_objects_v2(Bucket="belongings").get("Contents", []):
            self.s3.delete_object(Bucket="belongings", Key=each["Key"])
        with contextlib.suppress(self.scheduler.exceptions.ConflictException):
            self.scheduler.create_schedule_group(Name="posts")

    def belongings(self):
        return (
            Posts(self.dynamodb, self.posts, self.scheduler, "posts"),
            Items(self.dynamodb, self.posts, "fingerprints", with_prefix(keys.fingerprint_prefix)),
            Items(self.dynamodb, self.posts, "quota", with_prefix(keys.quota_prefix)),
            Items(self.dynamodb, self.callers, "answers", answers_about),
            RawDeliveries(self.s3, "belongings"),
            Items(self.dynamodb, self.events, "events", of_account),
            Consents(self.dynamodb, self.accounts),
        )

    def shelves(self):
        return (
            TenantItems(self.dynamodb, self.posts, OF_POSTS),
            TenantItems(self.dynamodb, self.events, shelves.OF_EVENTS),
            TenantDeliveries(self.s3, "belongings"),
        )

    def live_with(self, tenant_id, account_id, posts=2):
        """An account has been used; each of its things says whose it is."""
        mark = f"CANARY-{tenant_id}-{account_id}"
        for number in range(posts):
            post = a_post(tenant_id=tenant_id, account_id=account_id, content=content(caption=mark))
            if number == 0:
                at = NOW + timedelta(days=1)
                post = replace(post, state=PostState.SCHEDULED, publish_at=at, queued_at=None)
                self._schedule(post.id)
            DynamoDBPosts(self.dynamodb, self.posts).add(post)
            DynamoDBTimeline(self.dynamodb, self.posts).add(tenant_id, post.id, a_call(fbtrace_id=mark))
        DynamoDBFingerprints(self.dynamodb, self.posts).claim(tenant_id, account_id, "f" * 64, mark, NOW)
        quota = DynamoDBQuota(self.dynamodb, self.posts)
        quota.told(tenant_id, account_id, 1, 100, 86400, NOW)
        quota.reserve(tenant_id, account_id, mark, NOW)
        record = a_record(digest=mark.ljust(64, "x"))
        records = DynamoDBIdempotency(self.dynamodb, self.callers)
        records.add(record, NOW)
        records.finish(record, f'{{"account_id": "{account_id}", "caption": "{mark}"}}', tenant_id)
        events = DynamoDBEvents(self.dynamodb, self.events, lambda: NOW)
        events.add(
            replace(an_event(), id=f"evt_{mark}", tenant_id=tenant_id, account_id=account_id, data={"text": mark})
        )
        delivery = Delivery(f'{{"text": "{mark}"}}'.encode(), "instagram", NOW)
        S3Deliveries(self.s3, "belongings").keep(tenant_id, account_id, delivery, delivery.raw)
        account = an_account(id=account_id, tenant_id=tenant_id, ig_user_id=mark, app_scoped_id=mark)
        accounts = ConnectingAccounts(self.dynamodb, self.accounts, _NoVault())
        accounts.connect(account, "token")
        accounts.connect(replace(account, login="facebook", app_scoped_id=f"{mark}-person", token_version=2), "token")
        accounts.erase(replace(account, token_version=2))
        return mark

    def tell(self, tenant_id, account_id, event_id):
        told = replace(an_event(), id=event_id, tenant_id=tenant_id, account_id=account_id)
        DynamoDBEvents(self.dynamodb, self.events, lambda: NOW).add(told)

    def _schedule(self, name):
        self.scheduler.create_schedule(
            Name=name,
            GroupName="posts",
            ScheduleExpression="at(2026-12-24T18:00:00)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:lambda:eu-central-1:123456789012:function:x", "RoleArn": "arn:aws:iam::1:role/x"},
        )

    def schedules(self):
        return [each["Name"] for each in self.scheduler.list_schedules(GroupName="posts")["Schedules"]]

    def kept(self):
        items = [
            str(item)
            for table in (self.posts, self.callers, self.events, self.accounts)
            for item in self.dynamodb.scan(TableName=table)["Items"]
        ]
        objects = [
            self.s3.get_object(Bucket="belongings", Key=each["Key"])["Body"].read().decode()
            for each in self.s3.list_objects_v2(Bucket="belongings").get("Contents", [])
        ]
        return [*items, *objects]

    def count(self, mark):
        return sum(mark in each for each in self.kept())


@pytest.fixture
def kept(cloud):
    made = Cloud(cloud)
    yield made
    for name in made.schedules():
        made.scheduler.delete_schedule(Name=name, GroupName="posts")


def erase(kept, *ids):
    return {each.kind: sum(number for number, _ in each.erase(*ids, None)) for each in kept.belongings()}


def test_everything_of_the_account_goes_and_nothing_else(kept):
    doomed = kept.live_with(TENANT, DOOMED)
    neighbours = [kept.live_with(TENANT, STAYING), kept.live_with(OTHER_TENANT, DOOMED)]
    before = [kept.count(mark) for mark in neighbours]
    assert kept.count(doomed) >= 8
    counts = erase(kept, TENANT, DOOMED)
    assert counts == {
        "posts": 2,
        "fingerprints": 1,
        "quota": 2,
        "answers": 1,
        "deliveries": 1,
        "events": 1,
        "consents": 2,
    }
    assert kept.count(doomed) == 0
    assert not [each for each in kept.kept() if TENANT in each and DOOMED in each]
    assert [kept.count(mark) for mark in neighbours] == before
    assert len(kept.schedules()) == 2


def test_erasing_again_finds_nothing(kept):
    kept.live_with(TENANT, DOOMED)
    erase(kept, TENANT, DOOMED)
    assert set(erase(kept, TENANT, DOOMED).values()) == {0}


def test_more_than_one_batch_goes_as_well(kept):
    doomed = kept.live_with(TENANT, DOOMED, posts=60)
    assert erase(kept, TENANT, DOOMED)["posts"] == 60
    assert kept.count(doomed) == 0


@pytest.mark.parametrize("nth", range(1, 9))
def test_what_a_broken_connection_left_is_erased_the_next_time(kept, wire, nth):
    """The nth write has its effect, and nobody hears of it."""
    doomed = kept.live_with(TENANT, DOOMED)
    sent = wire.counts(kept.dynamodb, "BatchWriteItem")
    for belongings in kept.belongings():
        for _ in belongings.erase(TENANT, DOOMED, None):
            if len(sent) == nth:
                break
        if len(sent) == nth:
            break
    wire.loses_the_answer(kept.dynamodb, "BatchWriteItem")
    with contextlib.suppress(StoreUnavailableError):
        erase(kept, TENANT, DOOMED)
    wire.mended()
    erase(kept, TENANT, DOOMED)
    assert kept.count(doomed) == 0
    assert kept.schedules() == []


def test_what_s3_refuses_to_delete_is_to_be_erased_again(kept, wire):
    kept.live_with(TENANT, DOOMED)
    wire.answers(kept.s3, "DeleteObjects", "SlowDown", 503, "<Error><Code>SlowDown</Code></Error>")
    with pytest.raises(StoreUnavailableError):
        erase(kept, TENANT, DOOMED)


def test_what_is_of_others_is_read_once_however_often_the_job_stops(kept, wire):
    """A big tenant's partition is longer than one run can read, and what is of others is still there the next time."""
    for number in range(12):
        kept.tell(TENANT, STAYING, f"{number:02}-staying")
        kept.tell(TENANT, DOOMED, f"{number:02}-doomed")
    wire.asks(kept.dynamodb, "Query", Limit=2)
    (events,) = [each for each in kept.belongings() if each.kind == "events"]
    sent, erased, after, stopped = wire.counts(kept.dynamodb, "Query"), 0, None, -1
    while after != stopped:
        stopped = after
        number, after = next(iter(events.erase(TENANT, DOOMED, after)))
        erased += number
    assert erased == 12
    assert len(sent) <= 14
    assert "doomed" not in str(kept.kept())
    assert sum("-staying" in each for each in kept.kept()) == 12


def test_every_kind_of_item_belongs_to_an_account_or_says_why_not():
    """A new kind in keys.py makes whoever adds it decide."""
    table = (keys.__doc__ or "").partition("    AccountsTable")[2].partition("A tenant id never")[0]
    kinds = set(re.findall(r"(?<=[ ])(?:<step>:<error>|[A-Z]{3,}(?:#(?=[<…])|(?=  )))", table))
    known = BELONGINGS | NOT_BELONGINGS | PARTITIONS
    assert kinds - known == set(), "erase it with its account (bootstrap_compliance.belongings), or say why not"
    assert {"POST#", "EVENT#", "TOKEN#"} <= kinds


# An export


def exported(kept, tenant_id, limit=100):
    found = []
    for shelf in kept.shelves():
        after, rest = None, True
        while rest:
            records, after = shelf.page(tenant_id, after, limit)
            assert len(records) <= limit
            found += records
            rest = after is not None
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_an_export_has_each_thing_of_the_tenant_once_whatever_the_pages(kept, limit):
    marks = [kept.live_with(TENANT, DOOMED), kept.live_with(TENANT, STAYING)]
    foreign = kept.live_with(OTHER_TENANT, DOOMED)
    found = exported(kept, TENANT, limit)
    assert len({(each.kind, each.key) for each in found}) == len(found)
    kinds = {each.kind for each in found}
    assert kinds == {"post", "timeline_entry", "fingerprint", "quota", "event", "delivery"}
    for mark in marks:
        left_out = 1 + 4  # an answer, which is a copy, and two consents, by person and by account
        assert sum(mark in str(each) for each in found) == kept.count(mark) - left_out
    assert foreign not in str(found)


def test_a_tenant_called_like_a_folder_of_ours_exports_and_erases_only_its_own(kept):
    of_others = S3Deliveries(kept.s3, "belongings").put_aside(Delivery(b"CANARY-of-others", "instagram", NOW))
    whose = of_others.split("/")
    assert exported(kept, whose[0]) == []
    erase(kept, whose[0], whose[1])
    assert kept.count("CANARY-of-others") == 1


def test_what_is_stored_as_text_is_shown_as_what_it_means(kept):
    mark = kept.live_with(TENANT, DOOMED)
    posts = [each.record for each in exported(kept, TENANT) if each.kind == "post"]
    assert posts[0]["content"]["caption"] == mark
    assert not {"pk", "sk", "account_pk", "open_pk"} & posts[0].keys()


def test_a_kind_that_nobody_named_does_not_leave(kept):
    item = {**keys.token(TENANT, DOOMED), "ciphertext": {"B": b"CANARY-sealed"}}
    kept.dynamodb.put_item(TableName=kept.posts, Item=item)
    assert "CANARY-sealed" not in str(exported(kept, TENANT))


@pytest.mark.parametrize("kinds", [shelves.OF_ACCOUNTS, OF_POSTS, shelves.OF_EVENTS, shelves.OF_ENDPOINTS])
def test_no_shelf_holds_secrets(kinds):
    assert not [prefix for prefix in kinds if prefix.startswith(("TOKEN", "SECRETS", "KEY"))]


def test_a_delivery_that_is_too_long_is_named_only(kept):
    big = Delivery(b"x" * 1_000_001, "instagram", NOW)
    S3Deliveries(kept.s3, "belongings").keep(TENANT, DOOMED, big, big.raw)
    (record,) = exported(kept, TENANT)
    assert record.record == {"bytes": 1_000_001}
