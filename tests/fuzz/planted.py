"""Parsers with the mistakes that are easily made, to see that they would be found."""

import base64
import hmac
import json
from dataclasses import dataclass
from typing import Any

from darkroom import media_urls, meta_http, pages, processing
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.instagram import signatures, signed_request, webhooks
from tests.fuzz import inputs, of_callers, of_meta
from tests.fuzz.targets import TARGETS as REAL
from tests.fuzz.targets import Target


def takes_any_case(raw: bytes, header: str, secrets: dict[str, str]) -> str:
    return signatures.signed_by(raw, header.lower(), secrets)


def takes_ascii_for_granted(raw: bytes, header: str, secrets: dict[str, str]) -> str:
    header.encode("ascii")
    return signatures.signed_by(raw, header, secrets)


@dataclass
class Told:
    user_id: str
    key_slot: str


def trusts_the_payload(text: str, secrets: dict[str, str]) -> Any:
    """Signed is signed: what is in it needs no look."""
    first, _, part = text.partition(".")
    for slot, secret in secrets.items():
        if first == base64.urlsafe_b64encode(hmac.digest(secret.encode(), part.encode(), "sha256")).decode().rstrip(
            "="
        ):
            return Told(json.loads(base64.urlsafe_b64decode(part + "=="))["user_id"], slot)
    raise signed_request.SignedRequestError("sig_mismatch")


def takes_other_spellings(text: str, secrets: dict[str, str]) -> Any:
    return signed_request.read(text.strip(), secrets)


def forgets_depth(raw: bytes) -> Any:
    try:
        json.loads(raw)
    except ValueError:
        raise webhooks.UnreadableNotificationError("not JSON") from None
    return webhooks.parse(raw)


def leaves_out(raw: bytes) -> Any:
    return tuple(
        webhooks.Notification(each.object, tuple(entry for entry in each.entries if entry.id.isdigit()))
        for each in webhooks.parse(raw)
    )[:1]


def tells_again(delivery: Any, ports: Any) -> Any:
    ports.telling.events.announced.clear()
    return processing.process(delivery, ports)


def unpacks(ticket: str) -> tuple[str, str]:
    session_id, secret = ticket.split(".")
    return session_id, secret


def looks_at_the_end(text: str, tenant_id: str) -> str:
    """Any spelling that decodes."""
    plain = base64.urlsafe_b64decode(text.encode("ascii", "ignore") + b"==").decode("ascii", "replace")
    return plain[12:] or pages.opened(text, tenant_id)


def reads_before_it_proves(event: Any, ports: Any) -> Any:
    body = event.get("body") or ""
    json.loads(body if event.get("routeKey", "").startswith("POST") and not event.get("isBase64Encoded") else "{}")
    return meta_http.served(event, ports)


def careless_api() -> Api:
    api = Api()

    @api.route("POST /v1/posts", scope="posts:write")
    @api.route("PATCH /v1/posts/{id}", scope="posts:write")
    def create(request: Request) -> Answer:
        return Answer(200, int(request.if_match or "0"))

    return api


def https_is_enough(url: str) -> str | None:
    return None if url.startswith("https://") else media_urls.refusal(url)


def takes_its_time(data: bytes) -> bool:
    """For what is nested, and then much: a regular expression that backtracks would hold up the test, too."""
    return data.count(b"{") > 4 and sum(range(3_000_000)) > 0


SLOW = Target("slow", "", takes_its_time, inputs.bodies)
MISTAKES = (
    ("signature", of_meta.of_signature_header(takes_any_case)),
    ("signature", of_meta.of_signature_header(takes_ascii_for_granted)),
    ("signed_request", of_meta.of_signed_request(trusts_the_payload)),
    ("signed_request", of_meta.of_signed_request(takes_other_spellings)),
    ("webhook", of_meta.of_webhook_body(forgets_depth)),
    ("webhook", of_meta.of_webhook_body(leaves_out)),
    ("processing", of_meta.of_processing(tells_again)),
    ("state", of_callers.of_state(unpacks)),
    ("cursor", of_callers.of_cursor(looks_at_the_end)),
    ("receiver", of_meta.of_receiver(reads_before_it_proves)),
    ("request", of_callers.of_request(careless_api())),
    ("url", of_callers.of_url(https_is_enough)),
)
PLANTED = [Target(name, REAL[name].about, check, REAL[name].seeds) for name, check in MISTAKES]
# As tests.fuzz.targets has them: what the process of Atheris looks up.
TARGETS = {each.name: each for each in PLANTED}
