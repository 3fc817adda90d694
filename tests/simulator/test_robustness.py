"""Whatever is sent, the core answers; it never raises."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import Clock
from simulator.errors import GraphError
from simulator.images import fetch_and_judge_image
from simulator.instagram import Instagram
from simulator.media_files import FetchError, MediaFetcher
from simulator.testing import sample_media
from simulator.wire import Request

INSTAGRAM = Instagram(clock=Clock(1_800_000_000), media_transport=sample_media(), seed=1)
TOKEN = INSTAGRAM.token_for("lumen.bakery")

GRAPH = "/me /v25.0/me/media /me/media_publish /me/stories /me/content_publishing_limit /me/subscribed_apps"
LOGIN = "/oauth/authorize /oauth/access_token /access_token /refresh_access_token"
CONTROL = "clock switches faults accounts tokens tokens/revoke reset ledger calls containers"
PATHS = [*GRAPH.split(), *LOGIN.split(), "/123", "/", "//", "/v25.0", *(f"/_sim/{name}" for name in CONTROL.split())]
NAMES = (
    "fields image_url video_url media_type children caption user_tags trial_params limit after since creation_id code "
    "thumb_offset is_carousel_item collaborators scope redirect_uri username name account_type advance kind match nth "
    "when seconds size status subcode scopes subscribed_fields appsecret_time quota_total refresh_mode"
)
PICTURES = [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF"]

names = st.sampled_from(NAMES.split())
words = st.sampled_from(["REELS", "STORIES", "lumen.bakery", "Business", "reset", "after", "https://x/photo.jpg"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | words
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))


def answered(request):
    """Every answer is one of ours; what the request did to the world is undone."""
    answer = INSTAGRAM.handle(request)
    world = INSTAGRAM.world
    world.faults.clear()
    world.switches = world.default_switches
    world.tokens[TOKEN] = world.tokens.get(TOKEN) or world.tokens[INSTAGRAM.token_for("lumen.bakery")]
    world.tokens[TOKEN].revoked_with = None
    return answer.status in {200, 302, 400, 404}


@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
    path=st.sampled_from(PATHS),
    body=st.dictionaries(names, values, max_size=4),
)
def test_no_json_body_crashes_the_core(method, path, body):
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    assert answered(Request(method, path, "", headers, json.dumps(body).encode()))


@given(path=st.sampled_from(PATHS), query=st.text(st.characters(codec="ascii")), body=st.binary(max_size=60))
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b", "multipart/form-data", "x"])
def test_no_bytes_crash_the_core(kind, path, query, body):
    assert answered(Request("POST", path, query, {"content-type": kind, "authorization": f"Bearer {TOKEN}"}, body))


@pytest.mark.parametrize("fields", ["a{" * 5000, "children{" * 5000, "{" * 5000, "id" * 5000])
def test_absurd_field_lists_are_refused(bakery, fields):
    assert bakery.get("/me", fields=fields).status_code == 400


@pytest.mark.parametrize(
    "host", ["a..b", "x:99999", "x:port", "[::1", "", "%00", "xn--\u00fc", "127.0.0.1:1", "a" * 300]
)
def test_no_address_crashes_the_crawler(host):
    fetcher = MediaFetcher(1)
    with pytest.raises(FetchError):
        fetcher.fetch(f"http://{host}/photo.jpg", 100)
    fetcher.close()


@given(data=st.binary(max_size=200), start=st.sampled_from(PICTURES))
def test_no_picture_crashes_the_judge(data, start):
    fetcher = MediaFetcher(1, httpx.MockTransport(lambda _: httpx.Response(200, content=start + data)))
    with pytest.raises(GraphError):
        fetch_and_judge_image(fetcher, "https://media.example/a", INSTAGRAM.world.switches, is_for_feed=True)
