from datetime import timedelta

import pytest

from darkroom import registering
from darkroom.endpoints import MOST_ENDPOINTS
from darkroom.errors import BadRequestError, ConflictError, NotFoundError, PreconditionFailedError
from tests.builders import NOW, OTHER_TENANT, TENANT, a_caller, an_endpoint
from tests.fakes import Clock
from tests.outgoing_fakes import FakeEndpoints, FakeEndpointSecrets

ME = a_caller()


@pytest.fixture
def ports():
    return registering.Ports(FakeEndpoints(), Clock())


@pytest.fixture
def endpoint(ports):
    return registering.register(an_endpoint(account_ids=("acc_1",)), ME, ports)[0]


def pointers(raised):
    return [error.pointer for error in raised.value.errors]


def test_an_endpoint_is_made_with_a_secret_of_its_own(ports):
    endpoint, secret = registering.register(an_endpoint(), ME, ports)
    assert secret.startswith("whsec_")
    assert FakeEndpointSecrets(ports.endpoints).valid(endpoint, NOW) == (secret,)
    assert registering.list_endpoints(ME, ports) == (endpoint,)


def test_everything_that_is_wrong_is_pointed_at_and_nothing_is_stored(ports):
    wrong = an_endpoint(url="https://127.0.0.1/", types=("comment.*", "Comment"))
    with pytest.raises(BadRequestError) as raised:
        registering.register(wrong, a_caller(account_ids=("acc_1",)), ports)
    assert pointers(raised) == ["/url", "/types/1", "/account_ids"]
    assert ports.endpoints.stored == {}


def test_a_tenant_has_a_score_at_most(ports):
    for number in range(MOST_ENDPOINTS):
        registering.register(an_endpoint(id=f"wh_{number:026}"), ME, ports)
    with pytest.raises(ConflictError) as raised:
        registering.register(an_endpoint(id="wh_x"), ME, ports)
    assert raised.value.code == "too_many_endpoints"
    registering.register(an_endpoint(tenant_id=OTHER_TENANT), a_caller(OTHER_TENANT), ports)


def test_nobody_reaches_another_tenants_endpoint(ports, endpoint):
    them = a_caller(OTHER_TENANT)
    for attempt in (
        lambda: registering.read(them, endpoint.id, ports),
        lambda: registering.change(them, endpoint.id, 1, {}, ports),
        lambda: registering.remove(them, endpoint.id, ports),
        lambda: registering.rotate(them, endpoint.id, ports),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert registering.list_endpoints(them, ports) == ()
    assert ports.endpoints.get(TENANT, endpoint.id) == endpoint


def test_a_key_for_some_accounts_never_reaches_beyond_them(ports, endpoint):
    key = a_caller(account_ids=("acc_1",))
    assert registering.read(key, endpoint.id, ports) == endpoint
    for account_ids in (None, ("acc_1", "acc_2")):
        with pytest.raises(BadRequestError):
            registering.change(key, endpoint.id, 1, {"account_ids": account_ids}, ports)
    with pytest.raises(NotFoundError):
        registering.read(a_caller(account_ids=("acc_2",)), endpoint.id, ports)


def test_what_is_named_changes_and_the_rest_stays(ports, endpoint):
    changed = registering.change(ME, endpoint.id, 1, {"types": ("post.*",), "account_ids": None}, ports)
    assert (changed.types, changed.account_ids, changed.url, changed.version) == (("post.*",), None, endpoint.url, 2)


def test_a_change_is_checked_like_a_new_endpoint(ports, endpoint):
    with pytest.raises(BadRequestError) as raised:
        registering.change(ME, endpoint.id, 1, {"url": "http://hooks.example.com"}, ports)
    assert pointers(raised) == ["/url"]


def test_whoever_read_an_older_version_is_told(ports, endpoint):
    registering.change(ME, endpoint.id, 1, {"description": "x"}, ports)
    with pytest.raises(PreconditionFailedError):
        registering.change(ME, endpoint.id, 1, {"description": "y"}, ports)


def test_whoever_loses_a_race_is_told_too(ports, endpoint, monkeypatch):
    def lost(changed):
        raise ConflictError

    monkeypatch.setattr(ports.endpoints, "save", lost)
    with pytest.raises(PreconditionFailedError):
        registering.change(ME, endpoint.id, 1, {"description": "x"}, ports)


def test_it_is_disabled_and_enabled_by_hand(ports, endpoint):
    disabled = registering.change(ME, endpoint.id, 1, {"is_enabled": False}, ports)
    assert (disabled.disabled_at, disabled.disabled_reason) == (NOW, "caller")
    ports.now.advance(60)
    same = registering.change(ME, endpoint.id, 2, {"is_enabled": False}, ports)
    assert same.disabled_at == NOW, "it was disabled then"
    enabled = registering.change(ME, endpoint.id, 3, {"is_enabled": True}, ports)
    assert (enabled.is_enabled, enabled.disabled_reason) == (True, None)


def test_enabling_forgets_the_failures_that_disabled_it(ports, endpoint):
    ports.endpoints.mark_failing(endpoint, NOW - timedelta(days=9))
    ports.endpoints.disable(endpoint, "failing", NOW)
    enabled = registering.change(ME, endpoint.id, 2, {"is_enabled": True}, ports)
    assert enabled.failing_since is None


def test_a_new_secret_is_shown_and_the_old_one_stays_valid_for_a_day(ports):
    endpoint, old = registering.register(an_endpoint(), ME, ports)
    rotated = registering.rotate(ME, endpoint.id, ports)
    assert rotated.old_valid_until == NOW + timedelta(hours=24)
    assert FakeEndpointSecrets(ports.endpoints).valid(endpoint, NOW) == (rotated.secret, old)
    assert rotated.secret not in repr(rotated)


def test_what_was_deleted_is_gone_with_its_secret(ports, endpoint):
    registering.remove(ME, endpoint.id, ports)
    assert ports.endpoints.stored == ports.endpoints.secrets == {}
    with pytest.raises(NotFoundError):
        registering.remove(ME, endpoint.id, ports)


def test_in_test_mode_named_hosts_are_reached_by_http(ports):
    local = registering.Ports(ports.endpoints, ports.now, frozenset({"127.0.0.1:8080"}))
    registering.register(an_endpoint(url="http://127.0.0.1:8080/x"), ME, local)
    with pytest.raises(BadRequestError):
        registering.register(an_endpoint(url="http://127.0.0.1:8080/x"), ME, ports)
