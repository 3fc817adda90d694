"""Facebook Login on the whole stack: Pages, a choice, a post of the account behind the Page."""

import re
import secrets

import pytest

from tests.stack import aws
from tests.stack.people import Account, Owner, result


@pytest.fixture
def person(instagram, clients, canaries):
    """With two Pages that lead to an account, one of a business, and one that leads to none."""
    name = f"Person {secrets.token_hex(4)}"
    for number in (1, 2):
        username = f"{name.lower().replace(' ', '.')}.{number}"
        instagram.add_account(username)
        business = {"business": f"Business of {name}"} if number == 2 else {}
        instagram.add_page(f"Page {number} of {name}", name, username, **business)
    instagram.add_page(f"Empty Page of {name}", name)
    return Owner(name, clients(), canaries)


def offered(page) -> dict[str, str]:
    found = re.findall(r'name="page_id" value="(\d+)">@([\w.]+)<', page.text)
    return {username: page_id for page_id, username in found}


def choose(person, stranger, page, username, browser=None):
    (state,) = re.findall(r'name="state" value="([^"]+)"', page.text)
    form = {"state": state, "page_id": offered(page)[username]}
    return (browser or person.browser).post(str(stranger.base_url.join("/oauth/facebook/choose")), data=form)


def test_an_owner_with_several_pages_chooses_an_account_which_then_publishes(
    new_tenant, person, instagram, stranger, cloud
):
    tenant = new_tenant()
    page = person.connect(tenant.link(login="facebook", return_url="/done"))
    first, second = sorted(offered(page))
    assert page.status_code == 200
    assert "EAA" not in page.text
    assert tenant.api.get("/v1/accounts").json()["data"] == []
    assert choose(person, stranger, page, second, browser=stranger).status_code == 400
    answer = choose(person, stranger, page, second)
    (account,) = tenant.api.get("/v1/accounts").json()["data"]
    assert result(answer) == {"result": "connected", "account_id": account["id"]}
    assert (account["username"], account["login"]) == (second, "facebook")
    assert account["is_webhook_subscribed"] is True
    assert choose(person, stranger, page, first).status_code == 400

    tenant.accounts.append(Account(account["id"], account["ig_user_id"], second))
    with instagram.switched(appsecret_proof="require"):
        post = tenant.publish(first_comment=tenant.canaries.caption())
    assert post["state"] == "published", post["problem"]
    (entry,) = instagram.live(second)
    assert (entry["media_id"], entry["caption"]) == (post["media_id"], post["caption"])
    assert [comment["text"] for comment in entry["comments"]] == [post["first_comment"]]
    assert "EAA" not in str(aws.items_of(cloud, "AccountsTableName", tenant.id))

    told = tenant.api.delete(f"/v1/accounts/{account['id']}").json()
    assert told["is_instagram_told"] is True


def test_reconnecting_through_the_other_login_keeps_the_account(new_tenant, connect, new_owner, instagram, clients):
    tenant, owner = new_tenant(), new_owner()
    before = connect(tenant, owner)
    name = f"Person of {owner.username}"
    instagram.add_page(f"Page of {owner.username}", name, owner.username)
    person = Owner(name, clients(), tenant.canaries)
    assert person.connect(tenant.link(login="facebook")).status_code == 200
    (after,) = tenant.api.get("/v1/accounts").json()["data"]
    assert (after["id"], after["login"]) == (before.id, "facebook")
    assert tenant.publish()["state"] == "published"


def test_a_person_without_a_usable_page_is_told_why(new_tenant, instagram, clients, canaries):
    tenant = new_tenant()
    name = f"Person {secrets.token_hex(4)}"
    instagram.add_page(f"Shop of {name}", name)
    answer = Owner(name, clients(), canaries).connect(tenant.link(login="facebook"))
    assert answer.status_code == 422
    assert f"Shop of {name}: no Instagram professional account is linked to it" in answer.text
    assert tenant.api.get("/v1/accounts").json()["data"] == []
