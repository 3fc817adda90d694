"""`darkroom doctor --meta` against whatever Meta and the stack may say; the real chain is walked in tests/stack."""

import functools

import httpx
import pytest

from devstack import meta_chain
from devstack.darkroom_api import Api
from devstack.meta_chain import Operator

PAIR = {"app_id": "870", "app_secret": "secret-of-the-app"}
KNOWN = {"error": {"message": "Invalid verification code format.", "code": 100}}
THROTTLED = {"error": {"message": "(#4) Application request limit reached", "code": 4}}
CODE_WRONG = {"error_type": "OAuthException", "error_message": "Matching code was not found or was already used"}
TOKEN = "a-verify-token-of-one's-own"


@pytest.fixture
def walk(monkeypatch):
    """Findings by link. `facebook` and `instagram` are what those answer to the code that nobody has."""

    def walked(operator, *, facebook=KNOWN, instagram=CODE_WRONG, status=400, taken=TOKEN):
        def answer(request: httpx.Request) -> httpx.Response:
            url, query = request.url, request.url.params
            if url.host == "graph.facebook.com":
                return _said(facebook)
            if url.host == "api.instagram.com":
                return _said(instagram)
            if url.path == "/webhooks/meta":
                is_mine = query["hub.verify_token"] == taken
                return httpx.Response(200 if is_mine else 403, text=query["hub.challenge"] if is_mine else "")
            if url.path == "/v1/accounts":
                return httpx.Response(200, json={"data": [], "next_cursor": None})
            return httpx.Response(status if url.path.startswith("/oauth/") else 400)

        client = functools.partial(httpx.Client, transport=httpx.MockTransport(answer))
        monkeypatch.setattr(meta_chain.httpx, "Client", client)
        monkeypatch.setattr(meta_chain, "read_operator", lambda _stack: operator)
        return {each.link: each for each in meta_chain.walk(Api("https://api.example.com", "key"), "stack", None)}

    return walked


def _said(body):
    return httpx.Response(400, json=body) if body is not None else httpx.Response(502, text="<html>")


def problems(found):
    return {link for link, each in found.items() if each.status == "problem"}


@pytest.mark.parametrize("empty", [{}, {"app_id": "", "app_secret": ""}])
def test_a_darkroom_with_facebook_login_only_has_no_problem(walk, empty):
    found = walk(Operator({}, empty, PAIR | {"verify_token": TOKEN}))
    assert problems(found) == set()
    assert found["app"].detail == "Not set up; only Instagram Login needs it."
    assert found["webhooks"].status == found["meta app"].status == "ok"


def test_neither_does_one_with_instagram_login_only(walk):
    found = walk(Operator({}, PAIR | {"verify_token": TOKEN}, {}))
    assert problems(found) == set()
    assert found["meta app"].detail == "Not set up; only Facebook Login needs it."


def test_the_verify_token_may_lie_in_the_secret_of_an_app_that_is_not_set_up(walk):
    found = walk(Operator({}, {"verify_token": TOKEN}, PAIR))
    assert problems(found) == set()
    assert found["app"].status == "ok"


def test_of_two_verify_tokens_the_one_is_tried_that_the_receiver_takes(walk):
    found = walk(Operator({}, PAIR | {"verify_token": TOKEN}, PAIR | {"verify_token": "another"}))
    assert found["webhooks"].status == "ok"
    found = walk(Operator({}, PAIR | {"verify_token": f'"{TOKEN}"'}, PAIR | {"verify_token": TOKEN}))
    assert found["webhooks"].status == "ok"


def test_a_darkroom_without_any_app_is_a_problem(walk):
    found = walk(Operator({}, {}, {}))
    assert problems(found) == {"app", "webhooks"}
    assert "Neither login" in found["app"].detail


def test_half_a_pair_is_a_problem_whichever_login_it_is_of(walk):
    found = walk(Operator({}, PAIR | {"app_secret": ""}, {"app_id": "870"}))
    assert problems(found) == {"app", "meta app", "webhooks"}
    assert found["meta app"].detail == "MetaAppSecret has no app_secret."


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (KNOWN, "ok"),
        ({"error": {"message": "This authorization code has been used.", "code": 100}}, "ok"),
        ({"error": {"message": "Error validating verification code. Please make sure …"}}, "ok"),
        ({"error": {"message": "Error validating application. Cannot get application info."}}, "problem"),
        ({"error": {"message": "Error validating client secret."}}, "problem"),
        ({"error": {"message": "Missing client_id parameter."}}, "problem"),
        (THROTTLED, "warning"),
        ({"error": {"message": "An unknown error has occurred.", "code": 1}}, "warning"),
        ({"error": "no envelope of Meta's"}, "warning"),
        ([], "warning"),
        (None, "warning"),
    ],
)
def test_only_what_facebook_says_of_the_app_proves_something_about_it(walk, said, status):
    found = walk(Operator({}, {}, PAIR | {"verify_token": TOKEN}), facebook=said)
    assert found["meta app"].status == status


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (CODE_WRONG, "ok"),
        ({"error_message": "Invalid platform app"}, "problem"),
        ({"error_message": "Error validating client secret"}, "problem"),
        (THROTTLED, "warning"),
        (None, "warning"),
    ],
)
def test_nor_does_anything_else_that_instagram_says(walk, said, status):
    assert walk(Operator({}, PAIR | {"verify_token": TOKEN}, {}), instagram=said)["app"].status == status


INSTAGRAM, FACEBOOK = "redirect URI", "redirect URI of Facebook Login"


@pytest.mark.parametrize(
    ("operator", "links"),
    [
        (Operator({}, PAIR, {}), {INSTAGRAM}),
        (Operator({}, {}, PAIR), {FACEBOOK}),
        (Operator({}, PAIR, PAIR), {INSTAGRAM, FACEBOOK}),
        (Operator({}, {}, {}), {INSTAGRAM, FACEBOOK}),
    ],
)
def test_the_callback_of_each_login_that_is_set_up_is_knocked_at(walk, operator, links):
    found = walk(operator)
    assert {link for link in found if link.startswith("redirect")} == links
    assert {found[link].status for link in links} == {"ok"}
    assert links <= problems(walk(operator, status=404))
