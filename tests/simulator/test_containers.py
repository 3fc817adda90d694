import json
from unittest.mock import ANY

import pytest

MEDIA = "https://media.example/"
PHOTO, CLIP = MEDIA + "photo.jpg", MEDIA + "clip.mp4"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wide.jpg", (36003, 2207009)),
        ("tall.jpg", (36003, 2207009)),
        ("huge.jpg", (36000, 2207004)),
        ("photo.png", (36001, 2207005)),
        ("photo.webp", (36001, 2207005)),
        ("clip.mp4", (36001, 2207005)),
        ("not-media.html", (9004, 2207052)),
        ("missing", (9004, 2207052)),
        ("forbidden", (9004, 2207052)),
        ("loop", (9004, 2207052)),
        ("slow", (-2, 2207003)),
    ],
)
def test_bad_images_are_refused_at_creation(bakery, codes, name, expected):
    answer = bakery.post("/me/media", image_url=MEDIA + name)
    assert (answer.status_code, codes(answer)) == (400, expected)
    assert answer.json()["error"]["error_user_msg"]


@pytest.mark.parametrize("name", ["photo.jpg", "square.jpg", "landscape.jpg", "moved.jpg"])
def test_good_images_are_taken(bakery, name):
    assert bakery.photo(name)


@pytest.mark.parametrize(
    "url", ["ftp://media.example/photo.jpg", "photo.jpg", "https://media.example/fotó.jpg", "http://[x/"]
)
def test_what_is_no_plain_web_address_is_not_fetched(bakery, codes, url):
    assert codes(bakery.post("/me/media", image_url=url)) == (9004, 2207052)


def test_lenient_days_accept_png_and_webp(instagram, bakery):
    instagram.switch(image_formats="lenient")
    assert bakery.photo("photo.png")
    assert bakery.photo("photo.webp")


def test_a_story_image_may_have_any_ratio(bakery):
    assert bakery.create(media_type="STORIES", image_url=MEDIA + "tall.jpg")


@pytest.mark.parametrize(
    ("form", "name", "subcode"),
    [
        ({"media_type": "REELS"}, "short.mp4", 2207026),
        ({"media_type": "REELS"}, "wrong-codec.mp4", 2207026),
        ({"media_type": "REELS"}, "photo.jpg", 2207026),
        ({"media_type": "REELS"}, "missing", 2207052),
        ({"media_type": "REELS"}, "not-media.html", 2207052),
        ({"media_type": "REELS"}, "slow", 2207003),
        ({"media_type": "REELS", "thumb_offset": "5000"}, "clip.mp4", 2207057),
        ({"media_type": "STORIES"}, "long.mp4", 2207026),
        ({"media_type": "VIDEO", "is_carousel_item": "true"}, "long.mp4", 2207026),
    ],
)
def test_bad_videos_fail_while_they_are_processed(bakery, form, name, subcode):
    container = bakery.create(video_url=MEDIA + name, **form)
    assert bakery.status(container)["status_code"] == "IN_PROGRESS"
    bakery.wait()
    assert bakery.status(container) == {
        "id": container,
        "status_code": "ERROR",
        "status": f"Error: Media upload has failed with error code {subcode}",
    }


def test_a_failed_status_may_be_the_bare_subcode(instagram, bakery):
    instagram.switch(status_text="subcode")
    container = bakery.reel("short.mp4")
    bakery.wait()
    assert bakery.status(container)["status"] == "2207026"


@pytest.mark.parametrize(
    "form",
    [
        {"media_type": "REELS", "video_url": MEDIA + "long.mp4"},
        {"media_type": "REELS", "video_url": CLIP, "cover_url": MEDIA + "cover.jpg", "thumb_offset": "4999"},
        {"media_type": "STORIES", "video_url": CLIP},
        {"media_type": "STORIES", "image_url": MEDIA + "story.jpg"},
        {"media_type": "VIDEO", "video_url": CLIP, "is_carousel_item": "true"},
        {"media_type": "IMAGE", "image_url": PHOTO},
    ],
)
def test_good_media_of_every_kind_finish(bakery, form):
    container = bakery.create(**form)
    bakery.wait()
    assert bakery.status(container)["status_code"] == "FINISHED"


def test_processing_takes_as_long_as_the_options_say(make_instagram, caller_for):
    instagram = make_instagram(image_seconds=5, video_seconds=60)
    caller = caller_for(instagram, instagram.token_for("lumen.bakery"))
    photo, reel = caller.photo(), caller.reel()
    caller.wait(5)
    assert caller.status(photo)["status_code"] == "FINISHED"
    assert caller.status(reel)["status_code"] == "IN_PROGRESS"
    caller.wait(55)
    assert caller.status(reel)["status_code"] == "FINISHED"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, (100, None)),
        ({"media_type": "POSTER", "image_url": PHOTO}, (100, 2207023)),
        ({"media_type": "VIDEO", "video_url": CLIP}, (100, None)),
        ({"media_type": "REELS", "image_url": PHOTO}, (100, None)),
        ({"media_type": "REELS", "video_url": CLIP, "is_carousel_item": "true"}, (100, None)),
        ({"media_type": "STORIES"}, (100, None)),
        ({"media_type": "STORIES", "image_url": PHOTO, "video_url": CLIP}, (100, None)),
        ({"media_type": "CAROUSEL", "children": "1"}, (100, 2207028)),
        ({"media_type": "CAROUSEL", "children": ",".join(map(str, range(11)))}, (100, 2207028)),
        ({"media_type": "CAROUSEL", "children": "1,2"}, (24, 2207008)),
        ({"image_url": PHOTO, "caption": "x" * 2201}, (36004, 2207010)),
        ({"image_url": PHOTO, "caption": "#a " * 31}, (36004, 2207010)),
        ({"image_url": PHOTO, "caption": "@a " * 21}, (36004, 2207010)),
        ({"image_url": PHOTO, "alt_text": "x" * 1001}, (100, None)),
        ({"media_type": "REELS", "video_url": CLIP, "alt_text": "x"}, (100, None)),
        ({"media_type": "REELS", "video_url": CLIP, "thumb_offset": "-1"}, (1, 2207057)),
        ({"media_type": "REELS", "video_url": CLIP, "thumb_offset": "soon"}, (100, None)),
        ({"media_type": "REELS", "video_url": CLIP, "cover_url": MEDIA + "photo.png"}, (36001, 2207005)),
        ({"image_url": PHOTO, "is_carousel_item": "perhaps"}, (100, None)),
        ({"image_url": PHOTO, "is_carousel_item": "true", "is_ai_generated": "true"}, (100, None)),
        ({"image_url": PHOTO, "location_id": "here"}, (100, None)),
        ({"image_url": PHOTO, "trial_params": '{"graduation_strategy":"MANUAL"}'}, (100, None)),
        ({"media_type": "REELS", "video_url": CLIP, "trial_params": '{"graduation_strategy":"?"}'}, (100, None)),
        ({"image_url": PHOTO, "user_tags": "nobody"}, (100, None)),
        ({"image_url": PHOTO, "user_tags": '[{"username":"x"}]'}, (100, None)),
        ({"image_url": PHOTO, "user_tags": '[{"username":"x","x":2,"y":0}]'}, (100, None)),
        ({"image_url": PHOTO, "user_tags": json.dumps([{"username": "x", "x": 0, "y": 0}] * 21)}, (100, 2207040)),
        ({"media_type": "REELS", "video_url": CLIP, "user_tags": '[{"username":"x","x":0,"y":0}]'}, (100, None)),
        ({"image_url": PHOTO, "collaborators": "a,b,c,d"}, (100, None)),
        ({"media_type": "STORIES", "image_url": PHOTO, "collaborators": "a"}, (100, None)),
        ({"image_url": PHOTO, "product_tags": "[]"}, (100, None)),
        ({"media_type": "REELS", "upload_type": "resumable"}, (100, None)),
    ],
)
def test_wrong_parameters_are_refused_with_their_code(bakery, codes, form, expected):
    answer = bakery.post("/me/media", **form)
    assert (answer.status_code, codes(answer)) == (400, expected)
    assert not bakery.instagram.world.containers


@pytest.mark.parametrize(
    "form",
    [
        {"user_tags": "[{username:'x',x:0.5,y:0.8}]"},
        {"user_tags": '[{"username":"x","x":0,"y":1}]'},
        {"collaborators": '["a","b","c"]'},
        {"location_id": "95099702"},
        {"caption": "x" * 2200, "alt_text": "x" * 1000, "is_ai_generated": "true"},
        {"some_parameter_of_next_year": "1"},
    ],
)
def test_right_parameters_are_taken(bakery, form):
    assert bakery.photo(**form)


def test_a_json_body_may_hold_real_arrays(instagram, bakery):
    body = {"image_url": PHOTO, "user_tags": [{"username": "x", "x": 0.5, "y": 0.5}], "is_carousel_item": False}
    answer = bakery.http.post("/me/media", json=body, headers={"authorization": f"Bearer {bakery.token}"})
    assert answer.status_code == 200


def test_a_body_that_is_no_json_is_refused_and_not_a_crash(bakery, codes):
    headers = {"authorization": f"Bearer {bakery.token}", "content-type": "application/json"}
    for body in (b"{", b"[]", b"\xff", b"[" * 100_000):
        assert codes(bakery.http.post("/me/media", content=body, headers=headers)) == (100, None)


def test_trial_reels_need_an_account_that_may_share_them(bakery, caller_for, instagram, codes):
    bakery.http.post("https://x/_sim/accounts", json={"username": "new.here", "can_share_trial_reels": False})
    newcomer = caller_for(instagram, instagram.token_for("new.here"))
    trial = {"media_type": "REELS", "video_url": CLIP, "trial_params": '{"graduation_strategy":"SS_PERFORMANCE"}'}
    assert bakery.create(**trial)
    assert codes(newcomer.post("/me/media", **trial)) == (100, 2207081)


def test_disputed_parameters_can_be_ignored_or_refused(instagram, bakery):
    instagram.switch(facebook_only_parameters="ignore", collaborators="refuse", too_many_hashtags="drop_caption")
    assert bakery.photo(product_tags="[]", upload_type="x")
    assert bakery.post("/me/media", image_url=PHOTO, collaborators="a").status_code == 400
    assert instagram.world.containers[bakery.photo(caption="#a " * 31)].plan.caption is None


def test_a_lone_video_may_be_refused_only_when_it_is_published(instagram, bakery, codes):
    instagram.switch(lone_video="refuse_at_publish")
    container = bakery.create(media_type="VIDEO", video_url=CLIP)
    bakery.wait()
    assert codes(bakery.publish(container)) == (100, 2207089)
    instagram.switch(lone_video="allow")
    assert bakery.publish(container).status_code == 200


def test_a_carousel_waits_for_its_items(bakery):
    photo, clip = (
        bakery.photo(is_carousel_item="true"),
        bakery.create(media_type="VIDEO", video_url=CLIP, is_carousel_item="true"),
    )
    album = bakery.create(media_type="CAROUSEL", children=f"{photo},{clip}")
    bakery.wait(2)
    assert bakery.status(album)["status_code"] == "IN_PROGRESS"
    bakery.wait(2)
    assert bakery.status(album)["status_code"] == "FINISHED"


def test_a_carousel_fails_with_its_items(bakery):
    photo = bakery.photo(is_carousel_item="true")
    bad = bakery.create(media_type="VIDEO", video_url=MEDIA + "short.mp4", is_carousel_item="true")
    album = bakery.create(media_type="CAROUSEL", children=json.dumps([photo, bad]))
    bakery.wait()
    assert "2207026" in bakery.status(album)["status"]


def test_the_items_of_a_carousel_must_be_ones_own_and_made_for_it(bakery, cycles, codes):
    items = [bakery.photo(is_carousel_item="true"), cycles.photo(is_carousel_item="true"), bakery.photo()]
    for pair in (items[:2], [items[0], items[2]]):
        assert bakery.post("/me/media", media_type="CAROUSEL", children=",".join(pair)).status_code == 400


def test_whether_an_item_may_be_in_two_carousels_is_a_switch(instagram, bakery):
    children = ",".join([bakery.photo(is_carousel_item="true"), bakery.photo(is_carousel_item="true")])
    assert bakery.create(media_type="CAROUSEL", children=children)
    assert bakery.create(media_type="CAROUSEL", children=children)
    instagram.switch(child_reuse="refuse")
    assert bakery.post("/me/media", media_type="CAROUSEL", children=children).status_code == 400


def test_a_container_expires_after_a_day(bakery):
    container = bakery.photo()
    bakery.wait(86399)
    assert bakery.status(container)["status_code"] == "FINISHED"
    bakery.wait(1)
    assert bakery.status(container)["status_code"] == "EXPIRED"


def test_a_container_can_be_made_to_never_finish(instagram, bakery):
    instagram.switch(never_finish=True)
    container = bakery.photo()
    bakery.wait(3600)
    assert bakery.status(container)["status_code"] == "IN_PROGRESS"


def test_containers_can_be_made_to_fail(instagram, bakery):
    instagram.switch(containers_fail=2207001)
    photo = bakery.photo()
    instagram.switch(containers_fail=0)
    assert bakery.status(photo) == {"id": photo, "status_code": "ERROR", "status": ANY}
    assert "2207001" in bakery.status(photo)["status"]
    later = bakery.photo()
    bakery.wait(60)
    assert bakery.status(later)["status_code"] == "FINISHED"


def test_reading_a_container_without_fields_gives_its_id(bakery):
    container = bakery.photo()
    assert bakery.get(f"/{container}").json() == {"id": container}


def test_another_accounts_container_does_not_exist(bakery, cycles, codes):
    assert codes(cycles.get(f"/{bakery.photo()}", fields="status_code")) == (100, 33)


def test_a_new_container_may_not_be_found_for_a_while(instagram, bakery, codes):
    instagram.switch(fresh_read_lag=2.0)
    container = bakery.photo()
    assert codes(bakery.get(f"/{container}")) == (100, 33)
    bakery.wait(2)
    assert bakery.get(f"/{container}").status_code == 200


def test_there_is_a_daily_limit_of_containers(make_instagram, caller_for, codes):
    instagram = make_instagram(containers_per_day=2)
    caller = caller_for(instagram, instagram.token_for("lumen.bakery"))
    other = caller_for(instagram, instagram.token_for("north.cycles"))
    caller.photo()
    caller.wait(3600)
    caller.photo()
    assert codes(caller.post("/me/media", image_url=PHOTO)) == (9, 2207042)
    assert other.photo()
    caller.wait(86400 - 3600)
    assert caller.photo()
