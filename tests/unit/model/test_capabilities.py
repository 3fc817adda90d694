"""The table is complete and says what Meta's reference says, written here a second time by hand."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from typing import get_args

import pytest

from darkroom import capabilities
from darkroom.capabilities import Capability, reason_not_offered, refusals, scopes
from darkroom.instagram.oauth import SCOPES_BY_LOGIN
from darkroom.logins import LOGINS, Login
from darkroom.posts import Kind, MediaItem, MediaType, PostContent, ReelOptions, UserTag
from tests.builders import content, image_item, video_item

ROWS = {row.field: row for row in capabilities.ALL}
PARTS = {"": PostContent, "/reel": ReelOptions, "/media/*": MediaItem, "/media/*/user_tags/*": UserTag}
COMMENTS = "instagram_business_manage_comments"

# Who cannot carry it, in Instagram's terms. What is not named here goes everywhere.
REFUSED = {
    "/caption": ["story image", "story video"],
    "/location_id": ["story image", "story video"],
    "/collaborators": ["story image", "story video"],
    "/first_comment": ["story image", "story video"],
    "/comments_enabled": ["story image", "story video"],
    "/media/*/alt_text": ["carousel video", "reel video", "story image", "story video"],
    "/media/*/user_tags/*/x": ["carousel video", "reel video", "story video"],
    "/media/*/user_tags/*/y": ["carousel video", "reel video", "story video"],
    **{
        f"/reel{name}": ["image image", "carousel image", "carousel video", "story image", "story video"]
        for name in ("", "/cover_url", "/thumb_offset_ms", "/share_to_feed", "/audio_name", "/trial")
    },
}


def places() -> Iterator[tuple[Kind, MediaType]]:
    """Every kind with every media type that it can hold."""
    for kind in get_args(Kind):
        for media_type in get_args(MediaType):
            if (kind, media_type) not in {("image", "video"), ("reel", "image")}:
                yield kind, media_type


def where_refused(row: Capability, login: Login) -> list[str]:
    return [f"{kind} {media_type}" for kind, media_type in places() if row.refusal(kind, media_type, login)]


def test_there_is_one_row_for_every_field_and_no_other():
    own = [f"{at}/{field.name}" for at, part in PARTS.items() for field in fields(part)]
    assert sorted(row.field for row in capabilities.ALL if row.is_offered) == sorted(own)
    assert len(ROWS) == len(capabilities.ALL)


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.is_offered], ids=lambda row: row.field)
@pytest.mark.parametrize("login", get_args(Login))
def test_a_field_goes_where_metas_reference_says(row, login):
    assert where_refused(row, login) == REFUSED.get(row.field, [])


@pytest.mark.parametrize("row", [row for row in ROWS.values() if not row.is_offered], ids=lambda row: row.field)
def test_what_is_not_offered_is_what_this_login_cannot_do(row):
    assert row.logins == ("facebook",)
    assert len(where_refused(row, "instagram")) == len(list(places()))
    assert len(where_refused(row, "facebook")) < len(list(places()))


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.field)
def test_a_row_that_refuses_says_why_and_every_row_has_a_source_and_a_date(row):
    assert (row.reason is not None) == (len(row.kinds) < 4 or len(row.media_types) < 2)
    assert row.reason is None or row.reason.endswith(".")
    assert row.source
    assert row.checked_on >= date(2026, 9, 1)


def test_while_nobody_knows_the_media_type_it_refuses_nothing():
    assert ROWS["/media/*/alt_text"].refusal("carousel", None, "instagram") is None
    assert ROWS["/media/*/alt_text"].refusal("story", None, "instagram") is not None


def test_what_is_inside_a_refused_field_is_not_refused_again():
    story = content("story", reel=ReelOptions(audio_name="x", trial="MANUAL"), caption="x")
    assert [error.pointer for error in refusals(story, "instagram")] == ["/caption", "/reel"]


def test_a_refusal_points_at_the_item():
    tag = UserTag(username="a", x=0.5, y=0.5)
    items = (
        image_item(alt_text="x", user_tags=(tag,)),
        video_item(alt_text="x", user_tags=(tag, UserTag(username="b"))),
    )
    found = [(error.pointer, error.message) for error in refusals(content("carousel", media=items), "instagram")]
    assert found == [
        ("/media/1/alt_text", "Instagram takes alt text on feed images only."),
        ("/media/1/user_tags/0/x", "Instagram takes no tag positions on videos."),
        ("/media/1/user_tags/0/y", "Instagram takes no tag positions on videos."),
    ]


def test_zero_and_false_say_something_and_an_empty_list_does_not():
    story = content("story", comments_enabled=False, collaborators=())
    assert [error.pointer for error in refusals(story, "instagram")] == ["/comments_enabled"]


def test_only_what_is_done_with_comments_needs_a_scope_of_its_own():
    assert {row.field for row in ROWS.values() if row.scope} == {"/first_comment", "/comments_enabled"}
    assert scopes(content(), "instagram") == frozenset()
    wish = content(first_comment="x", comments_enabled=True)
    assert scopes(wish, "instagram") == {COMMENTS}
    assert scopes(wish, "facebook") == {"instagram_manage_comments"}


@pytest.mark.parametrize("login", get_args(Login))
def test_every_scope_that_is_needed_or_opens_something_can_be_asked_for(login):
    traits = LOGINS[login]
    own = {*traits.needed_scopes, traits.publish_scope, traits.comments_scope, *traits.webhook_fields}
    assert own <= SCOPES_BY_LOGIN[login].keys()
    assert traits.publish_scope in traits.needed_scopes


def test_a_field_of_metas_that_is_not_ours_has_a_reason():
    assert "Facebook Login" in reason_not_offered("product_tags")
    assert reason_not_offered("caption") is None
    assert reason_not_offered("colour") is None
