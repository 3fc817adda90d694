import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import pytest

BASIC, PUBLISH = "instagram_business_basic", "instagram_business_content_publish"


def test_the_authorise_page_offers_every_account_and_every_scope(login):
    page = login.http.get("/oauth/authorize", params=login.query)
    assert page.status_code == 200
    for words in ("lumen.bakery", "north.cycles", "mira.draws", BASIC, PUBLISH, "Allow", "Cancel"):
        assert words in page.text


def test_markup_in_the_query_stays_text_on_the_page(login):
    page = login.http.get("/oauth/authorize", params=login.query | {"state": '"><script>alert(1)</script>'})
    assert "<script>" not in page.text


def test_allowing_sends_the_browser_back_with_code_state_and_a_stray_fragment(login):
    answer = login.authorise()
    location = answer.headers["location"]
    assert answer.status_code == 302
    assert location.startswith("https://app.example/callback?code=AQB")
    assert location.endswith("&state=some+state#_")


def test_a_redirect_uri_with_a_query_keeps_it(login):
    answer = login.authorise({"redirect_uri": "https://app.example/callback?tenant=7"})
    assert answer.headers["location"].startswith("https://app.example/callback?tenant=7&code=")


def test_cancelling_sends_the_browser_back_with_three_error_parameters(login):
    query = parse_qs(urlsplit(login.authorise(decision="deny").headers["location"]).query)
    assert query == {
        "error": ["access_denied"],
        "error_reason": ["user_denied"],
        "error_description": ["The user denied your request"],
        "state": ["some state"],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "1"},
        {"redirect_uri": ""},
        {"redirect_uri": "javascript:alert(1)"},
        {"response_type": "token"},
        {"scope": ""},
        {"scope": "business_basic,business_content_publish"},
        {"scope": "instagram_basic"},
    ],
)
def test_a_broken_dialogue_is_shown_to_the_person_and_never_redirects(login, change):
    for answer in (login.http.get("/oauth/authorize", params=login.query | change), login.authorise(change)):
        assert answer.status_code == 400
        assert "location" not in answer.headers


def test_only_registered_redirect_uris_are_accepted_when_there_are_any(make_instagram, login):
    login.instagram = make_instagram(redirect_uris=("https://app.example/other",))
    login = type(login)(login.instagram)
    assert login.authorise().status_code == 400
    assert login.authorise({"redirect_uri": "https://app.example/other"}).status_code == 302


def test_personal_accounts_cannot_be_connected(instagram, login):
    login.http.post("/_sim/accounts", json={"username": "just.me", "account_type": "Personal"})
    assert login.authorise(user="just.me").status_code == 400


def test_scopes_may_be_separated_by_spaces_and_old_dialogue_switches_are_tolerated(login):
    query = {"scope": f"{BASIC} {PUBLISH}", "force_reauth": "true", "enable_fb_login": "false"}
    assert login.authorise(query).status_code == 302


def test_only_the_ticked_scopes_are_granted(login):
    token = login.exchange(login.code(scopes=BASIC)).json()
    assert token["permissions"] == [BASIC]


def test_the_flat_answer_has_a_numeric_user_id_beyond_what_a_double_can_hold(instagram, login):
    answer = login.exchange(login.code()).json()
    assert answer["access_token"].startswith("IGAA")
    assert answer["user_id"] == int(instagram.world.account_named("lumen.bakery").id)
    assert answer["user_id"] > 2**53


def test_the_wrapped_answer_has_strings(instagram, login):
    instagram.switch(short_token_shape="data")
    [answer] = login.exchange(login.code()).json()["data"]
    assert answer["user_id"] == instagram.world.account_named("lumen.bakery").id
    assert answer["permissions"] == f"{BASIC},{PUBLISH}"


def test_permissions_may_be_a_string_in_the_flat_answer(instagram, login):
    instagram.switch(permissions_shape="string")
    assert login.exchange(login.code()).json()["permissions"] == f"{BASIC},{PUBLISH}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_id": "1"}, "Invalid platform app"),
        ({"client_secret": "wrong"}, "Error validating client secret"),
        ({"grant_type": "password"}, "Invalid grant_type"),
        ({"redirect_uri": "https://app.example/callback/"}, "redirect_uri is identical"),
        ({"code": "AQBnever"}, "Matching code was not found"),
    ],
)
def test_a_refused_code_exchange_answers_in_the_other_error_shape(login, changes, message):
    answer = login.exchange(login.code(), **changes)
    assert answer.status_code == 400
    assert message in answer.json()["error_message"]
    assert answer.json()["error_type"] == "OAuthException"
    assert answer.json()["code"] == 400


def test_a_code_with_its_stray_fragment_is_not_found(login):
    assert login.exchange(login.code() + "#_").status_code == 400


def test_a_code_works_once(login):
    code = login.code()
    assert login.exchange(code).status_code == 200
    assert "already used" in login.exchange(code).json()["error_message"]


def test_a_code_lives_an_hour(instagram, login):
    in_time, too_late = login.code(), login.code()
    instagram.clock.advance(3599)
    assert login.exchange(in_time).status_code == 200
    instagram.clock.advance(1)
    assert login.exchange(too_late).status_code == 400


def test_a_multipart_exchange_works_as_well(login):
    form = {
        "client_id": login.query["client_id"],
        "client_secret": login.instagram.world.options.app_secret,
        "grant_type": "authorization_code",
        "redirect_uri": login.query["redirect_uri"],
        "code": login.code(),
    }
    answer = login.http.post("/oauth/access_token", files={name: (None, value) for name, value in form.items()})
    assert answer.status_code == 200


def test_a_short_token_becomes_a_long_one_that_lives_sixty_days(login):
    short = login.exchange(login.code()).json()["access_token"]
    answer = login.long_token(short).json()
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 60 * 86400
    assert answer["access_token"] != short


def test_a_short_token_expires_after_an_hour_and_cannot_be_exchanged_then(instagram, login, codes):
    short = login.exchange(login.code()).json()["access_token"]
    instagram.clock.advance(3600)
    assert codes(login.long_token(short)) == (190, 463)


def test_the_exchange_wants_the_secret_and_a_short_token(instagram, login, codes):
    assert codes(login.long_token(instagram.token_for("lumen.bakery", is_long=False), client_secret="x")) == (1, None)
    assert codes(login.long_token(instagram.token_for("lumen.bakery"))) == (452, None)


def test_a_long_token_is_refreshed_from_the_second_day_on(instagram, login, codes):
    token = instagram.token_for("lumen.bakery")
    instagram.clock.advance(86399)
    assert codes(login.refresh(token)) == (100, None)
    instagram.clock.advance(1)
    answer = login.refresh(token).json()
    assert (answer["access_token"], answer["expires_in"]) == (token, 60 * 86400)


def test_a_token_not_refreshed_for_sixty_days_is_dead(instagram, login, codes):
    token = instagram.token_for("lumen.bakery")
    instagram.clock.advance(60 * 86400)
    assert codes(login.refresh(token)) == (190, 463)


def test_a_short_token_cannot_be_refreshed_however_old(instagram, login, codes):
    instagram.switch(refresh_min_age=0)
    assert codes(login.refresh(instagram.token_for("lumen.bakery", is_long=False))) == (100, None)


@pytest.mark.parametrize(("mode", "old_token_works"), [("rotate_keep", True), ("rotate_kill", False)])
def test_a_rotating_refresh_keeps_or_kills_the_old_token(instagram, login, mode, old_token_works):
    instagram.switch(refresh_mode=mode)
    old = instagram.token_for("lumen.bakery")
    instagram.clock.advance(86400)
    new = login.refresh(old).json()["access_token"]
    assert new != old
    assert login.http.get("/me", params={"access_token": new}).status_code == 200
    assert (login.http.get("/me", params={"access_token": old}).status_code == 200) is old_token_works


@pytest.mark.parametrize("token", ["EAAGm0PX4ZCpsBA", "IGAAnever", "nonsense"])
def test_tokens_of_another_flavour_or_of_nobody_cannot_be_parsed(login, codes, token):
    answer = login.http.get("/me", params={"access_token": token})
    assert codes(answer) == (190, None)
    assert "Cannot parse access token" in answer.json()["error"]["message"]


@pytest.mark.parametrize("subcode", [458, 459, 460, 463, 464, 467])
def test_revoked_tokens_say_why(login, bakery, codes, subcode):
    login.http.post("/_sim/tokens/revoke", json={"username": "lumen.bakery", "subcode": subcode})
    assert codes(bakery.get("/me")) == (190, subcode)


def test_other_accounts_keep_their_tokens_when_one_is_revoked(login, bakery, cycles):
    login.http.post("/_sim/tokens/revoke", json={"username": "lumen.bakery"})
    assert cycles.get("/me").status_code == 200


def test_an_invalid_token_may_answer_401(instagram, login):
    instagram.switch(invalid_token_http_status=401)
    assert login.http.get("/me", params={"access_token": "nonsense"}).status_code == 401


def test_a_request_without_a_token_is_told_so(login, bakery, codes):
    assert codes(login.http.get("/me")) == (2500, None)
    assert codes(login.http.get(f"/{bakery.photo()}")) == (104, None)


def test_the_token_travels_in_query_body_or_header(instagram, login):
    token = instagram.token_for("lumen.bakery")
    for header in ({"authorization": f"Bearer {token}"}, {"authorization": f"OAuth {token}"}):
        assert login.http.get("/me", headers=header).status_code == 200
    assert login.http.get("/me", params={"access_token": token}).status_code == 200
    subscribed = {"access_token": token, "subscribed_fields": ["comments"]}
    assert login.http.post("/me/subscribed_apps", json=subscribed).status_code == 200


def test_missing_permissions_are_refused_call_by_call(instagram, caller_for, codes):
    reader = caller_for(instagram, instagram.token_for("lumen.bakery", (BASIC,)))
    assert reader.get("/me").status_code == 200
    answer = reader.post("/me/media", image_url="https://media.example/photo.jpg")
    assert codes(answer) == (10, None)
    assert PUBLISH in answer.json()["error"]["message"]
    instagram.switch(permission_code=200, permission_http_status=403)
    answer = reader.get("/me/content_publishing_limit")
    assert (answer.status_code, codes(answer)) == (403, (200, None))


def test_an_app_secret_proof_is_checked_when_sent_and_can_be_required(instagram, bakery, codes):
    secret = instagram.world.options.app_secret.encode()
    right = hmac.new(secret, bakery.token.encode(), hashlib.sha256).hexdigest()
    assert bakery.get("/me", appsecret_proof=right).status_code == 200
    assert codes(bakery.get("/me", appsecret_proof="0" * 64)) == (100, None)
    instagram.switch(appsecret_proof="require")
    assert "require an appsecret_proof" in bakery.get("/me").json()["error"]["message"]
    assert bakery.get("/me", appsecret_proof=right).status_code == 200


def test_an_app_secret_proof_with_a_time_lasts_five_minutes(instagram, bakery):
    now = int(instagram.clock.now())
    secret = instagram.world.options.app_secret.encode()
    proof = hmac.new(secret, f"{bakery.token}|{now}".encode(), hashlib.sha256).hexdigest()
    signed = {"appsecret_proof": proof, "appsecret_time": now}
    assert bakery.get("/me", **signed).status_code == 200
    instagram.clock.advance(301)
    assert bakery.get("/me", **signed).status_code == 400
