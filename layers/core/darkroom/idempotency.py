"""
`Idempotency-Key`: the same key and body give the first answer again; one of many parallel requests runs, the others are
told to ask later.

The record also keeps the ULID that names what the request creates. When a worker dies half-way, the next one with the
key goes on under the same id, and what was done already is found instead of done twice.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from darkroom.errors import BadRequestError, ConflictError
from darkroom.values import Value

KEPT = timedelta(days=7)
LEASE = timedelta(seconds=35)  # longer than the function may run
_LONGEST = 255


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Record(Value):
    """
    Times are epoch seconds. `answer` is set once the request has succeeded. `is_taken_over`: another request held this
    before and may have done half of it.
    """

    digest: str
    body_hash: str
    ulid: str
    locked_until: int
    expires_at: int
    answer: str | None = None
    is_taken_over: bool = False


class Records(Protocol):
    def add(self, record: Record, now: datetime) -> Record | None:
        """Stores the record and answers None; or, when there is one that has not expired, answers that."""
        ...

    def take_over(self, record: Record, locked_until: datetime) -> bool:
        """Locks an abandoned record; exactly one caller gets True."""
        ...

    def finish(self, record: Record, answer: str, tenant_id: str) -> None:
        """Keeps the answer, to be found by its tenant too: it may hold what an owner wants erased."""
        ...

    def release(self, record: Record) -> None:
        """Unlocks: the request failed on our side and may be sent again at once."""
        ...

    def remove(self, record: Record) -> None:
        """The request was refused; the key is free."""
        ...


def digest(tenant_id: str, route: str, key: str) -> str:
    """Tenant, route and key: the scope in which a key is one key. Raises BadRequestError for a malformed key."""
    if not 0 < len(key) <= _LONGEST or not key.isascii() or not key.isprintable():
        raise BadRequestError("idempotency_key_invalid")
    return hashlib.sha256(f"{tenant_id}\n{route}\n{key}".encode()).hexdigest()


def begin(record_digest: str, body: bytes, ulid: str, now: datetime, records: Records) -> Record:
    """
    A record with an `answer` to give again, or one without that this request now holds and runs under.

    Raises BadRequestError when the key was used for another body, ConflictError while the first request is running.
    """
    locked_until = now + LEASE
    wanted = Record(
        digest=record_digest,
        body_hash=hashlib.sha256(body).hexdigest(),
        ulid=ulid,
        locked_until=int(locked_until.timestamp()),
        expires_at=int((now + KEPT).timestamp()),
    )
    known = records.add(wanted, now)
    if known is None:
        return wanted
    if known.body_hash != wanted.body_hash:
        raise BadRequestError("idempotency_key_reused")
    if known.answer is not None:
        return known
    if known.locked_until > now.timestamp() or not records.take_over(known, locked_until):
        raise ConflictError("idempotency_in_progress", retry_after=2)
    return replace(known, locked_until=wanted.locked_until, is_taken_over=True)


def settle(record: Record, status: int, answer: str, tenant_id: str, records: Records) -> None:
    """
    Keeps a success to be given again. A refusal (4xx) did nothing, so the key is free for the mended request. After a
    failure on our side (5xx), and when a record was taken over, it stays: a retry goes on under the same id.
    """
    if status < 400:
        records.finish(record, answer, tenant_id)
    elif status < 500 and not record.is_taken_over:
        records.remove(record)
    else:
        records.release(record)
