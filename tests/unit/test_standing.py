"""How an account stands: found out by refreshing and by posts, at the same time, written down and told once."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from darkroom import problems, refreshing, standing
from darkroom.accounts import Account, AccountState
from darkroom.errors import StoreUnavailableError
from darkroom.instagram.errors import (
    AccountRestrictedError,
    InstagramError,
    InstagramUnavailableError,
    TokenInvalidError,
)
from tests.builders import NOW, TENANT, an_account
from tests.fakes import Clock, FakeAccounts, FakeBus, FakeEvents, FakeRenewals, standing_ports
from tests.unit.world import overtaken

DUE = an_account(token_issued_at=NOW - timedelta(days=31), token_expires_at=NOW + timedelta(days=29), refresh_at=NOW)
LATE = replace(DUE, token_issued_at=NOW - timedelta(days=47), token_expires_at=NOW + timedelta(days=13))
REVOKED = TokenInvalidError(code=190, subcode=458)
BLOCKED = AccountRestrictedError(code=368)
DEAD = AccountState.REAUTHORIZATION_REQUIRED


@dataclass
class World:
    """An account, and the refresher whom Instagram answers with `error`."""

    account: Account = DUE
    error: InstagramError = field(default_factory=lambda: InstagramUnavailableError(status=503))
    meanwhile: Any = lambda: None

    def __post_init__(self) -> None:
        self.clock, self.accounts, self.bus = Clock(NOW), FakeAccounts(), FakeBus()
        self.accounts.connect(self.account, "the-token")
        self.events = FakeEvents(self.clock)
        self.standing = standing_ports(self.accounts, self.clock, self.events, self.bus)
        self.ports = refreshing.Ports(
            self.accounts,
            FakeRenewals(self.accounts),
            {"instagram": refreshing.by_instagram(self._refuse)},
            self.standing,
            self.clock,
            self.clock.sleep,
        )

    def _refuse(self, _token: str) -> Any:
        self.meanwhile()
        raise self.error

    def look(self) -> str:
        task = refreshing.RefreshTask(TENANT, self.account.id, self.account.token_version)
        return refreshing.refresh_due(task, self.ports)["outcome"]

    def flag(self, error: InstagramError) -> Account:
        return standing.flag(self.stored(), problems.describe(error), self.standing)

    def stored(self) -> Account:
        return self.accounts.get(TENANT, self.account.id)

    def days(self, days: int) -> None:
        """The dispatcher queues what is due."""
        for _ in range(days * 4):
            self.clock.advance(timedelta(hours=6))
            due = self.stored().refresh_at
            if due is not None and due <= self.clock():
                self.look()

    def without_bus(self, act: Any) -> None:
        self.bus.failure = StoreUnavailableError()
        try:
            act()
        except StoreUnavailableError:
            pass
        finally:
            self.bus.failure = None

    def told(self) -> list[str]:
        return [event.type for event in self.events.stored.values() if event.id in self.events.announced]


def twice(store: Any, method: str) -> None:
    """The SDK sends again, and hears how that ends: once."""
    first = getattr(store, method)

    def again(*arguments: Any) -> Any:
        setattr(store, method, first)
        first(*arguments)
        return first(*arguments)

    setattr(store, method, again)


@pytest.mark.parametrize(
    ("error", "kind"), [(REVOKED, standing.REAUTHORIZATION_REQUIRED), (BLOCKED, standing.ACTION_REQUIRED)]
)
@pytest.mark.parametrize("method", ["flag", "look_again", "mark_told"])
def test_a_write_that_meets_itself_loses_no_fact(error, kind, method):
    world = World(error=error)
    twice(world.accounts, method)
    world.look()
    world.days(3)
    assert world.told() == [kind]
    assert world.stored().untold == ()
    assert (world.stored().refresh_at is None) is (kind == standing.REAUTHORIZATION_REQUIRED)


def test_what_a_post_found_out_during_a_refresh_is_not_overwritten_by_its_failure():
    world = World()
    world.meanwhile = lambda: world.without_bus(lambda: world.flag(REVOKED))
    assert world.look() == "instagram_unavailable"
    stored = world.stored()
    assert (stored.state, stored.untold, stored.refresh_at) == (DEAD, (), None)
    assert stored.last_problem["code"] == "reauthorization_required"
    assert world.told() == [standing.REAUTHORIZATION_REQUIRED]


def test_a_dead_account_leaves_the_index_however_it_got_there():
    world = World(replace(DUE, state=DEAD))
    assert world.look() == "dead"
    assert world.stored().refresh_at is None


def test_a_second_fact_does_not_take_the_place_of_the_first_that_nobody_could_tell():
    world = World(LATE, error=AccountRestrictedError(code=190, subcode=459))
    world.without_bus(world.look)
    assert world.stored().untold == (standing.ACTION_REQUIRED, standing.TOKEN_EXPIRING)
    world.look()
    assert world.told() == [standing.ACTION_REQUIRED, standing.TOKEN_EXPIRING]
    assert world.stored().untold == ()


def test_a_connection_that_nobody_could_tell_is_told_before_what_a_post_found_out():
    world = World(replace(DUE, untold=(standing.CONNECTED,)))
    world.flag(BLOCKED)
    assert world.told() == [standing.CONNECTED, standing.ACTION_REQUIRED]
    connected, _ = world.events.stored.values()
    assert "problem" not in connected.data


def test_every_fact_of_three_is_told_once_though_the_bus_fails_at_each():
    world = World(replace(DUE, untold=(standing.CONNECTED,)))
    world.without_bus(lambda: world.flag(BLOCKED))
    world.without_bus(lambda: world.flag(REVOKED))
    assert world.stored().untold == (
        standing.CONNECTED,
        standing.ACTION_REQUIRED,
        standing.REAUTHORIZATION_REQUIRED,
    )
    world.look()
    assert world.told() == [standing.CONNECTED, standing.ACTION_REQUIRED, standing.REAUTHORIZATION_REQUIRED]
    assert (world.stored().untold, world.stored().refresh_at) == ((), None)


def test_a_warning_that_is_untold_is_told_before_the_next():
    world = World(replace(LATE, warned_days=14, untold=(standing.TOKEN_EXPIRING,)))
    world.clock.advance(timedelta(days=7))
    refreshing._try_again_later(world.stored(), {"code": "x"}, world.ports)
    assert [event.refs["days_left"] for event in world.events.stored.values()] == ["14"]
    refreshing._try_again_later(world.stored(), {"code": "x"}, world.ports)
    assert [event.refs["days_left"] for event in world.events.stored.values()] == ["14", "7"]


def test_who_is_overtaken_by_a_worse_fact_leaves_it_and_by_a_lesser_one_adds_his_own():
    world = World()
    overtaken(world.accounts, "flag", lambda: world.flag(BLOCKED))
    assert world.flag(REVOKED).state is DEAD
    assert world.told() == [standing.ACTION_REQUIRED, standing.REAUTHORIZATION_REQUIRED]
    assert world.flag(BLOCKED).state is DEAD
    assert len(world.told()) == 2


def test_a_token_that_was_replaced_just_then_is_not_flagged_and_not_looked_at_again():
    world = World(error=REVOKED)
    newer = replace(DUE, token_version=2, refresh_at=NOW + timedelta(days=30))
    overtaken(world.accounts, "flag", lambda: world.accounts.connect(newer, "newer"))
    assert world.look() == "reauthorization_required"
    assert world.stored() == newer
    assert world.told() == []


def test_an_account_that_never_stands_still_is_not_flagged_for_ever():
    world = World()
    world.accounts.flag = lambda *_: False
    with pytest.raises(StoreUnavailableError):
        world.flag(REVOKED)
