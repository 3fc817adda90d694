"""
Somebody wants their data deleted, and Meta tells us. Account, token and claims go at once, in the same transaction that
writes the deletion down; a job erases what the account has left behind, minutes later, when every function that may
still hold the account in its hands has ended. Whoever has ever let us use an account may ask for it, also when it was
disconnected since, or is connected through somebody else.

The owner may come back at any time: a new connection is a new account with an id of its own, and the job knows the old
id only (docs/decisions/0017-erasing.md). Everything here may be done again, and goes on where a dead worker stopped:
what is erased is not found any more.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched, islice
from typing import Any, Protocol

from darkroom import announcing
from darkroom.accounts import Consent
from darkroom.consents import MetaUsers, Secrets, Withdrawal, withdrawn
from darkroom.deletions import Deletion, Doomed, Place, user_hash
from darkroom.errors import ConflictError, StoreUnavailableError
from darkroom.events import Event, event_id
from darkroom.values import Value

DELETION_REQUESTED = "account.deletion_requested"
MOST_AT_ONCE = 19  # accounts in one transaction: five writes each, of a hundred
BUDGET = timedelta(minutes=4)  # of one run; less than the function's limit by more than one step takes
LOST_AFTER = timedelta(minutes=15)  # a deletion whose job is nowhere to be seen
LATE_AFTER = timedelta(days=1)
MOST_WATCHED = 1_000  # open deletions at once; an alarm rings long before there are so many
_TRIES = 3


class Deletions(Protocol):
    def latest(self, user_hash: str) -> Deletion | None: ...

    def get(self, code: str) -> Deletion:
        """Raises NotFoundError."""
        ...

    def add(self, deletion: Deletion, instead_of: Deletion | None) -> None:
        """The person's latest from now on. ConflictError when `instead_of` was not their latest any more."""
        ...

    def doom(self, deletion: Deletion, consents: tuple[Consent, ...]) -> None:
        """
        Erases the consents, and the accounts, tokens and claims that are still there, and adds the accounts to the
        deletion, all or nothing. ConflictError when the deletion has ended, a consent is gone, or an account was
        connected anew or disconnected meanwhile.
        """
        ...

    def note(self, deletion: Deletion, place: Place | None, erased: Mapping[str, int], now: datetime) -> bool:
        """
        Where the next run goes on, and what this one erased. False, and nothing is stored: another run has noted
        something since the deletion was read, or has ended it.
        """
        ...

    def finish(self, deletion: Deletion, now: datetime) -> bool:
        """Forgets the accounts, and the place. False, and nothing happens, when there are other accounts by now."""
        ...

    def open_before(self, moment: datetime) -> Iterator[Deletion]:
        """Those that have not ended, of before that moment."""
        ...


class Belongings(Protocol):
    """One kind of thing that accounts leave behind."""

    @property
    def kind(self) -> str: ...

    def erase(self, tenant_id: str, account_id: str, after: str | None) -> Iterator[tuple[int, str | None]]:
        """
        Erases step by step. Each yields how many there were, and what to begin `after` the next time if this was the
        last step for now; None: from the beginning. StoreUnavailableError: erase again.
        """
        ...


type Queue = Callable[[str], None]
"""Puts the job of a deletion into the queue, by its code. StoreUnavailableError."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RequestPorts:
    secrets: Secrets
    users: MetaUsers
    deletions: Deletions
    queue: Queue
    telling: announcing.Ports
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ErasingPorts:
    deletions: Deletions
    belongings: tuple[Belongings, ...]
    queue: Queue
    telling: announcing.Ports
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WatchingPorts:
    deletions: Deletions
    queue: Queue
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ErasureTask(Value):
    """What the queue carries: nothing of the person."""

    code: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Requested(Value):
    """For the answer, and for the log."""

    deletion: Deletion
    key_slot: str
    doomed: int
    stale: int


def request(signed_request: str, ports: RequestPorts) -> Requested:
    """
    The deletion of whoever the signed request names: a new one, or the one that is under way. Who is not known here
    gets one as well. Raises BadRequestError(signed_request_invalid).
    """
    for _ in range(_TRIES):
        withdrawal = withdrawn(signed_request, ports.secrets, ports.users, with_past=True)
        try:
            deletion = _begun(withdrawal, ports)
        except ConflictError:
            continue  # somebody else did the same, or the owner came back at this very moment: look again
        return Requested(deletion, withdrawal.request.key_slot, len(withdrawal.consents), withdrawal.stale)
    raise StoreUnavailableError


def _begun(withdrawal: Withdrawal, ports: RequestPorts) -> Deletion:
    whose, consents = user_hash(withdrawal.request.user_id), withdrawal.consents
    known = ports.deletions.latest(whose)
    deletion = known
    if deletion is None or (deletion.is_done and consents):
        deletion = Deletion(code=secrets.token_hex(16), user_hash=whose, requested_at=ports.now())
        ports.deletions.add(deletion, known)
    for batch in batched(consents, MOST_AT_ONCE, strict=False):
        ports.deletions.doom(deletion, batch)
    if deletion is not known or consents:
        ports.queue(deletion.code)
    for each in consents:
        announcing.tell(_event(deletion, Doomed(each.tenant_id, each.account_id), ports.now()), ports.telling)
    return deletion


def erase(task: ErasureTask, ports: ErasingPorts) -> dict[str, Any]:
    """
    One run of the job. Answers `{outcome}` and what was erased, by kind; `continued` has queued another run, which goes
    on where this one stopped; `overtaken` has left that to a run beside it, so that there is never more than one chain.
    """
    deletion = ports.deletions.get(task.code)
    if deletion.is_done:
        return {"outcome": "done before"}
    for doomed in deletion.accounts:  # whoever requested it may have died before telling
        announcing.tell(_event(deletion, doomed, ports.now()), ports.telling)
    erased: Counter[str] = Counter()
    end, place, is_complete = ports.now() + BUDGET, deletion.place, False
    try:
        for place, number in _steps(deletion, ports.belongings):
            erased[place.kind] += number
            if ports.now() > end:
                break
        else:
            is_complete = True
    except StoreUnavailableError:
        ports.deletions.note(deletion, place, erased, ports.now())
        raise
    if not ports.deletions.note(deletion, place, erased, ports.now()):
        return {"outcome": "overtaken", **erased}
    if not is_complete or not ports.deletions.finish(deletion, ports.now()):
        ports.queue(deletion.code)
        return {"outcome": "continued", **erased}
    return {"outcome": "done", "accounts": len(deletion.accounts), **erased}


def _steps(deletion: Deletion, belongings: tuple[Belongings, ...]) -> Iterator[tuple[Place, int]]:
    """
    From where the run before stopped: a tenant's partition may be longer than one run can read, and most of it not be
    this account's. From the beginning when that place is none any more.
    """
    places = [
        (Place(doomed.tenant_id, doomed.account_id, each.kind), each)
        for doomed in deletion.accounts
        for each in belongings
    ]
    reached = deletion.place and replace(deletion.place, after=None)
    start = next((number for number, (place, _) in enumerate(places) if place == reached), None)
    after = deletion.place.after if deletion.place and start is not None else None
    for place, each in places[start or 0 :]:
        for number, rest in each.erase(place.tenant_id, place.account_id, after):
            yield replace(place, after=rest), number
        after = None


def watch(ports: WatchingPorts) -> dict[str, int]:
    """Queues again what was left: whoever requested it, or a message, got lost on the way. Again is harmless."""
    now = ports.now()
    found = list(islice(ports.deletions.open_before(now - LOST_AFTER), MOST_WATCHED))
    for deletion in found:
        if deletion.seen_at is None or deletion.seen_at < now - LOST_AFTER:
            ports.queue(deletion.code)
    return {"open": len(found), "late": sum(each.requested_at < now - LATE_AFTER for each in found)}


def _event(deletion: Deletion, doomed: Doomed, now: datetime) -> Event:
    """Of no account, or it would be erased with its account."""
    return Event(
        id=event_id(doomed.tenant_id, DELETION_REQUESTED, deletion.code, doomed.account_id),
        tenant_id=doomed.tenant_id,
        type=DELETION_REQUESTED,
        occurred_at=deletion.requested_at,
        received_at=now,
        refs={"account_id": doomed.account_id},
        data={"advice": "Erase what you have stored of this account; Darkroom erases what it has."},
    )
