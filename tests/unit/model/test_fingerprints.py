from datetime import timedelta

import pytest

from darkroom.fingerprints import KEPT, Claims, fingerprint
from darkroom.posts import ReelOptions, UserTag
from tests.builders import NOW, content, image_item, video_item

POST = content(caption="Trip highlights #travel")
HOST = "https://media.example.com"


def item(url):
    return (image_item(url=url),)


@pytest.mark.parametrize(
    "again",
    [
        content(caption="  Trip\u00a0highlights\n\n#travel "),
        content(caption=POST.caption, media=(image_item(alt_text="A beach"),)),
        content(caption=POST.caption, media=(image_item(user_tags=(UserTag(username="a", x=0, y=0),)),)),
        content(caption=POST.caption, media=(image_item(type=None),)),
        content(caption=POST.caption, media=item(f"{HOST}/photo.jpg?X-Amz-Signature=1")),
        content(caption=POST.caption, media=item("https://MEDIA.example.com/photo.jpg#top")),
        content(caption=POST.caption, location_id="1", collaborators=("a",), is_ai_generated=True),
        content(caption=POST.caption, first_comment="More", comments_enabled=True),
    ],
)
def test_what_looks_the_same_to_a_follower_has_the_same_fingerprint(again):
    assert fingerprint(again) == fingerprint(POST)


@pytest.mark.parametrize(
    "other",
    [
        content(caption="Trip highlights #Travel"),
        content(caption="Triphighlights #travel"),
        content(caption=None),
        content(caption=POST.caption, media=item(f"{HOST}/other.jpg")),
        content(caption=POST.caption, media=item(f"{HOST}/PHOTO.jpg")),
        content(caption=POST.caption, media=(image_item(), image_item())),
        content("story", caption=POST.caption),
    ],
)
def test_what_looks_different_has_another_fingerprint(other):
    assert fingerprint(other) != fingerprint(POST)


def test_an_accent_counts_once_however_it_is_typed():
    assert fingerprint(content(caption="Cafe\u0301")) == fingerprint(content(caption="Caf\u00e9"))


def test_no_caption_and_none_look_the_same():
    assert fingerprint(content(caption=" ")) == fingerprint(content(caption=None))


def test_the_order_of_a_carousel_counts():
    one, two = image_item("one"), image_item("two")
    assert fingerprint(content("carousel", media=(one, two))) != fingerprint(content("carousel", media=(two, one)))


def test_a_caption_cannot_pass_for_media():
    url = f"{HOST}/two.jpg"
    longer = content("carousel", caption="", media=(image_item(url=url), image_item(url=url)))
    assert fingerprint(longer) != fingerprint(content("carousel", caption=url, media=(image_item(url=url),)))


def test_the_cover_of_a_reel_does_not_count():
    clip = (video_item(),)
    assert fingerprint(content("reel", media=clip, reel=ReelOptions(thumb_offset_ms=5))) == fingerprint(
        content("reel", media=clip, reel=None)
    )


def test_a_fingerprint_is_stable_between_versions():
    assert fingerprint(POST) == "3ef15954bf3d3c5086420b0c5ec0122ab7616dfd25f034f400e8ce16369ac9ab"


def test_only_the_latest_posts_are_kept():
    known = Claims()
    for number in range(25):
        known = known.with_post(f"post_{number}", NOW + timedelta(minutes=number))
    assert [claim.post_id for claim in known.claims] == [f"post_{number}" for number in range(15, 25)]
    assert known.with_post("post_25", NOW + KEPT + timedelta(hours=1)).claims[0].post_id == "post_25"
