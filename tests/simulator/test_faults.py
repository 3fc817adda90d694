import json

import httpx
import pytest

from simulator.faults import KINDS, BadFaultError

PUBLISH = "POST /{ig}/media_publish"


def outcome(bakery, container):
    try:
        answer = bakery.publish(container)
    except httpx.TransportError as exc:
        return type(exc)
    return answer.status_code


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("when", "posts"), [("before", 0), ("after", 1)])
def test_every_fault_happens_before_or_after_the_effect(instagram, bakery, kind, when, posts):
    container = bakery.photo()
    bakery.wait()
    instagram.fail(PUBLISH, kind, when=when, seconds=60, size=1000)
    outcome(bakery, container)
    assert len(instagram.ledger()) == posts


@pytest.mark.parametrize(
    ("kind", "details", "expected"),
    [
        ("timeout", {}, httpx.ReadTimeout),
        ("reset", {}, httpx.ReadError),
        ("slow", {"seconds": 60}, httpx.ReadTimeout),
        ("slow", {"seconds": 1}, 200),
        ("http_5xx", {}, 503),
        ("http_5xx", {"status": 500}, 500),
        ("http_429", {}, 429),
        ("html", {}, 200),
        ("html", {"status": 502}, 502),
        ("empty", {}, 200),
        ("json_error", {"code": 2}, 500),
        ("json_error", {"code": 4, "subcode": 2207051, "http_status": 403}, 403),
        ("json_error", {"code": -1, "subcode": 2207001}, 400),
        ("json_error", {"code": 9, "http_status": 200}, 200),
    ],
)
def test_a_fault_answers_as_described(instagram, bakery, kind, details, expected):
    container = bakery.photo()
    bakery.wait()
    instagram.fail(PUBLISH, kind, when="after", **details)
    assert outcome(bakery, container) == expected


def test_a_json_error_names_its_numbers_and_words(instagram, bakery, codes):
    instagram.fail("GET /{ig}", "json_error", code=4, subcode=2207051)
    answer = bakery.get("/me")
    assert codes(answer) == (4, 2207051)
    assert answer.json()["error"]["message"] == "Application request limit reached"
    instagram.world.faults.clear()
    instagram.fail("GET /{ig}", "json_error", code=12345, message="Own words")
    assert bakery.get("/me").json()["error"]["message"] == "Own words"


def test_a_throttle_fills_the_usage_headers(instagram, bakery):
    instagram.fail("GET /{ig}", "json_error", code=80002, regain_minutes=19)
    [usage] = json.loads(bakery.get("/me").headers["x-business-use-case-usage"]).values()
    assert (usage[0]["call_count"], usage[0]["estimated_time_to_regain_access"]) == (100, 19)


def test_a_json_error_of_the_code_exchange_has_the_other_shape(instagram, login):
    instagram.fail("POST /oauth/access_token", "json_error", message="Not today")
    answer = login.exchange("code")
    assert answer.json() == {"error_type": "OAuthException", "code": 400, "error_message": "Not today"}


def test_spoiled_bodies_are_spoiled_versions_of_the_true_one(instagram, bakery):
    true = bakery.get("/me", fields="user_id,username")
    instagram.fail("GET /{ig}", "truncate", when="after")
    assert true.content.startswith(bakery.get("/me", fields="user_id,username").content)
    instagram.world.faults.clear()
    instagram.fail("GET /{ig}", "wrong_types", when="after")
    twisted = bakery.get("/me", fields="user_id,username").json()
    assert twisted == {
        "user_id": int(true.json()["user_id"]),
        "username": ["lumen.bakery"],
        "id": int(true.json()["id"]),
    }
    instagram.world.faults.clear()
    instagram.fail("GET /{ig}", "huge", when="after", size=100_000)
    assert bakery.get("/me", fields="user_id,username").json() == true.json()


def test_a_gzip_bomb_is_small_on_the_wire(instagram, bakery):
    instagram.fail("GET /{ig}", "gzip_bomb", when="after", size=5_000_000)
    answer = bakery.get("/me")
    assert int(answer.headers["content-length"]) < 50_000
    assert len(answer.content) > 5_000_000


def test_a_dripping_answer_comes_in_pieces(instagram, bakery):
    instagram.fail("GET /{ig}", "drip", when="after", seconds=0)
    with bakery.http.stream("GET", "/me", params={"access_token": bakery.token}) as answer:
        assert len(list(answer.iter_raw())) > 10


@pytest.mark.parametrize(
    ("nth", "expected"),
    [
        (2, [200, 503, 200, 200]),
        ([1, 3], [503, 200, 503, 200]),
        ("every", [503, 503, 503, 503]),
        (None, [503, 503, 503, 503]),
    ],
)
def test_only_the_wanted_requests_go_wrong(instagram, bakery, nth, expected):
    instagram.fail("GET /{ig}", "http_5xx", nth=nth)
    assert [bakery.get("/me").status_code for _ in range(4)] == expected


@pytest.mark.parametrize("path", ["GET /{ig}", "/{ig}", "/me", "GET /m*", "^/(me|you)", "*", "GET *"])
def test_a_path_is_a_template_a_path_a_glob_or_a_regular_expression(instagram, bakery, path):
    instagram.fail(path, "http_5xx")
    assert bakery.get("/me").status_code == 503


@pytest.mark.parametrize("path", ["POST /{ig}", "/{ig}/media", "/{container}", "^/y", "POST *"])
def test_other_requests_are_left_alone(instagram, bakery, path):
    instagram.fail(path, "http_5xx")
    assert bakery.get("/me").status_code == 200


def test_containers_and_media_are_told_apart(instagram, bakery):
    instagram.fail("GET /{media}", "http_5xx")
    container = bakery.photo()
    media_id = bakery.published(container)
    assert bakery.get(f"/{container}").status_code == 200
    assert bakery.get(f"/{media_id}").status_code == 503


def test_the_first_planned_fault_wins_and_every_one_counts(instagram, bakery):
    instagram.fail("GET /{ig}", "http_5xx", nth=1)
    instagram.fail("GET /{ig}", "http_429", nth=[1, 2])
    assert [bakery.get("/me").status_code for _ in range(3)] == [503, 429, 200]
    assert [fault["seen"] for fault in instagram.world.faults.listing()] == [3, 3]


def test_the_nth_item_of_a_carousel_can_fail(instagram, bakery, codes):
    instagram.fail("POST /{ig}/media", "json_error", code=9004, subcode=2207052, nth=2)
    answers = [bakery.post("/me/media", image_url="https://media.example/photo.jpg") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 400, 200]
    assert codes(answers[1]) == (9004, 2207052)


@pytest.mark.parametrize(
    "description",
    [
        {"kind": "explode"},
        {"kind": "reset", "when": "during"},
        {"kind": "reset", "match": {"path": "^("}},
        {"kind": "reset", "nth": 0},
        {"kind": "reset", "nth": "second"},
        {"kind": "reset", "colour": "red"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(instagram, description):
    with pytest.raises(BadFaultError):
        instagram.fail("*", **description)


def test_the_call_log_names_the_fault(instagram, bakery):
    instagram.fail("GET /{ig}", "timeout", when="after")
    with pytest.raises(httpx.ReadTimeout):
        bakery.get("/me")
    assert instagram.calls()[-1].fault == "timeout after"
