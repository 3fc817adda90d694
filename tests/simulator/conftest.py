from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from simulator.clock import Clock
from simulator.instagram import Instagram
from simulator.options import Options
from simulator.testing import sample_media, transport

START = 1_800_000_000.0
MEDIA = "https://media.example/"
REDIRECT = "https://app.example/callback"


class Caller:
    """An app that talks to the pretend Instagram with one token. Answers are httpx responses."""

    def __init__(self, instagram, token=None):
        self.instagram = instagram
        self.token = token
        self.http = httpx.Client(transport=transport(instagram), base_url="https://graph.instagram.com/v25.0")

    def get(self, path, **params):
        return self.http.get(path, params=self._signed(params))

    def post(self, path, **form):
        return self.http.post(path, data=self._signed(form))

    def delete(self, path, **params):
        return self.http.delete(path, params=self._signed(params))

    def create(self, **form):
        answer = self.post("/me/media", **form)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def photo(self, name="photo.jpg", **form):
        return self.create(image_url=MEDIA + name, **form)

    def reel(self, name="clip.mp4", **form):
        return self.create(media_type="REELS", video_url=MEDIA + name, **form)

    def wait(self, seconds=10):
        self.instagram.clock.advance(seconds)

    def status(self, container_id):
        return self.get(f"/{container_id}", fields="status_code,status").json()

    def publish(self, container_id):
        return self.post("/me/media_publish", creation_id=container_id)

    def published(self, container_id):
        self.wait()
        answer = self.publish(container_id)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def _signed(self, params):
        return {"access_token": self.token, **params} if self.token else params


class Login:
    """The steps of the login, each on its own."""

    def __init__(self, instagram):
        self.instagram = instagram
        self.http = httpx.Client(transport=transport(instagram), base_url="https://www.instagram.com")
        self.query = {
            "client_id": instagram.world.options.app_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "instagram_business_basic,instagram_business_content_publish",
            "state": "some state",
        }

    def authorise(self, query=None, **form):
        form = {"decision": "allow", "user": "lumen.bakery"} | form
        return self.http.post("/oauth/authorize", params=self.query | (query or {}), data=form)

    def code(self, query=None, **form):
        location = self.authorise(query, **form).headers["location"]
        return parse_qs(urlsplit(location).query)["code"][0]

    def exchange(self, given, **changes):
        form = {
            "client_id": self.query["client_id"],
            "client_secret": self.instagram.world.options.app_secret,
            "grant_type": "authorization_code",
            "redirect_uri": REDIRECT,
            "code": given,
        }
        return self.http.post("/oauth/access_token", data=form | changes)

    def long_token(self, short_token, **changes):
        secret = self.instagram.world.options.app_secret
        params = {"grant_type": "ig_exchange_token", "client_secret": secret, "access_token": short_token}
        return self.http.get("/access_token", params=params | changes)

    def refresh(self, token):
        return self.http.get("/refresh_access_token", params={"grant_type": "ig_refresh_token", "access_token": token})


def codes_of(answer):
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


@pytest.fixture
def codes():
    """`codes(answer)` is (code, subcode) of an error envelope."""
    return codes_of


@pytest.fixture
def instagram():
    return Instagram(clock=Clock(START), media_transport=sample_media(), seed=1)


@pytest.fixture
def bakery(instagram):
    return Caller(instagram, instagram.token_for("lumen.bakery"))


@pytest.fixture
def cycles(instagram):
    return Caller(instagram, instagram.token_for("north.cycles"))


@pytest.fixture
def login(instagram):
    return Login(instagram)


@pytest.fixture
def caller_for():
    """`caller_for(instagram, token)`, for worlds a test makes itself."""
    return Caller


@pytest.fixture
def make_instagram():
    """`make_instagram(image_seconds=5)`: a world with other options."""
    return lambda **options: Instagram(Options(**options), clock=Clock(START), media_transport=sample_media(), seed=1)
