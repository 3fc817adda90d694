from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import limits
from darkroom.posts import MediaItem, PostContent, ReelOptions, UserTag
from darkroom.validation import field_errors
from tests.builders import content, image_item, video_item

FAMILY = "👨\u200d👩\u200d👧\u200d👦"  # four people, three joiners: one glyph, seven characters
COVER = "https://cdn.example.com/cover.jpg"
HOSTS = frozenset({"127.0.0.1:9000"})


def refusals(post, hosts=frozenset()):
    return [(error.pointer, error.code) for error in field_errors(post, hosts)]


def tags(count, **place):
    return tuple(UserTag(username=f"u{number}", **place) for number in range(count))


# Every limit, at its edge and one beyond.

AT_THE_EDGE = [
    (content(caption="x" * 2200), []),
    (content(caption="x" * 2201), [("/caption", "too_long")]),
    (content(caption=" ".join(["#tag"] * 30)), []),
    (content(caption=" ".join(["#tag"] * 31)), [("/caption", "too_many_hashtags")]),
    (content(caption=" ".join(["@user"] * 20)), []),
    (content(caption=" ".join(["@user"] * 21)), [("/caption", "too_many_mentions")]),
    (content("carousel", media=(image_item(),)), [("/media", "wrong_count")]),
    (content("carousel", media=(image_item(),) * 2), []),
    (content("carousel", media=(image_item(),) * 10), []),
    (content("carousel", media=(image_item(),) * 11), [("/media", "wrong_count")]),
    (content("carousel", media=()), [("/media", "wrong_count")]),
    (content("image", media=()), [("/media", "wrong_count")]),
    (content("image", media=(image_item(),) * 2), [("/media", "wrong_count")]),
    (content("reel", media=(video_item(),) * 2), [("/media", "wrong_count")]),
    (content("story", media=(image_item(),) * 2), [("/media", "wrong_count")]),
    (content(media=(image_item(alt_text="x" * 1000),)), []),
    (content(media=(image_item(alt_text="x" * 1001),)), [("/media/0/alt_text", "too_long")]),
    (content(media=(image_item(user_tags=tags(20, x=0.0, y=1.0)),)), []),
    (content(media=(image_item(user_tags=tags(21, x=0.0, y=1.0)),)), [("/media/0/user_tags", "too_many_tags")]),
    (content(collaborators=("a", "b", "c")), []),
    (content(collaborators=("a", "b", "c", "d")), [("/collaborators", "too_many_collaborators")]),
    (content(media=(image_item(url="https://e.example.com/".ljust(2048, "x")),)), []),
    (content(media=(image_item(url="https://e.example.com/".ljust(2049, "x")),)), [("/media/0/url", "url_refused")]),
    (content("reel", reel=ReelOptions(thumb_offset_ms=-1)), [("/reel/thumb_offset_ms", "out_of_range")]),
    (content("reel", reel=ReelOptions(thumb_offset_ms=0)), []),
    (content("reel", reel=ReelOptions(cover_url=COVER)), []),
    (
        content("reel", reel=ReelOptions(cover_url=COVER, thumb_offset_ms=0)),
        [("/reel/thumb_offset_ms", "not_possible")],
    ),
    (content("reel", reel=ReelOptions(thumb_offset_ms=899_999)), []),
    (content("reel", reel=ReelOptions(thumb_offset_ms=900_000)), [("/reel/thumb_offset_ms", "out_of_range")]),
    (content("reel", reel=ReelOptions(thumb_offset_ms=10**400)), [("/reel/thumb_offset_ms", "out_of_range")]),
    (content("reel", reel=ReelOptions(audio_name="x" * 255)), []),
    (content("reel", reel=ReelOptions(audio_name="x" * 256)), [("/reel/audio_name", "too_long")]),
    (content(first_comment="x" * 2200), []),
    (content(first_comment="x" * 2201), [("/first_comment", "too_long")]),
    (content(collaborators=("x" * 30,)), []),
    (content(collaborators=("x" * 31,)), [("/collaborators/0", "not_a_username")]),
    (content(location_id="9" * 30), []),
    (content(location_id="9" * 31), [("/location_id", "not_an_id")]),
]


@pytest.mark.parametrize(("post", "expected"), AT_THE_EDGE)
def test_each_limit_holds_at_its_edge_and_not_one_beyond(post, expected):
    assert refusals(post) == expected


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        (limits.CAPTION_LENGTH, 2200),
        (limits.CAPTION_HASHTAGS, 30),
        (limits.CAPTION_MENTIONS, 20),
        (limits.CAROUSEL_MINIMUM, 2),
        (limits.CAROUSEL_MAXIMUM, 10),
        (limits.ALT_TEXT_LENGTH, 1000),
        (limits.USER_TAGS, 20),
        (limits.COLLABORATORS, 3),
        (limits.IMAGE_BYTES, 8_388_608),
        (limits.REEL_BYTES, 300_000_000),
        (limits.REEL_SECONDS, 900),
        (limits.STORY_VIDEO_BYTES, 100_000_000),
        (limits.STORY_VIDEO_SECONDS, 60),
    ],
)
def test_the_limits_are_the_ones_of_metas_reference(limit, value):
    assert limit.value == value


def test_the_table_of_limits_is_complete_and_dated():
    named = {each for each in vars(limits).values() if isinstance(each, limits.Limit)}
    assert set(limits.ALL) == named
    assert len({limit.name for limit in limits.ALL}) == len(limits.ALL)
    assert all(limit.source and limit.checked_on >= date(2026, 9, 1) for limit in limits.ALL)


# Counting, as far as anybody outside knows how Instagram counts.


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("#cat", True),
        ("#Köln", True),
        ("#東京", True),
        ("#नमस्ते", True),
        ("#2026", True),
        ("#_", True),
        ("\uff03cat", True),
        ("#😀", True),
        ("#♥", True),
        ("#", False),
        ("# cat", False),
        ("#\ufe0f\u20e3", False),  # the keycap emoji
        ("number #!", False),
    ],
)
def test_what_counts_as_a_hashtag(text, is_one):
    expected = [("/caption", "too_many_hashtags")] if is_one else []
    assert refusals(content(caption=" ".join([text] * 31))) == expected


def test_hashtags_without_a_space_between_them_count_each():
    assert refusals(content(caption="#a#b" * 15)) == []
    assert refusals(content(caption="#a#b" * 15 + "#c")) == [("/caption", "too_many_hashtags")]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("@nat.geo", True),
        ("(@nat_geo)", True),
        ("@a,", True),
        ("me@example.com", False),
        ("first.last@example.com", False),
        ("@", False),
        ("@ 5 pm", False),
        ("@...", False),
        ("@東京", False),  # usernames are ASCII
    ],
)
def test_what_counts_as_a_mention(text, is_one):
    expected = [("/caption", "too_many_mentions")] if is_one else []
    assert refusals(content(caption=" ".join([text] * 21))) == expected


def test_length_is_counted_in_characters_not_in_bytes_or_glyphs():
    assert refusals(content(caption="😀" * 2200)) == []
    assert refusals(content(caption="é" * 2200)) == []
    assert refusals(content(caption=FAMILY * 314)) == []  # 2,198 characters
    assert refusals(content(caption=FAMILY * 315)) == [("/caption", "too_long")]


@pytest.mark.parametrize("text", [f"{FAMILY} at home", "\u202eright to left", "مرحبا", "tab\tand\nlines\r\n", "\u200b"])
def test_text_in_any_script_is_left_alone(text):
    assert refusals(content(caption=text, media=(image_item(alt_text=text),))) == []


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\ud800"])
def test_what_nobody_types_is_refused_in_every_text(character):
    text = f"a{character}b"
    assert refusals(content(caption=text)) == [("/caption", "unprintable")]
    assert refusals(content(media=(image_item(alt_text=text),))) == [("/media/0/alt_text", "unprintable")]
    assert refusals(content("reel", reel=ReelOptions(audio_name=text))) == [("/reel/audio_name", "unprintable")]
    assert refusals(content(first_comment=text)) == [("/first_comment", "unprintable")]


# What a kind cannot carry; with tests/unit/model/test_containers.py for each option alone.


def test_every_wrong_field_is_named_at_once():
    story = PostContent(
        kind="story",
        media=(MediaItem(url="http://example.com/a.jpg", alt_text="x", user_tags=(UserTag(username="no spaces"),)),),
        caption="x",
        location_id="here",
        collaborators=("no spaces",),
        reel=ReelOptions(audio_name="x"),
        first_comment="x",
        comments_enabled=False,
    )
    assert set(refusals(story)) == {
        ("/caption", "not_possible"),
        ("/reel", "not_possible"),
        ("/location_id", "not_possible"),
        ("/location_id", "not_an_id"),
        ("/collaborators", "not_possible"),
        ("/collaborators/0", "not_a_username"),
        ("/first_comment", "not_possible"),
        ("/comments_enabled", "not_possible"),
        ("/media/0/url", "url_refused"),
        ("/media/0/alt_text", "not_possible"),
        ("/media/0/user_tags/0/username", "not_a_username"),
    }


@pytest.mark.parametrize(
    ("post", "expected"),
    [
        (content(media=(video_item(),)), [("/media/0/type", "wrong_type")]),
        (content("reel", media=(image_item(),)), [("/media/0/type", "wrong_type")]),
    ],
)
def test_a_kind_takes_its_own_type_of_media(post, expected):
    assert refusals(post) == expected


@pytest.mark.parametrize("place", [{"x": 0.5}, {"y": 0.5}])
@pytest.mark.parametrize("kind", ["image", "story"])
def test_half_a_position_is_none(kind, place):
    post = content(kind, media=(image_item(user_tags=tags(1, **place)),))
    assert refusals(post) == [("/media/0/user_tags/0", "position_needed")]


@pytest.mark.parametrize("x", [-0.01, 1.01, float("nan"), float("inf"), float("-inf")])
def test_a_position_lies_within_the_image(x):
    post = content(media=(image_item(user_tags=tags(1, x=x, y=0.5)),))
    assert refusals(post) == [("/media/0/user_tags/0", "out_of_range")]


@pytest.mark.parametrize("username", ["", "@natgeo", "nat geo", "nät", "a/b", "a\n"])
def test_a_username_is_instagrams(username):
    assert refusals(content(collaborators=(username,))) == [("/collaborators/0", "not_a_username")]
    post = content(media=(image_item(user_tags=(UserTag(username=username, x=0, y=0),)),))
    assert refusals(post) == [("/media/0/user_tags/0/username", "not_a_username")]


def test_the_cover_of_a_reel_is_judged_like_media():
    post = content("reel", reel=ReelOptions(cover_url="http://127.0.0.1:9000/cover.jpg"))
    assert refusals(post) == [("/reel/cover_url", "url_refused")]
    assert refusals(post, HOSTS) == []


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_comment_without_text_is_none(text):
    assert refusals(content(first_comment=text)) == [("/first_comment", "empty")]


def test_a_comment_that_nobody_would_see_is_refused():
    assert refusals(content(first_comment="x", comments_enabled=False)) == [("/first_comment", "not_possible")]
    assert refusals(content(first_comment="x", comments_enabled=True)) == []


def test_the_wrong_item_of_a_carousel_is_pointed_at():
    post = content("carousel", media=(image_item(), video_item(), image_item(url="ftp://example.com/a.jpg")))
    assert refusals(post) == [("/media/2/url", "url_refused")]


@given(st.text(max_size=60), st.sampled_from(["image", "story", "reel", "carousel"]))
def test_no_text_makes_the_validator_fall_over_or_repeat_it(text, kind):
    post = replace(
        content(kind, caption=text, collaborators=(text,), location_id=text),
        media=(MediaItem(url=text, alt_text=text, user_tags=(UserTag(username=text),)),),
        reel=ReelOptions(cover_url=text, audio_name=text),
        first_comment=text,
    )
    for error in field_errors(post):
        assert len(text) < 12 or text not in error.message
