"""The simulator's control endpoints, as a test asks them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from simulator.ids import app_scoped_id
from tests.stack.canaries import Canaries


@dataclass(frozen=True)
class PretendInstagram:
    """What the world and Instagram itself know. `client` talks to the simulator."""

    client: httpx.Client
    canaries: Canaries = field(repr=False)

    def sample(self, name: str) -> str:
        return str(self.client.base_url.join(f"/_sim/samples/{name}"))

    def add_account(self, username: str) -> None:
        self._ask("POST", "accounts", {"username": username})
        self.canaries.meet("app-scoped id", app_scoped_id(username))

    def add_page(self, name: str, person: str, username: str | None = None, **more: Any) -> None:
        """A Facebook Page of this person's, linked to this account if any."""
        self._ask("POST", "pages", {"name": name, "person": person, "username": username, **more})

    def live(self, username: str) -> list[dict[str, Any]]:
        """The ledger of one account: everything of its that the world can see."""
        entries = self._ask("GET", "ledger")["ledger"]
        return [entry for entry in entries if entry["account"]["username"] == username]

    def calls(self, ig_user_id: str | None = None, route: str | None = None) -> list[dict[str, Any]]:
        """The call log, of one account and one route such as `POST /{ig}/media_publish`."""
        return [
            call
            for call in self._ask("GET", "calls")["calls"]
            if ig_user_id in {None, call["account"]} and route in {None, f"{call['method']} {call['template']}"}
        ]

    def faults_hit(self, ig_user_id: str) -> list[str]:
        """What went wrong for an account, such as `html after`: a fault that hits nothing proves nothing."""
        return [call["fault"] for call in self.calls(ig_user_id) if call["fault"]]

    def fail(self, path: str, kind: str, **details: Any) -> None:
        """Plans a fault: `fail("POST /1784…/media", "http_5xx", nth=1)`. Naming the account spares other tests."""
        self._ask("POST", "faults", {"match": {"path": path}, "kind": kind, **details})

    def heal(self) -> None:
        self._ask("DELETE", "faults")

    @contextmanager
    def switched(self, **switches: Any) -> Iterator[None]:
        """For every account, and then as it was."""
        before = {each["name"]: each["value"] for each in self._ask("GET", "switches")["switches"]}
        self._ask("PATCH", "switches", switches)
        try:
            yield
        finally:
            self._ask("PATCH", "switches", {name: before[name] for name in switches})

    def throttle(self, username: str, minutes: float) -> None:
        """Every call of this account's is refused for so long; 0 ends it."""
        self._ask("POST", "throttles", {"username": username, "minutes": minutes})

    def publish_elsewhere(self, username: str) -> None:
        """The owner publishes an image with another app, of which Darkroom knows nothing."""
        token = self._ask("POST", "tokens", {"username": username})
        wishes = {"access_token": token["access_token"], "image_url": self.sample("photo.jpg")}
        made = self.client.post(f"/{token['user_id']}/media", data=wishes)
        wishes = {"access_token": token["access_token"], "creation_id": made.json()["id"]}
        assert self.client.post(f"/{token['user_id']}/media_publish", data=wishes).status_code == 200

    def comment(self, media_id: str, text: str, username: str = "mira.draws") -> str:
        """A follower comments; the comment's id."""
        return str(self._ask("POST", "comments", {"username": username, "media_id": media_id, "text": text})["id"])

    def send_webhook(self, kind: str, username: str, **about: Any) -> dict[str, str]:
        """As the dashboard's Test button; its ids."""
        sent: dict[str, str] = self._ask("POST", "webhooks/send", {"kind": kind, "username": username, **about})[
            "sent"
        ][0]
        return sent

    def deliveries(self) -> list[dict[str, Any]]:
        """Every webhook delivery, with the status of the last answer."""
        found: list[dict[str, Any]] = self._ask("GET", "webhooks")["deliveries"]
        return found

    def revoke_tokens(self, username: str) -> None:
        assert self._ask("POST", "tokens/revoke", {"username": username})["revoked"]

    def comes_in(self, kind: str, username: str, **about: Any) -> None:
        """A webhook about that account: a documented payload by its name, with fields of `payloads.About`."""
        self._ask("POST", "webhooks/send", {"kind": kind, "username": username, **about})

    def signed_request(self, username: str, issued_at: int | None = None) -> str:
        """What Meta would post about that person to the callbacks."""
        wish = {"username": username} | ({"issued_at": issued_at} if issued_at is not None else {})
        return self.canaries.meet("signed request", str(self._ask("POST", "signed_requests", wish)["signed_request"]))

    def withdraw(self, username: str, url: str) -> tuple[int, str]:
        """The owner removes the app, and Meta tells that URL: its status and body."""
        told = self._ask("POST", "withdrawals", {"username": username, "url": url})
        return told["status"], told["body"]

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.client.request(method, f"/_sim/{path}", json=body)
        assert answer.status_code == 200, answer.text
        parsed: dict[str, Any] = answer.json()
        return parsed
