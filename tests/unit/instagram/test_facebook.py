"""Facebook Login over the pretend Facebook, and over answers as they may come."""

import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from darkroom.instagram.client import InstagramClient
from darkroom.instagram.errors import (
    AppCredentialsError,
    AuthorizationCodeError,
    InstagramUnavailableError,
    InvalidRequestError,
    PermissionDeniedError,
    TokenInvalidError,
)
from darkroom.instagram.facebook import FacebookLogin
from darkroom.instagram.facebook_models import FacebookPage, LinkedAccount, Listing
from darkroom.instagram.models import Access
from simulator import facebook_login
from simulator.clock import Clock
from simulator.instagram import Instagram
from simulator.options import Options
from simulator.people import person_id
from simulator.testing import sample_media, transport

REDIRECT = "https://darkroom.example/oauth/facebook/callback"
LENA, NICO = "Lena Lumen", "Nico North"


@pytest.fixture
def simulator():
    simulator = Instagram(clock=Clock(1_800_000_000), media_transport=sample_media(), seed=1)
    simulator.switch(appsecret_proof="require")
    return simulator


@pytest.fixture
def facebook(simulator):
    options = Options()
    client = InstagramClient(
        app_id=options.meta_app_id,
        app_secret=options.meta_app_secret,
        meta_app_secret=lambda: options.meta_app_secret,
        transport=transport(simulator),
    )
    yield FacebookLogin(client)
    client.close()


def code_of(simulator, person=LENA):
    query = {"client_id": Options().meta_app_id, "redirect_uri": REDIRECT, "response_type": "code"}
    query["scope"] = ",".join(facebook_login.SCOPES)
    with httpx.Client(transport=transport(simulator)) as browser:
        url = "https://www.facebook.com/v25.0/dialog/oauth"
        location = browser.post(url, params=query, data={"decision": "allow", "user": person}).headers["location"]
    return parse_qs(urlsplit(location).query)["code"][0]


def long_token(simulator, facebook, person=LENA):
    return facebook.exchange_long_lived(facebook.exchange_code(code_of(simulator, person), REDIRECT)).token


def test_a_code_becomes_a_token_of_sixty_days_that_knows_its_person(simulator, facebook):
    code = code_of(simulator)
    short = facebook.exchange_code(code, REDIRECT)
    long = facebook.exchange_long_lived(short)
    assert long.expires_in == 60 * 86_400
    assert facebook.user_id(long.token) == person_id(LENA)
    assert "pages_show_list" in facebook.permissions(long.token)
    with pytest.raises(AuthorizationCodeError):
        facebook.exchange_code(code, REDIRECT)


def test_a_code_is_for_one_redirect_uri(simulator, facebook):
    with pytest.raises(AuthorizationCodeError):
        facebook.exchange_code(code_of(simulator), REDIRECT + "/")


def test_a_silent_expiry_means_the_documented_sixty_days(simulator, facebook):
    simulator.switch(facebook_expires_in="hidden")
    short = facebook.exchange_code(code_of(simulator), REDIRECT)
    assert facebook.exchange_long_lived(short).expires_in == 60 * 86_400


def test_only_granted_permissions_count(client_of):
    rows = [
        {"permission": "instagram_basic", "status": "granted"},
        {"permission": "pages_show_list", "status": "declined"},
        {"permission": "pages_read_engagement", "status": "expired"},
        {"permission": "public_profile"},
    ]
    assert login_over(client_of, {"data": rows}).permissions("EAA") == {"instagram_basic"}


def test_finds_pages_with_their_accounts_and_reads_one_with_its_token(simulator, facebook):
    token = long_token(simulator, facebook)
    listed = facebook.pages(token)
    assert listed.after is None
    bakery, archive = listed.entries
    assert (bakery.name, bakery.account.username, bakery.may_publish) == ("Lumen Bakery", "lumen.bakery", True)
    assert (archive.account, bakery.token) == (None, None)
    page = facebook.page(token, bakery.id)
    assert page.token.startswith("EAA")
    assert page.token not in repr(page)
    facebook.subscribe_webhooks(Access(page.account.id, page.token, "facebook", page.id), ["feed"])
    assert simulator.world.subscribed_fields == {page.account.id: ["feed"]}


def test_finds_the_pages_of_businesses(simulator, facebook):
    simulator.switch(business_pages="apart")
    token = long_token(simulator, facebook, NICO)
    assert [page.name for page in facebook.pages(token).entries] == ["North Cycles"]
    (business,) = facebook.businesses(token).entries
    (page,) = facebook.business_pages(token, business, "owned_pages").entries
    assert (page.name, page.account.username) == ("Mira Draws", "mira.draws")
    assert facebook.business_pages(token, business, "client_pages") == Listing((), None)


def test_each_list_goes_on_from_its_cursor(simulator, facebook):
    simulator.switch(most_pages_a_page=1)
    token = long_token(simulator, facebook)
    first = facebook.pages(token)
    second = facebook.pages(token, first.after)
    assert [page.name for page in first.entries + second.entries] == ["Lumen Bakery", "Lumen Archive"]
    assert second.after is None


def test_a_token_of_the_other_login_is_no_token_here(simulator, facebook):
    with pytest.raises(TokenInvalidError):
        facebook.user_id(simulator.token_for("lumen.bakery"))


def login_over(client_of, answer, status=200, requests=None, **settings):
    """A login whose every call gets this answer."""

    def handler(request):
        if requests is not None:
            requests.append(request)
        return httpx.Response(status, json=answer)

    return FacebookLogin(client_of(handler, meta_app_secret=lambda: "meta-secret", **settings))


def test_secrets_codes_and_tokens_are_in_no_url(client_of):
    requests = []
    login = login_over(client_of, {"access_token": "EAA", "expires_in": 9, "id": "1", "data": []}, requests=requests)
    login.exchange_code("CANARY-code", REDIRECT)
    login.exchange_long_lived("CANARY-short")
    login.user_id("CANARY-token")
    login.permissions("CANARY-token")
    login.pages("CANARY-token", "cursor")
    login.business_pages("CANARY-token", "2", "client_pages")
    login.page("CANARY-token", "3")
    assert not any("CANARY" in str(request.url) for request in requests)
    assert {request.url.host for request in requests} == {"graph.facebook.com"}


def test_the_next_page_is_never_followed_wherever_it_points(client_of):
    requests = []
    paging = {"next": "https://evil.example/?access_token=EAA", "cursors": {"after": "MTc1"}}
    listing = login_over(client_of, {"data": [{"id": "1"}], "paging": paging}, requests=requests).pages("EAA")
    assert (len(requests), listing.after) == (1, "MTc1")


@pytest.mark.parametrize(
    "paging",
    [
        None,
        "x",
        [],
        {},
        {"cursors": {"after": "MTc1"}},  # Meta sends cursors on the last page too
        {"next": "https://x", "cursors": None},
        {"next": "https://x", "cursors": {"after": 5}},
        {"next": "https://x", "cursors": {"after": "line\nbreak"}},
    ],
    ids=json.dumps,
)
def test_a_list_ends_where_no_usable_cursor_leads_on(client_of, paging):
    assert login_over(client_of, {"data": [], "paging": paging}).pages("EAA").after is None


@pytest.mark.parametrize(
    "linked",
    [None, "17841400000000001", [], {}, {"id": "17"}, {"username": "a"}, {"id": "../x", "username": "a"}],
    ids=json.dumps,
)
def test_what_is_no_account_is_none(linked):
    assert FacebookPage.parse({"id": "1", "instagram_business_account": linked}).account is None


def test_a_page_is_read_as_it_may_come():
    page = FacebookPage.parse({"id": 134, "instagram_business_account": {"id": 17841400000000001, "username": "a"}})
    assert page == FacebookPage("134", "134", LinkedAccount("17841400000000001", "a"), None, None)
    assert page.may_publish
    assert FacebookPage.parse({"id": "1", "tasks": ["ADVERTISE", "CREATE_CONTENT"]}).may_publish
    assert not FacebookPage.parse({"id": "1", "tasks": ["ADVERTISE", "ANALYZE"]}).may_publish
    assert not FacebookPage.parse({"id": "1", "tasks": []}).may_publish


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"id": "a/b"}, {"id": "me?x"}])
def test_an_answer_without_an_id_is_worth_nothing(client_of, answer):
    login = login_over(client_of, answer)
    for ask in (lambda: login.user_id("EAA"), lambda: login.page("EAA", "3")):
        with pytest.raises(InstagramUnavailableError):
            ask()


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": "a\nb"}, {"access_token": 5}])
def test_an_answer_without_a_token_is_worth_nothing(client_of, answer):
    login = login_over(client_of, answer)
    for ask in (lambda: login.exchange_code("c", REDIRECT), lambda: login.exchange_long_lived("EAA")):
        with pytest.raises(InstagramUnavailableError):
            ask()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"code": 100, "error_subcode": 36009, "message": "This authorization code has been used."},
            AuthorizationCodeError,
        ),
        ({"code": 100, "message": "This authorization code has been used."}, AuthorizationCodeError),
        ({"code": 101, "message": "Error validating application."}, AppCredentialsError),
        ({"code": 1, "message": "Error validating client secret."}, AppCredentialsError),
        ({"code": 100, "message": "Invalid appsecret_proof provided in the API argument"}, AppCredentialsError),
        ({"code": 190, "error_subcode": 492, "message": "lost the role"}, TokenInvalidError),
        ({"code": 200, "message": "(#200) Requires business_management permission"}, PermissionDeniedError),
    ],
)
def test_facebooks_refusals_have_our_names(client_of, error, expected):
    with pytest.raises(expected):
        login_over(client_of, {"error": error}, status=400).exchange_code("c", REDIRECT)


def test_sends_nothing_for_what_cannot_be_a_token_or_an_id(client_of):
    login = FacebookLogin(client_of(pytest.fail, meta_app_secret=lambda: "s"))
    for ask in (login.exchange_long_lived, login.user_id, login.pages):
        with pytest.raises(TokenInvalidError):
            ask("CANARY\r\nX: 1")
    with pytest.raises(InvalidRequestError):
        login.page("EAA", "me/accounts")
    with pytest.raises(InvalidRequestError):
        login.business_pages("EAA", "../me", "owned_pages")
