import pytest

from darkroom.errors import NotAllowedError
from darkroom.tenants import SCOPES, TENANT_ID
from tests.builders import TENANT, a_caller


def test_a_scope_allows_itself():
    a_caller(TENANT, "posts:read").require("posts:read")


@pytest.mark.parametrize("scope", SCOPES)
def test_admin_allows_everything(scope):
    a_caller(TENANT, "admin").require(scope)


@pytest.mark.parametrize("held", [set(SCOPES) - {"posts:write", "admin"}, {"posts"}, {"posts:writer"}, {""}])
def test_nothing_else_allows_it(held):
    with pytest.raises(NotAllowedError) as caught:
        a_caller(TENANT, *held).require("posts:write")
    assert caught.value.code == "scope_missing"
    assert "posts:write" in (caught.value.detail or "")


@pytest.mark.parametrize(
    ("account_ids", "may"),
    [(None, True), (("acc_1",), True), (("acc_2",), False), ((), False)],
)
def test_a_key_may_be_held_to_some_accounts(account_ids, may):
    assert a_caller(account_ids=account_ids).may_use("acc_1") is may


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("acme", True),
        ("auth0|7", False),
        ("a@b.example.com", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("acme#POST", False),
        ("acme\n", False),
        ("_acme", False),
        ("ácme", False),
    ],
)
def test_a_tenant_id_can_never_reach_into_another_partition(text, is_one):
    assert bool(TENANT_ID.fullmatch(text)) is is_one
