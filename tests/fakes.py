"""
The ports in memory. Each store passes the same suite as its DynamoDB twin (tests/contracts), so what a use case does
over a fake it does over the real one.
"""

import json
import math
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import quote

from darkroom import announcing, standing
from darkroom.accounts import Account, AccountState, ConnectChoice, ConnectSession
from darkroom.deliveries import Delivery, Keys
from darkroom.errors import (
    AccountUnavailableError,
    ConflictError,
    ConnectError,
    NotFoundError,
    QuotaFullError,
    StoreUnavailableError,
    TokenUnreadableError,
)
from darkroom.events import ERASED, Applied, Effect, Event, State
from darkroom.fingerprints import Claims
from darkroom.idempotency import Record
from darkroom.instagram.errors import (
    AuthorizationCodeError,
    InstagramUnavailableError,
    MediaNotReadyError,
    OutcomeUnknownError,
)
from darkroom.instagram.models import (
    Access,
    Comment,
    ContainerStatus,
    LongLivedToken,
    Media,
    Profile,
    PublishingLimit,
    ShortLivedToken,
    StatusCode,
)
from darkroom.outages import PROBE_EVERY, THRESHOLD, Outage, counted, is_news, opened, outage_id
from darkroom.pages import Page, PageRequest, cursor
from darkroom.posts import OPEN, Container, Post, PostState, RunState
from darkroom.quota import Allowance, is_full, next_free
from darkroom.rates import minute_of, refusal, room_for
from darkroom.refreshes import Due, Successor
from darkroom.tenants import ApiKey
from darkroom.timeline import KEPT, Entry, arrival
from tests.builders import IG_USER_ID, NOW

PROFILE = Profile(
    id="25400000000000001", user_id=IG_USER_ID, username="acme.studio", name="Acme Studio", account_type="Business"
)


def unforeseen(error: Exception) -> None:
    """Who is told of it where a test foresees everything."""
    raise error


class Killed(BaseException):
    """The worker dies here: nothing catches it, nothing after it happens."""


@dataclass
class Clock:
    """Stands still unless told, or slept on."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta | float) -> None:
        """A timedelta, or seconds."""
        self.now += by if isinstance(by, timedelta) else timedelta(seconds=by)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class FakeTimeline:
    """`stored` holds the entries of each post as they came."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], list[Entry]] = {}

    def add(self, tenant_id: str, post_id: str, entry: Entry) -> None:
        self.stored.setdefault((tenant_id, post_id), []).append(entry)

    def read(self, tenant_id: str, post_id: str, now: datetime, limit: int) -> tuple[Entry, ...]:
        kept = [entry for entry in self.stored.get((tenant_id, post_id), []) if entry.at >= now - KEPT]
        return tuple(sorted(kept, key=lambda entry: entry.at)[-limit:])


class FakePosts:
    """A post's changes of state are told in `timeline`; `moves` are those of all posts, a post at a time."""

    def __init__(self, *posts: Post) -> None:
        self.stored = {(post.tenant_id, post.id): post for post in posts}
        self.again: dict[tuple[str, str], datetime] = {}
        self.timeline = FakeTimeline()

    @property
    def moves(self) -> list[tuple[str, PostState]]:
        told = self.timeline.stored.items()
        return [(post_id, entry.state) for (_, post_id), entries in told for entry in entries if entry.state]

    def add(self, post: Post) -> Post:
        key = (post.tenant_id, post.id)
        if key not in self.stored:
            self.stored[key] = replace(post, has_moved=False)
            self.timeline.add(*key, arrival(post))
        return self.stored[key]

    def get(self, tenant_id: str, post_id: str) -> Post:
        try:
            return self.stored[tenant_id, post_id]
        except KeyError:
            raise NotFoundError from None

    def save(self, post: Post, without: tuple[int | None, ...] = ()) -> Post:
        stored = self.stored.get((post.tenant_id, post.id))
        if stored is None or stored.version != post.version:
            raise ConflictError
        saved = replace(post, version=post.version + 1, has_moved=False)
        kept = tuple(each for each in stored.containers if each.item not in without)
        self.stored[post.tenant_id, post.id] = replace(saved, containers=kept)
        self.again.pop((post.tenant_id, post.id), None)
        if post.has_moved:
            self.timeline.add(post.tenant_id, post.id, arrival(post))
        return replace(saved, containers=tuple(each for each in post.containers if each.item not in without))

    def add_container(self, post: Post, container: Container) -> None:
        stored = self.stored.get((post.tenant_id, post.id))
        known = stored.container(container.item) if stored else None
        if stored is None or (known is not None and known.container_id != container.container_id):
            raise ConflictError
        others = [each for each in stored.containers if each.item != container.item]
        ordered = sorted([*others, container], key=lambda each: (each.item is None, each.item or 0))
        self.stored[post.tenant_id, post.id] = replace(stored, containers=tuple(ordered))

    def look_again_after(self, post: Post, moment: datetime) -> None:
        key = (post.tenant_id, post.id)
        if key in self.stored and self.stored[key].state in OPEN:
            self.again[key] = moment

    def left_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        left = sorted(
            (self.again.get(key, post.state_since), key) for key, post in self.stored.items() if post.state in OPEN
        )
        return tuple(key for since, key in left if since < moment)[:limit]

    def due_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        due = sorted(
            (post.publish_at, key)
            for key, post in self.stored.items()
            if post.state is PostState.SCHEDULED and post.publish_at is not None and post.publish_at < moment
        )
        return tuple(key for _, key in due)[:limit]

    def page(self, tenant_id: str, page: PageRequest, account_id: str | None, state: PostState | None) -> Page[Post]:
        """As in DynamoDB, `state` filters what a page found: a page may hold fewer posts than asked for."""
        mine = [
            post
            for (tenant, _), post in self.stored.items()
            if tenant == tenant_id and account_id in (None, post.account_id)
        ]
        mine.sort(key=lambda post: post.id, reverse=True)
        rest = [post for post in mine if page.after is None or post.id < page.after]
        found, more = rest[: page.limit], rest[page.limit :]
        kept = tuple(post for post in found if state in (None, post.state))
        return Page(kept, cursor(tenant_id, found[-1].id) if more else None)


class AccountItems(dict[tuple[str, str], Account]):
    """By tenant and account id; `by_refresh` is the index of those that have a time to be refreshed."""

    def __init__(self) -> None:
        super().__init__()
        self.by_refresh: list[tuple[datetime, tuple[str, str]]] = []

    def __setitem__(self, key: tuple[str, str], account: Account) -> None:
        self._leave_index(key)
        super().__setitem__(key, account)
        if account.refresh_at is not None:
            insort(self.by_refresh, (account.refresh_at, key))

    def __delitem__(self, key: tuple[str, str]) -> None:
        self._leave_index(key)
        super().__delitem__(key)

    def _leave_index(self, key: tuple[str, str]) -> None:
        known = self.get(key)
        if known is not None and known.refresh_at is not None:
            del self.by_refresh[bisect_left(self.by_refresh, (known.refresh_at, key))]


class FakeAccounts:
    """Accounts with their tokens and claims; `FakeTokens` reads the tokens."""

    def __init__(self, *accounts: Account) -> None:
        self.stored = AccountItems()
        self.tokens: dict[tuple[str, str], str] = {}
        self.user_tokens: dict[tuple[str, str], str] = {}
        self.leases: dict[tuple[str, str], datetime] = {}
        self.holders: dict[str, tuple[str, str]] = {}
        self.defaults: dict[str, str] = {}
        self.consents: dict[tuple[str, str, str, str], datetime] = {}
        self._is_set_up = False  # what is there from the beginning may have any history
        for account in accounts:
            self.connect(account, f"token-of-{account.id}")
        self._is_set_up = True

    def get(self, tenant_id: str, account_id: str) -> Account:
        try:
            return self.stored[tenant_id, account_id]
        except KeyError:
            raise NotFoundError from None

    def holder(self, ig_user_id: str) -> tuple[str, str] | None:
        return self.holders.get(ig_user_id)

    def default_id(self, tenant_id: str) -> str | None:
        return self.defaults.get(tenant_id)

    def page(self, tenant_id: str, page: PageRequest) -> Page[Account]:
        mine = sorted((a for (tenant, _), a in self.stored.items() if tenant == tenant_id), key=lambda a: a.id)
        rest = [account for account in mine if page.after is None or account.id > page.after]
        found = tuple(rest[: page.limit])
        return Page(found, cursor(tenant_id, found[-1].id) if len(rest) > page.limit else None)

    def choose_default(self, account: Account) -> None:
        self.defaults[account.tenant_id] = account.id

    def connect(self, account: Account, token: str, user_token: str | None = None) -> None:
        key = (account.tenant_id, account.id)
        if self.holders.get(account.ig_user_id, key) != key:
            raise ConflictError("account_connected_elsewhere")
        before = self.stored[key].token_version if key in self.stored else None
        if before is not None and before >= account.token_version:
            raise ConflictError
        if before is None and account.token_version > 1 and self._is_set_up:
            raise ConflictError
        self.holders[account.ig_user_id] = key
        self.stored[key] = account
        self.tokens[key] = token
        self.user_tokens[key] = user_token or token
        self.leases.pop(key, None)
        self.defaults.setdefault(account.tenant_id, account.id)
        self.consents[account.login, account.app_scoped_id, *key] = account.connected_at

    def flag(self, account: Account, seen: Account) -> bool:
        if not self._stands_as(seen):
            return False
        self._change(account, ("state", "last_problem", "untold", "refresh_at"))
        return True

    def mark_told(self, account: Account, look_at: datetime | None) -> None:
        if self._stands_as(account):
            self._change(replace(account, untold=(), refresh_at=look_at), ("untold", "refresh_at"))

    def look_again(self, account: Account, seen: Account) -> bool:
        if not self._stands_as(seen):
            return False
        self._change(account, ("refresh_at", "last_problem", "warned_days", "untold"))
        return True

    def lease(self, account: Account, now: datetime, until: datetime) -> bool:
        key = (account.tenant_id, account.id)
        if self._same_token(account) is None or self.leases.get(key, now) > now:
            return False
        self.leases[key] = until
        return True

    def renew(self, renewed: Account, successor: Successor) -> None:
        key = (renewed.tenant_id, renewed.id)
        stored = self.stored.get(key)
        if stored is not None and (stored.token_version, stored.token_issued_at) == (
            renewed.token_version,
            renewed.token_issued_at,
        ):
            return
        if stored is None or stored.token_version != renewed.token_version - 1:
            raise ConflictError
        changed = ("state", "token_issued_at", "token_expires_at", "token_version")
        self._change(replace(renewed, untold=()), (*changed, "refresh_at", "last_problem", "warned_days", "untold"))
        self.tokens[key] = successor.token
        self.user_tokens[key] = successor.user_token or successor.token
        self.leases.pop(key, None)

    def due_before(self, moment: datetime, limit: int, after: Due | None) -> tuple[Due, ...]:
        due = self.stored.by_refresh
        start = bisect_right(due, (after.refresh_at, (after.tenant_id, after.account_id))) if after else 0
        end = bisect_left(due, (moment, ("", "")))
        return tuple(_due(self.stored[key]) for _, key in due[start : min(start + limit, end)])

    def put_off(self, due: Due, until: datetime) -> None:
        key = (due.tenant_id, due.account_id)
        stored = self.stored.get(key)
        if stored is not None and stored.refresh_at == due.refresh_at:
            self.stored[key] = replace(stored, refresh_at=until)

    def _same_token(self, account: Account) -> Account | None:
        stored = self.stored.get((account.tenant_id, account.id))
        return stored if stored is not None and stored.token_version == account.token_version else None

    def _stands_as(self, seen: Account) -> bool:
        stored = self._same_token(seen)
        return stored is not None and (stored.state, stored.untold) == (seen.state, seen.untold)

    def _change(self, account: Account, names: tuple[str, ...]) -> None:
        key = (account.tenant_id, account.id)
        changes = {name: getattr(account, name) for name in names}
        self.stored[key] = replace(self.stored[key], **changes, version=self.stored[key].version + 1)

    def mark_subscribed(self, account: Account) -> None:
        key = (account.tenant_id, account.id)
        if stored := self.stored.get(key):
            self.stored[key] = replace(stored, is_webhook_subscribed=True, version=stored.version + 1)

    def erase(self, account: Account) -> None:
        key = (account.tenant_id, account.id)
        if self.holders.get(account.ig_user_id) != key:
            return
        del self.holders[account.ig_user_id]
        del self.stored[key]
        del self.tokens[key], self.user_tokens[key]
        self.leases.pop(key, None)
        if self.defaults.get(account.tenant_id) == account.id:
            del self.defaults[account.tenant_id]


class FakeTokens:
    """`failure`, when set, is what every token raises."""

    def __init__(self, accounts: FakeAccounts) -> None:
        self.accounts = accounts
        self.failure: TokenUnreadableError | StoreUnavailableError | None = None

    def token(self, account: Account) -> str:
        return self._opened(account, self.accounts.tokens)

    def user_token(self, account: Account) -> str:
        return self._opened(account, self.accounts.user_tokens)

    def _opened(self, account: Account, tokens: dict[tuple[str, str], str]) -> str:
        if self.failure is not None:
            raise self.failure
        try:
            return tokens[account.tenant_id, account.id]
        except KeyError:
            if account.state is AccountState.REAUTHORIZATION_REQUIRED:
                raise AccountUnavailableError from None
            raise NotFoundError("account_gone") from None


def _due(account: Account) -> Due:
    assert account.refresh_at is not None
    return Due(
        account.tenant_id,
        account.id,
        account.refresh_at,
        account.state,
        account.token_version,
        account.token_expires_at,
    )


@dataclass(frozen=True)
class FakeRenewal:
    accounts: FakeAccounts
    token: str

    def keep(self, renewed: Account, successor: Successor) -> None:
        self.accounts.renew(renewed, successor)


class FakeRenewals:
    """`failure`, when set, is what opening raises."""

    def __init__(self, accounts: FakeAccounts) -> None:
        self.accounts = accounts
        self.failure: TokenUnreadableError | StoreUnavailableError | None = None

    def open(self, account: Account) -> FakeRenewal:
        if self.failure is not None:
            raise self.failure
        key = (account.tenant_id, account.id)
        if key not in self.accounts.stored:
            raise NotFoundError("account_gone")
        if self.accounts.stored[key].token_version != account.token_version:
            raise ConflictError
        tokens = self.accounts.user_tokens if account.login == "facebook" else self.accounts.tokens
        return FakeRenewal(self.accounts, tokens[key])


class FakeQueue:
    """`sent` are the bodies it took; of the next batch not those `refused`. `failure` is what sending raises."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.refused: set[int] = set()
        self.failure: StoreUnavailableError | None = None

    def send(self, bodies: Sequence[str]) -> tuple[bool, ...]:
        if self.failure is not None:
            raise self.failure
        refused, self.refused = self.refused, set()
        self.sent += [body for number, body in enumerate(bodies) if number not in refused]
        return tuple(number not in refused for number in range(len(bodies)))


class FakeSessions:
    def __init__(self) -> None:
        self.stored: dict[str, ConnectSession] = {}

    def add(self, session: ConnectSession) -> None:
        self.stored[session.id] = session

    def bind(
        self, session_id: str, link_hash: str, state_hash: str, browser_hash: str, now: datetime
    ) -> ConnectSession:
        session = self.stored.get(session_id)
        if session is None or session.link_hash != link_hash or _second(session.expires_at) <= _second(now):
            raise ConnectError
        self.stored[session_id] = replace(session, state_hash=state_hash, browser_hash=browser_hash)
        return self.stored[session_id]

    def take(self, session_id: str, state_hash: str, now: datetime) -> ConnectSession:
        session = self.stored.get(session_id)
        if session is None or session.state_hash != state_hash or _second(session.expires_at) <= _second(now):
            raise ConnectError
        return self.stored.pop(session_id)


class FakeChoices:
    def __init__(self) -> None:
        self.stored: dict[str, tuple[ConnectChoice, str]] = {}

    def hold(self, choice: ConnectChoice, user_token: str) -> None:
        self.stored[choice.session.id] = choice, user_token

    def take(self, session_id: str, state_hash: str, browser_hash: str, now: datetime) -> tuple[ConnectChoice, str]:
        choice, _ = self.stored.get(session_id, (None, ""))
        if choice is None or _second(choice.expires_at) <= _second(now):
            raise ConnectError
        if (choice.session.state_hash, choice.session.browser_hash) != (state_hash, browser_hash):
            raise ConnectError
        return self.stored.pop(session_id)


def _second(moment: datetime) -> int:
    """Expiry is kept in whole seconds."""
    return int(moment.timestamp())


class FakeApiKeys:
    def __init__(self, *keys: ApiKey) -> None:
        self.stored = {key.sha256: key for key in keys}

    def add(self, key: ApiKey) -> None:
        self.stored[key.sha256] = key

    def find(self, sha256: str) -> ApiKey | None:
        return self.stored.get(sha256)


class FakeBlockedSubjects:
    def __init__(self, *hashes: str) -> None:
        self.stored = set(hashes)

    def is_blocked(self, sha256: str) -> bool:
        return sha256 in self.stored

    def block(self, sha256: str, _now: datetime) -> None:
        self.stored.add(sha256)

    def unblock(self, sha256: str) -> bool:
        was_blocked = sha256 in self.stored
        self.stored.discard(sha256)
        return was_blocked


class FakeRecords:
    """Idempotency records. Many threads may use it at once."""

    def __init__(self) -> None:
        self.stored: dict[str, Record] = {}
        self._lock = Lock()

    def add(self, record: Record, now: datetime) -> Record | None:
        with self._lock:
            known = self.stored.get(record.digest)
            if known is not None and known.expires_at > _second(now):
                return known
            self.stored[record.digest] = record
            return None

    def take_over(self, record: Record, locked_until: datetime) -> bool:
        with self._lock:
            known = self.stored.get(record.digest)
            if known is None or known.locked_until != record.locked_until or known.answer is not None:
                return False
            self.stored[record.digest] = replace(known, locked_until=_second(locked_until))
            return True

    def finish(self, record: Record, answer: str, tenant_id: str) -> None:
        with self._lock:
            if known := self.stored.get(record.digest):
                self.stored[record.digest] = replace(known, answer=answer, locked_until=0)

    def release(self, record: Record) -> None:
        with self._lock:
            known = self.stored.get(record.digest)
            if known is not None and known.answer is None:
                self.stored[record.digest] = replace(known, locked_until=0)

    def remove(self, record: Record) -> None:
        with self._lock:
            self.stored.pop(record.digest, None)


class FakeOutages:
    """Many threads may use it at once."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, datetime]] = {}
        self.open: dict[str, Outage] = {}
        self._lock = Lock()

    def report(self, step: str, signature: str, account_id: str, now: datetime) -> Outage | None:
        wanted = outage_id(step, signature)
        with self._lock:
            if known := self.open.get(wanted):
                if is_news(known.probe_at - PROBE_EVERY, now):
                    self.open[wanted] = replace(known, probe_at=now + PROBE_EVERY)
                return None
            seen = self.seen.setdefault(wanted, {})
            if not is_news(seen.get(account_id), now):
                return None
            self.seen[wanted] = counted(seen, account_id, now)
            if len(self.seen[wanted]) < THRESHOLD:
                return None
            del self.seen[wanted]
            self.open[wanted] = opened(wanted, now)
            return self.open[wanted]

    def current(self) -> Outage | None:
        with self._lock:
            return min(self.open.values(), key=lambda outage: (outage.opened_at, outage.id), default=None)

    def take_probe(self, outage: Outage, now: datetime) -> bool:
        with self._lock:
            known = self.open.get(outage.id)
            if known is None or known.opened_at != outage.opened_at or known.probe_at > now:
                return False
            self.open[outage.id] = replace(known, probe_at=now + PROBE_EVERY)
            return True

    def close(self, outage_id: str, now: datetime) -> Outage | None:
        with self._lock:
            return self.open.pop(outage_id, None)


class FakeBus:
    """`announced` in order. `failure`, when set, is what an announcement raises."""

    def __init__(self) -> None:
        self.announced: list[tuple[str, dict[str, str]]] = []
        self.failure: StoreUnavailableError | None = None

    def announce(self, detail_type: str, detail: Mapping[str, str], now: datetime) -> None:
        if self.failure is not None:
            raise self.failure
        self.announced.append((detail_type, dict(detail)))


class FakeEvents:
    """
    `stored` by tenant and id; `announced` are the ids that were marked; `states` what effects have made, by tenant and
    item. Many threads may use it at once.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.stored: dict[tuple[str, str], Event] = {}
        self.announced: set[str] = set()
        self.states: dict[tuple[str, str], State] = {}
        self._lock = Lock()

    def add(self, event: Event, effect: Effect | None = None) -> bool:
        with self._lock:
            if (event.tenant_id, event.id) not in self.stored:
                self._store(event, effect)
            return event.id not in self.announced

    def _store(self, event: Event, effect: Effect | None) -> None:
        tenant_id, items = event.tenant_id, effect.items if effect else ()
        before = {item: self.states.get((tenant_id, item), {}) for item in items}
        applied = effect.applied(event, before) if effect else Applied(event=event)
        self.stored[tenant_id, event.id] = applied.event
        for item, state in applied.after.items():
            self.states[tenant_id, item] = json.loads(json.dumps(state))
        for id_, data in applied.edited.items():
            if known := self.stored.get((tenant_id, id_)):
                self.stored[tenant_id, id_] = replace(known, data={**known.data, **data})
        for id_ in applied.erased:
            if known := self.stored.get((tenant_id, id_)):
                self.stored[tenant_id, id_] = replace(known, data=ERASED)

    def get(self, tenant_id: str, event_id: str) -> Event:
        event = self.stored.get((tenant_id, event_id))
        if event is None or event.expires_at <= self.now():
            raise NotFoundError
        return event

    def state(self, tenant_id: str, item: str) -> State:
        return self.states.get((tenant_id, item), {})

    def mark_announced(self, event: Event, now: datetime) -> None:
        if (event.tenant_id, event.id) in self.stored:
            self.announced.add(event.id)

    def told(self, tenant_id: str, event_ids: Iterable[str]) -> frozenset[str]:
        return frozenset(each for each in event_ids if (tenant_id, each) in self.stored and each in self.announced)


class FakeDeliveries:
    """Raw deliveries by key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.failure: StoreUnavailableError | None = None

    def put_aside(self, delivery: Delivery) -> str:
        return self._put(f"inbox/{delivery.received_at:%Y-%m-%d}/{delivery.sha256}", delivery.raw)

    def keep(self, tenant_id: str, account_id: str, delivery: Delivery, body: bytes) -> str:
        whose = f"tenants/{quote(tenant_id, safe='')}/{account_id}"
        return self._put(f"{whose}/{delivery.received_at:%Y-%m-%d}/{delivery.sha256}", body)

    def read(self, key: str) -> bytes:
        if not key.startswith("inbox/"):
            raise ValueError(key)
        return self.objects[key]

    def _put(self, key: str, body: bytes) -> str:
        if self.failure is not None:
            raise self.failure
        self.objects[key] = body
        return key


@dataclass
class FakeKeyRing:
    """What the secret holds: `latest` is what one who insists on it reads."""

    known: Keys
    latest: Keys | None = None
    failure: Exception | None = None
    reads: list[float | None] = field(default_factory=list)

    def keys(self, max_age: float | None = None) -> Keys:
        self.reads.append(max_age)
        if self.failure is not None:
            raise self.failure
        return self.known if max_age is None or self.latest is None else self.latest


def standing_ports(
    accounts: Any, now: Callable[[], datetime], events: FakeEvents | None = None, bus: FakeBus | None = None
) -> standing.Ports:
    """Events and bus are new unless a test wants to look at its own."""
    events, bus = events or FakeEvents(now), bus or FakeBus()
    telling = announcing.Ports(events, lambda name, detail: bus.announce(name, detail, now()), now)
    return standing.Ports(accounts, telling, lambda: 0.5, now)


class FakeRates:
    """Many threads may use it at once."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, datetime], int] = {}
        self._lock = Lock()

    def take(self, tenant_id: str, posts: int, now: datetime) -> None:
        place = (tenant_id, minute_of(now))
        with self._lock:
            if self.taken.get(place, 0) > room_for(posts):
                raise refusal(now)
            self.taken[place] = self.taken.get(place, 0) + posts


class FakeFingerprints:
    """Many threads may use it at once."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str, str], Claims] = {}
        self._lock = Lock()

    def claim(self, tenant_id: str, account_id: str, fingerprint: str, post_id: str, now: datetime) -> str | None:
        return self._claim((tenant_id, account_id, fingerprint), post_id, now, only_if_new=False)

    def claim_if_new(
        self, tenant_id: str, account_id: str, fingerprint: str, post_id: str, now: datetime
    ) -> str | None:
        return self._claim((tenant_id, account_id, fingerprint), post_id, now, only_if_new=True)

    def find(self, tenant_id: str, account_id: str, fingerprint: str, now: datetime) -> str | None:
        return self.stored.get((tenant_id, account_id, fingerprint), Claims()).before(None, now)

    def forget(self, tenant_id: str, account_id: str, fingerprint: str, post_id: str) -> None:
        key = (tenant_id, account_id, fingerprint)
        with self._lock:
            if key in self.stored:
                self.stored[key] = self.stored[key].without_post(post_id)

    def _claim(self, key: tuple[str, str, str], post_id: str, now: datetime, *, only_if_new: bool) -> str | None:
        with self._lock:
            known = self.stored.get(key, Claims())
            earlier = known.before(post_id, now)
            if not (only_if_new and earlier):
                self.stored[key] = known.with_post(post_id, now)
            return earlier


class FakeQuota:
    """As in DynamoDB, a post's slot is known by its UTC day. Many threads may use it at once."""

    def __init__(self) -> None:
        self.allowances: dict[tuple[str, str], Allowance] = {}
        self.taken: dict[tuple[str, str], dict[tuple[date, str], datetime]] = {}
        self.containers: dict[tuple[str, str], list[datetime]] = {}
        self._lock = Lock()

    def allowance(self, tenant_id: str, account_id: str) -> Allowance:
        return self.allowances.get((tenant_id, account_id), Allowance())

    def told(self, tenant_id: str, account_id: str, usage: int, total: int, duration: int, now: datetime) -> None:  # noqa: PLR0917 — Instagram's answer, whose, and when
        known = self.allowance(tenant_id, account_id)
        if known.measured_at is None or known.measured_at < now:
            self.allowances[tenant_id, account_id] = replace(
                known, quota_usage=usage, quota_total=total, quota_duration=duration, measured_at=now
            )

    def used(self, tenant_id: str, account_id: str, percent: int, now: datetime) -> None:
        known = self.allowance(tenant_id, account_id)
        if known.usage_at is None or known.usage_at < now:
            self.allowances[tenant_id, account_id] = replace(known, usage_percent=percent, usage_at=now)

    def pause(self, tenant_id: str, account_id: str, until: datetime) -> None:
        known = self.allowance(tenant_id, account_id)
        if known.paused_until is None or known.paused_until < until:
            self.allowances[tenant_id, account_id] = replace(known, paused_until=until)

    def reserve(
        self, tenant_id: str, account_id: str, post_id: str, at: datetime, before: datetime | None = None
    ) -> None:
        allowance = self.allowance(tenant_id, account_id)
        window = allowance.window
        with self._lock:
            taken = self.taken.setdefault((tenant_id, account_id), {})
            left = [
                (day, post)
                for day, post in taken
                if post == post_id
                and (_day(at - window) <= day <= _day(at + window) or (before and day == _day(before)))
            ]
            if [taken[key] for key in left] == [at]:
                return
            others = [moment for (_, post), moment in taken.items() if post != post_id]
            others += allowance.untold(taken.values(), at)
            self._require_room(others, allowance, at)
            for key in left:
                del taken[key]
            taken[_day(at), post_id] = at

    def _require_room(self, others: list[datetime], allowance: Allowance, at: datetime) -> None:
        window, total = allowance.window, allowance.quota_total
        if total is not None and is_full(others, at, total, window):
            slot = next_free(others, at, total, window)
            raise QuotaFullError(slot, retry_after=math.ceil((slot - at).total_seconds()))

    def require_room(self, tenant_id: str, account_id: str, at: datetime) -> None:
        allowance = self.allowance(tenant_id, account_id)
        taken = [*self.taken.get((tenant_id, account_id), {}).values()]
        self._require_room([*taken, *allowance.untold(taken, at)], allowance, at)

    def release(self, tenant_id: str, account_id: str, post_id: str, at: datetime) -> None:
        with self._lock:
            self.taken.get((tenant_id, account_id), {}).pop((_day(at), post_id), None)

    def slots(self, tenant_id: str, account_id: str, since: datetime, until: datetime) -> tuple[datetime, ...]:
        moments = self.taken.get((tenant_id, account_id), {}).values()
        return tuple(sorted(each for each in moments if since <= each < until))

    def count_container(self, tenant_id: str, account_id: str, now: datetime) -> None:
        self.containers.setdefault((tenant_id, account_id), []).append(now)

    def containers_since(self, tenant_id: str, account_id: str, moment: datetime) -> int:
        first = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return sum(each >= first for each in self.containers.get((tenant_id, account_id), []))


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


class FakeWorkflows:
    """
    `started` holds each first execution once, as Step Functions does, `runs` every one with its state. `failure`, when
    set, is what a start raises.
    """

    def __init__(self) -> None:
        self.started: dict[str, Post] = {}
        self.runs: dict[tuple[str, int], RunState] = {}
        self.failure: Exception | None = None

    def start(self, post: Post, run: int = 1) -> None:
        if self.failure is not None:
            raise self.failure
        if run == 1:
            self.started.setdefault(post.id, post)
        self.runs.setdefault((post.id, run), "running")

    def state(self, post: Post, run: int) -> RunState:
        return self.runs.get((post.id, run), "none")


class FakeSchedules:
    """When each post is to be started, by its id. `failure`, when set, is what putting and removing raise."""

    def __init__(self) -> None:
        self.stored: dict[str, datetime] = {}
        self.failure: Exception | None = None

    def put(self, post: Post) -> None:
        if self.failure is not None:
            raise self.failure
        if post.publish_at is None:
            raise ValueError("Only a post that has a time can have a schedule.")
        self.stored[post.id] = post.publish_at

    def remove(self, post: Post) -> None:
        if self.failure is not None:
            raise self.failure
        self.stored.pop(post.id, None)


@dataclass
class FakeContainer:
    """`statuses` are answered one after the other; the last one stays."""

    id: str
    parameters: dict[str, str | bool | int]
    statuses: deque[ContainerStatus]
    media_id: str | None = None
    stale_reads: int = 0


@dataclass
class Fault:
    method: str
    error: BaseException
    when: str
    times: int
    skip: int


@dataclass
class FakeInstagram:
    """
    Instagram as the use cases see it: all its ports in one object, for one account unless a test adds owners.

    `live` and, by media, `comments_made` are the ledger: what a follower sees, newest first. `calls` names every call,
    refused ones included. Faults come from `fail`. After a container was published, its next `stale_reads` statuses
    still say FINISHED, and the next `hidden_reads` lists leave the new media, or a new comment, out.
    """

    clock: Clock = field(default_factory=Clock)
    statuses: tuple[StatusCode, ...] = ("FINISHED",)
    stale_reads: int = 0
    hidden_reads: int = 0
    republish: str = "refuse"  # or "duplicate": what a second publish of one container does
    profile_answer: Profile = PROFILE
    quota_total: int = 100
    permissions: frozenset[str] = frozenset({"instagram_business_basic", "instagram_business_content_publish"})
    codes: set[str] = field(default_factory=lambda: {"good-code"})
    calls: list[str] = field(default_factory=list)
    live: list[Media] = field(default_factory=list)
    comments_made: defaultdict[str, list[Comment]] = field(default_factory=lambda: defaultdict(list))
    comments_off: set[str] = field(default_factory=set)
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    redirect_uris: list[str] = field(default_factory=list)
    subscribed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _faults: list[Fault] = field(default_factory=list)
    _hidden: dict[str, int] = field(default_factory=dict)
    _made: int = 0

    # For tests.

    def fail(self, method: str, error: BaseException, *, when: str = "before", times: int = 1, skip: int = 0) -> None:
        """The `method` raises before or after its effect, `times` times, once `skip` calls have gone well."""
        self._faults.append(Fault(method, error, when, times, skip))

    def called(self, method: str) -> int:
        return self.calls.count(method)

    def set_status(self, container_id: str, *statuses: ContainerStatus | StatusCode) -> None:
        self.containers[container_id].statuses = deque(_status(each) for each in statuses)

    def appear(self, media: Media) -> None:
        """Somebody posted this by other means."""
        self.live.insert(0, media)

    def comment(self, media_id: str, text: str, username: str | None = None) -> Comment:
        """Somebody comments by other means; the account itself unless `username` names another."""
        made = Comment(self._new_id(), text, self.clock(), username or self.profile_answer.username)
        self.comments_made[media_id].insert(0, made)
        self._hidden[made.id] = self.hidden_reads
        return made

    # Publishing.

    def create_container(self, access: Access, parameters: Mapping[str, str | bool | int]) -> str:
        def effect() -> str:
            container_id = self._new_id()
            statuses = deque(_status(each) for each in self.statuses)
            self.containers[container_id] = FakeContainer(container_id, dict(parameters), statuses)
            return container_id

        return self._call("create_container", effect)

    def container_status(self, access: Access, container_id: str) -> ContainerStatus:
        return self._call("container_status", lambda: self._status_of(self._container(container_id)))

    def publish_container(self, access: Access, container_id: str) -> str:
        return self._call("publish_container", lambda: self._publish(self._container(container_id)))

    def media(self, access: Access, media_id: str) -> Media:
        return self._call("media", lambda: self._live(media_id))

    def recent_media(self, access: Access) -> tuple[Media, ...]:
        return self._call("recent_media", lambda: self._listed(is_story=False))

    def stories(self, access: Access) -> tuple[Media, ...]:
        return self._call("stories", lambda: self._listed(is_story=True))

    # Comments.

    def add_comment(self, access: Access, media_id: str, message: str) -> str:
        def effect() -> str:
            if media_id in self.comments_off or all(media.id != media_id for media in self.live):
                raise OutcomeUnknownError(code=100)
            return self.comment(media_id, message).id

        return self._call("add_comment", effect)

    def comments(self, access: Access, media_id: str) -> tuple[Comment, ...]:
        def effect() -> tuple[Comment, ...]:
            made = self.comments_made[self._live(media_id).id]
            return tuple(comment for comment in made if self._is_shown(comment.id))[:50]

        return self._call("comments", effect)

    def set_comments_enabled(self, access: Access, media_id: str, enabled: bool) -> None:
        def effect() -> None:
            change = self.comments_off.discard if enabled else self.comments_off.add
            change(self._live(media_id).id)

        self._call("set_comments_enabled", effect)

    def publishing_limit(self, access: Access) -> PublishingLimit:
        def effect() -> PublishingLimit:
            since = self.clock() - timedelta(days=1)
            usage = sum(media.timestamp is not None and media.timestamp > since for media in self.live)
            return PublishingLimit(usage, self.quota_total, 86_400)

        return self._call("publishing_limit", effect)

    # Connecting.

    def exchange_code(self, code: str, redirect_uri: str) -> ShortLivedToken:
        """Each code works once, and is used up even when the answer is lost."""

        def effect() -> ShortLivedToken:
            if code not in self.codes:
                raise AuthorizationCodeError
            self.codes.remove(code)
            self.redirect_uris.append(redirect_uri)
            return ShortLivedToken("CANARY-short-token", self.profile_answer.id, self.permissions)

        return self._call("exchange_code", effect)

    def exchange_for_long_lived(self, short_token: str) -> LongLivedToken:
        return self._call("exchange_for_long_lived", lambda: LongLivedToken("CANARY-long-token", 60 * 86_400))

    def profile(self, token: str) -> Profile:
        return self._call("profile", lambda: self.profile_answer)

    def subscribe_webhooks(self, access: Access, fields: Iterable[str]) -> None:
        self._call("subscribe_webhooks", lambda: self.subscribed.update({access.ig_user_id: tuple(fields)}))

    def unsubscribe_webhooks(self, access: Access) -> None:
        self._call("unsubscribe_webhooks", lambda: self.subscribed.pop(access.ig_user_id, None))

    # How it works.

    def _call[T](self, method: str, effect: Callable[[], T]) -> T:
        self.calls.append(method)
        fault = self._due_fault(method)
        if fault is not None and fault.when == "before":
            raise fault.error
        result = effect()
        if fault is not None:
            raise fault.error
        return result

    def _due_fault(self, method: str) -> Fault | None:
        for fault in self._faults:
            if fault.method == method and fault.times > 0:
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                return fault
        return None

    def _container(self, container_id: str) -> FakeContainer:
        if container_id not in self.containers:
            raise InstagramUnavailableError(code=100, subcode=33)
        return self.containers[container_id]

    def _status_of(self, container: FakeContainer) -> ContainerStatus:
        if container.media_id is not None:
            if container.stale_reads == 0:
                return ContainerStatus("PUBLISHED")
            container.stale_reads -= 1
            return ContainerStatus("FINISHED")
        statuses = container.statuses
        return statuses.popleft() if len(statuses) > 1 else statuses[0]

    def _publish(self, container: FakeContainer) -> str:
        if container.media_id is not None and self.republish == "refuse":
            raise MediaNotReadyError(code=9007, subcode=2207027)
        if container.media_id is None and container.statuses[0].status_code != "FINISHED":
            raise MediaNotReadyError(code=9007, subcode=2207027)
        media = self._media_of(container)
        container.media_id, container.stale_reads = media.id, self.stale_reads
        self.live.insert(0, media)
        self._hidden[media.id] = self.hidden_reads
        return media.id

    def _media_of(self, container: FakeContainer) -> Media:
        wire_type = container.parameters.get("media_type")
        media_id = self._new_id()
        return Media(
            id=media_id,
            caption=str(container.parameters["caption"]) if container.parameters.get("caption") else None,
            media_type="CAROUSEL_ALBUM" if wire_type == "CAROUSEL" else "VIDEO" if wire_type == "REELS" else "IMAGE",
            media_product_type={"REELS": "REELS", "STORIES": "STORY"}.get(str(wire_type), "FEED"),
            permalink=f"https://www.instagram.com/p/{media_id}/",
            timestamp=self.clock(),
        )

    def _live(self, media_id: str) -> Media:
        found = next((media for media in self.live if media.id == media_id), None)
        if found is None:
            raise InstagramUnavailableError(code=100, subcode=33)
        return found

    def _listed(self, *, is_story: bool) -> tuple[Media, ...]:
        kind = [media for media in self.live if (media.media_product_type == "STORY") == is_story]
        return tuple(media for media in kind if self._is_shown(media.id))

    def _is_shown(self, new_id: str) -> bool:
        """Whether this list has it; each list that has not counts."""
        left = self._hidden.get(new_id, 0)
        self._hidden[new_id] = max(0, left - 1)
        return left == 0

    def _new_id(self) -> str:
        self._made += 1
        return f"1800000000000{self._made:04}"


def _status(given: ContainerStatus | StatusCode) -> ContainerStatus:
    return given if isinstance(given, ContainerStatus) else ContainerStatus(given)


@dataclass
class Fate:
    """
    Counts the calls through `mortal` ports and ends some of them: `ends[n]` says when the n-th call (from 0) fails,
    before or after its effect, and with what.
    """

    ends: dict[int, tuple[str, BaseException]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def mortal(self, port: object) -> Any:
        return Mortal(port, self)


@dataclass(frozen=True)
class Mortal:
    port: object
    fate: Fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)

        def call(*arguments: Any) -> Any:
            when, error = self.fate.ends.get(len(self.fate.calls), ("never", None))
            self.fate.calls.append(name)
            if error is not None and when == "before":
                raise error
            result = found(*arguments)
            if error is not None:
                raise error
            return result

        return call
