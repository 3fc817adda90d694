"""A post of each kind, from a caller's request to Instagram's own books."""


def test_an_image_goes_live_once_with_everything_that_was_asked(tenant, instagram):
    caption = tenant.canaries.caption("Sunrise over Zürich 🌅 #dawn @lumen.bakery\nsecond line")
    tag = {"username": "natgeo", "x": 0.5, "y": 0.8}
    item = {"url": instagram.sample("photo.jpg"), "alt_text": "A sunrise", "user_tags": [tag]}
    post = tenant.publish(
        "image", item, caption=caption, location_id="7640348500", collaborators=["lumen.bakery"], external_id="c-42"
    )
    (live,) = instagram.live(tenant.account.username)
    assert (post["state"], post["media_id"], post["permalink"]) == ("published", live["media_id"], live["permalink"])
    assert (live["kind"], live["caption"], live["alt_text"]) == ("image", caption, "A sunrise")
    assert live["source_url"] == item["url"]
    assert live["details"] == {"user_tags": [tag], "collaborators": ["lumen.bakery"], "location_id": "7640348500"}
    assert (post["external_id"], post["problem"], post["failed_at"]) == ("c-42", None, None)


def test_a_carousel_keeps_the_order_of_its_images_and_videos(tenant, instagram):
    caption = tenant.canaries.caption("Three")
    names = ["photo.jpg", "clip.mp4", "square.jpg"]
    items = [{"url": instagram.sample(name)} for name in names]
    items[2]["alt_text"] = "A square"
    post = tenant.publish("carousel", *items, caption=caption)
    (live,) = instagram.live(tenant.account.username)
    assert (post["media_id"], live["kind"], live["caption"]) == (live["media_id"], "carousel", caption)
    assert [child["source_url"] for child in live["children"]] == [item["url"] for item in items]
    assert [child["alt_text"] for child in live["children"]] == [None, None, "A square"]
    assert [container["item"] for container in post["containers"]] == [0, 1, 2, None]
    assert [container["container_id"] for container in post["containers"][:3]] == [
        child["container_id"] for child in live["children"]
    ]


def test_a_reel_goes_live_with_its_options(tenant, instagram):
    options = {
        "cover_url": instagram.sample("cover.jpg"),
        "share_to_feed": True,
        "audio_name": "Morning",
        "trial": "MANUAL",
    }
    post = tenant.publish("reel", reel=options)
    (live,) = instagram.live(tenant.account.username)
    assert (post["media_id"], live["kind"], live["media_product_type"]) == (live["media_id"], "reel", "REELS")
    assert live["details"] == {"audio_name": "Morning", "trial_params": {"graduation_strategy": "MANUAL"}}
    (created,) = instagram.calls(tenant.account.ig_user_id, "POST /{ig}/media")
    assert {"cover_url", "share_to_feed", "media_type", "video_url"} <= set(created["parameters"])


def test_a_story_goes_live_without_a_caption(tenant, instagram):
    post = tenant.publish("story", "story.jpg")
    (live,) = instagram.live(tenant.account.username)
    assert (post["media_id"], live["kind"], live["caption"]) == (live["media_id"], "story", None)


def test_the_answer_says_how_far_the_post_is(tenant):
    answer = tenant.api.post("/v1/posts", json=tenant.body())
    accepted = answer.json()
    assert (answer.status_code, accepted["state"]) == (202, "queued")
    assert answer.headers["location"] == f"/v1/posts/{accepted['id']}"
    post = tenant.follow(accepted["id"])
    (container,) = post["containers"]
    moments = [
        post["accepted_at"],
        container["created_at"],
        container["finished_at"],
        post["publish_attempted_at"],
        post["published_at"],
    ]
    assert moments == sorted(moments)


def test_validate_answers_the_plan_and_writes_and_calls_nothing(tenant, instagram):
    calls = len(instagram.calls(tenant.account.ig_user_id))
    answer = tenant.api.post("/v1/posts/validate", json=tenant.body("carousel", "photo.jpg", "clip.mp4"))
    assert answer.status_code == 200
    assert [item["is_carousel_item"] for item in answer.json()["items"]] == [True, True]
    assert tenant.api.get("/v1/posts").json() == {"data": [], "has_more": False, "next_cursor": None}
    assert len(instagram.calls(tenant.account.ig_user_id)) == calls
