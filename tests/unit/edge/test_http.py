"""The doorway: what any HTTP function answers, whatever comes in."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkroom.errors import ConfigurationError, ConflictError, NotFoundError, StoreUnavailableError
from darkroom.http import PUBLIC, Api, Request
from darkroom.http_events import Answer
from darkroom.idempotency import Record
from darkroom.instagram.errors import MediaUnreachableError
from darkroom.views import PageQuery
from darkroom.views_posts import NewPost, PostsQuery
from tests.events import answered, http_event
from tests.fakes import FakeRecords

CANARY = "CANARY-5f1c"
POST = {"kind": "image", "media": [{"url": "https://media.example.com/a.jpg"}]}


@dataclass
class Counter:
    """A route's work: how often it was done, and what comes of it."""

    failure: Exception | None = None
    done: int = 0
    repeats: list[datetime | None] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        self.done += 1
        self.repeats.append(request.first_asked_at)
        if self.failure is not None:
            raise self.failure
        return Answer(202, {"id": request.new_id("post"), "body": request.body}, {"location": "/v1/posts/x"})


@pytest.fixture
def records() -> FakeRecords:
    return FakeRecords()


@pytest.fixture
def work() -> Counter:
    return Counter()


@pytest.fixture
def api(records, work) -> Api:
    made = Api()
    made.route("POST /v1/posts", scope="posts:write", body=NewPost, status=202, records=lambda: records)(work)
    made.route("GET /v1/posts", scope="posts:read", query=PostsQuery)(lambda request: Answer(200, {"ok": True}))
    made.route("GET /v1/posts/{id}", scope="posts:read")(lambda request: Answer(200, dict(request.path)))
    made.route("GET /v1/health", scope=PUBLIC)(lambda request: Answer(200, {"tenant": request.caller.tenant_id}))
    return made


def call(api: Api, route: str = "POST /v1/posts", **given: Any) -> dict[str, Any]:
    return api(http_event(route, **given), None)


def refused(answer: dict[str, Any]) -> tuple[int, str]:
    """Status and code of a problem, complete or this fails."""
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["cache-control"] == "no-store"
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    problem = answered(answer)
    assert problem["status"] == answer["statusCode"]
    assert problem["request_id"] == answer["headers"]["x-request-id"]
    assert problem["instance"]
    assert problem["type"].endswith(problem["code"])
    return answer["statusCode"], problem["code"]


# Who calls


def test_a_caller_with_the_scope_gets_an_answer(api):
    answer = call(api, body=POST, caller={"tenant_id": "acme", "scopes": "posts:read posts:write"})
    assert answer["statusCode"] == 202
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["location"] == "/v1/posts/x"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"lambda": None},
        {"lambda": {}},
        {"lambda": "admin"},
        {"lambda": {"tenant_id": "acme"}},
        {"lambda": {"scopes": "admin"}},
        {"lambda": {"tenant_id": "", "scopes": "admin"}},
        {"lambda": {"tenant_id": None, "scopes": "admin"}},
        {"lambda": {"tenant_id": ["acme"], "scopes": "admin"}},
        {"lambda": {"tenant_id": "acme", "scopes": ["admin"]}},
        {"jwt": {"claims": {"tenant_id": "acme"}, "scopes": ["admin"]}},
        None,
    ],
)
def test_whoever_the_authorizer_did_not_name_is_nobody(api, work, said):
    event = http_event("POST /v1/posts", body=POST)
    event["requestContext"]["authorizer"] = said
    answer = api(event, None)
    assert refused(answer) == (401, "unauthenticated")
    assert answer["headers"]["www-authenticate"] == "Bearer"
    assert work.done == 0


def test_a_route_that_lost_its_authorizer_fails_closed(api, work):
    event = http_event("POST /v1/posts", body=POST)
    del event["requestContext"]["authorizer"]
    assert refused(api(event, None)) == (401, "unauthenticated")
    assert work.done == 0


def test_a_refused_caller_is_told_why(api):
    answer = call(api, caller={"refused": "This API key has expired."})
    assert refused(answer) == (401, "unauthenticated")
    assert answered(answer)["detail"] == "This API key has expired."


def test_when_nobody_could_judge_the_credential_it_is_our_failure_and_not_a_401(api, work):
    answer = call(api, body=POST, caller={"refused": "", "code": "store_unavailable"})
    assert refused(answer) == (503, "store_unavailable")
    assert work.done == 0


@pytest.mark.parametrize("code", ["", "no_such_code", "not_found\n"])
def test_an_unknown_reason_is_still_a_refusal(api, code):
    assert refused(call(api, body=POST, caller={"refused": "No.", "code": code})) == (401, "unauthenticated")


@pytest.mark.parametrize("scopes", ["", "posts:read", "posts:writer", "ADMIN", "accounts:write media:write"])
def test_a_caller_without_the_scope_is_told_which(api, work, scopes):
    answer = call(api, body=POST, caller={"tenant_id": "acme", "scopes": scopes})
    assert refused(answer) == (403, "scope_missing")
    assert "posts:write" in answered(answer)["detail"]
    assert work.done == 0


def test_a_public_route_asks_for_nothing_and_trusts_nothing(api):
    answer = call(api, "GET /v1/health", caller={"tenant_id": "acme", "scopes": "admin"})
    assert answered(answer) == {"tenant": ""}


def test_the_credential_is_judged_before_the_body(api):
    assert refused(call(api, body="{", caller={"refused": "No."})) == (401, "unauthenticated")


# Every request has an id


def test_each_answer_carries_a_request_id_of_its_own(api):
    ids = {call(api, body=POST)["headers"]["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(each.startswith("req_") for each in ids)


def test_a_request_id_from_outside_is_not_taken_over(api):
    answer = call(api, body=POST, headers={"x-request-id": "req_mine\r\nset-cookie: a=b"})
    assert "mine" not in json.dumps(answer)


def test_an_unknown_route_is_a_problem(api):
    answer = call(api, "$default", path="/v2/posts")
    assert refused(answer) == (404, "not_found")
    assert answered(answer)["instance"] == "/v2/posts"


# What they sent

MALFORMED = {
    "nothing": "",
    "half": '{"kind": "image"',
    "text after": json.dumps(POST) + " x",
    "single quotes": "{'kind': 'image'}",
    "deep": "[" * 10_000,
    "deep objects": '{"a":' * 10_000,
    "lone surrogate, escaped": '{"kind": "image", "media": [], "caption": "\\ud800"}',
    "lone surrogate, raw": '{"caption": "\ud800"}',
    "NUL between": '{"kind":\x00 "image"}',
    "byte order mark": "\ufeff" + json.dumps(POST),
    "number of 5,000 digits": '{"reel": {"thumb_offset_ms": ' + "1" * 5000 + "}}",
    "bare word": "image",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_json_is_a_400(api, work, body):
    event = http_event("POST /v1/posts", body=body)
    assert refused(api(event, None)) == (400, "malformed_json")
    assert work.done == 0


def test_no_body_at_all_is_a_400(api):
    event = http_event("POST /v1/posts", headers={"content-type": "application/json"})
    assert refused(api(event, None)) == (400, "malformed_json")


INVALID = {
    "not an object": ([], "", "object_type"),
    "null": (None, "", "object_type"),
    "a number": (7, "", "object_type"),
    "unknown field": ({**POST, "status": "published"}, "/status", "unknown_field"),
    "tenant in the body": ({**POST, "tenant_id": "globex"}, "/tenant_id", "unknown_field"),
    "unknown field deep down": (
        {**POST, "media": [{"url": "u", "media_id": "1"}]},
        "/media/0/media_id",
        "unknown_field",
    ),
    "escaped pointer": ({**POST, "a/b~c": 1}, "/a~1b~0c", "unknown_field"),
    "missing": ({"kind": "image"}, "/media", "missing"),
    "number for text": ({**POST, "caption": 5}, "/caption", "string_type"),
    "text for number": ({**POST, "reel": {"thumb_offset_ms": "5"}}, "/reel/thumb_offset_ms", "int_type"),
    "text for boolean": ({**POST, "is_ai_generated": "true"}, "/is_ai_generated", "bool_type"),
    "object for list": ({**POST, "media": {}}, "/media", "array_type"),
    "unknown kind": ({**POST, "kind": "igtv"}, "/kind", "literal_error"),
    "some day": ({**POST, "mode": "someday"}, "/mode", "literal_error"),
    "empty account": ({**POST, "account_id": ""}, "/account_id", "string_too_short"),
    "endless account": ({**POST, "account_id": "a" * 3000}, "/account_id", "string_too_long"),
}


@pytest.mark.parametrize(("body", "pointer", "code"), INVALID.values(), ids=INVALID)
def test_a_wrong_field_is_a_422_with_a_pointer(api, work, body, pointer, code):
    answer = api(http_event("POST /v1/posts", body=json.dumps(body)), None)
    assert refused(answer) == (422, "invalid_request")
    (error,) = answered(answer)["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert "argument" not in error["message"], "these are a caller's fields, not Python's"
    assert work.done == 0


def test_a_refusal_never_quotes_what_was_sent(api, lines):
    body = {"kind": CANARY, "media": [{"url": 5, "type": CANARY}], "caption": [CANARY], "reel": {"trial": CANARY}}
    answer = call(api, body=body)
    assert refused(answer) == (422, "invalid_request")
    assert len(answered(answer)["errors"]) == 5
    assert CANARY not in json.dumps(answer)
    assert CANARY not in lines.getvalue()


def test_thousands_of_wrong_fields_make_a_small_answer(api):
    answer = call(api, body={"kind": "image", "media": [5] * 80_000})
    assert refused(answer) == (422, "invalid_request")
    assert len(answer["body"]) < 16_384


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400])
def test_numbers_at_the_edge_of_json_are_never_our_failure(api, text):
    body = '{"kind": "image", "media": [{"url": "u", "user_tags": [{"username": "a", "x": ' + text + ', "y": 0}]}]}'
    assert api(http_event("POST /v1/posts", body=body), None)["statusCode"] < 500


def test_duplicate_keys_are_never_our_failure(api):
    body = '{"kind": "image", "kind": "reel", "media": [], "media": []}'
    assert api(http_event("POST /v1/posts", body=body), None)["statusCode"] < 500


@pytest.mark.parametrize(("size", "code"), [(256 * 1024, "invalid_request"), (256 * 1024 + 1, "payload_too_large")])
def test_a_body_has_a_largest_size(api, size, code):
    frame = '{"x": ""}'
    answer = call(api, body='{"x": "' + "a" * (size - len(frame)) + '"}')
    assert answered(answer)["code"] == code


def test_the_size_is_counted_in_bytes(api):
    assert refused(call(api, body='{"x": "' + "€" * 90_000 + '"}')) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "json",
    ],
)
def test_a_body_has_to_be_declared_as_json(api, content_type):
    answer = call(api, body=POST, headers={"content-type": content_type})
    assert refused(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;a=b"]
)
def test_json_may_be_declared_in_many_ways(api, content_type):
    assert call(api, body=POST, headers={"content-type": content_type})["statusCode"] == 202


def encoded(raw: bytes) -> dict[str, Any]:
    event = http_event("POST /v1/posts", body=base64.b64encode(raw).decode())
    return event | {"isBase64Encoded": True}


def test_a_body_that_api_gateway_encoded_is_read(api):
    assert api(encoded(json.dumps(POST).encode()), None)["statusCode"] == 202


@pytest.mark.parametrize("raw", [b"\xff\xfe{}", b"\x00", b"\xed\xa0\x80", json.dumps(POST).encode("utf-16")])
def test_bytes_that_are_not_utf_8_are_a_400(api, raw):
    assert refused(api(encoded(raw), None)) == (400, "malformed_json")


def test_a_body_that_is_wrongly_called_base64_is_a_400(api):
    event = http_event("POST /v1/posts", body="not base64 é") | {"isBase64Encoded": True}
    assert refused(api(event, None)) == (400, "malformed_json")


@given(
    st.text(max_size=300) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_body_is_ever_our_failure(api, body):
    assert api(http_event("POST /v1/posts", body=body), None)["statusCode"] < 500


# Queries and paths


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"limit": "0"}, "?limit", "greater_than_equal"),
        ({"limit": "101"}, "?limit", "less_than_equal"),
        ({"limit": "ten"}, "?limit", "int_parsing"),
        ({"limit": "10,20"}, "?limit", "int_parsing"),  # API Gateway joins ?limit=10&limit=20
        ({"limit": ""}, "?limit", "int_parsing"),
        ({"limit": "9" * 5000}, "?limit", "int_parsing_size"),
        ({"cursor": "x" * 201}, "?cursor", "string_too_long"),
        ({"state": "gone"}, "?state", "enum"),
        ({"offset": "5"}, "?offset", "unknown_field"),
        ({"tenant_id": "globex"}, "?tenant_id", "unknown_field"),
        ({"account_id": "a" * 3000}, "?account_id", "string_too_long"),
        ({"account_id": ""}, "?account_id", "string_too_short"),
    ],
)
def test_a_wrong_parameter_is_a_422_with_its_name(api, query, pointer, code):
    answer = call(api, "GET /v1/posts", query=query)
    assert refused(answer) == (422, "invalid_request")
    (error,) = answered(answer)["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


@pytest.mark.parametrize("query", [{}, {"limit": "1"}, {"limit": "100"}, {"state": "published"}])
def test_a_good_query_is_taken(api, query):
    assert call(api, "GET /v1/posts", query=query)["statusCode"] == 200


@pytest.mark.parametrize("value", ["", "x" * 129, "a b", "é", "\x00", "\ud800", "a\nb"])
def test_a_path_that_can_be_no_id_is_a_404_before_any_table_is_asked(api, value):
    assert refused(call(api, "GET /v1/posts/{id}", parameters={"id": value})) == (404, "not_found")


@pytest.mark.parametrize("value", ["post_01JDARKR00M000000000000000", "../accounts", "a#b", "x" * 128])
def test_any_other_path_is_the_routes_to_judge(api, value):
    assert answered(call(api, "GET /v1/posts/{id}", parameters={"id": value})) == {"id": value}


# What goes wrong on our side


def test_an_unforeseen_error_shows_nothing_of_itself(api, work, lines):
    work.failure = RuntimeError(f"token {CANARY} https://graph.example.com/?access_token={CANARY}")
    answer = call(api, body=POST)
    assert refused(answer) == (500, "internal_error")
    assert CANARY not in json.dumps(answer)
    assert CANARY not in lines.getvalue()
    (line,) = lines.named("unforeseen error")
    assert line["error"] == "RuntimeError"
    assert line["request_id"] == answer["headers"]["x-request-id"]
    assert any("test_http.py" in place for place in line["at"])


def test_an_error_of_instagrams_keeps_its_numbers(api, work, lines):
    work.failure = MediaUnreachableError(code=9004, subcode=2207052, trace_id="A6LJ", user_message=CANARY)
    answer = call(api, body=POST)
    assert refused(answer) == (422, "media_unreachable")
    assert answered(answer)["instagram"] == {"code": 9004, "error_subcode": 2207052, "fbtrace_id": "A6LJ"}
    assert CANARY not in json.dumps(answer) + lines.getvalue()
    (line,) = lines.named("problem")
    assert (line["code"], line["instagram_code"], line["fbtrace_id"]) == ("media_unreachable", 9004, "A6LJ")


def test_when_to_come_back_is_a_header(api, work):
    work.failure = StoreUnavailableError(retry_after=3)
    answer = call(api, body=POST)
    assert refused(answer) == (503, "store_unavailable")
    assert answer["headers"]["retry-after"] == "3"


def test_an_answer_that_cannot_be_written_is_a_problem(api):
    api.route("GET /v1/odd", scope=PUBLIC)(lambda request: Answer(200, {"x": object()}))
    assert refused(call(api, "GET /v1/odd")) == (500, "internal_error")


# Idempotency


def keyed(api: Api, key: str = "key-1", body: Any = POST, **given: Any) -> dict[str, Any]:
    return call(api, body=body, headers={"idempotency-key": key}, **given)


def test_the_same_key_and_body_give_the_first_answer_again(api, work):
    first, second = keyed(api), keyed(api)
    assert work.done == 1
    assert second["body"] == first["body"]
    assert second["statusCode"] == 202
    assert second["headers"]["location"] == first["headers"]["location"]
    assert second["headers"]["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first["headers"]
    assert second["headers"]["x-request-id"] != first["headers"]["x-request-id"]


def test_the_same_key_with_another_body_is_refused(api, work):
    keyed(api)
    assert refused(keyed(api, body={**POST, "caption": "other"})) == (422, "idempotency_key_reused")
    assert work.done == 1


def test_without_a_key_every_request_counts(api, work):
    call(api, body=POST)
    call(api, body=POST)
    assert work.done == 2


def test_a_key_is_one_tenants(api, work):
    keyed(api)
    keyed(api, caller={"tenant_id": "globex", "scopes": "admin"})
    assert work.done == 2


def test_while_the_first_request_runs_others_are_told_to_wait(api, records, work):
    keyed(api)
    ((digest, record),) = records.stored.items()
    far = int((datetime.now().astimezone() + timedelta(hours=1)).timestamp())
    records.stored[digest] = Record(
        digest=digest,
        body_hash=record.body_hash,
        ulid=record.ulid,
        locked_until=far,
        expires_at=record.expires_at,
    )
    answer = keyed(api)
    assert refused(answer) == (409, "idempotency_in_progress")
    assert int(answer["headers"]["retry-after"]) > 0
    assert work.done == 1


@pytest.mark.parametrize("failure", [StoreUnavailableError(), RuntimeError("died")])
def test_after_a_failure_of_ours_the_retry_goes_on_under_the_same_id(api, work, records, failure):
    work.failure = failure
    assert keyed(api)["statusCode"] >= 500
    (record,) = records.stored.values()
    work.failure = None
    answer = keyed(api)
    assert answered(answer)["id"] == f"post_{record.ulid}"
    assert "idempotent-replayed" not in answer["headers"]
    assert work.done == 2


def test_a_repetition_is_told_when_the_first_request_came_in(api, work):
    call(api, body=POST)
    before = datetime.now().astimezone()
    work.failure = StoreUnavailableError()
    for _ in range(3):
        keyed(api)
    unkeyed, first, *again = work.repeats
    assert (unkeyed, first, len(set(again))) == (None, None, 1)
    assert abs(again[0] - before) < timedelta(seconds=5)


@pytest.mark.parametrize("failure", [NotFoundError(), ConflictError()])
def test_after_a_refusal_the_key_is_free_for_the_mended_request(api, work, records, failure):
    work.failure = failure
    assert 400 <= keyed(api)["statusCode"] < 500
    assert records.stored == {}
    work.failure = None
    assert keyed(api, body={**POST, "caption": "mended"})["statusCode"] == 202


def test_a_body_that_was_refused_frees_its_key(api, records):
    assert keyed(api, body="{")["statusCode"] == 400
    assert records.stored == {}


@pytest.mark.parametrize("key", ["", "k" * 256, "ключ", "a\tb", "a\x00b"])
def test_a_malformed_key_is_refused(api, work, key):
    assert refused(keyed(api, key)) == (400, "idempotency_key_invalid")
    assert work.done == 0


@pytest.mark.parametrize("key", ["k", "k" * 255, "8e03978e-40d5-43e8-bc93-6894a57f9324", "a, b"])
def test_a_good_key_is_taken(api, key):
    assert keyed(api, key)["statusCode"] == 202


def test_a_key_where_it_does_not_count_is_ignored(api):
    assert call(api, "GET /v1/posts", headers={"idempotency-key": ""})["statusCode"] == 200


def test_when_the_records_are_down_nothing_is_done(api, work):
    def down() -> FakeRecords:
        raise StoreUnavailableError

    api.route("POST /v1/posts", scope="posts:write", body=NewPost, records=down)(work)
    assert refused(keyed(api)) == (503, "store_unavailable")
    assert work.done == 0


# What is logged


def test_one_line_a_request_names_route_status_tenant_and_id(api, lines):
    answer = call(api, body=POST)
    (line,) = lines.named("request")
    assert line["route"] == "POST /v1/posts"
    assert line["status"] == 202
    assert line["tenant_id"] == "acme"
    assert line["request_id"] == answer["headers"]["x-request-id"]
    assert line["gateway_request_id"] == "VmCx9jLkliAEMJQ="
    assert line["duration_ms"] >= 0


def test_a_refusal_is_logged_with_its_reason(api, lines):
    call(api, caller={"refused": "This API key has expired."})
    (line,) = lines.named("problem")
    assert (line["code"], line["detail"]) == ("unauthenticated", "This API key has expired.")


def test_no_line_and_no_answer_holds_a_secret(api, lines):
    body = {
        **POST,
        "caption": CANARY,
        "media": [{"url": f"https://media.example.com/{CANARY}.jpg", "alt_text": CANARY}],
    }
    headers = {"authorization": f"Bearer {CANARY}", "cookie": CANARY, "idempotency-key": CANARY, "x-odd": CANARY}
    call(api, body=body, headers=headers, query={"access_token": CANARY}, cookies=[f"a={CANARY}"])
    refusal = call(api, "GET /v1/posts", headers=headers, query={"limit": CANARY, "cursor": CANARY})
    missing = call(api, "GET /v1/posts/{id}", headers=headers, parameters={"id": "é"}, query={"code": CANARY})
    assert lines.named("request")
    assert CANARY not in lines.getvalue()
    assert CANARY not in json.dumps([refusal, missing])


def test_hostile_text_stays_on_one_clipped_line(api, lines):
    call(api, caller={"refused": "\r\n\x1b[31m{" + "x" * 1_000_000})
    assert len(lines.getvalue()) < 5_000
    assert lines.named("problem")


def test_a_cursor_is_checked_against_its_tenant(api):
    api.route("GET /v1/paged", scope="posts:read", query=PageQuery)(
        lambda request: Answer(200, {"after": request.query.page(request.caller.tenant_id).after})
    )
    assert refused(call(api, "GET /v1/paged", query={"cursor": "abc"})) == (400, "cursor_invalid")


@pytest.mark.parametrize(
    ("route", "caller", "is_told"),
    [
        ("GET /v1/health", {}, False),
        ("GET /v1/posts", {}, False),
        ("GET /v1/posts", {"refused": f"{CANARY} is not set.", "code": "configuration_error"}, False),
        ("GET /v1/posts", {"tenant_id": "acme", "scopes": "posts:read"}, True),
    ],
)
def test_only_a_known_caller_hears_what_is_not_set_up_and_the_log_always_does(lines, route, caller, is_told):
    def missing(_request: Request) -> Answer:
        raise ConfigurationError(detail=f"{CANARY} is not set.")

    api = Api()
    for key, scope in (("GET /v1/health", PUBLIC), ("GET /v1/posts", "posts:read")):
        api.route(key, scope=scope)(missing)
    answer = api(http_event(route, caller=caller), None)
    assert (CANARY in answer["body"]) == is_told
    is_judged = answered(answer)["code"] == "configuration_error"
    assert is_judged == (caller != {} or route == "GET /v1/health")
    assert (CANARY in lines.getvalue()) == is_judged
