"""
Webhooks on their way out: bodies as Meta writes and signs them, delivered to one callback, retried until answered 200.

On a real clock a thread delivers; on a virtual one whoever moves the clock says `deliver`.
"""

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from simulator.clock import Clock
from simulator.payloads import PAYLOADS, About, Told
from simulator.switches import Switches
from simulator.wire import Json

HOUR = 3600.0
# Seconds from one attempt to the next: at once, then with growing gaps. The last is repeated.
GAPS = (0.0, 10.0, 60.0, 300.0, 1800.0, 2 * HOUR, 6 * HOUR)
PATIENCE = {"36h": 36 * HOUR, "1h": HOUR}
ANSWER_SECONDS = 10.0  # twice what Meta allows: the first call of a cold local cloud is slow
MOST_IN_ONE = 1000
LOOK_SECONDS = 0.2  # how soon the thread sees that the clock was moved


class CallbackError(Exception):
    """The callback did not confirm its subscription; the sentence says how."""


@dataclass(frozen=True)
class Callback:
    url: str
    verify_token: str = field(repr=False)


@dataclass(frozen=True)
class Happened:
    """A change that has not been put into a body yet."""

    account: str
    kind: str
    at: float
    told: Told


@dataclass
class Delivery:
    """`status` is that of the last answer, None when there was none. `state`: waiting, delivered or dropped."""

    accounts: tuple[str, ...]
    kinds: tuple[str, ...]
    body: bytes = field(repr=False)
    made_at: float
    due: float
    secret: str = field(repr=False)
    attempts: int = 0
    status: int | None = None
    state: str = "waiting"

    def headers(self) -> dict[str, str]:
        signature = hmac.new(self.secret.encode(), self.body, hashlib.sha256).hexdigest()
        return {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"}

    def shown(self) -> Json:
        names = ("accounts", "kinds", "attempts", "status", "state")
        return {name: getattr(self, name) for name in names} | {"bytes": len(self.body)}


class Webhooks:
    """
    One app's. `transport` replaces the network in tests. Every method may be called from any thread, `unsubscribe` too:
    it is told the account whose deliveries were given up, where that ends its subscription.
    """

    def __init__(
        self,
        clock: Clock,
        app_secret: str,
        switches: Callable[[], Switches],
        unsubscribe: Callable[[str], object],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._clock, self._secret, self._transport = clock, app_secret, transport
        self._switches, self._unsubscribe = switches, unsubscribe
        self._lock, self._news = threading.RLock(), threading.Event()
        self._client: httpx.Client | None = None
        self._thread: threading.Thread | None = None
        self.callback: Callback | None = None
        self.happened: list[Happened] = []
        self.deliveries: list[Delivery] = []

    def subscribe(self, callback: Callback) -> None:
        """Meta's handshake: the callback has to send the challenge back. Raises CallbackError."""
        challenge = str(secrets.randbelow(10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": callback.verify_token}
        try:
            answer = self._http().get(callback.url, params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise CallbackError(f"the callback cannot be reached: {type(exc).__name__}") from exc
        if answer.status_code != 200 or answer.text != challenge:
            raise CallbackError(f"the callback answered {answer.status_code}, and not the challenge with 200")
        with self._lock:
            self.callback = callback
            if self._thread is None and not self._clock.is_virtual:
                self._thread = threading.Thread(target=self._run, daemon=True, name="webhooks")
                self._thread.start()

    def clear(self) -> None:
        """Everything on its way; the subscription stays."""
        with self._lock:
            self.happened.clear()
            self.deliveries.clear()

    def tell(self, kind: str, about: About) -> None:
        """Nothing is told while nobody has subscribed. Raises KeyError for a kind that PAYLOADS does not have."""
        switches = self._switches()
        told = PAYLOADS[kind](about)
        if switches.webhook_comment_id == "comment_id" and told.content.get("field") in {"comments", "live_comments"}:
            value = {("comment_id" if name == "id" else name): each for name, each in told.content["value"].items()}
            told = Told(told.member, told.content | {"value": value})
        with self._lock:
            if self.callback is not None:
                self.happened.append(Happened(about.account, kind, about.at, told))
        self._news.set()

    def deliver(self, *, is_everything: bool = False) -> list[Delivery]:
        """Attempts what is due now, or whatever waits; what was attempted. One at a time, as a receiver sees it."""
        switches = self._switches()
        with self._lock:
            self._make_bodies(switches)
            now = self._clock.now()
            due = [each for each in self.deliveries if each.state == "waiting" and (is_everything or each.due <= now)]
        for each in due:
            self._attempt(each, switches)
        return due

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _run(self) -> None:
        while True:
            self._news.wait(LOOK_SECONDS)
            self._news.clear()
            self.deliver()

    def _make_bodies(self, switches: Switches) -> None:
        waiting, self.happened = self.happened, []
        if switches.webhook_order == "backwards":
            waiting.reverse()
        size = MOST_IN_ONE if switches.webhook_shape == "batched" else 1
        for start in range(0, len(waiting), size):
            part = waiting[start : start + size]
            for _ in range(switches.webhook_copies):
                self.deliveries.append(self._delivery(part, switches))

    def _delivery(self, part: list[Happened], switches: Switches) -> Delivery:
        now = self._clock.now()
        secret = self._secret if switches.webhook_secret == "right" else f"not-{self._secret}"  # noqa: S105
        accounts = tuple(dict.fromkeys(each.account for each in part))
        return Delivery(accounts, tuple(each.kind for each in part), body_of(part, switches), now, now, secret)

    def _attempt(self, delivery: Delivery, switches: Switches) -> None:
        callback = self.callback
        if callback is None:
            return
        try:
            delivery.status = (
                self._http().post(callback.url, content=delivery.body, headers=delivery.headers()).status_code
            )
        except httpx.HTTPError:
            delivery.status = None
        gap = GAPS[min(delivery.attempts, len(GAPS) - 1)]
        delivery.attempts += 1
        delivery.due = self._clock.now() + gap
        if delivery.status == 200:
            delivery.state = "delivered"
        elif delivery.due > delivery.made_at + PATIENCE[switches.webhook_patience]:
            delivery.state = "dropped"
            if switches.webhook_patience == "1h":
                for account in delivery.accounts:
                    self._unsubscribe(account)

    def _http(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(transport=self._transport, timeout=ANSWER_SECONDS, verify=False)  # noqa: S501 - loopback, or a test's transport
            return self._client


def body_of(happened: Iterable[Happened], switches: Switches) -> bytes:
    """One POST: an entry for each account and form, in the order in which they first came."""
    entries: dict[tuple[str, str], Json] = {}
    for each in happened:
        is_flat = switches.webhook_shape == "flat" and each.told.member == "changes"
        key = (each.account, each.told.member if not is_flat else str(len(entries)))
        at = int(each.at) if each.told.member == "changes" else int(each.at * 1000)
        entry = entries.setdefault(key, {"id": each.account, "time": at})
        if is_flat:
            entry.update(each.told.content)
        else:
            entry.setdefault(each.told.member, []).append(each.told.content)
    body: Any = {"object": "instagram", "entry": list(entries.values())}
    wrapped = [body] if switches.webhook_shape == "array" else body
    return json.dumps(wrapped, ensure_ascii=switches.webhook_text == "escaped", separators=(",", ":")).encode()
