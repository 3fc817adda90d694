"""The parsers that read what anybody may send, each with what it begins from."""

import io
from collections.abc import Callable
from dataclasses import dataclass

from darkroom.observability import logger
from tests.fuzz import inputs, of_callers, of_meta
from tests.fuzz.of_meta import Check


class Silence(io.StringIO):
    """Keeps nothing: a fuzzer would fill the memory."""

    def write(self, text: str) -> int:
        return len(text)


@dataclass(frozen=True)
class Target:
    name: str
    about: str
    check: Check
    seeds: Callable[[], list[bytes]]


def hush() -> None:
    """What the functions log is of no interest here."""
    logger().registered_handler.stream = Silence()


TARGETS = {
    each.name: each
    for each in (
        Target("signature", "X-Hub-Signature-256, with a body", of_meta.of_signature_header(), inputs.knocks),
        Target("signed_request", "of Meta's callbacks", of_meta.of_signed_request(), inputs.requests),
        Target("webhook", "the body, taken apart", of_meta.of_webhook_body(), inputs.bodies),
        Target("state", "the way back from Instagram", of_callers.of_state(), inputs.callbacks),
        Target("cursor", "of all three kinds, and of an export", of_callers.of_cursor(), inputs.cursors),
        Target("receiver", "a whole knock at the door for webhooks", of_meta.of_receiver(), inputs.knocks),
        Target("processing", "from a body to events", of_meta.of_processing(), inputs.bodies),
        Target("request", "of a tenant, from bytes to the answer", of_callers.of_request(), inputs.posts),
        Target("url", "of media and endpoints, and addresses", of_callers.of_url(), inputs.urls),
    )
}
