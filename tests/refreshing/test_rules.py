"""The proof's Instagram and the simulator's answer alike, in each way of refreshing, in whatever order."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from darkroom.instagram.client import InstagramClient
from darkroom.instagram.errors import InstagramError
from simulator.clock import Clock as SimulatorClock
from simulator.instagram import Instagram
from simulator.options import Options, PretendAccount
from simulator.testing import transport
from tests.builders import NOW
from tests.fakes import Clock
from tests.refreshing.rules import TokenRules

OWNERS = ("ada", "grace")
STEPS = 400


class Both:
    """The same is done to both, and must be answered alike; `pairs` are the tokens of either side."""

    def __init__(self, mode):
        self.clock, self.mode = Clock(NOW), mode
        self.rules = TokenRules(self.clock)
        self.simulator = Instagram(
            Options(accounts=tuple(PretendAccount(owner) for owner in OWNERS)),
            clock=SimulatorClock(start=NOW.timestamp()),
        )
        self.simulator.switch(refresh_mode=mode)
        self.client = InstagramClient(transport=transport(self.simulator))
        self.pairs = []

    def advance(self, by):
        self.clock.advance(by)
        self.simulator.clock.advance(by.total_seconds())

    def connect(self, owner):
        self.pairs.append((self.rules.connect(owner, self.mode), self.simulator.token_for(owner)))

    def revoke(self, owner, subcode):
        self.rules.revoke(owner, subcode)
        for token in self.simulator.world.tokens.values():
            if token.account.username == owner:
                token.revoked_with = subcode

    def refresh(self, number):
        ours, theirs = self.pairs[number]
        made, made_there = answer(lambda: self.rules.refresh(ours)), answer(lambda: self.client.refresh(theirs))
        assert made[1:] == made_there[1:]
        if made[0] is not None:
            assert (made[0] == ours) == (made_there[0] == theirs)
            if made[0] != ours:
                self.pairs.append((made[0], made_there[0]))
        return made

    def check_lives(self):
        for ours, theirs in self.pairs:
            token = self.simulator.world.tokens[theirs]
            expiry = datetime.fromtimestamp(token.expires_at, UTC)
            assert self.rules.tokens[ours].expires_at == expiry


def answer(call):
    try:
        found = call()
    except InstagramError as error:
        return None, type(error).__name__, error.code, error.subcode
    return found.token, found.expires_in


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mode", ["same", "rotate_keep", "rotate_kill"])
def test_both_answer_alike(mode, seed):
    random, both, seen = Random(seed), Both(mode), set()
    for owner in OWNERS:
        both.connect(owner)
    for _ in range(STEPS):
        kind = random.choices(("refresh", "advance", "connect", "revoke"), (50, 40, 8, 2))[0]
        if kind == "refresh":
            newest = range(max(0, len(both.pairs) - 6), len(both.pairs))
            seen.add(both.refresh(random.choice(newest))[1:])
        elif kind == "advance":
            both.advance(timedelta(hours=random.choice((1, 12, 23, 24, 25, 24 * 29, 24 * 59))))
        elif kind == "connect":
            both.connect(random.choice(OWNERS))
        else:
            both.revoke(random.choice(OWNERS), random.choice((458, 460, 467)))
    both.check_lives()
    assert {each[0] for each in seen} >= {5_184_000, "InvalidRequestError", "TokenInvalidError"}


def test_a_token_that_nobody_has_issued_is_refused_alike():
    both = Both("same")
    both.pairs.append(("unknown", "unknown"))
    assert both.refresh(0)[1:] == ("TokenInvalidError", 190, None)


@pytest.mark.parametrize(
    ("days", "outcome"), [(0.99, "InvalidRequestError"), (1, 5_184_000), (60, "TokenInvalidError")]
)
def test_a_token_is_refreshed_from_the_second_day_to_the_sixtieth(days, outcome):
    both = Both("same")
    both.connect("ada")
    both.advance(timedelta(days=days))
    assert both.refresh(0)[1] == outcome
