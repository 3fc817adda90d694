"""Finding the Pages behind which accounts are: lists, cursors, businesses, and an end to it."""

from datetime import timedelta

import pytest

from darkroom import linked_accounts
from darkroom.instagram.errors import (
    InstagramUnavailableError,
    InvalidRequestError,
    PermissionDeniedError,
    RateLimitedError,
)
from darkroom.instagram.oauth import BUSINESS_MANAGEMENT, FACEBOOK_SCOPES
from tests.fake_facebook import FakeFacebook, a_page
from tests.fakes import Clock

ALL = frozenset(FACEBOOK_SCOPES)


@pytest.fixture
def clock():
    return Clock()


def found(facebook, clock, scopes=ALL, seconds=9):
    until = clock() + timedelta(seconds=seconds)
    return linked_accounts.pages_of("token", scopes, facebook, until, clock)


def test_reads_each_list_to_its_end(clock):
    facebook = FakeFacebook([[a_page(1)], [a_page(2)], [a_page(3)]])
    assert found(facebook, clock, ALL - {BUSINESS_MANAGEMENT}) == (a_page(1), a_page(2), a_page(3))
    assert facebook.calls == ["pages"] * 3


def test_adds_what_businesses_own_and_work_for_and_believes_the_persons_own_list_first(clock):
    seen_by_business = a_page(1, tasks=None)
    facebook = FakeFacebook(
        [[a_page(1)]],
        {("7", "owned_pages"): [[seen_by_business, a_page(2)]], ("7", "client_pages"): [[a_page(3)]]},
    )
    assert found(facebook, clock) == (a_page(1), a_page(2), a_page(3))
    assert facebook.calls == ["pages", "businesses", "owned_pages 7", "client_pages 7"]


@pytest.mark.parametrize("refusal", [PermissionDeniedError(code=200), InvalidRequestError(code=100)])
def test_a_list_that_an_employee_may_not_see_costs_only_itself(clock, refusal):
    facebook = FakeFacebook([[]], {("7", "owned_pages"): [[a_page(1)]], ("7", "client_pages"): [[a_page(2)]]})
    facebook.failures["owned_pages 7"] = refusal
    assert found(facebook, clock) == (a_page(2),)


@pytest.mark.parametrize("failure", [InstagramUnavailableError(), RateLimitedError(code=4)])
def test_a_failed_search_is_told_only_where_nothing_usable_was_found(clock, failure):
    facebook = FakeFacebook([[a_page(1)]])
    facebook.failures["businesses"] = failure
    assert found(facebook, clock) == (a_page(1),)
    facebook.pages_shown = [[a_page(1, account=None)]]
    with pytest.raises(type(failure)):
        found(facebook, clock)


def test_stops_when_a_person_has_waited_long_enough(clock):
    facebook = FakeFacebook([[a_page(1)]], {("7", "owned_pages"): [[a_page(2)]], ("7", "client_pages"): [[a_page(3)]]})
    facebook.on_call = lambda: clock.advance(4)
    assert found(facebook, clock) == (a_page(1), a_page(2))


def test_a_list_that_never_ends_is_left_alone_after_a_while(clock):
    class Endless(FakeFacebook):
        def pages(self, user_token, after=None):
            listing = super().pages(user_token)
            return type(listing)(listing.entries, str(int(after or 0) + 1))

    facebook = Endless()
    assert found(facebook, clock) == (a_page(1),)
    assert len(facebook.calls) < 50


def test_a_cursor_that_leads_nowhere_else_ends_the_list(clock):
    class Stuck(FakeFacebook):
        def pages(self, user_token, after=None):
            listing = super().pages(user_token)
            return type(listing)(listing.entries, "same")

    facebook = Stuck()
    assert found(facebook, clock, frozenset()) == (a_page(1),)
    assert facebook.calls == ["pages", "pages"]


def test_reasons_name_a_few_pages_and_count_the_rest():
    pages = tuple(a_page(number, name=f"Shop {number}", account=None) for number in range(1, 14))
    told = linked_accounts.reasons(pages)
    assert told.startswith("Shop 1: no Instagram professional account")
    assert told.endswith("; and 3 more.")
    assert "Shop 11" not in told
    assert len(linked_accounts.reasons((a_page(1, name="x" * 5000, account=None),))) < 200
