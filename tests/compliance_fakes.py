"""What deauthorising and erasing see of the outside, in memory; each store passes the same suite as its twin on AWS."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from darkroom.accounts import Account, Consent
from darkroom.deletions import Deletion, Doomed, Place
from darkroom.errors import ConflictError, NotFoundError, StoreUnavailableError
from darkroom.exports import Record
from darkroom.logins import Login
from tests.fakes import FakeAccounts

SECRET = "the-instagram-app-secret"


def signed(
    user_id: Any = "25400000000000001", issued_at: Any = 1_795_426_200, secret: str = SECRET, **more: Any
) -> str:
    """As Meta writes it; made here once more, so that neither the product nor the simulator vouches for itself."""
    return signed_payload({"user_id": user_id, "algorithm": "HMAC-SHA256", "issued_at": issued_at} | more, secret)


def signed_payload(payload: Any, secret: str = SECRET) -> str:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    encoded = encoded_as_url(raw)
    return f"{encoded_as_url(hmac.digest(secret.encode(), encoded.encode(), 'sha256'))}.{encoded}"


def encoded_as_url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


class FakeSecrets:
    """`late` are the secrets after a rotation that nobody has noticed yet."""

    def __init__(self, late: Mapping[str, str] | None = None, **secrets: str) -> None:
        self.secrets = secrets or {"instagram": SECRET}
        self.late = late

    def signing(self, max_age: float | None = None) -> Mapping[str, str]:
        return self.late if self.late is not None and max_age is not None else self.secrets


class FakeMetaUsers:
    def __init__(self, accounts: FakeAccounts) -> None:
        self.accounts = accounts

    def consents_of(self, login: Login, app_scoped_id: str) -> tuple[Consent, ...]:
        return tuple(
            Consent(
                login=login,
                app_scoped_id=app_scoped_id,
                tenant_id=tenant_id,
                account_id=account_id,
                given_at=given_at,
                account=self.accounts.stored.get((tenant_id, account_id)),
            )
            for (*person, tenant_id, account_id), given_at in self.accounts.consents.items()
            if person == [login, app_scoped_id]
        )

    def deauthorize(self, ended: Account) -> bool:
        key = (ended.tenant_id, ended.id)
        stored = self.accounts.stored.get(key)
        if stored is None or stored.token_version != ended.token_version - 1:
            return False
        self.accounts.tokens.pop(key, None)
        names = ("state", "token_version", "is_webhook_subscribed", "last_problem", "untold", "refresh_at")
        changes = {name: getattr(ended, name) for name in names}
        self.accounts.stored[key] = replace(stored, **changes, version=stored.version + 1)
        return True


class FakeDeletions:
    def __init__(self, accounts: FakeAccounts) -> None:
        self.accounts = accounts
        self.stored: dict[str, Deletion] = {}
        self.latest_of: dict[str, str] = {}

    def latest(self, user_hash: str) -> Deletion | None:
        code = self.latest_of.get(user_hash)
        return self.stored[code] if code else None

    def get(self, code: str) -> Deletion:
        try:
            return self.stored[code]
        except KeyError:
            raise NotFoundError from None

    def add(self, deletion: Deletion, instead_of: Deletion | None) -> None:
        if self.latest_of.get(deletion.user_hash) != (instead_of.code if instead_of else None):
            raise ConflictError
        self.latest_of[deletion.user_hash] = deletion.code
        self.stored[deletion.code] = deletion

    def doom(self, deletion: Deletion, consents: tuple[Consent, ...]) -> None:
        stored = self.stored.get(deletion.code)
        if stored is None or stored.is_done or not all(map(self._is_as_read, consents)):
            raise ConflictError
        for each in consents:
            del self.accounts.consents[_key(each)]
            if each.account is not None:
                self._erase(each.account)
        more = tuple(Doomed(each.tenant_id, each.account_id) for each in consents)
        number = stored.erased.get("accounts", 0) + len(more)
        erased = {**stored.erased, "accounts": number}
        self.stored[deletion.code] = replace(stored, accounts=stored.accounts + more, erased=erased)

    def _is_as_read(self, consent: Consent) -> bool:
        account = self.accounts.stored.get((consent.tenant_id, consent.account_id))
        is_same = (account and account.connected_at) == (consent.account and consent.account.connected_at)
        return is_same and _key(consent) in self.accounts.consents

    def _erase(self, account: Account) -> None:
        key = (account.tenant_id, account.id)
        self.accounts.consents.pop((account.login, account.app_scoped_id, *key), None)
        self.accounts.tokens.setdefault(key, "erased before")  # `erase` wants one to take away
        self.accounts.erase(account)

    def note(self, deletion: Deletion, place: Place | None, erased: Mapping[str, int], now: datetime) -> bool:
        stored = self.stored[deletion.code]
        if stored.is_done or stored.runs != deletion.runs:
            return False
        more = {kind: stored.erased.get(kind, 0) + number for kind, number in erased.items() if number}
        progress = {"place": place, "runs": stored.runs + 1, "seen_at": now}
        self.stored[deletion.code] = replace(stored, erased={**stored.erased, **more}, **progress)
        return True

    def finish(self, deletion: Deletion, now: datetime) -> bool:
        stored = self.stored[deletion.code]
        if stored.is_done:
            return True
        if stored.accounts != deletion.accounts:
            return False
        self.stored[deletion.code] = replace(stored, accounts=(), done_at=now, place=None)
        return True

    def open_before(self, moment: datetime) -> Iterator[Deletion]:
        return iter([each for each in self.stored.values() if not each.is_done and each.requested_at < moment])


def _key(consent: Consent) -> tuple[str, str, str, str]:
    return consent.login, consent.app_scoped_id, consent.tenant_id, consent.account_id


class FakeBelongings:
    """So many things, erased one a step. `failures`: how often a step fails before it does not."""

    def __init__(self, kind: str, things: int = 0) -> None:
        self.kind = kind
        self.left: dict[tuple[str, str], int] = {}
        self.things = things
        self.failures = 0

    def erase(self, tenant_id: str, account_id: str, _after: str | None) -> Iterator[tuple[int, str | None]]:
        key = (tenant_id, account_id)
        self.left.setdefault(key, self.things)
        while self.left[key]:
            if self.failures:
                self.failures -= 1
                raise StoreUnavailableError
            self.left[key] -= 1
            yield 1, None


class FakeShelf:
    """`records` of every tenant, by tenant id."""

    def __init__(self) -> None:
        self.records: dict[str, list[Record]] = {}

    def page(self, tenant_id: str, after: str | None, limit: int) -> tuple[tuple[Record, ...], str | None]:
        found = [each for each in self.records.get(tenant_id, []) if after is None or each.key > after]
        return tuple(found[:limit]), found[limit - 1].key if len(found) > limit else None


def epoch(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp())
