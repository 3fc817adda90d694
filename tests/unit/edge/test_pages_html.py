import pytest

from darkroom.accounts import Candidate
from darkroom.connecting import Started
from darkroom.connection import Choosing, Outcome
from darkroom.errors import ConfigurationError, ConnectError
from darkroom.instagram.errors import AuthorizationCodeError
from darkroom.pages_html import ended, failed, sent_on
from tests.builders import a_choice, an_account

EVIL = "<script>alert(1)</script>\"'&"


def choosing(*candidates, state="con_1.state", is_https=True):
    return Choosing(state, "cookie-secret", is_https, candidates)


def test_a_choice_is_a_form_of_our_own_with_a_button_for_each_account():
    candidates = a_choice().candidates
    answer = ended(Outcome("https://app.example.com/done", choosing=choosing(*candidates)))
    assert answer.status == 200
    assert '<form method="post" action="/oauth/facebook/choose">' in answer.body
    assert '<input type="hidden" name="state" value="con_1.state">' in answer.body
    for each in candidates:
        assert f'<button name="page_id" value="{each.page_id}">@{each.username}</button>' in answer.body
    assert "Acme &lt;Film&gt;" in answer.body
    assert "cookie-secret" not in answer.body


def test_the_time_of_the_cookie_runs_anew_with_the_choice():
    (cookie,) = ended(Outcome(None, choosing=choosing())).cookies
    name, *attributes = cookie.split("; ")
    assert name == "darkroom_connect_con_1=cookie-secret"
    assert set(attributes) == {"Path=/oauth", "Max-Age=600", "HttpOnly", "SameSite=Lax", "Secure"}
    (cookie,) = ended(Outcome(None, choosing=choosing(is_https=False))).cookies
    assert "Secure" not in cookie


def test_the_way_to_instagram_carries_a_cookie_that_no_script_and_no_other_site_gets():
    answer = sent_on(
        Started("https://www.instagram.com/oauth/authorize?x=1", "darkroom_connect_con_1", "secret", is_https=True)
    )
    assert answer.status == 302
    assert answer.headers["location"] == "https://www.instagram.com/oauth/authorize?x=1"
    assert answer.headers["referrer-policy"] == "no-referrer"
    (cookie,) = answer.cookies
    name, *attributes = cookie.split("; ")
    assert name == "darkroom_connect_con_1=secret"
    assert set(attributes) == {"Path=/oauth", "Max-Age=600", "HttpOnly", "SameSite=Lax", "Secure"}


def test_on_this_machine_the_cookie_goes_over_http_too():
    (cookie,) = sent_on(Started("http://127.0.0.1/x", "darkroom_connect_con_1", "secret", is_https=False)).cookies
    assert "Secure" not in cookie


@pytest.mark.parametrize(
    ("return_url", "location"),
    [
        ("/done", "/done?result=connected&account_id=acc_00000000000000000000000001"),
        ("/done?a=b", "/done?a=b&result=connected&account_id=acc_00000000000000000000000001"),
        (
            "https://app.example.com/x?a=b%26c#top",
            "https://app.example.com/x?a=b%26c&result=connected&account_id=acc_00000000000000000000000001#top",
        ),
    ],
)
def test_the_owner_is_sent_back_with_a_result(return_url, location):
    answer = ended(Outcome(return_url, an_account()))
    assert (answer.status, answer.headers["location"]) == (302, location)
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectError("consent_denied"), "consent_denied"),
        (AuthorizationCodeError("CANARY", user_message="CANARY"), "authorization_code_refused"),
    ],
)
def test_a_failure_is_sent_back_as_a_code_and_never_in_words(error, code, lines):
    answer = ended(Outcome("/done", error=error))
    assert answer.headers["location"] == f"/done?result=failed&code={code}"
    (line,) = lines.named("connect failed")
    assert line["code"] == code
    assert "CANARY" not in str(answer) + lines.getvalue()


def test_an_outcome_that_says_nothing_is_our_failure():
    assert ended(Outcome("/done")).headers["location"] == "/done?result=failed&code=internal_error"
    assert ended(Outcome(None)).status == 500


def test_without_a_return_url_the_owner_sees_a_page():
    answer = ended(Outcome(None, an_account()))
    assert answer.status == 200
    assert "@acme.studio is connected" in str(answer.body)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ConnectError(), 400, "Start connecting again"),
        (ConnectError("permissions_missing", "Not granted: x."), 422, "Not granted: x."),
        (ConfigurationError(), 503, "Darkroom is not completely set up."),
    ],
)
def test_a_failure_without_a_return_url_is_a_page_that_says_what_to_do(error, status, text):
    for answer in (failed(error), ended(Outcome(None, error=error))):
        assert answer.status == status
        assert text in str(answer.body)


@pytest.mark.parametrize(
    "page",
    [
        failed,
        lambda error: ended(Outcome(None, error=error)),
        lambda error: ended(Outcome("https://app.example.com/done", error=error)),
    ],
)
def test_what_is_not_set_up_is_named_in_the_log_and_not_to_the_owner(lines, page):
    answer = page(ConfigurationError(detail="The secret InstagramAppSecret has no usable app_id."))
    assert "InstagramAppSecret" not in f"{answer.body}{answer.headers}"
    (line,) = lines.read_lines()
    assert (line["code"], "InstagramAppSecret" in line["detail"]) == ("configuration_error", True)


@pytest.mark.parametrize(
    "answer",
    [
        ended(Outcome(None, an_account(username=EVIL))),
        failed(ConnectError(detail=EVIL)),
        ended(Outcome("/done", choosing=choosing(Candidate(page_id=EVIL, page_name=EVIL, username=EVIL), state=EVIL))),
    ],
)
def test_nothing_from_outside_becomes_markup(answer):
    assert "<script>" not in answer.body
    assert "&lt;script&gt;" in answer.body
    assert EVIL not in answer.body


def test_a_page_runs_no_script_loads_nothing_and_is_framed_by_nobody():
    headers = failed(ConnectError()).headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert headers["referrer-policy"] == "no-referrer"
