"""The whole template on the local cloud, with the simulator as Instagram. One cloud serves nearly every test."""

import contextlib
import itertools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.cloud import LocalCloud
from devstack.template import load
from tests.stack import aws
from tests.stack.canaries import Canaries
from tests.stack.clouds import RETURN_ORIGIN, ROOT, SECONDS, STATE, WEBHOOK_PORT, running_cloud
from tests.stack.issuer import Issuer
from tests.stack.people import Account, Owner, Tenant
from tests.stack.pretend import PretendInstagram

HERE = Path(__file__).parent

_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker for the folder, and the search for leaked secrets after everything that could leak one."""
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker(pytest.mark.stack)
        item.add_marker(pytest.mark.xdist_group("stack"))
    items.sort(key=lambda item: item in ours and item.path.name == "test_secrets.py")


@pytest.fixture(scope="session")
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="session")
def cloud(canaries, issuer) -> Iterator[LocalCloud]:
    hosts = {"TestWebhookHosts": f"127.0.0.1:{WEBHOOK_PORT}"}
    parameters = {"ReturnOrigins": RETURN_ORIGIN, "OidcIssuer": issuer.url} | hosts
    with running_cloud(STATE, canaries, parameters=parameters) as running:
        aws.tap_bus(running)
        yield running


@pytest.fixture(scope="session")
def instagram(cloud, canaries) -> Iterator[PretendInstagram]:
    with httpx.Client(base_url=cloud.simulator_url, timeout=SECONDS) as client:
        yield PretendInstagram(client, canaries)


type NewTenant = Callable[..., Tenant]
type NewOwner = Callable[..., Owner]


@pytest.fixture(scope="session")
def clients(canaries) -> Iterator[Callable[..., httpx.Client]]:
    """HTTP clients whose every answer is kept for test_secrets.py."""
    with contextlib.ExitStack() as opened:

        def make(base_url: str = "", key: str | None = None) -> httpx.Client:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            hooks = {"response": [canaries.hear]}
            limits = httpx.Limits(max_connections=None)
            client = httpx.Client(
                base_url=base_url,
                headers=headers,
                timeout=SECONDS,
                event_hooks=hooks,
                limits=limits,
                verify=False,  # plain HTTP on loopback; a client that loads certificates takes 30 ms to make
            )
            return opened.enter_context(client)

        yield make


@pytest.fixture(scope="session")
def stranger(cloud, clients) -> httpx.Client:
    """Sends no credential."""
    return clients(cloud.api_url)


@pytest.fixture(scope="session")
def key_of(cloud, canaries) -> Callable[..., str]:
    def issue(tenant_id: str, *scopes: str) -> str:
        return canaries.meet("api key", cloud.issue_api_key(tenant_id, scopes or ("admin",)))

    return issue


@pytest.fixture(scope="session")
def new_tenant(cloud, clients, key_of, instagram, canaries) -> NewTenant:
    def make() -> Tenant:
        tenant_id = f"tenant-{next(_numbers)}"
        return Tenant(tenant_id, clients(cloud.api_url, key_of(tenant_id)), instagram, canaries)

    return make


@pytest.fixture(scope="session")
def new_owner(clients, instagram, canaries) -> NewOwner:
    def make(username: str | None = None) -> Owner:
        username = username or f"owner.{secrets.token_hex(4)}"
        instagram.add_account(username)
        return Owner(username, clients(), canaries)

    return make


@pytest.fixture(scope="session")
def connect(new_owner) -> Callable[..., Account]:
    def connected(tenant: Tenant, owner: Owner | None = None) -> Account:
        owner = owner or new_owner()
        answer = owner.connect(tenant.link())
        assert answer.status_code == 200, answer.text
        found = tenant.api.get("/v1/accounts").json()["data"]
        view = next(each for each in found if each["username"] == owner.username)
        account = Account(view["id"], view["ig_user_id"], view["username"])
        if account not in tenant.accounts:
            tenant.accounts.append(account)
        return account

    return connected


@pytest.fixture
def tenant(new_tenant, connect) -> Tenant:
    """A tenant of the test's own, with one connected account of its own."""
    made: Tenant = new_tenant()
    connect(made)
    return made


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return load(ROOT / "template.yaml")
