import pytest

from darkroom import bootstrap
from darkroom.authenticating import authenticate
from darkroom.errors import StoreUnavailableError
from tests.builders import NOW, TENANT
from tests.events import event
from tests.functions.world import call

WISH = event("issue_api_key")


def holder(answer):
    return authenticate(f"Bearer {answer['key']}", NOW, bootstrap.authenticating_ports())


def test_a_key_is_issued_that_works(world):
    answer = call("issue_api_key", WISH)
    assert answer.keys() == {"id", "key"}
    caller = holder(answer)
    assert (caller.tenant_id, caller.scopes) == (TENANT, {"posts:read", "posts:write"})


def test_a_key_for_some_accounts_is_for_those_only(world):
    caller = holder(call("issue_api_key", WISH | {"account_ids": ["acc_1"]}))
    assert caller.may_use("acc_1")
    assert not caller.may_use("acc_2")


def test_a_key_may_end(world):
    answer = call("issue_api_key", WISH | {"expires_at": "2026-12-01T00:00:00Z"})
    (stored,) = world.keys.stored.values()
    assert stored.id == answer["id"]
    assert stored.expires_at.isoformat() == "2026-12-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({}, ["/tenant_id", "/scopes"]),
        (WISH | {"tenant_id": "a#b"}, ["/tenant_id"]),
        (WISH | {"tenant_id": 7}, ["/tenant_id"]),
        (WISH | {"scopes": "admin"}, ["/scopes"]),
        (WISH | {"scopes": []}, ["/scopes"]),
        (WISH | {"scopes": ["admin", "root"]}, ["/scopes/1"]),
        (WISH | {"mode": "live"}, ["/mode"]),
        (WISH | {"mode": "prod"}, ["/mode"]),
        (WISH | {"account_id": "acc_1"}, ["/account_id"]),
        (WISH | {"expires_at": "2020-01-01T00:00:00Z"}, ["/expires_at"]),
        (WISH | {"expires_at": "2027-01-01T00:00:00"}, ["/expires_at"]),
    ],
)
def test_a_wrong_wish_is_told_and_issues_nothing(world, wish, pointers):
    answer = call("issue_api_key", wish)
    assert answer.keys() == {"problem"}
    assert [error["pointer"] for error in answer["problem"]["errors"]] == pointers
    assert world.keys.stored == {}


def test_the_key_is_on_no_log_line(world, lines):
    answer = call("issue_api_key", WISH)
    assert answer["key"] not in lines.getvalue()


def test_when_the_table_is_down_no_key_is_given_out(world, monkeypatch):
    def down(key) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(world.keys, "add", down)
    with pytest.raises(StoreUnavailableError):
        call("issue_api_key", WISH)
