import asyncio
import base64
import time

import pytest

from devstack.gateway import FunctionError, UnavailableError
from devstack.routes import Authorizer, Route

DOORMAN = Authorizer("Doorman", ())
ECHO = Route("ANY", "/echo/{name}", "Echo")
GUARDED = Route("GET", "/guarded", "Echo", DOORMAN)
CORS = {"allowOrigins": ["https://app.test"], "allowMethods": ["GET"], "allowHeaders": ["x-key"], "maxAge": 60}


def _ok(_event):
    return {"statusCode": 200, "body": "ok"}


def _send(browser, method, url, **options):
    return asyncio.run(browser.send(method, url, **options))


def test_hands_over_the_request_as_payload_2_0(browse):
    browser = browse([ECHO], {"Echo": _ok})
    _send(
        browser,
        "POST",
        "/echo/a%20b?tag=1&tag=2&empty=",
        headers=[("X-Twice", "one"), ("X-Twice", "two"), ("Cookie", "a=1; b=2"), ("X-Forwarded-For", "198.51.100.9")],
        json={"hello": "world"},
    )
    event = browser.event_of("Echo")
    assert event["version"] == "2.0"
    assert event["routeKey"] == "ANY /echo/{name}"
    assert event["rawPath"] == "/echo/a b"
    assert event["rawQueryString"] == "tag=1&tag=2&empty="
    assert event["queryStringParameters"] == {"tag": "1,2", "empty": ""}
    assert event["pathParameters"] == {"name": "a b"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-twice"] == "one,two"
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-forwarded-for"] == "198.51.100.9, 192.0.2.7"
    assert event["headers"]["x-forwarded-port"] == "8000"
    assert event["body"] == '{"hello":"world"}'
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["http"]["sourceIp"] == "192.0.2.7"
    assert (context["stage"], context["domainName"], context["apiId"]) == ("$default", "api.test", "api1")
    assert "authorizer" not in context


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("image/jpeg", b"\xff\xd8", True),
        ("application/x-www-form-urlencoded", b"signed_request=x", True),
        ("application/problem+json", b"{}", False),
        ("text/plain", b"\xff", True),
    ],
)
def test_encodes_bodies_that_are_not_text(browse, content_type, body, is_base64):
    browser = browse([ECHO], {"Echo": _ok})
    _send(browser, "POST", "/echo/x", content=body, headers={"content-type": content_type})
    event = browser.event_of("Echo")
    assert event["isBase64Encoded"] is is_base64
    assert (base64.b64decode(event["body"]) if is_base64 else event["body"].encode()) == body


def test_sends_the_answer_with_its_cookies_and_decoded_body(browse):
    answer = {
        "statusCode": 201,
        "headers": {"Location": "/v1/posts/1", "X-Count": 3},
        "cookies": ["a=1; HttpOnly", "b=2"],
        "body": base64.b64encode(b"\x00\x01").decode(),
        "isBase64Encoded": True,
    }
    reply = _send(browse([ECHO], {"Echo": lambda _: answer}), "GET", "/echo/x")
    assert reply.status_code == 201
    assert reply.content == b"\x00\x01"
    assert (reply.headers["location"], reply.headers["x-count"]) == ("/v1/posts/1", "3")
    assert reply.headers.get_list("set-cookie") == ["a=1; HttpOnly", "b=2"]
    assert reply.headers["content-type"] == "text/plain;charset=UTF-8"


def test_a_result_without_a_status_is_the_body_itself(browse):
    reply = _send(browse([ECHO], {"Echo": lambda _: {"hello": "world"}}), "GET", "/echo/x")
    assert (reply.status_code, reply.json()) == (200, {"hello": "world"})
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "many"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "headers": {"a": ["list"]}},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
    ],
)
def test_a_malformed_result_is_a_500_in_the_words_of_aws(browse, result):
    reply = _send(browse([ECHO], {"Echo": lambda _: result}), "GET", "/echo/x")
    assert (reply.status_code, reply.json()) == (500, {"message": "Internal Server Error"})


def test_a_failing_function_tells_the_caller_nothing(browse):
    def fails(_event):
        raise FunctionError("ValueError: secret detail")

    reply = _send(browse([ECHO], {"Echo": fails}), "GET", "/echo/x")
    assert (reply.status_code, reply.json()) == (500, {"message": "Internal Server Error"})


def test_a_function_that_cannot_run_is_a_503(browse):
    def throttled(_event):
        raise UnavailableError("TooManyRequestsException")

    reply = _send(browse([ECHO], {"Echo": throttled}), "GET", "/echo/x")
    assert (reply.status_code, reply.json()) == (503, {"message": "Service Unavailable"})


def test_does_not_wait_longer_than_an_http_api_waits(browse):
    def slow(_event):
        time.sleep(0.5)

    reply = _send(browse([ECHO], {"Echo": slow}, seconds=0.05), "GET", "/echo/x")
    assert (reply.status_code, reply.json()) == (503, {"message": "Service Unavailable"})


def test_an_unknown_route_is_a_404_in_the_words_of_aws(browse):
    reply = _send(browse([ECHO], {}), "GET", "/nowhere")
    assert (reply.status_code, reply.json()) == (404, {"message": "Not Found"})


def test_refuses_bodies_over_ten_megabytes(browse):
    browser = browse([ECHO], {"Echo": _ok})
    assert _send(browser, "POST", "/echo/x", content=b"x" * (10 * 1024 * 1024)).status_code == 200
    assert _send(browser, "POST", "/echo/x", content=b"x" * (10 * 1024 * 1024 + 1)).status_code == 413


def test_refuses_oversized_headers(browse):
    reply = _send(browse([ECHO], {"Echo": _ok}), "GET", "/echo/x", headers={"x-large": "x" * 10_240})
    assert (reply.status_code, reply.json()) == (431, {"message": "Request Header Fields Too Large"})


def test_the_authorizers_context_reaches_the_function(browse):
    allow = {"isAuthorized": True, "context": {"tenant_id": "acme"}}
    browser = browse([GUARDED], {"Echo": _ok, "Doorman": lambda _: allow})
    assert _send(browser, "GET", "/guarded?a=1", headers={"Authorization": "Bearer k"}).status_code == 200
    asked = browser.event_of("Doorman")
    assert (asked["type"], asked["identitySource"]) == ("REQUEST", None)
    assert asked["routeArn"] == "arn:aws:execute-api:eu-central-1:000000000000:api1/$default/GET/guarded"
    assert asked["headers"]["authorization"] == "Bearer k"
    assert "body" not in asked
    assert browser.event_of("Echo")["requestContext"]["authorizer"] == {"lambda": {"tenant_id": "acme"}}


def test_a_refusal_is_a_403_and_the_function_never_runs(browse):
    browser = browse([GUARDED], {"Doorman": lambda _: {"isAuthorized": False}})
    reply = _send(browser, "GET", "/guarded")
    assert (reply.status_code, reply.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("verdict", [None, {}, {"isAuthorized": "yes"}])
def test_an_authorizer_that_answers_nonsense_opens_nothing(browse, verdict):
    reply = _send(browse([GUARDED], {"Doorman": lambda _: verdict}), "GET", "/guarded")
    assert (reply.status_code, reply.json()) == (500, {"message": "Internal Server Error"})


def test_without_its_identity_source_the_authorizer_is_not_even_asked(browse):
    doorman = Authorizer("Doorman", ("$request.header.Authorization", "$request.querystring.key"))
    browser = browse([Route("GET", "/x", "Echo", doorman)], {"Echo": _ok, "Doorman": lambda _: {"isAuthorized": True}})
    reply = _send(browser, "GET", "/x?key=k")
    assert (reply.status_code, reply.json(), browser.events) == (401, {"message": "Unauthorized"}, [])
    assert _send(browser, "GET", "/x?key=k", headers={"authorization": "t"}).status_code == 200
    assert browser.event_of("Doorman")["identitySource"] == ["t", "k"]


def test_answers_preflights_itself_when_no_route_takes_them(browse):
    browser = browse([Route("GET", "/x", "Echo")], {"Echo": _ok}, cors=CORS)
    asks = {"origin": "https://app.test", "access-control-request-method": "GET"}
    reply = _send(browser, "OPTIONS", "/x", headers=asks)
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == "https://app.test"
    assert reply.headers["access-control-allow-methods"] == "GET"
    assert reply.headers["access-control-max-age"] == "60"


def test_the_default_route_swallows_preflights_as_on_aws(browse):
    browser = browse([Route("ANY", "$default", "Default")], {"Default": lambda _: {"statusCode": 404}}, cors=CORS)
    asks = {"origin": "https://app.test", "access-control-request-method": "GET"}
    assert _send(browser, "OPTIONS", "/x", headers=asks).status_code == 404


def test_the_cors_settings_replace_what_the_function_says(browse):
    loud = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}
    browser = browse([ECHO], {"Echo": lambda _: loud}, cors=CORS)
    allowed = _send(browser, "GET", "/echo/x", headers={"origin": "https://app.test"})
    assert allowed.headers.get_list("access-control-allow-origin") == ["https://app.test"]
    other = _send(browser, "GET", "/echo/x", headers={"origin": "https://evil.test"})
    assert "access-control-allow-origin" not in other.headers


def test_the_request_log_has_no_query(browse):
    browser = browse([ECHO], {"Echo": _ok})
    _send(browser, "GET", "/echo/x?code=secret")
    assert browser.lines[0].startswith("GET /echo/x 200 ")
    assert "secret" not in "".join(browser.lines)
