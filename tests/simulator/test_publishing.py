import pytest

MEDIA = "https://media.example/"


def test_a_published_container_is_in_the_ledger_exactly_once(instagram, bakery):
    container = bakery.photo(caption="Fresh bread")
    media_id = bakery.published(container)
    [entry] = instagram.ledger()
    assert (entry["media_id"], entry["container_id"], entry["kind"]) == (media_id, container, "image")
    assert (entry["caption"], entry["account"]["username"]) == ("Fresh bread", "lumen.bakery")
    assert bakery.status(container)["status_code"] == "PUBLISHED"


def test_a_carousel_is_one_post_with_its_items_in_order(instagram, bakery):
    photo = bakery.photo(is_carousel_item="true")
    clip = bakery.create(media_type="VIDEO", video_url=MEDIA + "clip.mp4", is_carousel_item="true")
    bakery.published(bakery.create(media_type="CAROUSEL", children=f"{clip},{photo}", caption="Two"))
    [entry] = instagram.ledger()
    assert [child["container_id"] for child in entry["children"]] == [clip, photo]
    assert [child["media_type"] for child in entry["children"]] == ["VIDEO", "IMAGE"]
    assert bakery.get("/me/content_publishing_limit").json() == {"data": [{"quota_usage": 1}]}


def test_a_container_that_is_not_finished_cannot_be_published(instagram, bakery, codes):
    unfinished, failed = bakery.photo(), bakery.reel("short.mp4")
    assert codes(bakery.publish(unfinished)) == (9007, 2207027)
    bakery.wait()
    assert codes(bakery.publish(failed)) == (9007, 2207027)
    assert instagram.ledger() == []


def test_an_expired_unknown_or_foreign_container_cannot_be_published(bakery, cycles, codes):
    container = bakery.photo()
    bakery.wait()
    assert codes(cycles.publish(container)) == (24, 2207006)
    assert codes(bakery.publish("17800000000000000")) == (24, 2207006)
    bakery.wait(86400)
    assert codes(bakery.publish(container)) == (24, 2207008)


def test_a_carousel_item_cannot_be_published_on_its_own(bakery, codes):
    item = bakery.photo(is_carousel_item="true")
    bakery.wait()
    assert codes(bakery.publish(item)) == (100, 2207089)


def test_publishing_wants_a_creation_id(bakery, codes):
    assert codes(bakery.post("/me/media_publish")) == (100, None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [("24/2207006", (24, 2207006)), ("24/2207008", (24, 2207008)), ("9007/2207027", (9007, 2207027))],
)
def test_a_second_publish_fails_by_default(instagram, bakery, codes, error, expected):
    instagram.switch(republish_error=error)
    container = bakery.photo()
    bakery.published(container)
    assert codes(bakery.publish(container)) == expected
    assert len(instagram.ledger()) == 1


def test_a_second_publish_may_answer_the_same_media(instagram, bakery):
    instagram.switch(republish_mode="same")
    container = bakery.photo()
    assert bakery.published(container) == bakery.publish(container).json()["id"]
    assert len(instagram.ledger()) == 1


def test_a_second_publish_may_post_twice(instagram, bakery):
    instagram.switch(republish_mode="dup")
    container = bakery.photo()
    assert bakery.published(container) != bakery.publish(container).json()["id"]
    assert len(instagram.ledger()) == 2


def test_the_status_may_be_stale_for_some_reads_after_a_publish(instagram, bakery):
    instagram.switch(stale_status_reads=2)
    container = bakery.photo()
    bakery.published(container)
    bakery.get(f"/{container}")  # does not ask for the status
    assert [bakery.status(container)["status_code"] for _ in range(3)] == ["FINISHED", "FINISHED", "PUBLISHED"]


def test_the_quota_counts_publishes_of_a_rolling_day(instagram, bakery, cycles, codes):
    instagram.switch(quota_total=2)
    first, second, third = (bakery.photo() for _ in range(3))
    bakery.published(first)
    bakery.wait(3600)
    bakery.published(second)
    assert codes(bakery.publish(third)) == (9, 2207042)
    cycles.published(cycles.photo())
    bakery.wait(86400 - 3600)
    assert bakery.publish(bakery.photo()).status_code == 400
    assert bakery.published(bakery.photo())


def test_the_limit_endpoint_tells_usage_and_total(instagram, bakery):
    instagram.switch(quota_total=50)
    bakery.published(bakery.photo())
    answer = bakery.get("/me/content_publishing_limit", fields="quota_usage,config").json()
    assert answer == {"data": [{"quota_usage": 1, "config": {"quota_total": 50, "quota_duration": 86400}}]}


def test_the_usage_can_be_asked_since_a_moment_of_the_last_day(instagram, bakery, codes):
    bakery.published(bakery.photo())
    now = int(instagram.clock.now())
    assert bakery.get("/me/content_publishing_limit", since=now + 1).json()["data"] == [{"quota_usage": 0}]
    assert bakery.get("/me/content_publishing_limit", since=now - 60).json()["data"] == [{"quota_usage": 1}]
    assert codes(bakery.get("/me/content_publishing_limit", since=now - 90_000)) == (100, None)


def test_a_container_published_stays_published_after_its_day(bakery):
    container = bakery.photo()
    bakery.published(container)
    bakery.wait(2 * 86400)
    assert bakery.status(container)["status_code"] == "PUBLISHED"
