"""The chain of an account, link by link: each that does not hold says what to do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom.accounts import AccountState
from darkroom.health import Check, Setup, examine
from darkroom.quota import Allowance
from tests.builders import NOW, an_account

COMMENTS = "instagram_business_manage_comments"
SETUP = Setup("https://api.example.com")
LINKS = ["app", "redirect_uri", "permissions", "webhooks", "token", "quota", "last_problem", "account"]


def checks(account=None, allowance=None, setup=SETUP):
    told = examine(account or an_account(), allowance or Allowance(), setup, NOW)
    return {each.link: each for each in told.checks}


def test_a_healthy_account_holds_link_by_link_and_wants_nothing():
    found = checks()
    assert list(found) == LINKS
    assert {each.status for each in found.values()} == {"ok"}
    assert {each.action for each in found.values()} == {None}


def test_what_was_told_before_is_told_still():
    told = examine(an_account(), Allowance(), SETUP, NOW)
    assert (told.is_healthy, told.token_days_left, told.advice) == (True, 60, ())


@pytest.mark.parametrize(
    ("changes", "link", "status", "words"),
    [
        ({"scopes": ()}, "permissions", "problem", "Not granted"),
        ({"scopes": (*an_account().scopes, COMMENTS)}, "webhooks", "problem", "not subscribed"),
        ({"token_expires_at": NOW}, "token", "problem", "dead"),
        ({"token_expires_at": NOW + timedelta(days=3)}, "token", "warning", "3 days"),
        ({"state": AccountState.REAUTHORIZATION_REQUIRED}, "account", "problem", "connected again"),
        ({"state": AccountState.ACTION_REQUIRED}, "account", "problem", "owner to act"),
        ({"last_problem": {"title": "A title.", "detail": "A sentence."}}, "last_problem", "warning", "A sentence."),
        ({"last_problem": {"title": "A title."}}, "last_problem", "warning", "A title."),
    ],
)
def test_each_ailment_shows_at_its_link_with_what_to_do(changes, link, status, words):
    found = checks(an_account(**changes))[link]
    assert (found.status, words in found.detail) == (status, True)
    assert found.action


@pytest.mark.parametrize(
    ("allowance", "status", "words"),
    [
        (Allowance(), "ok", "not told yet"),
        (Allowance(quota_total=100, quota_usage=89, measured_at=NOW), "ok", "89 of 100"),
        (Allowance(quota_total=100, quota_usage=90, measured_at=NOW), "warning", "90 of 100"),
        (Allowance(quota_total=0, quota_usage=0), "warning", "0 of 0"),
        (Allowance(paused_until=NOW + timedelta(minutes=5)), "warning", "300 seconds"),
    ],
)
def test_the_quota_is_as_instagram_last_told(allowance, status, words):
    found = checks(allowance=allowance)["quota"]
    assert (found.status, words in found.detail) == (status, True)


def test_a_missing_secret_names_the_screen_where_the_pair_is():
    found = checks(setup=replace(SETUP, app_problem="The secret InstagramAppSecret has no usable app_id."))["app"]
    assert (found.status, found.screen) == ("problem", "Instagram > API setup with Instagram login")


@pytest.mark.parametrize("login", ["instagram", "facebook"])
def test_the_redirect_uri_is_told_to_the_letter(login):
    found = checks(an_account(login=login))["redirect_uri"]
    assert f"https://api.example.com/oauth/{login}/callback" in found.detail
    assert found.screen


def test_without_https_meta_will_not_register_it():
    assert checks(setup=Setup("http://127.0.0.1:8000"))["redirect_uri"].status == "warning"


def test_a_check_is_plain_data():
    assert Check(link="app", status="ok", detail="x").screen is None
