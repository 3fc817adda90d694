"""A post goes live and a tenant's server hears of it, signed; people find the event unread and mark it read."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.stack.clouds import WEBHOOK_PORT

SECONDS = 30.0


class Receiver:
    """A tenant's server: `received` holds headers and bodies; `status` is what it answers."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.status = 200

    @contextmanager
    def listening(self) -> Iterator["Receiver"]:
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                ours.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(ours.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", WEBHOOK_PORT), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield self
            server.shutdown()

    def awaited(self, count: int) -> None:
        deadline = time.monotonic() + SECONDS
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"{len(self.received)} of {count} arrived"
            time.sleep(0.1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as running:
        yield running


@pytest.fixture
def endpoint(tenant, receiver, canaries) -> dict[str, Any]:
    wish = {"url": f"http://127.0.0.1:{WEBHOOK_PORT}/hook", "types": ["post.*"]}
    made: dict[str, Any] = tenant.api.post("/v1/webhook-endpoints", json=wish).json()
    canaries.meet("signing secret", made["secret"])
    return made


def test_a_post_that_goes_live_is_told_to_the_tenants_server_and_to_its_people(tenant, receiver, endpoint):
    post = tenant.publish("image")
    receiver.awaited(1)
    ((headers, body),) = receiver.received
    told = Webhook(endpoint["secret"]).verify(body, headers)
    assert (told["type"], told["data"]["refs"]["post_id"]) == ("post.published", post["id"])
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint["secret"]).verify(body + b" ", headers)
    (event,) = tenant.api.get("/v1/events", params={"unread": "true", "type": "post.published"}).json()["data"]
    assert (event["id"], event["is_read"]) == (headers["webhook-id"], False)
    unread = tenant.api.get("/v1/events/unread-count").json()["unread"]
    for _ in range(2):
        assert tenant.api.post("/v1/events/read", json={"ids": [event["id"]]}).json()["ids"] == [event["id"]]
    assert tenant.api.get("/v1/events/unread-count").json()["unread"] == unread - 1
    time.sleep(1)
    assert len(receiver.received) == 1, "once"


def test_a_failed_delivery_shows_in_the_log_and_is_resent_by_hand(tenant, receiver, endpoint):
    receiver.status = 503
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    sent = tenant.api.post(f"{path}/test").json()
    receiver.awaited(1)
    deadline = time.monotonic() + SECONDS
    while not (log := tenant.api.get(f"{path}/deliveries").json()["data"][0])["attempts"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (log["state"], log["attempts"][0]["status"]) == ("pending", 503)
    receiver.status = 200
    assert tenant.api.post(f"{path}/deliveries/{sent['id']}/resend").status_code == 202
    receiver.awaited(2)
    assert receiver.received[0][0]["webhook-id"] == receiver.received[1][0]["webhook-id"]
