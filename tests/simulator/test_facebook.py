"""Facebook Login and graph.facebook.com as the simulator plays them."""

import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from simulator import facebook_login
from simulator.clock import Clock
from simulator.instagram import Instagram
from simulator.options import Options
from simulator.people import PretendPage, person_id
from simulator.testing import running, sample_media, transport
from tests.simulator.conftest import MEDIA, REDIRECT, START

OPTIONS = Options()
APP = {"client_id": OPTIONS.meta_app_id, "client_secret": OPTIONS.meta_app_secret}
LENA, NICO = "Lena Lumen", "Nico North"
ACCOUNT = "instagram_business_account{id,username}"


@pytest.fixture
def instagram():
    return Instagram(clock=Clock(START), media_transport=sample_media(), seed=1)


@pytest.fixture
def http(instagram):
    with httpx.Client(transport=transport(instagram), base_url="https://graph.facebook.com/v25.0") as client:
        yield client


def code_of(http, user=LENA, asked=facebook_login.SCOPES, **form):
    query = {"client_id": APP["client_id"], "redirect_uri": REDIRECT, "response_type": "code", "state": "s t"}
    query["scope"] = ",".join(asked)
    url = "https://www.facebook.com/v25.0/dialog/oauth"
    assert http.get(url, params=query).status_code == 200
    answer = http.post(url, params=query, data={"decision": "allow", "user": user, **form})
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def token_of(http, user=LENA, *, is_long=True, **form):
    code = code_of(http, user, **form)["code"]
    short = http.post("/oauth/access_token", data={**APP, "redirect_uri": REDIRECT, "code": code}).json()
    if not is_long:
        return short["access_token"]
    return exchanged(http, short["access_token"]).json()["access_token"]


def exchanged(http, token):
    form = {**APP, "grant_type": "fb_exchange_token", "fb_exchange_token": token}
    return http.get("/oauth/access_token", params=form)


def get(http, path, token, **params):
    return http.get(path, params={"access_token": token, **params})


def page_of(http, token, name="Lumen Bakery"):
    pages = get(http, "/me/accounts", token, fields="id,name,access_token").json()["data"]
    return next(page for page in pages if page["name"] == name)


def refusal(answer):
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


# Tokens


def test_a_person_logs_in_and_the_app_gets_a_token_of_sixty_days(http):
    back = code_of(http)
    assert back["state"] == "s t"
    form = {**APP, "redirect_uri": REDIRECT, "code": back["code"]}
    short = http.get("/oauth/access_token", params=form).json()
    assert short["access_token"].startswith("EAA")
    assert short["expires_in"] == 3600
    long = exchanged(http, short["access_token"]).json()
    assert (long["token_type"], long["expires_in"]) == ("bearer", 60 * 86_400)
    assert get(http, "/me", long["access_token"]).json() == {"id": person_id(LENA), "name": LENA}


def test_a_cancelled_dialogue_brings_no_code(http):
    query = {
        "client_id": APP["client_id"],
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "pages_show_list",
    }
    url = "https://www.facebook.com/v25.0/dialog/oauth"
    location = http.post(url, params=query, data={"decision": "deny"}).headers["location"]
    assert parse_qs(urlsplit(location).query)["error"] == ["access_denied"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_id": "1"}, (101, None)),
        ({"client_secret": "wrong"}, (1, None)),
        ({"code": "AQBnone"}, (100, 36009)),
        ({"redirect_uri": REDIRECT + "/"}, (100, 36008)),
    ],
)
def test_refuses_a_wrong_exchange(http, changes, expected):
    form = {**APP, "redirect_uri": REDIRECT, "code": code_of(http)["code"]}
    assert refusal(http.post("/oauth/access_token", data=form | changes)) == expected


def test_a_code_works_once_and_for_an_hour(http, instagram):
    form = {**APP, "redirect_uri": REDIRECT, "code": code_of(http)["code"]}
    assert http.post("/oauth/access_token", data=form).status_code == 200
    assert refusal(http.post("/oauth/access_token", data=form)) == (100, 36009)
    late = form | {"code": code_of(http)["code"]}
    instagram.clock.advance(3600)
    assert refusal(http.post("/oauth/access_token", data=late)) == (100, 36007)


def test_a_living_token_can_be_exchanged_again_and_a_dead_one_cannot(http, instagram):
    token = token_of(http)
    instagram.clock.advance(59 * 86_400)
    again = exchanged(http, token).json()
    assert again["access_token"] != token
    assert again["expires_in"] == 60 * 86_400
    assert get(http, "/me", token).status_code == 200
    instagram.clock.advance(2 * 86_400)
    assert refusal(exchanged(http, token)) == (190, 463)
    assert get(http, "/me", again["access_token"]).status_code == 200


def test_a_pages_token_outlives_the_long_lived_token_it_is_made_from(http, instagram):
    short, long = token_of(http, is_long=False), token_of(http)
    mortal, immortal = page_of(http, short)["access_token"], page_of(http, long)["access_token"]
    assert page_of(http, long)["access_token"] == immortal
    instagram.clock.advance(400 * 86_400)
    assert refusal(get(http, "/me", mortal)) == (190, 463)
    assert get(http, "/me", immortal).json()["name"] == "Lumen Bakery"


def test_a_token_of_one_login_means_nothing_at_the_other_host(http, instagram):
    assert refusal(get(http, "/me", instagram.token_for("lumen.bakery"))) == (190, None)
    assert refusal(get(http, "https://graph.instagram.com/v25.0/me", token_of(http))) == (190, None)


def test_the_proof_is_made_with_the_meta_apps_secret(http, instagram):
    token = token_of(http)
    instagram.switch(appsecret_proof="require")
    assert refusal(get(http, "/me", token)) == (100, None)
    for secret, status in ((OPTIONS.meta_app_secret, 200), (OPTIONS.app_secret, 400)):
        proof = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        assert get(http, "/me", token, appsecret_proof=proof).status_code == status


def test_debug_token_tells_the_app_what_a_token_is(http, instagram):
    token = token_of(http)
    app_token = f"{APP['client_id']}|{APP['client_secret']}"
    about = get(http, "/debug_token", app_token, input_token=token).json()["data"]
    assert (about["type"], about["is_valid"], about["user_id"]) == ("USER", True, person_id(LENA))
    page = page_of(http, token)
    about = get(http, "/debug_token", app_token, input_token=page["access_token"]).json()["data"]
    assert (about["type"], about["expires_at"], about["profile_id"]) == ("PAGE", 0, page["id"])
    assert refusal(get(http, "/debug_token", token, input_token=token)) == (190, None)


def test_declined_permissions_are_told(http):
    token = token_of(http, asked=("instagram_basic", "pages_show_list"), scopes="pages_show_list")
    told = {row["permission"]: row["status"] for row in get(http, "/me/permissions", token).json()["data"]}
    assert told == {"instagram_basic": "declined", "pages_show_list": "granted"}


def test_revoking_a_person_kills_their_pages_tokens_too(http, instagram):
    token = token_of(http)
    page = page_of(http, token)
    answer = http.post("https://graph.facebook.com/_sim/tokens/revoke", json={"person": LENA, "subcode": 460})
    assert answer.json()["revoked"] >= 2
    for each in (token, page["access_token"]):
        assert refusal(get(http, "/me", each)) == (190, 460)


# Pages


def test_lists_pages_with_and_without_a_linked_account(http):
    pages = get(http, "/me/accounts", token_of(http), fields=f"name,tasks,{ACCOUNT}").json()["data"]
    found = {page["name"]: page.get("instagram_business_account", {}).get("username") for page in pages}
    assert found == {"Lumen Bakery": "lumen.bakery", "Lumen Archive": None}
    assert all("CREATE_CONTENT" in page["tasks"] for page in pages)


def names(answer):
    return [page["name"] for page in answer.json()["data"]]


def test_a_businesss_pages_are_missing_without_business_management(http, instagram):
    few = tuple(scope for scope in facebook_login.SCOPES if scope != "business_management")
    assert names(get(http, "/me/accounts", token_of(http, NICO, asked=few))) == ["North Cycles"]
    token = token_of(http, NICO)
    assert names(get(http, "/me/accounts", token)) == ["North Cycles", "Mira Draws"]
    instagram.switch(business_pages="apart")
    assert names(get(http, "/me/accounts", token)) == ["North Cycles"]
    (business,) = get(http, "/me/businesses", token).json()["data"]
    assert names(get(http, f"/{business['id']}/owned_pages", token)) == ["Mira Draws"]
    assert names(get(http, f"/{business['id']}/client_pages", token)) == []
    assert refusal(get(http, f"/{business['id']}/owned_pages", token_of(http, LENA))) == (100, 33)


def test_lists_are_paged_by_cursors(http, instagram):
    for number in range(5):
        instagram.world.facebook.add_page(PretendPage(f"Page {number}", LENA))
    token, after, seen = token_of(http), None, []
    while True:
        answer = get(http, "/me/accounts", token, limit="2", **({"after": after} if after else {})).json()
        seen += [page["name"] for page in answer["data"]]
        if "next" not in answer["paging"]:
            break
        assert token in answer["paging"]["next"]
        after = answer["paging"]["cursors"]["after"]
    assert len(seen) == len(set(seen)) == 7


def test_nobody_elses_page_can_be_read(http):
    page = page_of(http, token_of(http))
    assert refusal(get(http, f"/{page['id']}", token_of(http, NICO), fields="access_token")) == (100, 33)


def test_a_page_subscribes_with_its_own_token_and_any_of_its_fields(http, instagram):
    token = token_of(http)
    page = page_of(http, token)
    path = f"/{page['id']}/subscribed_apps"
    form = {"subscribed_fields": "feed"}
    assert refusal(http.post(path, data={**form, "access_token": token}))[0] == 10
    mine = {"access_token": page["access_token"]}
    assert refusal(http.post(path, data={"subscribed_fields": "comments", **mine})) == (100, None)
    assert http.post(path, data={**form, **mine}).json() == {"success": True}
    assert get(http, path, page["access_token"]).json()["data"][0]["subscribed_fields"] == ["feed"]
    user_id = instagram.world.account_named("lumen.bakery").user_id
    assert instagram.world.subscribed_fields[user_id] == ["feed"]
    assert http.delete(path, params=mine).json() == {"success": True}
    assert instagram.world.subscribed_fields == {}


# Publishing


@pytest.mark.parametrize("acting", ["page", "person"])
def test_publishes_with_the_pages_token_and_with_the_persons(http, instagram, acting):
    token = token_of(http)
    acts = token if acting == "person" else page_of(http, token)["access_token"]
    user_id = instagram.world.account_named("lumen.bakery").user_id
    form = {"access_token": acts, "image_url": MEDIA + "photo.jpg", "is_paid_partnership": "true"}
    container = http.post(f"/{user_id}/media", data=form).json()["id"]
    instagram.clock.advance(10)
    assert get(http, f"/{container}", acts, fields="status_code").json()["status_code"] == "FINISHED"
    made = http.post(f"/{user_id}/media_publish", data={"access_token": acts, "creation_id": container}).json()
    assert get(http, f"/{made['id']}", acts, fields="permalink").json()["permalink"]
    assert get(http, f"/{user_id}", acts, fields="username").json() == {"id": user_id, "username": "lumen.bakery"}
    (entry,) = instagram.ledger()
    assert entry["account"]["user_id"] == user_id


def test_acts_for_no_account_but_its_own_and_not_without_the_scopes(http, instagram):
    token = page_of(http, token_of(http))["access_token"]
    other = instagram.world.account_named("north.cycles").user_id
    assert refusal(get(http, f"/{other}/media", token)) == (100, 33)
    own = instagram.world.account_named("lumen.bakery").user_id
    reader = token_of(http, asked=("instagram_basic", "pages_show_list", "pages_read_engagement"))
    assert get(http, f"/{own}/media", reader).status_code == 200
    assert refusal(http.post(f"/{own}/media", data={"access_token": reader, "image_url": MEDIA + "photo.jpg"}))[0] == 10


def test_a_role_without_content_acts_for_nothing(http, instagram):
    instagram.world.facebook.add_page(PretendPage("Lumen Bakery", LENA, "lumen.bakery", tasks=("ANALYZE",)))
    own = instagram.world.account_named("lumen.bakery").user_id
    assert refusal(get(http, f"/{own}/media", token_of(http))) == (100, 33)


def test_there_is_no_me_media_and_no_subscription_of_the_account_itself(http, instagram):
    token = page_of(http, token_of(http))["access_token"]
    own = instagram.world.account_named("lumen.bakery").user_id
    assert get(http, "/me/media", token).status_code >= 400
    assert get(http, f"/{own}/subscribed_apps", token).status_code == 400


def test_where_one_port_plays_every_host_the_path_names_it():
    with running(Instagram()) as sim, httpx.Client(base_url=f"{sim.url}/graph.facebook.com/v25.0") as http:
        assert refusal(http.get("/me", params={"access_token": "EAAnone"})) == (190, None)
        query = {**APP, "redirect_uri": REDIRECT, "response_type": "code", "scope": "pages_show_list"}
        page = httpx.get(f"{sim.url}/www.facebook.com/v25.0/dialog/oauth", params=query)
        assert "Lena Lumen" in page.text
        assert httpx.get(f"{sim.url}/v25.0/me/accounts", params={"access_token": "EAAnone"}).status_code == 400


def test_pages_are_added_and_listed_by_the_control_interface(http, instagram):
    control = "https://graph.facebook.com/_sim/pages"
    page = {"name": "New Page", "person": "Somebody New", "username": "mira.draws", "business": "B"}
    made = http.post(control, json=page).json()
    assert made["person_id"] == person_id("Somebody New")
    assert made in http.get(control).json()["pages"]
    assert http.post(control, json={"name": "x"}).status_code == 400
    assert http.post(control, json={"name": "x", "person": "y", "username": "nobody"}).status_code == 400
    assert names(get(http, "/me/accounts", token_of(http, "Somebody New"))) == ["New Page"]
