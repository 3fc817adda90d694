"""Renewing a connection of Facebook Login."""

from datetime import timedelta

import pytest

from darkroom.instagram.errors import PermissionDeniedError, TokenInvalidError
from darkroom.renewal import renewed
from tests.builders import a_facebook_account
from tests.fake_facebook import FakeFacebook, a_page


def test_both_tokens_are_new_and_live_sixty_days():
    account = a_facebook_account(page_id=a_page().id)
    made = renewed(account, "old", FakeFacebook())
    assert made.user_token == "CANARY-long-of-old"
    assert made.token == f"CANARY-page-{account.page_id}-of-CANARY-long-of-old"
    assert made.expires_in == timedelta(days=60).total_seconds()
    assert "CANARY" not in repr(made)


@pytest.mark.parametrize("changes", [{"account": None}, {"account": a_page(2).account}])
def test_an_account_that_is_linked_no_more_has_to_be_connected_again(changes):
    facebook = FakeFacebook([[a_page(1, **changes)]])
    with pytest.raises(PermissionDeniedError):
        renewed(a_facebook_account(page_id=a_page().id), "old", facebook)


def test_a_lost_role_has_to_be_connected_again():
    facebook = FakeFacebook(without_token={a_page().id})
    with pytest.raises(PermissionDeniedError):
        renewed(a_facebook_account(page_id=a_page().id), "old", facebook)


def test_a_dead_token_is_told_as_it_is():
    facebook = FakeFacebook(failures={"exchange_long_lived": TokenInvalidError(code=190, subcode=458)})
    with pytest.raises(TokenInvalidError):
        renewed(a_facebook_account(page_id=a_page().id), "old", facebook)
