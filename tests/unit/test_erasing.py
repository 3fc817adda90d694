"""Abuse case D4, every point at which a worker may die, and an owner who comes back meanwhile."""

from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom import announcing, erasing
from darkroom.deletions import user_hash
from darkroom.erasing import ErasureTask
from darkroom.errors import BadRequestError, ConflictError, NotFoundError, StoreUnavailableError
from tests.builders import NOW, TENANT, an_account
from tests.compliance_fakes import FakeBelongings, FakeDeletions, FakeMetaUsers, FakeSecrets, epoch, signed
from tests.fakes import Clock, FakeAccounts, FakeBus, FakeEvents, Fate, Killed
from tests.unit.world import overtaken

USER = "25400000000000001"


class World:
    """`queue` holds codes, delivered by `work`; a code is taken out only when its run has ended well."""

    def __init__(self, *accounts, things=3):
        self.clock, self.bus = Clock(), FakeBus()
        self.accounts = FakeAccounts(*accounts)
        self.deletions = FakeDeletions(self.accounts)
        self.users, self.events = FakeMetaUsers(self.accounts), FakeEvents(self.clock)
        self.queue = []
        self.belongings = (FakeBelongings("posts", things), FakeBelongings("events", things))

    def telling(self, events=None):
        return announcing.Ports(events or self.events, lambda *told: self.bus.announce(*told, self.clock()), self.clock)

    def request(self, text=None, wrap=lambda port: port):
        ports = erasing.RequestPorts(
            FakeSecrets(),
            wrap(self.users),
            wrap(self.deletions),
            self.queue.append,
            self.telling(wrap(self.events)),
            self.clock,
        )
        return erasing.request(text or signed(USER, epoch(self.clock())), ports).deletion

    def erase(self, code, wrap=lambda port: port):
        ports = erasing.ErasingPorts(
            wrap(self.deletions), self.belongings, self.queue.append, self.telling(wrap(self.events)), self.clock
        )
        return erasing.erase(ErasureTask(code), ports)

    def work(self):
        """Until the queue is empty; a run that dies comes again."""
        while self.queue:
            code = self.queue.pop(0)
            try:
                self.erase(code)
            except StoreUnavailableError:
                self.queue.append(code)

    def watch(self):
        return erasing.watch(erasing.WatchingPorts(self.deletions, self.queue.append, self.clock))

    @property
    def left(self):
        return sum(number for each in self.belongings for number in each.left.values())

    @property
    def is_forgotten(self):
        accounts = self.accounts
        return not any((accounts.stored, accounts.tokens, accounts.holders, accounts.defaults))


@pytest.fixture
def world():
    return World(an_account())


def test_access_ends_at_once_and_the_rest_goes_by_the_job(world):
    deletion = world.request()
    assert world.is_forgotten
    assert len(deletion.code) == 32
    assert int(deletion.code, 16) >= 0
    assert world.queue == [deletion.code]
    world.work()
    done = world.deletions.get(deletion.code)
    assert (done.is_done, done.accounts, dict(done.erased)) == (True, (), {"accounts": 1, "posts": 3, "events": 3})
    assert world.left == 0


def test_what_is_left_to_tell_holds_nothing_of_the_person(world):
    world.request()
    world.work()
    (tombstone,) = world.deletions.stored.values()
    account = an_account()
    for personal in (account.ig_user_id, account.app_scoped_id, account.username, account.id, account.tenant_id):
        assert personal not in repr(tombstone)


def test_the_tenant_is_told_once_in_an_event_that_is_not_the_account_s(world):
    deletion = world.request()
    world.work()
    world.erase(deletion.code)
    ((name, detail),) = world.bus.announced
    assert name == "AccountDeletionRequested"
    assert detail["account_id"] == an_account().id
    (event,) = world.events.stored.values()
    assert event.account_id is None  # or it would be erased with its account


@pytest.mark.parametrize("is_done", [False, True])
def test_the_same_request_again_has_the_same_code_and_one_job(world, is_done):
    text = signed(USER, epoch(NOW))
    first = world.request(text)
    if is_done:
        world.work()
    for _ in range(5):
        assert world.request(text).code == first.code
    assert world.queue == ([] if is_done else [first.code])


def test_somebody_unknown_gets_a_code_too_and_it_ends_well():
    world = World()
    deletion = world.request()
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert world.bus.announced == []


def test_an_owner_who_comes_back_is_a_new_account_that_the_job_does_not_touch(world):
    deletion = world.request()
    back = an_account(id="acc_2", connected_at=NOW + timedelta(seconds=2))
    world.accounts.connect(back, "the new token")
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert world.accounts.tokens == {(TENANT, "acc_2"): "the new token"}
    assert (TENANT, "acc_2") not in world.belongings[0].left


def test_the_old_request_replayed_after_that_ends_nothing(world):
    text = signed(USER, epoch(NOW))
    first = world.request(text)
    world.work()
    world.accounts.connect(an_account(id="acc_2", connected_at=NOW + timedelta(seconds=2)), "token")
    assert world.request(text).code == first.code
    assert world.accounts.tokens
    assert world.queue == []


@pytest.mark.parametrize("is_done", [False, True])
def test_whoever_leaves_a_second_time_is_erased_a_second_time(world, is_done):
    first = world.request()
    if is_done:
        world.work()
    world.accounts.connect(an_account(id="acc_2", connected_at=NOW + timedelta(seconds=2)), "token")
    world.clock.advance(60)
    second = world.request()
    assert (second.code == first.code) != is_done  # one that is under way takes the new account in
    world.work()
    assert world.is_forgotten
    assert world.deletions.get(second.code).is_done
    assert world.deletions.latest(user_hash(USER)).code == second.code


def test_a_person_with_many_accounts_loses_them_all():
    accounts = [an_account(id=f"acc_{n}", ig_user_id=str(n), login="facebook") for n in range(1, 46)]
    world = World(*accounts)
    deletion = world.request()
    assert world.is_forgotten
    world.work()
    assert world.deletions.get(deletion.code).erased["accounts"] == 45
    assert len(world.belongings[0].left) == 45


def test_what_a_disconnected_account_has_left_is_erased_when_its_owner_asks(world):
    world.accounts.erase(an_account())
    world.clock.advance(60)
    deletion = world.request()
    world.work()
    done = world.deletions.get(deletion.code)
    assert (done.is_done, dict(done.erased)) == (True, {"accounts": 1, "posts": 3, "events": 3})
    assert [detail["account_id"] for _, detail in world.bus.announced] == [an_account().id]
    assert world.accounts.consents == {}
    assert world.request().code == deletion.code  # nothing new
    assert world.queue == []


def test_each_account_that_came_of_connecting_again_after_a_disconnect_is_erased_in_every_tenant(world):
    world.accounts.erase(an_account())
    world.accounts.connect(an_account(id="acc_2", tenant_id="globex", connected_at=NOW + timedelta(days=1)), "token")
    world.clock.advance(timedelta(days=2))
    world.request()
    assert world.is_forgotten
    world.work()
    assert world.belongings[0].left == {(TENANT, an_account().id): 0, ("globex", "acc_2"): 0}


@pytest.mark.parametrize("change", [{"app_scoped_id": "77"}, {"app_scoped_id": "77", "login": "facebook"}])
def test_who_connected_before_somebody_else_or_through_the_other_login_may_still_ask(world, change):
    again = an_account(token_version=2, connected_at=NOW + timedelta(days=1), **change)
    world.accounts.connect(again, "token of another")
    world.clock.advance(timedelta(days=2))
    deletion = world.request()
    assert world.is_forgotten
    world.work()
    assert world.deletions.get(deletion.code).erased["accounts"] == 1
    assert world.left == 0


@pytest.mark.parametrize("change", [{}, {"app_scoped_id": "77"}, {"login": "facebook"}])
def test_what_meta_said_before_the_account_was_connected_again_by_whomever_erases_nothing(world, change):
    text = signed(USER, epoch(NOW))
    again = an_account(token_version=2, connected_at=NOW + timedelta(seconds=2), **change)
    world.accounts.connect(again, "token")
    world.request(text)
    assert world.accounts.tokens == {(TENANT, again.id): "token"}


def test_what_meta_said_before_an_account_was_connected_erases_nothing_after_its_disconnect_either(world):
    world.accounts.connect(an_account(token_version=2, connected_at=NOW + timedelta(seconds=2)), "token")
    world.accounts.erase(an_account())
    world.request(signed(USER, epoch(NOW)))
    assert len(world.accounts.consents) == 1


def test_an_account_that_is_disconnected_at_that_moment_is_erased_all_the_same(world):
    overtaken(world.deletions, "doom", lambda: world.accounts.erase(an_account()))
    deletion = world.request()
    world.work()
    assert world.deletions.get(deletion.code).erased["posts"] == 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", range(6))
def test_a_request_that_dies_anywhere_is_finished_by_its_repetition_or_by_the_watchdog(world, nth, when):
    text = signed(USER, epoch(NOW))
    fate = Fate({nth: (when, Killed())})
    with pytest.raises(Killed):
        world.request(text, fate.mortal)
    world.clock.advance(timedelta(hours=1))
    world.watch()
    world.work()
    deletion = world.request(text)
    world.watch()
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert world.is_forgotten
    assert world.left == 0
    assert len({detail["event_id"] for _, detail in world.bus.announced}) == 1  # at least once, and known by its id


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", range(4))
def test_a_job_that_dies_anywhere_goes_on_where_it_stopped(world, nth, when):
    deletion = world.request()
    fate = Fate({nth: (when, Killed())})
    with pytest.raises(Killed):
        world.erase(deletion.code, fate.mortal)
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert world.left == 0


@pytest.mark.parametrize("failures", [1, 4])
def test_a_store_that_is_down_for_a_while_only_delays(world, failures):
    deletion = world.request()
    world.belongings[1].failures = failures
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert world.left == 0


def test_a_run_whose_time_is_over_queues_the_next_and_counts_what_it_did(world):
    deletion = world.request()
    world.queue.clear()
    slow = world.belongings[0]
    began = slow.erase

    def erased_slowly(*ids):  # and is begun anew each time
        for number in began(*ids):
            world.clock.advance(erasing.BUDGET / 2 + timedelta(seconds=1))
            yield number

    slow.erase = erased_slowly
    assert world.erase(deletion.code)["outcome"] == "continued"
    assert world.queue == [deletion.code]
    world.work()
    assert dict(world.deletions.get(deletion.code).erased) == {"accounts": 1, "posts": 3, "events": 3}


class Partition:
    """
    So many pages of a tenant's, a minute each, of which this account has next to nothing. Whoever stops at the last one
    begins with it again.
    """

    kind = "events of a big tenant"

    def __init__(self, pages, clock):
        self.pages, self.clock, self.read, self.left = pages, clock, [], {}
        self.failures = 0

    def erase(self, tenant_id, account_id, after):
        for page in range(int(after or 0), self.pages):
            if page == self.pages // 2 and self.failures:
                self.failures -= 1
                raise StoreUnavailableError
            self.read.append(page)
            self.clock.advance(timedelta(minutes=1))
            yield 0, str(min(page + 1, self.pages - 1))


@pytest.fixture
def partition(world):
    made = Partition(30, world.clock)
    world.belongings = (world.belongings[0], made, world.belongings[1])
    return made


def test_a_partition_that_no_run_could_read_whole_is_read_once(world, partition):
    deletion = world.request()
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert partition.read[:30] == list(range(30))
    assert len(partition.read) <= 31
    assert world.left == 0


def test_a_store_that_fails_behind_much_that_was_read_does_not_begin_it_anew(world, partition):
    partition.failures = 3
    deletion = world.request()
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert partition.read[:30] == list(range(30))


def test_an_account_that_joins_a_deletion_under_way_is_erased_as_well(world, partition):
    deletion = world.request()
    world.erase(world.queue.pop())
    world.accounts.connect(an_account(id="acc_2", connected_at=world.clock()), "token")
    assert world.request().code == deletion.code
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert [partition.read.count(page) for page in range(29)] == [2] * 29
    assert set(world.belongings[2].left.values()) == {0}
    assert len(world.belongings[2].left) == 2


def test_a_place_in_what_is_no_kind_any_more_means_the_beginning(world, partition):
    deletion = world.request()
    world.erase(world.queue.pop())
    world.belongings = (world.belongings[0], world.belongings[2])
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert world.left == 0


def test_of_two_jobs_beside_each_other_one_is_left(world, partition):
    deletion = world.request()
    overtaken(world.deletions, "note", lambda: world.erase(deletion.code))
    world.queue.clear()
    assert world.erase(deletion.code)["outcome"] == "overtaken"
    assert world.queue == [deletion.code]  # the other one's


def test_the_watchdog_leaves_alone_what_goes_on(world, partition):
    deletion = world.request()
    world.clock.advance(erasing.LOST_AFTER + timedelta(seconds=1))
    world.erase(world.queue.pop())
    world.queue.clear()
    assert world.watch() == {"open": 1, "late": 0}
    assert world.queue == []
    world.clock.advance(erasing.LOST_AFTER + timedelta(seconds=1))
    world.watch()
    assert world.queue == [deletion.code]


def test_the_watchdog_leaves_young_deletions_alone_and_says_which_are_late(world):
    deletion = world.request()
    world.queue.clear()
    assert world.watch() == {"open": 0, "late": 0}
    world.clock.advance(erasing.LOST_AFTER + timedelta(seconds=1))
    assert world.watch() == {"open": 1, "late": 0}
    assert world.queue == [deletion.code]
    world.clock.advance(erasing.LATE_AFTER)
    assert world.watch() == {"open": 1, "late": 1}


def test_two_requests_at_the_same_moment_share_one_code(world):
    text = signed(USER, epoch(NOW))
    codes = []
    overtaken(world.deletions, "add", lambda: codes.append(world.request(text).code))
    assert world.request(text).code == codes[0]


def test_an_account_that_is_connected_anew_at_that_moment_is_left_alone(world):
    again = replace(an_account(), connected_at=NOW + timedelta(seconds=2), token_version=2)
    overtaken(world.deletions, "doom", lambda: world.accounts.connect(again, "new"))
    deletion = world.request(signed(USER, epoch(NOW)))
    world.clock.advance(timedelta(hours=1))
    world.watch()
    world.work()
    assert world.deletions.get(deletion.code).is_done
    assert world.accounts.tokens == {(TENANT, again.id): "new"}


def test_a_conflict_that_does_not_end_is_to_be_tried_again(world, monkeypatch):
    def always(*_):
        raise ConflictError

    monkeypatch.setattr(world.deletions, "doom", always)
    with pytest.raises(StoreUnavailableError):
        world.request()


def test_a_forged_request_starts_nothing(world):
    with pytest.raises(BadRequestError):
        world.request(signed(secret="another"))
    assert (world.deletions.stored, world.queue) == ({}, [])


def test_a_code_that_nobody_has_been_given_is_not_found(world):
    with pytest.raises(NotFoundError):
        world.erase("0" * 32)
