"""
Every kind with every option, image and video: either the form fields that Meta's reference lists for it, written here
by hand, or a refusal that points at the option. Nothing in between: nothing is dropped.
"""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.containers import plan
from darkroom.posts import MediaItem, PostContent, ReelOptions, UserTag
from darkroom.validation import field_errors

JPEG = "https://media.example.com/a.jpg"
SECOND = "https://media.example.com/b.jpg"
VIDEO = "https://media.example.com/a.mp4"
COVER = "https://media.example.com/cover.jpg"

# What selects the container: (fields of the published container, fields of the first carousel item).
IMAGE = ({"image_url": JPEG}, None)
REEL = ({"media_type": "REELS", "video_url": VIDEO}, None)
IMAGE_STORY = ({"media_type": "STORIES", "image_url": JPEG}, None)
VIDEO_STORY = ({"media_type": "STORIES", "video_url": VIDEO}, None)
CAROUSEL_OF_IMAGES = ({"media_type": "CAROUSEL"}, {"image_url": JPEG, "is_carousel_item": True})
CAROUSEL_WITH_VIDEO = (
    {"media_type": "CAROUSEL"},
    {"video_url": VIDEO, "media_type": "VIDEO", "is_carousel_item": True},
)

VARIANTS: dict[str, tuple[PostContent, tuple[dict[str, Any], dict[str, Any] | None]]] = {
    "image": (PostContent(kind="image", media=(MediaItem(url=JPEG),)), IMAGE),
    "reel": (PostContent(kind="reel", media=(MediaItem(url=VIDEO),)), REEL),
    "image story": (PostContent(kind="story", media=(MediaItem(url=JPEG),)), IMAGE_STORY),
    "video story": (PostContent(kind="story", media=(MediaItem(url=VIDEO),)), VIDEO_STORY),
    "carousel, image": (
        PostContent(kind="carousel", media=(MediaItem(url=JPEG), MediaItem(url=SECOND))),
        CAROUSEL_OF_IMAGES,
    ),
    "carousel, video": (
        PostContent(kind="carousel", media=(MediaItem(url=VIDEO), MediaItem(url=SECOND))),
        CAROUSEL_WITH_VIDEO,
    ),
}
FEED = {"image", "reel", "carousel, image", "carousel, video"}
ALL = set(VARIANTS)
IMAGES_IN_FEED = {"image", "carousel, image"}
WITH_VIDEO = {"reel", "video story", "carousel, video"}

# Of the post: what is asked for, the form field and its value on the published container, who carries it, and where and
# why the others refuse.
POST_OPTIONS: list[tuple[dict[str, Any], dict[str, Any], set[str], str, str]] = [
    ({"caption": "Hello #world"}, {"caption": "Hello #world"}, FEED, "/caption", "not_possible"),
    ({"location_id": "7640348500"}, {"location_id": "7640348500"}, FEED, "/location_id", "not_possible"),
    (
        {"collaborators": ("nat.geo", "b")},
        {"collaborators": '["nat.geo", "b"]'},
        FEED,
        "/collaborators",
        "not_possible",
    ),
    ({"is_ai_generated": True}, {"is_ai_generated": True}, ALL, "", ""),
    ({"is_ai_generated": False}, {"is_ai_generated": False}, ALL, "", ""),
    # No container carries these: they come once the post is live.
    ({"first_comment": "More at #darkroom"}, {}, FEED, "/first_comment", "not_possible"),
    ({"comments_enabled": True}, {}, FEED, "/comments_enabled", "not_possible"),
    ({"comments_enabled": False}, {}, FEED, "/comments_enabled", "not_possible"),
]
REEL_OPTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"cover_url": COVER}, {"cover_url": COVER}),
    ({"thumb_offset_ms": 0}, {"thumb_offset": 0}),
    ({"thumb_offset_ms": 5000}, {"thumb_offset": 5000}),
    ({"share_to_feed": True}, {"share_to_feed": True}),
    ({"share_to_feed": False}, {"share_to_feed": False}),
    ({"audio_name": "Darkroom theme"}, {"audio_name": "Darkroom theme"}),
    ({"trial": "MANUAL"}, {"trial_params": '{"graduation_strategy": "MANUAL"}'}),
    ({"trial": "SS_PERFORMANCE"}, {"trial_params": '{"graduation_strategy": "SS_PERFORMANCE"}'}),
]
# Of an item: on the carousel's child, or on the one container of other kinds.
PLACED = (UserTag(username="nat.geo", x=0.5, y=0.8),)
UNPLACED = (UserTag(username="nat.geo"),)
PLACED_FIELD = {"user_tags": '[{"username": "nat.geo", "x": 0.5, "y": 0.8}]'}
UNPLACED_FIELD = {"user_tags": '[{"username": "nat.geo"}]'}
ITEM_OPTIONS: list[tuple[dict[str, Any], dict[str, Any], set[str], list[tuple[str, str]]]] = [
    ({"alt_text": "A cat"}, {"alt_text": "A cat"}, IMAGES_IN_FEED, [("/media/0/alt_text", "not_possible")]),
    (
        {"user_tags": PLACED},
        PLACED_FIELD,
        {*IMAGES_IN_FEED, "image story"},
        [("/media/0/user_tags/0/x", "not_possible"), ("/media/0/user_tags/0/y", "not_possible")],
    ),
    (
        {"user_tags": UNPLACED},
        UNPLACED_FIELD,
        {*WITH_VIDEO, "image story"},
        [("/media/0/user_tags/0", "position_needed")],
    ),
]


def planned(content: PostContent) -> tuple[dict[str, Any], dict[str, Any] | None]:
    made = plan(content)
    return made.main.parameters, made.items[0].parameters if made.items else None


def refusals(content: PostContent) -> list[tuple[str, str]]:
    return [(error.pointer, error.code) for error in field_errors(content)]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_plainest_post_of_each_kind(name):
    content, expected = VARIANTS[name]
    assert refusals(content) == []
    assert planned(content) == expected


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("option", POST_OPTIONS, ids=[str(option[0]) for option in POST_OPTIONS])
def test_an_option_of_the_post_is_carried_or_refused(name, option):
    asked, sent, carriers, pointer, code = option
    content, (main, item) = VARIANTS[name]
    content = replace(content, **asked)
    if name in carriers:
        assert refusals(content) == []
        assert planned(content) == ({**main, **sent}, item)
    else:
        assert refusals(content) == [(pointer, code)]


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize(("asked", "sent"), REEL_OPTIONS, ids=[str(o[0]) for o in REEL_OPTIONS])
def test_an_option_of_reels_is_carried_by_reels_and_refused_elsewhere(name, asked, sent):
    content, (main, item) = VARIANTS[name]
    content = replace(content, reel=ReelOptions(**asked))
    if name == "reel":
        assert refusals(content) == []
        assert planned(content) == ({**main, **sent}, item)
    else:
        assert refusals(content) == [("/reel", "not_possible")]


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("option", ITEM_OPTIONS, ids=[str(option[0]) for option in ITEM_OPTIONS])
def test_an_option_of_an_item_is_carried_or_refused(name, option):
    asked, sent, carriers, expected = option
    content, (main, item) = VARIANTS[name]
    content = replace(content, media=(replace(content.media[0], **asked), *content.media[1:]))
    if name not in carriers:
        assert refusals(content) == expected
    elif item is None:
        assert refusals(content) == []
        assert planned(content) == ({**main, **sent}, None)
    else:
        assert refusals(content) == []
        assert planned(content) == (main, {**item, **sent})


def test_the_table_above_knows_every_option():
    asked = {name for option in (*POST_OPTIONS, *ITEM_OPTIONS) for name in option[0]}
    assert asked == ({f.name for f in fields(PostContent)} | {f.name for f in fields(MediaItem)}) - {
        "kind",
        "media",
        "reel",
        "url",
        "type",
    }
    assert {name for option in REEL_OPTIONS for name in option[0]} == {f.name for f in fields(ReelOptions)}


def test_a_carousel_has_a_container_an_item_in_order():
    urls = [f"https://media.example.com/{number}.jpg" for number in range(10)]
    made = plan(PostContent(kind="carousel", media=tuple(MediaItem(url=url) for url in urls)))
    assert [item.parameters["image_url"] for item in made.items] == urls


def test_the_parent_of_a_carousel_names_its_children_in_order():
    made = plan(VARIANTS["carousel, image"][0])
    assert made.with_children(("11", "12")).parameters == {"media_type": "CAROUSEL", "children": "11,12"}
    assert made.main.parameters == {"media_type": "CAROUSEL"}


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("https://x.example.com/a.JPG", "image_url"),
        ("https://x.example.com/a.jpeg?w=1.mp4", "image_url"),
        ("https://x.example.com/a.mp4?sig=x", "video_url"),
        ("https://x.example.com/a.MOV", "video_url"),
    ],
)
def test_the_ending_of_a_url_tells_image_from_video(url, field):
    assert field in plan(PostContent(kind="story", media=(MediaItem(url=url),))).main.parameters


@pytest.mark.parametrize("kind", ["story", "carousel"])
def test_a_url_that_tells_nothing_needs_a_type(kind):
    vague = MediaItem(url="https://x.example.com/download/42")
    count = 1 if kind == "story" else 2
    content = PostContent(kind=kind, media=(vague,) * count)
    assert refusals(content) == [(f"/media/{index}/type", "type_needed") for index in range(count)]
    assert refusals(replace(content, media=(replace(vague, type="video"),) * count)) == []


# Everything in a valid post reaches Instagram.

USERNAMES = st.from_regex(r"[a-z0-9._]{1,30}", fullmatch=True)
FRACTIONS = st.floats(0, 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
PLACED_TAGS = st.builds(UserTag, username=USERNAMES, x=FRACTIONS, y=FRACTIONS)
UNPLACED_TAGS = st.builds(UserTag, username=USERNAMES)
COVERS = st.sampled_from([{}, {"cover_url": COVER}]) | st.integers(0, 899_999).map(lambda at: {"thumb_offset_ms": at})
REELS = st.builds(
    lambda cover, **others: ReelOptions(**cover, **others),
    COVERS,
    share_to_feed=st.none() | st.booleans(),
    audio_name=st.none() | TEXTS,
    trial=st.sampled_from([None, "MANUAL", "SS_PERFORMANCE"]),
)


def images(tags: st.SearchStrategy[UserTag], alt_texts: st.SearchStrategy[str | None]) -> st.SearchStrategy[MediaItem]:
    return st.builds(
        MediaItem,
        url=st.sampled_from([JPEG, SECOND]),
        type=st.sampled_from([None, "image"]),
        alt_text=alt_texts,
        user_tags=st.lists(tags, max_size=3).map(tuple),
    )


VIDEOS = st.builds(
    MediaItem,
    url=st.just(VIDEO),
    type=st.sampled_from([None, "video"]),
    user_tags=st.lists(UNPLACED_TAGS, max_size=3).map(tuple),
)
FEED_IMAGES = images(PLACED_TAGS, st.none() | TEXTS)
ITEMS = {
    "image": st.tuples(FEED_IMAGES),
    "carousel": st.lists(FEED_IMAGES | VIDEOS, min_size=2, max_size=10).map(tuple),
    "reel": st.tuples(VIDEOS),
    "story": st.tuples(images(PLACED_TAGS | UNPLACED_TAGS, st.none()) | VIDEOS),
}

AFTERWARDS = st.sampled_from(
    [{}, {"first_comment": "More"}, {"comments_enabled": False}, {"first_comment": "More", "comments_enabled": True}]
)


@st.composite
def valid_posts(draw: st.DrawFn) -> PostContent:
    kind = draw(st.sampled_from(["image", "carousel", "reel", "story"]))
    in_feed = kind != "story"
    return PostContent(
        kind=kind,
        media=draw(ITEMS[kind]),
        caption=draw(st.none() | TEXTS) if in_feed else None,
        location_id=draw(st.none() | st.from_regex(r"[0-9]{1,20}", fullmatch=True)) if in_feed else None,
        collaborators=tuple(draw(st.lists(USERNAMES, max_size=3))) if in_feed else (),
        reel=draw(st.none() | REELS) if kind == "reel" else None,
        is_ai_generated=draw(st.none() | st.booleans()),
        **(draw(AFTERWARDS) if in_feed else {}),
    )


NOT_IN_CONTAINERS = ("kind", "type", "first_comment", "comments_enabled")


def leaves(value: Any) -> list[Any]:
    """Every value that a caller gave for the containers, but for the two that only choose the form."""
    if isinstance(value, tuple):
        return [leaf for each in value for leaf in leaves(each)]
    if isinstance(value, PostContent | MediaItem | ReelOptions | UserTag):
        named = [f.name for f in fields(value) if f.name not in NOT_IN_CONTAINERS]
        return [leaf for name in named for leaf in leaves(getattr(value, name))]
    return [] if value is None else [value]


def sent(parameters: dict[str, Any]) -> list[Any]:
    """Every value that Instagram gets, JSON opened."""
    found: list[Any] = []
    for name, value in parameters.items():
        if name == "user_tags":
            found += [part for tag in json.loads(value) for part in tag.values()]
        elif name == "collaborators":
            found += json.loads(value)
        elif name == "trial_params":
            found += json.loads(value).values()
        elif name not in ("media_type", "is_carousel_item"):
            found.append(value)
    return found


@settings(max_examples=300)
@given(valid_posts())
def test_nothing_of_a_valid_post_is_dropped_or_invented(content):
    assert field_errors(content) == ()
    made = plan(content)
    everything = [value for container in (*made.items, made.main) for value in sent(container.parameters)]
    assert sorted(map(repr, everything)) == sorted(map(repr, leaves(content)))
