from urllib.parse import parse_qs, urlsplit

import pytest

from darkroom.instagram.errors import AuthorizationCodeError
from darkroom.instagram.oauth import BASIC, CONTENT_PUBLISH, SCOPES, authorize_url, clean_code


def test_sends_the_browser_where_meta_expects_it():
    url = authorize_url(
        "https://www.instagram.com/oauth/authorize",
        client_id="990",
        redirect_uri="https://api.example/oauth/instagram/callback?a=1&b=2",
        scopes=[CONTENT_PUBLISH, BASIC],
        state="s/+= &",
    )
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://www.instagram.com/oauth/authorize"
    assert parse_qs(parts.query) == {
        "client_id": ["990"],
        "redirect_uri": ["https://api.example/oauth/instagram/callback?a=1&b=2"],
        "response_type": ["code"],
        "scope": [f"{BASIC},{CONTENT_PUBLISH}"],
        "state": ["s/+= &"],
    }


def test_explains_every_scope():
    assert all(SCOPES.values())


@pytest.mark.parametrize(("given", "code"), [("AQBx", "AQBx"), ("AQBx#_", "AQBx"), ("a-_.~!", "a-_.~!")])
def test_takes_the_code_without_instagrams_ending(given, code):
    assert clean_code(given) == code


@pytest.mark.parametrize("given", ["", "#_", "a b", "a\nb", "é", "x" * 2049, "CANARY\x00"])
def test_refuses_what_cannot_be_a_code_without_quoting_it(given):
    with pytest.raises(AuthorizationCodeError) as caught:
        clean_code(given)
    assert "CANARY" not in str(caught.value)
