"""
Webhooks by the hundred thousand: batched, doubled, batched anew, shuffled and poisoned, through the real receiver and
processor.

    python -m bench.webhooks [--events N] [--seed SEED]

Most deliveries hold one change, some many, one a thousand of one media. Of those sent again half are the same bytes,
half hold the same facts in other company, sent at another time. Four pollers hold messages at the same time, end in any
order, and some die after their work and before their messages are deleted.

The handlers of functions/ run as they are, over queues, tables and a bucket in memory that pass the same suites as the
real ones (tests/contracts). So the figures are those of our code: no SDK (bench.telling has that), no network. The
pollers take turns, message by message; inside a delivery there are threads. What has to be there is counted from what
was sent, not by our code. Ends with 1 if anything is lost or doubled.
"""

import argparse
import hashlib
import hmac
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from logging import StreamHandler
from pathlib import Path
from typing import Any, TextIO, cast

from darkroom import announcing, bootstrap_events, processing, receiving
from darkroom.aws.inbox import SqsInbox, opened
from darkroom.deliveries import Keys
from darkroom.observability import logger
from simulator.payloads import PAYLOADS, About
from simulator.switches import Switches
from simulator.webhooks import Happened, body_of
from tests.builders import an_account
from tests.events import event
from tests.fakes import FakeAccounts, FakeBus, FakeDeliveries, FakeEvents, FakeKeyRing
from tests.functions.world import app
from tests.queues import MemoryQueues, record, taken

SECRET = "a-secret"  # noqa: S105 — of this benchmark alone
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ACCOUNTS, MEDIA, FOLLOWERS = 200, 40, 50
DUPLICATES, POISON = 0.20, 0.01
BATCHED, MOST_BATCHED, FULL = 0.02, 20, 1000  # how many deliveries hold many changes, and how many
POLLERS, DYING, BATCH = 4, 0.02, 1
KINDS = {
    "comment": "comment.created",
    "message": "message.received",
    "echo": "message.sent",
    "reaction": "reaction.added",
    "read": "message.seen",
    "postback": "postback.received",
    "mention": "mention.created",
    "story_insights": "story_insights.received",
    "unheard_of": "change.unsupported",
}
POISONS = ("not json {}", '{{"object":"instagram","entry":NaN,"n":{}}}', "[" * 5000 + "{}", '"\\ud800{}"', "\x00{}")

type Event = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """What goes out: bodies in their order, and, counted apart from all code of ours, what they amount to."""

    bodies: list[bytes]
    changes: int  # in all bodies
    facts: set[tuple[str, str]]  # type of the event, and the id that the sender gave it
    comments: Counter[tuple[str, str]]  # unique ones, by account and media
    poison: Counter[bytes]


@dataclass
class World:
    """Everything behind the handlers."""

    events: FakeEvents = field(default_factory=lambda: FakeEvents(lambda: NOW))
    bus: FakeBus = field(default_factory=FakeBus)
    archive: FakeDeliveries = field(default_factory=FakeDeliveries)
    accounts: FakeAccounts = field(default_factory=FakeAccounts)

    def __post_init__(self) -> None:
        for number in range(ACCOUNTS):
            self.accounts.connect(
                an_account(id=f"acc_{number:026}", tenant_id=f"tenant-{number % 20}", ig_user_id=ig_id(number)), "token"
            )
        self.queues = MemoryQueues(shuffled=random.Random(1))
        self.queue = self.queues.create("webhooks", self.queues.create("dead"))

    @contextmanager
    def behind_bootstrap(self) -> Iterator[None]:
        """The functions' bootstrap builds these ports."""
        key_ring = FakeKeyRing(Keys({"instagram": SECRET}, "token"))
        inbox = SqsInbox(self.queues, self.queue, 900_000, lambda: self.archive)  # type: ignore[arg-type] # passes the same suite
        telling = announcing.Ports(self.events, lambda name, detail: self.bus.announce(name, detail, NOW), lambda: NOW)
        built = {
            "receiving_ports": receiving.Ports(key_ring, inbox, lambda: NOW),
            "processing_ports": processing.Ports(self.accounts, self.archive, telling),
            "raw_deliveries": self.archive,
        }
        before = {name: getattr(bootstrap_events, name) for name in built}
        for name, ports in built.items():
            setattr(bootstrap_events, name, lambda ports=ports: ports)
        try:
            yield
        finally:
            for name, builder in before.items():
                setattr(bootstrap_events, name, builder)


def ig_id(number: int) -> str:
    return f"178414{number:011}"


def made(count: int, seed: int) -> Sent:
    """So many deliveries, of the last four days: some of many changes, some twice, some poison, in any order."""
    chance = random.Random(seed)
    poison = [chance.choice(POISONS).format(number).encode() for number in range(round(count * POISON))]
    again = round(count * DUPLICATES)
    sizes = [
        chance.randint(2, MOST_BATCHED) if chance.random() < BATCHED else 1
        for _ in range(count - len(poison) - again - 1)
    ]
    numbers = iter(range(sum(sizes) + FULL))
    groups = [[_happened(next(numbers), chance) for _ in range(size)] for size in sizes]
    groups.append([_happened(next(numbers), chance, "comment", account=1, media=1) for _ in range(FULL)])
    once = [each for group in groups for each in group]
    bodies = [_body(group) for group in groups]
    bodies += chance.choices(bodies, k=again // 2)
    # What has neither an id nor a time of its own is another fact when it is sent again (decision 15).
    own = [each for each in once if KINDS[each.kind] != "change.unsupported"]
    anew = [chance.choices(own, k=chance.randint(1, 3)) for _ in range(again - again // 2)]
    bodies += [_body([_sent_later(each, chance) for each in group]) for group in anew]
    bodies += poison
    chance.shuffle(bodies)
    facts = {(KINDS[each.kind], str(number)) for number, each in enumerate(once)}
    return Sent(bodies, sum(map(_size, bodies)), facts, _comments(once), Counter(poison))


def _happened(number: int, chance: random.Random, kind: str = "", account: int = -1, media: int = -1) -> Happened:
    """One fact, with its number in every id and text."""
    kind = kind or chance.choice(list(KINDS))
    account = chance.randrange(ACCOUNTS) if account < 0 else account
    media = chance.randrange(MEDIA) if media < 0 else media
    about = About(
        account=ig_id(account),
        at=NOW.timestamp() - chance.uniform(0, 4 * 86400),
        follower=f"68411{chance.randrange(FOLLOWERS):011}",
        media_id=f"179{media:014}" if kind == "comment" else f"180{number:014}",
        comment_id=f"178{number:014}",
        mid=f"aWdfZAG{number:040}",
        text=f"Grüße {number} \U0001f4f7",
    )
    return Happened(about.account, kind, about.at, PAYLOADS[kind](about))


def _sent_later(fact: Happened, chance: random.Random) -> Happened:
    """Meta writes into an entry when it sent it, which is no part of the fact."""
    return replace(fact, at=fact.at + chance.uniform(1, 3600))


def _body(group: list[Happened]) -> bytes:
    return body_of(group, Switches())


def _size(raw: bytes) -> int:
    return max(raw.count(b'"field"') + raw.count(b'"sender"'), 1)


def _comments(once: list[Happened]) -> Counter[tuple[str, str]]:
    found = Counter[tuple[str, str]]()
    for each in once:
        if each.kind == "comment":
            media = each.told.content["value"]["media"]["id"]
            found[f"acc_{int(each.account.removeprefix('178414')):026}", media] += 1
    return found


def request(raw: bytes) -> Event:
    signature = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    template = event("webhook_receiver") | {"body": raw.decode()}
    return template | {"headers": template["headers"] | {"x-hub-signature-256": f"sha256={signature}"}}


def bare(incoming: Event) -> Event:
    """The least that a receiver could be: it proves and reads, and neither queues nor says anything."""
    raw = incoming["body"].encode()
    expected = "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, incoming["headers"]["x-hub-signature-256"]):
        return {"statusCode": 401}
    json.loads(raw)
    return {"statusCode": 200}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000, help="deliveries (default: 100,000)")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    sent, world = made(options.events, options.seed), World()
    lines = cast("StreamHandler[TextIO]", logger().registered_handler)
    sink = Path(os.devnull).open("w")  # noqa: SIM115 — closed below
    before = lines.setStream(sink)
    try:
        with world.behind_bootstrap():
            taken = _received(sent)
            processed = _processed(world, options.seed)
    finally:
        assert before
        lines.setStream(before)
        sink.close()
    return _reported(sent, world, taken, processed)


@dataclass(frozen=True)
class Taken:
    cpu: float
    ratio: float
    refused: int


def _received(sent: Sent) -> Taken:
    """CPU seconds of the receiver, and against the bare one, which takes turns with it over the same requests."""
    handler: Callable[[Event, None], Event] = app("webhook_receiver").handler
    ours = theirs = 0.0
    refused = 0
    for start in range(0, len(sent.bodies), 1000):
        requests = [request(raw) for raw in sent.bodies[start : start + 1000]]
        began = time.process_time()
        refused += sum(handler(each, None)["statusCode"] != 200 for each in requests)
        middle = time.process_time()
        for each in requests:
            _tried(each)
        ours, theirs = ours + middle - began, theirs + time.process_time() - middle
    return Taken(ours, ours / theirs, refused)


def _tried(incoming: Event) -> None:
    try:
        bare(incoming)
    except (ValueError, RecursionError):
        return  # it has no answer to poison


def _processed(world: World, seed: int) -> float:
    """CPU seconds until nothing is left, visibility time-outs passing in no time."""
    handler, chance = app("webhook_processor").handler, random.Random(seed)
    began = time.process_time()
    while world.queues.queues[world.queue].visible:
        while held := [each for _ in range(POLLERS) for each in taken(world.queues, world.queue, BATCH)]:
            chance.shuffle(held)
            for message in held:
                is_done = not handler({"Records": [record(message, world.queue)]}, None)
                if is_done and chance.random() >= DYING:
                    world.queues.delete_message(QueueUrl=world.queue, ReceiptHandle=message["ReceiptHandle"])
        world.queues.become_visible(world.queue)
    return time.process_time() - began


def _reported(sent: Sent, world: World, taken: Taken, processed: float) -> int:
    count = len(sent.bodies)
    found = Counter(_fact(each) for each in world.events.stored.values())
    dead = Counter(_raw(each, world.archive) for each in world.queues.queues["dead"].visible)
    counted = {
        tuple(item.split("#")[1:]): state["comments"]
        for (_, item), state in world.events.states.items()
        if item.startswith("COMMENTS#")
    }
    lost = len(sent.facts - found.keys())
    doubled = sum(found.values()) - len(found) + len(found.keys() - sent.facts)
    wrong = sum(counted.get(key) != number for key, number in sent.comments.items()) + len(
        counted.keys() - sent.comments
    )
    told_twice = len(world.bus.announced) - len(sent.facts)
    print(
        f"webhooks: {count:,} deliveries, {sent.changes:,} changes, in any order; sent again {DUPLICATES:.0%}, half of"
    )
    print(f"  them batched anew; {BATCHED:.0%} of 2 to {MOST_BATCHED} changes, one of {FULL:,}; {POISON:.0%} poison")
    print(f"  {POLLERS} pollers, {DYING:.0%} of the messages not deleted after their work")
    print("  substrate: the real handlers over queues, tables and a bucket in memory; no SDK, no network, one core")
    print(f"  refused by the receiver {taken.refused}   lost {lost}   doubled {doubled}   wrong counters {wrong}")
    print(f"  told twice on the bus {told_twice}   dead-lettered {dead.total():,} = poison {sent.poison.total():,}")
    print(f"  receiver  {count / taken.cpu:9,.0f} requests/s per core, {taken.ratio:.1f} x a bare hmac + json function")
    print(f"  processor {sent.changes / processed:9,.0f} changes/s per core")
    is_kept = not (taken.refused or lost or doubled or wrong or told_twice) and dead == sent.poison
    print("  every promise is kept" if is_kept else "  A PROMISE IS BROKEN", flush=True)
    return 0 if is_kept else 1


def _raw(dead: Any, archive: FakeDeliveries) -> bytes:
    """What Meta sent, from the message as it lies in the dead-letter queue."""
    attributes = {name: each["StringValue"] for name, each in dead.attributes.items()}
    return opened(dead.body, attributes, lambda: archive).raw


def _fact(stored: Any) -> tuple[str, str]:
    """An event by its type and the number that its sender put into every id and text."""
    refs = stored.refs
    if stored.type == "change.unsupported":
        name = stored.data["raw"]["value"]["media_id"]
    else:
        name = refs.get("comment_id") or refs.get("mid") or refs.get("media_id")
    return stored.type, str(int(name.removeprefix("aWdfZAG")[3 if name.startswith(("178", "180")) else 0 :]))


if __name__ == "__main__":
    sys.exit(main())
