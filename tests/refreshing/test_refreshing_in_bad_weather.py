"""A sample of what `make refreshes` runs in full, and that it sees what it is there to see."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest

from darkroom import bootstrap_tokens, refreshing
from darkroom.instagram.client import InstagramClient
from darkroom.refreshes import LEASE, LONGEST
from simulator.clock import Clock as SimulatorClock
from simulator.instagram import Instagram
from simulator.options import Options, PretendAccount
from simulator.testing import transport
from tests.builders import NOW, TENANT, an_account
from tests.fakes import Clock, FakeAccounts, FakeRenewals, standing_ports
from tests.functions import world
from tests.refreshing.__main__ import SEED, TRIAL, caught, lived
from tests.refreshing.mutants import MUTANTS
from tests.refreshing.town import VISIBILITY, Town
from tests.test_architecture import TEMPLATE


@pytest.mark.parametrize("number", range(4))
def test_no_valid_token_is_lost_and_every_dead_one_is_told_once(number):
    outcome = lived(SEED + number, accounts=60, days=200, rate=0.03)
    assert not outcome.counts, outcome.breaks
    assert outcome.figures["refreshed"] > 300
    assert outcome.fewest_days["random faults only"] > 20


def test_the_same_seed_makes_the_same_run():
    first, second = (lived(7, accounts=20, days=60, rate=0.05) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("without", ["the lease", "flags", "the natural key of an event"])
def test_a_mutant_is_caught(without):
    (mutant,) = (each for each in MUTANTS if each.without == without)
    assert caught(mutant)
    assert not lived(SEED, **TRIAL).counts


def test_the_town_lives_by_the_queue_of_the_template():
    queue = TEMPLATE["Resources"]["RefreshQueue"]["Properties"]
    limit = TEMPLATE["Resources"]["RefreshTokenFunction"]["Properties"]["Timeout"]
    assert queue["VisibilityTimeout"] == VISIBILITY.total_seconds() >= 6 * limit
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert timedelta(seconds=limit) < LEASE < VISIBILITY, "a message comes again when its dead worker's lease is over"


@pytest.mark.parametrize("name", ["RefreshTokenFunction", "RefreshAccountFunction"])
def test_who_refreshes_lives_long_enough_to_write_the_only_copy_down(name):
    """Also if each attempt to write takes as long as the SDK lets it, and those that end well come last."""
    limit = timedelta(seconds=TEMPLATE["Resources"][name]["Properties"]["Timeout"])
    assert limit >= 2 * LONGEST, "or the second message of a batch would never be begun"
    writing = 5 * timedelta(seconds=6) + timedelta(seconds=sum(refreshing._PAUSES))
    assert writing + timedelta(seconds=15) <= LONGEST


@pytest.mark.parametrize(("left", "is_begun"), [(59.9, False), (60.1, True)])
def test_no_refresh_is_begun_that_could_be_cut_off(monkeypatch, left, is_begun):
    begun = []
    app = world.app("refresh_token")
    monkeypatch.setattr(bootstrap_tokens, "refreshing_ports", lambda: None)
    monkeypatch.setattr(refreshing, "refresh_due", lambda *_: begun.append(1) or {})
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: left * 1000)
    body = '{"tenant_id": "t", "account_id": "a", "token_version": 1}'
    app.handler({"Records": [{"messageId": "1", "body": body}]}, context)
    assert bool(begun) is is_begun


@pytest.mark.parametrize("mode", ["same", "rotate_keep", "rotate_kill"])
def test_the_simulator_itself_keeps_an_account_alive_for_two_years(mode):
    clock, world_clock = Clock(NOW), SimulatorClock(start=NOW.timestamp())
    instagram = Instagram(Options(accounts=(PretendAccount("ada"),)), clock=world_clock)
    instagram.switch(refresh_mode=mode)
    issued = {"token_issued_at": NOW, "token_expires_at": NOW + timedelta(days=60), "refresh_at": NOW}
    account = an_account(**issued)
    accounts = FakeAccounts()
    accounts.connect(account, instagram.token_for("ada"))
    ports = refreshing.Ports(
        accounts,
        FakeRenewals(accounts),
        {"instagram": refreshing.by_instagram(InstagramClient(transport=transport(instagram)).refresh)},
        standing_ports(accounts, clock),
        clock,
        clock.sleep,
    )
    outcomes = Counter()
    for _ in range(730):
        clock.advance(timedelta(days=1))
        world_clock.advance(86_400)
        stored = accounts.get(TENANT, account.id)
        if stored.refresh_at <= clock():
            task = refreshing.RefreshTask(TENANT, account.id, stored.token_version)
            outcomes[refreshing.refresh_due(task, ports)["outcome"]] += 1
    assert outcomes["refreshed"] == accounts.get(TENANT, account.id).token_version - 1 >= 22
    assert instagram.world.tokens[accounts.tokens[TENANT, account.id]].revoked_with is None


def test_a_town_tells_what_it_has_seen():
    town = Town(1, accounts=10, days=40)
    town.run()
    assert town.figures()["connected"] >= 10
