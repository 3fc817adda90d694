"""For each operation of openapi.json a request that is right, from a tenant that has one of everything."""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from darkroom.ids import new_id
from darkroom.pages import cursor, moment_cursor, parts_cursor
from tests.stack.clouds import WEBHOOK_PORT
from tests.stack.exploring import CURRENT, Right
from tests.stack.people import Account, Owner, Tenant

SECONDS = 30.0


@dataclass
class Household:
    """
    `tenant` has `account`, and `spare` to disconnect. `connect` and `new_owner` are the fixtures; `browser` makes
    a client without a credential.
    """

    tenant: Tenant
    spare: Account
    new_owner: Callable[[], Owner]
    browser: Callable[[], httpx.Client]
    api_url: str
    made: list[str] = field(default_factory=list)

    def draft(self, **fields: Any) -> str:
        answer = self.tenant.api.post("/v1/posts", json=self.tenant.body(mode="draft", **fields))
        self.made.append(self.tenant.accepted(answer))
        return self.made[-1]

    @cached_property
    def scheduled(self) -> str:
        return str(self.tenant.schedule(datetime.now(UTC) + timedelta(days=30))["id"])

    @cached_property
    def published(self) -> str:
        return str(self.tenant.publish()["id"])

    def failed(self) -> str:
        found = self.tenant.publish("image", "is_not_there.jpg")
        assert found["state"] == "failed", found
        return str(found["id"])

    def endpoint(self) -> str:
        """Nobody listens there, and of what happens it wants nothing."""
        wish = {"url": f"http://127.0.0.1:{WEBHOOK_PORT}/explored", "types": ["nothing.happens"]}
        made = self.tenant.api.post("/v1/webhook-endpoints", json=wish).json()
        self.tenant.canaries.meet("signing secret", made["secret"])
        return str(made["id"])

    @cached_property
    def kept_endpoint(self) -> str:
        return self.endpoint()

    @cached_property
    def delivery(self) -> str:
        path = f"/v1/webhook-endpoints/{self.kept_endpoint}"
        sent: dict[str, Any] = self.tenant.api.post(f"{path}/test").json()
        self._until(lambda: self.tenant.api.get(f"{path}/deliveries").json()["data"][0]["attempts"])
        return str(sent["id"])

    @cached_property
    def event(self) -> str:
        """That an account was connected."""
        return str(self._until(lambda: self.tenant.api.get("/v1/events").json()["data"])[0]["id"])

    def signed_request(self) -> dict[str, Any]:
        """About somebody whom we do not know."""
        return {"signed_request": self.tenant.instagram.signed_request(self.new_owner().username)}

    def deletion(self) -> str:
        told = self.browser().post(f"{self.api_url}/meta/data-deletion", data=self.signed_request()).json()
        return str(told["confirmation_code"])

    def leave(self) -> None:
        """Nothing of this goes on behind the backs of others: no retries, nothing that is due."""
        for endpoint in self.tenant.api.get("/v1/webhook-endpoints").json()["data"]:
            self.tenant.api.delete(f"/v1/webhook-endpoints/{endpoint['id']}")
        place: str | None = ""
        while place is not None:
            page = self.tenant.api.get("/v1/posts", params={"cursor": place} if place else {}).json()
            for post in page["data"]:
                if post["state"] in {"draft", "scheduled", "delayed"}:
                    self.tenant.api.delete(f"/v1/posts/{post['id']}")
            place = page["next_cursor"]

    def person(self, *, pages: int) -> Owner:
        """With so many Facebook Pages, each with an account."""
        name = f"Person {secrets.token_hex(4)}"
        for number in range(pages):
            username = f"{name.lower().replace(' ', '.')}.{number}"
            self.tenant.instagram.add_account(username)
            self.tenant.instagram.add_page(f"Page {number} of {name}", name, username)
        return Owner(name, self.browser(), self.tenant.canaries)

    @staticmethod
    def _until(seen: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + SECONDS
        while not (found := seen()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return found


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _cookies(owner: Owner) -> dict[str, str]:
    return {cookie.name: cookie.value or "" for cookie in owner.browser.cookies.jar}


def _start(home: Household, login: str) -> Right:
    return Right(query=_query(home.tenant.link(login=login)))


def _callback(home: Household, login: str) -> Right:
    owner = home.new_owner() if login == "instagram" else home.person(pages=1)
    callback = owner.decide(home.tenant.link(login=login, return_url="/done"))
    return Right(query=_query(callback), cookies=_cookies(owner))


def _choice(home: Household) -> Right:
    person = home.person(pages=2)
    page = person.connect(home.tenant.link(login="facebook", return_url="/done"))
    (state,), page_id = (
        re.findall(r'name="state" value="([^"]+)"', page.text),
        re.findall(r'"page_id" value="(\d+)"', page.text),
    )
    return Right(body={"state": state, "page_id": page_id[0]}, cookies=_cookies(person))


def _list(home: Household, **more: Any) -> Right:
    tenant_id, moments = home.tenant.id, (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    written = [cursor(tenant_id, new_id("post", datetime.now(UTC)))]
    written += [moment_cursor(tenant_id, (moment, new_id("evt", datetime.now(UTC)))) for moment in moments]
    written += [
        parts_cursor(tenant_id, *parts) for parts in (("0", "x" * 1100), ("5", "\0"), ("1", "\U0001f600"), ("x",))
    ]
    return Right(cursors=tuple(written), **more)


def _account(home: Household) -> Right:
    return Right({"id": home.tenant.account.id})


def _post(home: Household, post_id: str, **more: Any) -> Right:
    near = tuple({"id": each} for each in (home.published, home.scheduled, *home.made[-3:]))
    return Right({"id": post_id}, near=near, **more)


def _endpoint(home: Household, **more: Any) -> Right:
    return Right({"id": home.kept_endpoint}, **more)


def _of_delivery(home: Household) -> Right:
    return Right({"id": home.kept_endpoint, "delivery_id": home.delivery})


def _new_endpoint(_: Household) -> Right:
    return Right(body={"url": f"http://127.0.0.1:{WEBHOOK_PORT}/new", "types": ["nothing.happens"]})


RIGHT: dict[str, Callable[[Household], Right]] = {
    "GET /data-deletion/{code}": lambda home: Right({"code": home.deletion()}),
    "POST /meta/data-deletion": lambda home: Right(body=home.signed_request()),
    "POST /meta/deauthorize": lambda home: Right(body=home.signed_request()),
    "GET /oauth/facebook/callback": lambda home: _callback(home, "facebook"),
    "POST /oauth/facebook/choose": _choice,
    "GET /oauth/facebook/start": lambda home: _start(home, "facebook"),
    "GET /oauth/instagram/callback": lambda home: _callback(home, "instagram"),
    "GET /oauth/instagram/start": lambda home: _start(home, "instagram"),
    "GET /v1/accounts": _list,
    "DELETE /v1/accounts/{id}": lambda home: Right({"id": home.spare.id}),
    "GET /v1/accounts/{id}": _account,
    "POST /v1/accounts/{id}/default": _account,
    "GET /v1/accounts/{id}/health": _account,
    "GET /v1/accounts/{id}/publishing-limit": _account,
    "POST /v1/accounts/{id}/refresh": _account,
    "GET /v1/capabilities": lambda _: Right(),
    "POST /v1/connect-sessions": lambda _: Right(body={"login": "instagram"}),
    "GET /v1/errors/{code}": lambda _: Right({"code": "invalid_post"}),
    "GET /v1/events": _list,
    "POST /v1/events/read": lambda home: Right(body={"ids": [home.event]}),
    "GET /v1/events/unread-count": lambda _: Right(),
    "GET /v1/events/{id}": lambda home: Right({"id": home.event}),
    "GET /v1/export": _list,
    "GET /v1/health": lambda _: Right(),
    "GET /v1/limits": lambda _: Right(),
    "GET /v1/posts": _list,
    "POST /v1/posts": lambda home: Right(body=home.tenant.body(mode="draft")),
    "POST /v1/posts/validate": lambda home: Right(body=home.tenant.body()),
    "DELETE /v1/posts/{id}": lambda home: Right({"id": home.draft()}),
    "GET /v1/posts/{id}": lambda home: _post(home, home.published),
    "PATCH /v1/posts/{id}": lambda home: _post(
        home, home.draft(), headers={"If-Match": CURRENT}, body={"caption": "other words"}
    ),
    "POST /v1/posts/{id}/publish": lambda home: _post(home, home.draft()),
    "POST /v1/posts/{id}/retry": lambda home: _post(home, home.failed()),
    "GET /v1/posts/{id}/timeline": lambda home: _post(home, home.published),
    "GET /v1/webhook-endpoints": lambda _: Right(),
    "POST /v1/webhook-endpoints": _new_endpoint,
    "DELETE /v1/webhook-endpoints/{id}": lambda home: Right({"id": home.endpoint()}),
    "GET /v1/webhook-endpoints/{id}": _endpoint,
    "PATCH /v1/webhook-endpoints/{id}": lambda home: Right(
        {"id": home.endpoint()}, headers={"If-Match": CURRENT}, body={"description": "Explored"}
    ),
    "GET /v1/webhook-endpoints/{id}/deliveries": lambda home: _list(home, path={"id": home.kept_endpoint}),
    "POST /v1/webhook-endpoints/{id}/deliveries/{delivery_id}/resend": _of_delivery,
    "POST /v1/webhook-endpoints/{id}/rotate-secret": lambda home: Right({"id": home.endpoint()}),
    "POST /v1/webhook-endpoints/{id}/test": _endpoint,
}
