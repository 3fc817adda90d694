import json

import pytest

from darkroom import capabilities, limits, parsing
from darkroom.accounts import AccountState
from darkroom.containers import plan
from darkroom.errors import BadRequestError
from darkroom.http_events import encoded
from darkroom.pages import Page, PageRequest, cursor
from darkroom.posting import Preview
from darkroom.posts import PostState, ReelOptions
from darkroom.problems import CATALOGUE
from darkroom.views import PageOf, PageQuery
from darkroom.views_accounts import AccountView
from darkroom.views_posts import NewPost, PlanView, PostsQuery, PostView
from darkroom.views_service import CapabilitiesView, LimitsView, ProblemTypeView
from tests.builders import NOW, OTHER_TENANT, TENANT, a_container, a_post, an_account, content

SECRET_FIELDS = {"tenant_id", "token", "token_version", "request_id", "fence", "publish_attempts", "app_scoped_id"}

POST_ID = "post_01M83QFV33YPD40KDVQ5S94WCG"


def shown(view):
    return json.loads(encoded(view))


@pytest.mark.parametrize("kind", ["image", "carousel", "reel", "story"])
def test_a_post_is_shown_with_the_content_it_was_asked_for(kind):
    asked = shown(content(kind))
    told = shown(PostView.of(a_post(content=content(kind))))
    assert {name: told[name] for name in asked} == asked


def test_a_published_post_shows_when_each_thing_happened():
    post = a_post(
        state=PostState.PUBLISHED,
        containers=(a_container(finished_at=NOW),),
        published_at=NOW,
        media_id="17920238422030506",
        permalink="https://www.instagram.com/p/x/",
    )
    told = shown(PostView.of(post))
    assert told["state"] == "published"
    assert told["accepted_at"] == told["published_at"] == "2026-11-23T09:30:00.000Z"
    assert told["containers"][0]["finished_at"] == "2026-11-23T09:30:00.000Z"
    assert told["media_id"] == "17920238422030506"


@pytest.mark.parametrize("view", [PostView.of(a_post()), AccountView.of(an_account(), None)])
def test_nothing_internal_is_shown(view):
    assert not SECRET_FIELDS & shown(view).keys()


@pytest.mark.parametrize(("default_id", "is_default"), [(an_account().id, True), ("acc_other", False), (None, False)])
def test_an_account_says_whether_it_is_the_default(default_id, is_default):
    told = shown(AccountView.of(an_account(state=AccountState.ACTION_REQUIRED), default_id))
    assert told["is_default"] is is_default
    assert told["state"] == "action_required"


def test_a_plan_shows_the_form_fields_that_instagram_would_get():
    told = shown(PlanView.of(Preview(plan(content("carousel")), None, None)))
    assert told["is_valid"] is True
    assert told["main"] == {"media_type": "CAROUSEL", "caption": "Fresh from the darkroom"}
    assert [item["is_carousel_item"] for item in told["items"]] == [True, True]


@pytest.mark.parametrize(("next_cursor", "has_more"), [("abc", True), (None, False)])
def test_a_page_says_whether_there_is_more(next_cursor, has_more):
    told = shown(PageOf.of(Page((1, 2), next_cursor), str))
    assert told == {"data": ["1", "2"], "has_more": has_more, "next_cursor": next_cursor}


def test_a_query_opens_its_own_tenants_cursor_only():
    query = PostsQuery(limit=7, cursor=cursor(TENANT, POST_ID))
    assert query.page(TENANT) == PageRequest(7, POST_ID)
    with pytest.raises(BadRequestError):
        query.page(OTHER_TENANT)
    assert PageQuery().page(TENANT) == PageRequest(25, None)


def test_a_new_post_is_its_content_account_and_name():
    new = parsing.body(
        NewPost,
        "application/json",
        b'{"kind": "reel", "media": [{"url": "https://m.example.com/a.mp4"}], "reel": {"thumb_offset_ms": 5},'
        b' "collaborators": ["a"], "account_id": "acc_1", "external_id": "mine", "mode": "now"}',
    )
    wanted = new.submission("req_1")
    assert (wanted.account_id, wanted.external_id, wanted.request_id) == ("acc_1", "mine", "req_1")
    assert type(wanted.content).__name__ == "PostContent"
    assert wanted.content.reel == ReelOptions(thumb_offset_ms=5)
    assert wanted.content.collaborators == ("a",)


def test_every_shape_that_is_taken_goes_through_json_unchanged():
    for kind in ("image", "carousel", "reel", "story"):
        wanted = content(kind)
        new = parsing.body(NewPost, "application/json", encoded(wanted).encode())
        assert new.submission("req_1").content == wanted


def test_the_limits_are_shown_with_source_and_date():
    told = shown(LimitsView(data=limits.ALL))["data"]
    assert {"name": "caption_length", "value": 2200, "unit": "characters"}.items() <= told[0].items()
    assert told[0]["checked_on"] == "2026-09-11"


def test_the_capabilities_are_shown_with_source_and_date():
    told = {row["field"]: row for row in shown(CapabilitiesView.of(capabilities.ALL))["data"]}
    assert told["/caption"]["kinds"] == ["image", "carousel", "reel"]
    assert told["/first_comment"]["scope"] == {
        "instagram": "instagram_business_manage_comments",
        "facebook": "instagram_manage_comments",
    }
    assert told["/is_paid_partnership"]["logins"] == ["facebook"]
    assert told["/is_paid_partnership"]["checked_on"] == "2026-09-11"


def test_the_capabilities_tell_what_each_login_asks_for_and_needs():
    told = {each["login"]: each for each in shown(CapabilitiesView.of(capabilities.ALL))["logins"]}
    assert told["facebook"]["needed_scopes"] == [
        "instagram_basic", "instagram_content_publish", "pages_show_list", "pages_read_engagement",
    ]  # fmt: skip
    assert set(told["facebook"]["needed_scopes"]) < set(told["facebook"]["scopes"])
    assert told["facebook"]["webhook_fields"] == {"pages_manage_metadata": ["feed"]}
    assert told["instagram"]["webhook_fields"]["instagram_business_manage_comments"] == ["comments", "live_comments"]


def test_a_problem_type_is_shown_with_the_type_that_problems_carry():
    told = shown(ProblemTypeView.of(CATALOGUE["not_found"]))
    assert told["type"] == "https://darkroom.example/problems/not_found"
    assert told["status"] == 404
