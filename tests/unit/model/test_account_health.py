from datetime import timedelta

import pytest

from darkroom.accounts import AccountState, health
from darkroom.errors import AccountUnavailableError
from darkroom.logins import FACEBOOK, INSTAGRAM
from tests.builders import NEEDED_SCOPES, NOW, a_facebook_account, an_account, content

PUBLISH_SCOPE = INSTAGRAM.publish_scope
COMMENTS = "instagram_business_manage_comments"
MESSAGES = "instagram_business_manage_messages"
IN_A_WEEK = NOW + timedelta(days=7)


def test_a_healthy_account_needs_nothing():
    told = health(an_account(), NOW)
    assert told.is_healthy
    assert told.advice == ()
    assert told.token_days_left == 60
    assert told.scopes_missing == ()


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"state": AccountState.ACTION_REQUIRED}, "open Instagram"),
        ({"state": AccountState.REAUTHORIZATION_REQUIRED}, "connect this account again"),
        ({"token_expires_at": NOW}, "connect this account again"),
        ({"token_expires_at": NOW - timedelta(days=400)}, "connect this account again"),
        ({"token_expires_at": IN_A_WEEK}, "expires within a week"),
        ({"scopes": NEEDED_SCOPES[:1]}, PUBLISH_SCOPE),
        ({"scopes": (*NEEDED_SCOPES, COMMENTS)}, "Webhooks are not subscribed"),
    ],
)
def test_each_ailment_has_its_advice(changes, advice):
    told = health(an_account(**changes), NOW)
    assert not told.is_healthy
    (sentence,) = told.advice
    assert advice in sentence


@pytest.mark.parametrize("expires_at", [IN_A_WEEK + timedelta(seconds=1), NOW + timedelta(days=60)])
def test_a_token_with_more_than_a_week_is_no_worry(expires_at):
    assert health(an_account(token_expires_at=expires_at), NOW).is_healthy


def test_days_left_are_never_negative():
    assert health(an_account(token_expires_at=NOW - timedelta(days=3)), NOW).token_days_left == 0


def test_several_ailments_are_all_told():
    account = an_account(scopes=(COMMENTS,), token_expires_at=NOW)
    assert len(health(account, NOW).advice) == 3


def test_what_an_account_may_subscribe_to_follows_from_its_scopes():
    assert an_account().webhook_fields() == ()
    assert an_account(scopes=(COMMENTS,)).webhook_fields() == ("comments", "live_comments")
    assert "messages" in an_account(scopes=(COMMENTS, MESSAGES)).webhook_fields()


def test_a_healthy_account_may_publish():
    an_account().require_publishing(NOW)
    a_facebook_account().require_publishing(NOW)


def test_each_login_has_scopes_of_its_own():
    account = a_facebook_account(scopes=NEEDED_SCOPES)
    assert account.missing_scopes() == FACEBOOK.needed_scopes
    with pytest.raises(AccountUnavailableError) as caught:
        a_facebook_account().require_publishing(NOW, content(first_comment="More"))
    assert caught.value.detail == "Missing: instagram_manage_comments."
    assert a_facebook_account(scopes=("pages_manage_metadata",)).webhook_fields() == ("feed",)
    assert health(a_facebook_account(), NOW).scopes_needed == FACEBOOK.needed_scopes


def test_a_pages_token_outlives_the_persons_and_is_instagrams_to_judge():
    account = a_facebook_account(token_expires_at=NOW - timedelta(days=1))
    account.require_publishing(NOW)
    assert "connect this account again" in health(account, NOW).advice[0]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": AccountState.ACTION_REQUIRED}, "action_required"),
        ({"state": AccountState.ACTION_REQUIRED, "token_expires_at": NOW}, "action_required"),
        ({"state": AccountState.REAUTHORIZATION_REQUIRED}, "reauthorization_required"),
        ({"token_expires_at": NOW}, "reauthorization_required"),
        ({"scopes": NEEDED_SCOPES[:1]}, "permissions_missing"),
    ],
)
def test_an_account_that_cannot_publish_says_whose_turn_it_is(changes, code):
    with pytest.raises(AccountUnavailableError) as caught:
        an_account(**changes).require_publishing(NOW)
    assert caught.value.code == code


@pytest.mark.parametrize("option", [{"first_comment": "More"}, {"comments_enabled": False}])
def test_what_is_done_with_comments_needs_the_scope_for_comments(option):
    wish = content(**option)
    with pytest.raises(AccountUnavailableError) as caught:
        an_account().require_publishing(NOW, wish)
    assert (caught.value.code, caught.value.detail) == ("permissions_missing", f"Missing: {COMMENTS}.")
    an_account(scopes=(*NEEDED_SCOPES, COMMENTS)).require_publishing(NOW, wish)
    an_account().require_publishing(NOW, content())


def test_comments_that_stay_on_need_no_scope():
    """As Instagram has it anyway."""
    an_account().require_publishing(NOW, content(comments_enabled=True))


def test_every_missing_scope_is_named_at_once():
    with pytest.raises(AccountUnavailableError) as caught:
        an_account(scopes=()).require_publishing(NOW, content(first_comment="More"))
    assert caught.value.detail == f"Missing: {PUBLISH_SCOPE}, {COMMENTS}."
