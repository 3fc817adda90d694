"""Forgeries and valid ones before a judge, in turn; what was judged wrongly is kept with its kind."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from darkroom import receiving
from darkroom.deliveries import Delivery, Keys
from darkroom.instagram import signed_request
from darkroom.instagram.signed_request import SignedRequestError
from darkroom.receiving import RefusedError
from tests.forging import signed_requests, webhooks

NOW = datetime(2026, 11, 23, tzinfo=UTC)
A_VALID_ONE = 10  # after so many forgeries

# The slot whose secret signed it, or None: refused.
type JudgesWebhook = Callable[[webhooks.Keys, bytes, str | None], str | None]
type JudgesRequest = Callable[[webhooks.Keys, str], str | None]


@dataclass
class Outcome:
    refused: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        self.refused += other.refused
        self.accepted += other.accepted
        self.wrong += other.wrong


@dataclass
class _Ring:
    found: Keys

    def keys(self, max_age: float | None = None) -> Keys:
        return self.found


class _Inbox:
    def put(self, delivery: Delivery) -> None:
        pass


def receiver(keys: webhooks.Keys, raw: bytes, header: str | None) -> str | None:
    ring = _Ring(Keys(keys.secrets, keys.verify_token))
    try:
        return receiving.receive(raw, header, receiving.Ports(ring, _Inbox(), lambda: NOW)).key_slot
    except RefusedError as refused:
        if refused.status != 401:
            raise
        return None


def reader(keys: webhooks.Keys, text: str) -> str | None:
    try:
        return signed_request.read(text, keys.secrets).key_slot
    except SignedRequestError:
        return None


def of_webhooks(seed: int, count: int, judge: JudgesWebhook = receiver) -> Outcome:
    chance, outcome = Random(seed), Outcome()
    keys, kinds = webhooks.Keys(chance), list(webhooks.FORGERIES.items())
    for number in range(count):
        kind, forge = kinds[number % len(kinds)]
        slot = chance.choice(webhooks.SLOTS)
        raw = webhooks.body(chance)
        forged, header = forge(chance, raw, keys.secrets[slot], keys)
        if judge(keys, forged, header) is None:
            outcome.refused[kind] += 1
        else:
            outcome.wrong.append(f"accepted a forgery: {kind}")
        if number % A_VALID_ONE == 0:
            _valid(outcome, slot, judge(keys, raw, webhooks.valid(raw, keys.secrets[slot])))
    return outcome


def of_requests(seed: int, count: int, judge: JudgesRequest = reader) -> Outcome:
    chance, outcome = Random(seed), Outcome()
    keys, kinds = webhooks.Keys(chance), list(signed_requests.FORGERIES.items())
    for number in range(count):
        kind, forge = kinds[number % len(kinds)]
        slot = chance.choice(webhooks.SLOTS)
        if judge(keys, forge(chance, keys.secrets[slot], keys)) is None:
            outcome.refused[kind] += 1
        else:
            outcome.wrong.append(f"accepted a forgery: {kind}")
        if number % A_VALID_ONE == 0:
            _valid(
                outcome, slot, judge(keys, signed_requests.valid(signed_requests.payload(chance), keys.secrets[slot]))
            )
    return outcome


def _valid(outcome: Outcome, slot: str, found: str | None) -> None:
    if found == slot:
        outcome.accepted[slot] += 1
    else:
        outcome.wrong.append(f"a valid one of {slot} was taken for {found}")
