import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.instagram.codes import REFUSED_BEFORE_COMMENTING, REFUSED_BEFORE_PUBLISHING
from darkroom.instagram.errors import (
    AccountRestrictedError,
    AppCredentialsError,
    AuthorizationCodeError,
    InstagramError,
    InstagramUnavailableError,
    InvalidRequestError,
    MediaNotReadyError,
    MediaRejectedError,
    MediaUnreachableError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.instagram.protocol import (
    Patience,
    Request,
    Usage,
    appsecret_proof,
    encode_form,
    parse,
    parse_usage,
    settle,
)


@pytest.mark.parametrize(
    ("name", "error", "facts"),
    [
        ("error_token_expired", TokenInvalidError, {"code": 190, "error_subcode": 463, "fbtrace_id": "EJplcsCHuLu"}),
        ("error_image_too_large", MediaRejectedError, {"code": 36000, "error_subcode": 2207004}),
        ("error_media_not_fetched", MediaUnreachableError, {"code": 9004, "is_transient": False}),
        ("error_media_not_ready", MediaNotReadyError, {"code": 9007, "error_subcode": 2207027}),
        ("error_quota", PublishingLimitReachedError, {"code": 9, "error_subcode": 2207042}),
        ("error_spam_block", AccountRestrictedError, {"code": 4, "error_subcode": 2207051}),
        ("error_throttled", RateLimitedError, {"code": 80002, "fbtrace_id": "AbC-4"}),
        ("error_not_visible_yet", InstagramUnavailableError, {"code": 100, "error_subcode": 33}),
        ("error_transient", InstagramUnavailableError, {"code": 1, "is_transient": True, "fbtrace_id": "F0n/KYH+Z5K"}),
        ("error_client_secret", AppCredentialsError, {"code": 100}),
        ("error_permission", PermissionDeniedError, {"code": 10}),
        ("error_with_status_200", InstagramUnavailableError, {"code": 2, "error_subcode": 1363030}),
        ("login_error_used_code", AuthorizationCodeError, {"code": 400}),
        ("login_error_platform_app", AppCredentialsError, {"code": 400}),
        ("edge_html_502", InstagramUnavailableError, {}),
        ("edge_html_200", InstagramUnavailableError, {}),
        ("edge_empty_503", InstagramUnavailableError, {}),
        ("edge_html_429", RateLimitedError, {}),
        ("truncated", InstagramUnavailableError, {}),
    ],
)
def test_names_a_refusal_by_what_to_do_next(sample, name, error, facts):
    status, headers, body = sample(name)
    with pytest.raises(InstagramError) as caught:
        parse(status, headers, body)
    assert type(caught.value) is error
    assert caught.value.status == status
    assert caught.value.facts().items() >= facts.items()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_returns_the_object_of_an_answer_without_error(sample):
    assert parse(*sample("container_created")) == {"id": "17889455560051444"}


@pytest.mark.parametrize("name", ["error_throttled", "edge_empty_503", "edge_html_429"])
def test_tells_in_seconds_how_long_to_wait_when_instagram_does(sample, name):
    with pytest.raises(InstagramError) as caught:
        parse(*sample(name))
    assert caught.value.retry_after == {"error_throttled": 19 * 60, "edge_empty_503": 120, "edge_html_429": 30}[name]


def test_keeps_metas_words_for_a_person_without_the_links_in_them(sample):
    with pytest.raises(InstagramError) as caught:
        parse(*sample("error_media_not_fetched"))
    assert caught.value.user_title.startswith("Media download has failed.")
    assert "could not be fetched from this URI: […] Please check" in caught.value.user_message
    assert "CANARY" not in repr(vars(caught.value))


def test_clips_metas_words_to_one_line_that_can_be_encoded():
    said = "Line\none\t\ud800 " + "word " * 200
    with pytest.raises(InstagramError) as caught:
        parse(400, {}, json.dumps({"error": {"code": 100, "error_user_msg": said}}).encode())
    assert len(caught.value.user_message) == 300
    assert caught.value.user_message.encode().startswith(b"Line one ? word")


def error_body(**error):
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, error_body(code=424242), InstagramUnavailableError),
        (503, error_body(), InstagramUnavailableError),
        (400, error_body(code=424242, is_transient=True), InstagramUnavailableError),
        (400, error_body(code=424242, is_transient="yes"), InvalidRequestError),
        (400, error_body(code=424242), InvalidRequestError),
        (403, error_body(code=424242), PermissionDeniedError),
        (429, error_body(code=424242), RateLimitedError),
        (200, error_body(code=424242), InstagramUnavailableError),
        (302, b'{"id":"1"}', InstagramUnavailableError),
        (404, b'{"message":"no such route"}', InstagramUnavailableError),
        (429, b"{}", RateLimitedError),
        (500, b'{"error_type":"OAuthException","error_message":"Oops"}', InstagramUnavailableError),
        (429, b'{"error_type":"OAuthException","error_message":"Slow down"}', RateLimitedError),
        (400, b'{"error_type":"OAuthException","error_message":"Something new"}', AuthorizationCodeError),
        (
            400,
            b'{"error_type":"OAuthException","code":400,"error_message":"Invalid Client Secret"}',
            AppCredentialsError,
        ),
    ],
)
def test_lets_the_status_decide_only_what_the_numbers_do_not(status, body, error):
    with pytest.raises(InstagramError) as caught:
        parse(status, {}, body)
    assert type(caught.value) is error


def test_believes_the_code_and_not_the_status_or_the_transient_flag():
    with pytest.raises(RateLimitedError):
        parse(400, {}, error_body(code=4, is_transient=False))
    with pytest.raises(MediaRejectedError):
        parse(500, {}, error_body(code=36000, is_transient=True))


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
@pytest.mark.parametrize("envelope", ["Unauthorized", 190, True, [], ["190"], {}, {"code": None}, {"code": "abc"}])
def test_declares_no_token_dead_without_the_code_that_proves_it(status, envelope):
    with pytest.raises(InstagramError) as caught:
        parse(status, {}, json.dumps({"error": envelope}).encode())
    assert not isinstance(caught.value, TokenInvalidError)


@pytest.mark.parametrize(
    "code", [10**400, -(10**20), True, 1.5, "1" * 5000, "\uff11\uff19\uff10", [190], {"code": 190}]
)
def test_takes_odd_codes_for_no_code(code):
    with pytest.raises(InvalidRequestError) as caught:
        parse(400, {}, json.dumps({"error": {"code": code}}, ensure_ascii=False).encode())
    assert caught.value.code is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"[1]",
        b'"ok"',
        b"17",
        b"NaN",
        b'{"id": NaN}',
        b'{"id": Infinity}',
        b'{"id": ' + b"9" * 5000 + b"}",
        b'{"a":' * 100_000,
        b"[" * 500_000,
        b"\xff\xfe\x00",
        b'{"id":"1"',
        b'{"id":"1"}{"id":"2"}',
        b"<html></html>",
    ],
)
def test_takes_what_is_not_metas_json_for_no_answer(body):
    with pytest.raises(InstagramUnavailableError):
        parse(200, {}, body)


def test_ignores_an_error_that_is_null():
    assert parse(200, {}, b'{"error":null,"id":"1"}')["id"] == "1"


# A small alphabet of what hurts: all of Unicode takes a second to set up on a cold machine and finds no more.
texts = st.text(st.sampled_from('aZ09 "{}[]:/=.\\\n\x00é🌅\ud83d'), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda children: st.lists(children) | st.dictionaries(texts, children),
    max_leaves=20,
)
numbers = st.integers() | st.sampled_from([190, "190", 4, 9007, 2207051, 2207027, None, True, 1e400])
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "code": numbers | json_values,
        "error_subcode": numbers | json_values,
        "message": json_values,
        "is_transient": json_values,
        "fbtrace_id": json_values,
        "error_user_title": json_values,
        "error_user_msg": json_values,
    },
)
bodies = (
    st.binary()
    | json_values.map(lambda value: json.dumps(value).encode())
    | envelopes.map(lambda value: json.dumps({"error": value}).encode())
    | st.fixed_dictionaries({"error_type": json_values, "error_message": json_values, "code": json_values}).map(
        lambda value: json.dumps(value).encode()
    )
)
headers = st.dictionaries(
    st.sampled_from(["X-App-Usage", "X-Business-Use-Case-Usage", "Retry-After", "x-fb-trace-id"]),
    texts | json_values.map(json.dumps) | st.just('{"1":[{"estimated_time_to_regain_access":19}]}'),
)


@given(status=st.integers(100, 599), headers=headers, body=bodies)
def test_gives_an_object_or_an_instagram_error_for_any_bytes(status, headers, body):
    payload, failure = None, InstagramError()
    try:
        payload = parse(status, headers, body)
    except InstagramError as error:
        failure = error
    assert (isinstance(payload, dict) and 200 <= status < 300) or type(failure) is not InstagramError
    assert str(failure).encode()
    assert failure.__context__ is None
    assert failure.retry_after is None or 0 <= failure.retry_after <= 86_400


def test_reads_the_worst_of_all_use_cases():
    headers = {
        "X-App-Usage": '{"call_count":28,"total_time":25,"total_cputime":"31"}',
        "x-business-use-case-usage": json.dumps(
            {
                "1": [{"type": "instagram", "call_count": 80, "total_time": 2, "estimated_time_to_regain_access": 0}],
                "2": [{"type": "pages", "call_count": 101, "estimated_time_to_regain_access": 19}, "odd"],
                "3": "odd",
            }
        ),
    }
    assert parse_usage(headers) == Usage(app_percent=31, account_percent=101, retry_after=19 * 60)


@pytest.mark.parametrize("value", ["", "{", "[]", "null", "NaN", '{"1":null}', '{"call_count":[]}', "[" * 100_000])
def test_takes_malformed_usage_for_unsaid(value):
    usage = parse_usage({"X-App-Usage": value, "X-Business-Use-Case-Usage": value})
    assert not usage.app_percent
    assert usage.account_percent is None
    assert usage.retry_after is None


def test_never_waits_longer_than_the_window_of_a_day():
    header = '{"1":[{"estimated_time_to_regain_access":999999}]}'
    assert parse_usage({"X-Business-Use-Case-Usage": header}).retry_after == 86_400


PUBLISHING = Request("POST", "/{ig-user-id}/media_publish", Patience(1, 1), refusals=REFUSED_BEFORE_PUBLISHING)
COMMENTING = Request("POST", "/{media-id}/comments", Patience(1, 1), refusals=REFUSED_BEFORE_COMMENTING)


@pytest.mark.parametrize(
    ("code", "subcode"), [(4, 2207051), (4, None), (1, None), (2, None), (-1, 2207001), (80002, None), (24, 2207008)]
)
def test_asks_instead_of_believing_an_error_that_was_seen_for_live_posts(code, subcode):
    body = error_body(code=code, error_subcode=subcode, fbtrace_id="trace")
    with pytest.raises(InstagramError) as caught:
        parse(400, {"Retry-After": "60"}, body)
    for request in (PUBLISHING, COMMENTING):
        settled = settle(caught.value, request)
        assert type(settled) is OutcomeUnknownError
        assert (settled.code, settled.subcode, settled.trace_id, settled.retry_after) == (code, subcode, "trace", 60)


@pytest.mark.parametrize("code", [9, 10, 102, 190, 200, 9007])
def test_believes_a_refusal_that_comes_before_the_post(code):
    with pytest.raises(InstagramError) as caught:
        parse(400, {}, error_body(code=code))
    assert settle(caught.value, PUBLISHING) is caught.value


def test_what_refuses_a_post_need_not_refuse_a_comment():
    quota, denied = PublishingLimitReachedError(code=9), PermissionDeniedError(code=10)
    assert type(settle(quota, COMMENTING)) is OutcomeUnknownError
    assert settle(denied, COMMENTING) is denied


def test_leaves_the_errors_of_repeatable_calls_as_they_are():
    error = InstagramUnavailableError(code=2)
    assert settle(error, Request("GET", "/me", Patience(1, 1))) is error


@pytest.mark.parametrize("bad", ["", "1/media", "..", "1?x=1", "1%2F", "me\n", "é", "1" * 65, None, 17.5])
def test_refuses_an_id_that_would_choose_another_endpoint(bad):
    with pytest.raises(InvalidRequestError):
        Request("GET", "/{media-id}", Patience(1, 1), ids={"media-id": bad})


@pytest.mark.parametrize("bad", ["", "a b", "a\r\nX: y", "é", "x" * 4097])
def test_refuses_a_token_that_a_header_cannot_hold_without_quoting_it(bad):
    with pytest.raises(TokenInvalidError) as caught:
        Request("GET", "/me", Patience(1, 1), token=bad)
    assert not bad or bad not in str(caught.value)


def test_shows_no_secret_of_a_request():
    request = Request("GET", "/me", Patience(1, 1), params={"a": "CANARY"}, form={"b": "CANARY"}, token="CANARY")
    assert "CANARY" not in repr(request)


def test_encodes_parameters_as_instagram_reads_them_in_a_form():
    assert encode_form(
        {
            "caption": "Grüße #1",
            "share_to_feed": True,
            "thumb_offset": 1500,
            "children": ["1", "2"],
            "collaborators": ["ada"],
            "user_tags": [{"username": "ada", "x": 0.5, "y": 1}],
            "trial_params": {"graduation_strategy": "MANUAL"},
            "location_id": None,
        }
    ) == {
        "caption": "Grüße #1",
        "share_to_feed": "true",
        "thumb_offset": "1500",
        "children": "1,2",
        "collaborators": '["ada"]',
        "user_tags": '[{"username":"ada","x":0.5,"y":1}]',
        "trial_params": '{"graduation_strategy":"MANUAL"}',
    }


def test_refuses_a_caption_that_cannot_be_encoded():
    with pytest.raises(InvalidRequestError):
        encode_form({"caption": "half \ud83d"})


def test_proves_the_app_with_a_keyed_digest_of_the_token():
    assert appsecret_proof("secret", "token") == hmac.new(b"secret", b"token", hashlib.sha256).hexdigest()
    assert appsecret_proof("key", "The quick brown fox jumps over the lazy dog") == (
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )


@pytest.mark.parametrize("path", [".example/me", "@example.com/me", ":8000/me", "me", ""])
def test_a_path_cannot_move_the_host(path):
    with pytest.raises(ValueError, match="slash"):
        Request("GET", path, Patience(1, 1))
