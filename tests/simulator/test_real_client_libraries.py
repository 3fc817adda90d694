"""python-facebook-api knows nothing of the simulator. Through the whole flow it must not notice."""

import contextlib

import httpx
import pytest
import requests
from pyfacebook import BasicDisplayAPI, FacebookError, IGBusinessApi

from simulator.instagram import Instagram
from simulator.options import Options
from simulator.testing import running

APP_ID, APP_SECRET, REDIRECT = "1234567890", "the pretend secret", "http://localhost/callback"
SCOPES = ["instagram_business_basic", "instagram_business_content_publish"]


@pytest.fixture
def live():
    options = Options(app_id=APP_ID, app_secret=APP_SECRET, image_seconds=0, video_seconds=0)
    with running(Instagram(options)) as handle:
        yield handle


@pytest.fixture(autouse=True)
def _sessions_are_closed(monkeypatch):
    """The library never closes its own."""
    with contextlib.ExitStack() as stack:
        make = requests.Session
        monkeypatch.setattr(requests, "Session", lambda: stack.enter_context(make()))
        yield


@pytest.fixture
def login_api(live, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # oauthlib refuses plain HTTP otherwise
    return BasicDisplayAPI(
        app_id=APP_ID,
        app_secret=APP_SECRET,
        oauth_flow=True,
        base_url=f"{live.url}/",
        authorization_url=f"{live.url}/oauth/authorize",
        access_token_url=f"{live.url}/oauth/access_token",
    )


def business_api(live, token):
    user_id = httpx.get(f"{live.url}/me", params={"fields": "user_id", "access_token": token}).json()["user_id"]
    return IGBusinessApi(
        app_id=APP_ID, app_secret=APP_SECRET, access_token=token, base_url=f"{live.url}/", instagram_business_id=user_id
    )


def test_python_facebook_logs_in_publishes_and_reads_back(live, login_api):
    url, _ = login_api.get_authorization_url(redirect_uri=REDIRECT, scope=SCOPES)
    back = httpx.post(url, data={"decision": "allow", "user": "lumen.bakery"}).headers["location"]
    login_api.exchange_user_access_token(back, redirect_uri=REDIRECT, scope=SCOPES)
    long_token = login_api.exchange_long_lived_user_access_token()["access_token"]
    live.clock.advance(86400)
    token = login_api.refresh_access_token(long_token)["access_token"]

    api = business_api(live, token)
    assert api.user.get_info(fields="id,username,name").username == "lumen.bakery"
    photo = {"image_url": f"{live.url}/_sim/samples/photo.jpg", "caption": "Bread"}
    container = api.post_object(api.instagram_business_id, "media", data=photo)["id"]
    assert api.container.get_info(container, fields="id,status,status_code").status_code == "FINISHED"
    publish = {"creation_id": container}
    media_id = api.post_object(api.instagram_business_id, "media_publish", data=publish)["id"]

    media = api.media.get_info(media_id, fields="id,caption,permalink,timestamp,media_type")
    assert (media.caption, media.media_type) == ("Bread", "IMAGE")
    assert [m.id for m in api.user.get_media(fields="id,caption").data] == [media_id]
    assert api.user.get_content_publishing_limit().data[0].quota_usage == 1
    assert api.rate_limit.get_limit().call_count == 1


def test_python_facebook_walks_all_pages(live):
    api = business_api(live, live.instagram.token_for("lumen.bakery"))
    photo = {"image_url": f"{live.url}/_sim/samples/square.jpg"}
    published = []
    for _ in range(5):
        container = api.post_object(api.instagram_business_id, "media", data=dict(photo))["id"]
        done = api.post_object(api.instagram_business_id, "media_publish", data={"creation_id": container})
        published.append(done["id"])
    assert [m.id for m in api.user.get_media(fields="id", limit=2, count=10).data] == published[::-1]


def test_python_facebook_recognises_the_errors(live):
    api = business_api(live, live.instagram.token_for("lumen.bakery"))
    wide = {"image_url": f"{live.url}/_sim/samples/wide.jpg"}
    with pytest.raises(FacebookError) as caught:
        api.post_object(api.instagram_business_id, "media", data=wide)
    assert (caught.value.code, caught.value.error_subcode) == (36003, 2207009)
    with pytest.raises(FacebookError) as caught:
        api.get_object("17800000000000001")
    assert (caught.value.code, caught.value.error_subcode) == (100, 33)
