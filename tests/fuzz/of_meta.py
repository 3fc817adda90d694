"""
What comes with Meta's name on it, and may come from anybody. A check takes bytes, says whether they were accepted, and
raises for whatever is not the one documented refusal; the judge that it holds to that may be exchanged.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from darkroom import announcing, meta_http, processing, receiving
from darkroom.deliveries import Delivery, Keys
from darkroom.errors import MalformedDeliveryError
from darkroom.events import Event, message
from darkroom.ids import is_id
from darkroom.instagram import signatures, signed_request, webhooks
from darkroom.instagram.signed_request import SignedRequestError
from tests.builders import NOW, TENANT
from tests.events import http_event
from tests.fakes import FakeEvents, FakeKeyRing
from tests.fuzz.inputs import SECRET, SECRETS, SLOT

type Check = Callable[[bytes], bool]

ACCOUNT_ID = "acc_00000000000000000000000001"  # made at the beginning of time, so that no change is from before it
_KNOCK, _QUESTION = http_event("POST /webhooks/meta"), http_event("GET /webhooks/meta")
LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def signature(raw: bytes, secret: str) -> str:
    """Independent of the product."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def signer(raw: bytes, header: str | None) -> str | None:
    """By whose secret that is the signature, to the letter."""
    return next((slot for slot, secret in SECRETS.items() if signature(raw, secret) == header), None)


def of_signature_header(signed_by: Callable[..., str] = signatures.signed_by) -> Check:
    def judged(raw: bytes, header: str) -> str | None:
        try:
            return signed_by(raw, header, SECRETS)
        except signatures.SignatureError:
            return None

    def check(data: bytes) -> bool:
        line, _, raw = data.partition(b"\n")
        for header in (line.decode("latin-1"), line.decode("utf-8", "surrogateescape")):
            assert judged(raw, header) == signer(raw, header), "a forgery is accepted, or a right signature refused"
        for slot, secret in SECRETS.items():
            assert signed_by(raw, signature(raw, secret), SECRETS) == slot
        return signer(raw, line.decode("latin-1")) is not None

    return check


class _Inbox:
    def put(self, delivery: Delivery) -> None:
        pass


def of_receiver(served: Callable[..., Any] = meta_http.served) -> Check:
    """The whole knock: text or base64, and a header in any case."""
    ports = receiving.Ports(FakeKeyRing(Keys(SECRETS, "verify-token")), _Inbox(), lambda: NOW)

    def check(data: bytes) -> bool:
        line, _, raw = data.partition(b"\n")
        header = line.decode("latin-1")
        body = raw.decode("utf-8", "surrogatepass" if raw[:1] == b"\xed" else "replace")
        is_right = False
        for text, is_encoded in ((body, False), (base64.b64encode(raw).decode(), True), (body, True)):
            knock = _KNOCK | {"headers": {"X-Hub-Signature-256": header}, "body": text, "isBase64Encoded": is_encoded}
            status = served(knock, lambda: ports)["statusCode"]
            assert status in {200, 400, 401}, f"answered {status}"
            if status == 200:
                said = base64.b64decode(text) if is_encoded else text.encode()
                assert signer(said, header), "a forgery is accepted"
                is_right = True
        asked = {"hub.mode": "subscribe", "hub.verify_token": header, "hub.challenge": body}
        assert served(_QUESTION | {"queryStringParameters": asked}, lambda: ports)["statusCode"] in {200, 400, 403}
        return is_right

    return check


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _signed(payload: bytes) -> str:
    part = _encoded(payload)
    return f"{_encoded(hmac.new(SECRET.encode(), part.encode(), hashlib.sha256).digest())}.{part}"


def of_signed_request(read: Callable[..., Any] = signed_request.read) -> Check:
    """The text as it came, which nobody signed, and the same as a payload that Meta signed."""

    def check(data: bytes) -> bool:
        for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape")):
            if (found := _read(read, text)) is not None:
                first, _, part = text.partition(".")
                macs = [
                    hmac.new(secret.encode(), part.encode(), hashlib.sha256).digest() for secret in SECRETS.values()
                ]
                assert first.rstrip("=") in map(_encoded, macs), "a forgery is accepted"
        text = _signed(data)
        found = _read(read, text)
        if found is None:
            return False
        told = json.loads(data)
        assert (found.user_id, found.key_slot) == (str(told["user_id"]), SLOT)
        assert (found.issued_at.timestamp(), told["algorithm"]) == (told["issued_at"], "HMAC-SHA256")
        assert found.user_id.isascii() and found.user_id.isdigit()  # noqa: PT018
        flipped = chr(ord(text[0]) ^ 1) + text[1:]
        assert _read(read, flipped) is None, "a bit of the signature does not matter"
        assert _read(read, f"{text}A") is None, "what is behind the payload does not matter"
        return True

    return check


def _read(read: Callable[..., Any], text: str) -> Any:
    try:
        return read(text, SECRETS)
    except SignedRequestError:
        return None


def of_webhook_body(parse: Callable[[bytes], Any] = webhooks.parse) -> Check:
    def check(data: bytes) -> bool:
        try:
            found = parse(data)
        except webhooks.UnreadableNotificationError:
            return False
        told = json.loads(data)
        entries = [
            _listed(each.get("entry")) if each.get("object") == webhooks.OBJECT else [] for each in _listed(told)
        ]
        assert [len(each.entries) for each in found] == [len(each) for each in entries], "an entry is left out"
        changes = [change for each in found for entry in each.entries for change in entry.changes]
        assert all(entry.changes for each in found for entry in each.entries), "of an entry nothing is told"
        assert all(change.natural and change.kind in processing.TYPES for change in changes)
        assert all(_is_plain(change.ids) for change in changes)
        again = parse(json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        naturals = [change.natural for each in again for entry in each.entries for change in entry.changes]
        assert naturals == [change.natural for change in changes], "written otherwise, it is another fact"
        return bool(changes)

    return check


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_plain(ids: Mapping[str, str]) -> bool:
    return all(value.isascii() and value.isprintable() and value for value in ids.values())


@dataclass
class _Everybody:
    """Every account that is named is ours."""

    def holder(self, ig_user_id: str) -> tuple[str, str] | None:
        return TENANT, ACCOUNT_ID


class _Archive:
    def keep(self, tenant_id: str, account_id: str, delivery: Delivery, body: bytes) -> str:
        json.loads(body)
        return f"{tenant_id}/{account_id}/{delivery.sha256}"


def of_processing(process: Callable[..., Any] = processing.process) -> Check:
    """From the body to events that can be stored, announced and sent on; the second time there is nothing new."""

    def check(data: bytes) -> bool:
        events = FakeEvents(lambda: NOW)
        announced: list[tuple[str, dict[str, Any]]] = []
        telling = announcing.Ports(events, lambda name, facts: announced.append((name, facts)), lambda: NOW)
        ports = processing.Ports(_Everybody(), _Archive(), telling)
        delivery = Delivery(data, SLOT, NOW)
        try:
            facts = process(delivery, ports)
        except MalformedDeliveryError:
            return False
        json.dumps(facts)
        for event in events.stored.values():
            _is_sound(event)
        assert len(announced) == len(events.stored)
        json.dumps(announced)
        process(delivery, ports)
        assert len(announced) == len(events.stored), "told again, it is told twice"
        return bool(announced)

    return check


def _is_sound(event: Event) -> None:
    assert is_id(event.id, "evt")
    assert event.occurred_at <= LATEST
    assert json.loads(message(event))["type"] == event.type
    assert len(json.dumps(dict(event.data))) < 400_000, "too big for an item"
    assert all(isinstance(value, str) for value in event.facts().values())
