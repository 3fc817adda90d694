"""What is not right is refused, with a reason for programs and people; nothing is written and nobody is called."""

import json

import pytest

from tests.stack import aws
from tests.stack.problems import pointers, refused


@pytest.fixture(scope="module")
def tenant(new_tenant, connect):
    """One for the module: nothing here changes anything, and a fixture below holds it to that."""
    made = new_tenant()
    connect(made)
    return made


@pytest.fixture(autouse=True)
def nothing_happens(cloud, tenant):
    aws.settle(cloud)
    before, calls = aws.untouched_by(cloud, tenant.id), tenant.instagram.calls()
    yield
    assert aws.untouched_by(cloud, tenant.id) == before
    assert tenant.instagram.calls() == calls
    assert tenant.instagram.live(tenant.account.username) == []


@pytest.fixture
def post(tenant):
    """Sends a post that is right but for `changes`."""

    def send(kind="image", *media, **changes):
        return tenant.api.post("/v1/posts", json=tenant.body(kind, *media, **changes))

    return send


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v2/posts"),
        ("PUT", "/v1/posts"),
        ("DELETE", "/v1/posts/post_1"),
        ("GET", "/v1/posts/a/b"),
        ("OPTIONS", "/v1/posts"),
        ("GET", "/v1//posts"),
        ("GET", "/oauth/threads/callback"),
    ],
)
def test_a_path_or_method_that_is_not_ours_is_a_404_problem(tenant, method, path):
    assert refused(tenant.api.request(method, path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    "post_id", ["x", "post_", "%00", "..%2f..", "post_%F0%9F%98%80", "x" * 1500, "POST%23a", "%25"]
)
def test_an_id_that_is_none_is_just_not_found(tenant, post_id):
    assert refused(tenant.api.get(f"/v1/posts/{post_id}"), 404)["code"] == "not_found"
    assert refused(tenant.api.get(f"/v1/accounts/{post_id}"), 404)["code"] == "not_found"


def test_an_account_id_that_is_too_long_for_a_key_is_refused(tenant, post):
    assert pointers(post(account_id="x" * 3000)) == {"/account_id": "string_too_long"}
    answer = tenant.api.get("/v1/posts", params={"account_id": "x" * 3000})
    assert pointers(answer) == {"?account_id": "string_too_long"}


@pytest.mark.parametrize(
    "body", ["", "{", "[1, 2", '{"kind": "image",}', "\x00", '{"kind": "\ud800"}'.encode("utf-8", "surrogatepass")]
)
def test_a_body_that_is_not_json_is_malformed(tenant, body):
    answer = tenant.api.post("/v1/posts", content=body, headers={"content-type": "application/json"})
    assert refused(answer, 400)["code"] == "malformed_json"


@pytest.mark.parametrize("body", ["[]", '"text"', "null", "NaN", "1" * 5000, "[" * 5000 + "]" * 5000])
def test_json_that_is_no_object_is_refused(tenant, body):
    answer = tenant.api.post("/v1/posts", content=body, headers={"content-type": "application/json"})
    assert refused(answer, answer.status_code)["code"] in {"invalid_request", "malformed_json"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_a_body_that_is_not_declared_as_json_is_refused(tenant, content_type):
    body = json.dumps(tenant.body())
    answer = tenant.api.post("/v1/posts", content=body, headers={"content-type": content_type})
    assert refused(answer, 415)["code"] == "unsupported_media_type"


def test_a_charset_is_no_reason_to_refuse(tenant):
    headers = {"content-type": "application/json; charset=utf-8"}
    assert tenant.api.post("/v1/posts/validate", content=json.dumps(tenant.body()), headers=headers).status_code == 200


def test_a_body_that_is_too_large_is_refused(post):
    assert refused(post(caption="x" * 300_000), 413)["code"] == "payload_too_large"


@pytest.mark.parametrize("name", ["tenant_id", "state", "media_id", "id", "queued_at", "captoin", "a/b~c"])
def test_a_field_that_we_do_not_know_is_refused_and_pointed_to(post, name):
    assert pointers(post(**{name: "x"})) == {"/" + name.replace("~", "~0").replace("/", "~1"): "unknown_field"}


def test_unknown_fields_are_refused_at_every_depth(post, tenant):
    url = tenant.instagram.sample("photo.jpg")
    item = {"url": url, "size": 1, "user_tags": [{"username": "a", "x": 0, "y": 0, "z": 0}]}
    assert set(pointers(post("image", item))) == {"/media/0/size", "/media/0/user_tags/0/z"}
    assert set(pointers(post("reel", reel={"volume": 11}))) == {"/reel/volume"}
    answer = tenant.api.post("/v1/connect-sessions", json={"login": "instagram", "tenant_id": "other"})
    assert set(pointers(answer)) == {"/tenant_id"}


def test_a_value_of_another_type_is_pointed_to_and_not_bent(post):
    assert set(pointers(post(caption=5))) == {"/caption"}
    assert set(pointers(post(kind="poem"))) == {"/kind"}
    assert set(pointers(post(mode="later"))) == {"/mode"}
    assert set(pointers(post("reel", reel={"thumb_offset_ms": "5"}))) == {"/reel/thumb_offset_ms"}


@pytest.mark.parametrize(
    ("caption", "code"),
    [
        ("x" * 2201, "too_long"),
        (" ".join(f"#tag{number}" for number in range(31)), "too_many_hashtags"),
        (" ".join(f"@friend{number}" for number in range(21)), "too_many_mentions"),
        ("NUL\x00", "unprintable"),
    ],
)
def test_a_caption_that_instagram_would_not_take_is_refused(post, caption, code):
    assert pointers(post(caption=caption), "invalid_post") == {"/caption": code}


def test_what_is_just_within_the_limits_is_a_valid_post(tenant):
    caption = " ".join(f"#t{number}" for number in range(30))
    body = tenant.body("carousel", *["photo.jpg"] * 10, caption=caption + "é" * (2200 - len(caption)))
    assert tenant.api.post("/v1/posts/validate", json=body).status_code == 200


@pytest.mark.parametrize("count", [1, 11])
def test_a_carousel_has_two_to_ten_items(post, count):
    assert pointers(post("carousel", *["photo.jpg"] * count), "invalid_post") == {"/media": "wrong_count"}


@pytest.mark.parametrize(
    "url",
    [
        "http://media.example/a.jpg",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/a.jpg",
        "https://127.1/a.jpg",
        "https://0x7f000001/a.jpg",
        "https://[::1]/a.jpg",
        "https://[::ffff:127.0.0.1]/a.jpg",
        "https://localhost/a.jpg",
        "https://metadata.internal/a.jpg",
        "https://user:secret@media.example.com/a.jpg",
        "https://media.example.com:8443/a.jpg",
        "ftp://media.example.com/a.jpg",
        "file:///etc/passwd",
        "gopher://media.example.com/a.jpg",
        "//media.example.com/a.jpg",
        "https://bücher.example/a.jpg",
        "https://media.example.com/a b.jpg",
        "https://media.example.com\\@evil.com/a.jpg",
        "not a url",
        "",
    ],
)
def test_a_media_url_that_instagram_must_not_fetch_is_refused(post, url):
    assert pointers(post("image", {"url": url}), "invalid_post") == {"/media/0/url": "url_refused"}


def test_what_a_kind_cannot_carry_is_refused_with_the_reason(post, tenant):
    assert pointers(post("story", caption="No"), "invalid_post") == {"/caption": "not_possible"}
    assert pointers(post("image", reel={"share_to_feed": True}), "invalid_post") == {"/reel": "not_possible"}
    two = {"url": tenant.instagram.sample("photo.jpg")}
    assert pointers(post("image", two, two), "invalid_post") == {"/media": "wrong_count"}


def test_every_wrong_field_is_named_at_once(post):
    items = [{"url": "https://127.0.0.1/a.jpg"}, {"url": "https://a.example.com/a", "alt_text": "x" * 1001}]
    wrong = {"/caption", "/media/0/url", "/media/1/type", "/media/1/alt_text"}
    assert set(pointers(post("carousel", *items, caption="x" * 2201), "invalid_post")) == wrong


def test_a_refusal_does_not_repeat_what_was_sent(post):
    answer = post(caption="swordfish" * 300, swordfish="swordfish")
    assert "swordfish" not in answer.text.replace("/swordfish", "")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=many", "page=2", "state=nice", "tenant_id=other"])
def test_a_query_that_cannot_be_is_refused_and_pointed_to(tenant, query):
    name = query.partition("=")[0]
    assert set(pointers(tenant.api.get(f"/v1/posts?{query}"))) == {f"?{name}"}


def test_every_answer_names_its_request_and_may_not_be_stored(tenant, stranger):
    answers = [
        tenant.api.get("/v1/posts"),
        tenant.api.get("/v1/nothing"),
        stranger.get("/v1/health"),
        stranger.get("/v1/posts"),
    ]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == len(answers)
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
