from urllib.parse import parse_qs, urlsplit

import pytest

MEDIA = "https://media.example/"


def test_me_has_two_ids_that_differ(instagram, bakery):
    account = instagram.world.account_named("lumen.bakery")
    answer = bakery.get("/me", fields="user_id,username,name,account_type,media_count").json()
    assert answer == {
        "user_id": account.user_id,
        "username": "lumen.bakery",
        "name": "Lumen Bakery",
        "account_type": "Business",
        "media_count": 0,
        "id": account.id,
    }
    assert account.user_id.startswith("1784")
    assert account.id != account.user_id


def test_me_without_fields_is_just_the_app_scoped_id(instagram, bakery):
    assert bakery.get("/me").json() == {"id": instagram.world.account_named("lumen.bakery").id}


def test_me_may_be_wrapped_and_shout_its_account_type(instagram, bakery):
    instagram.switch(me_shape="data", account_type_style="upper")
    assert bakery.get("/me", fields="account_type").json()["data"][0]["account_type"] == "BUSINESS"


def test_an_account_answers_to_both_of_its_ids_with_or_without_a_version(instagram, bakery):
    account = instagram.world.account_named("lumen.bakery")
    for path in (
        f"/{account.id}",
        f"https://graph.instagram.com/{account.user_id}",
        "https://graph.instagram.com/v26.0/me",
    ):
        assert bakery.get(path, fields="username").json()["username"] == "lumen.bakery"


def test_a_field_that_does_not_exist_fails_the_whole_read(bakery, codes):
    answer = bakery.get("/me", fields="username,shoe_size")
    assert codes(answer) == (100, None)
    assert "nonexisting field (shoe_size) on node type (IGUser)" in answer.json()["error"]["message"]


def test_other_accounts_do_not_exist(bakery, cycles, codes):
    other = cycles.get("/me", fields="user_id").json()["user_id"]
    for path in (f"/{other}", f"/{other}/media", "/17841499999999999"):
        assert codes(bakery.get(path)) == (100, 33)


def test_paths_that_lead_nowhere_say_so(bakery, codes):
    answer = bakery.get("/nowhere/at/all")
    assert (answer.status_code, codes(answer)) == (404, (2500, None))
    assert codes(bakery.get("/me/insights")) == (100, None)
    assert codes(bakery.delete(f"/{bakery.photo()}")) == (100, 33)


def test_errors_carry_a_trace_and_a_challenge(bakery):
    answer = bakery.get("/me", fields='x"\r\nset-cookie: y')
    assert len(answer.json()["error"]["fbtrace_id"]) > 10
    assert answer.headers["www-authenticate"].startswith('OAuth "Facebook Platform" "invalid_request"')
    assert answer.headers["www-authenticate"].isprintable()
    assert answer.headers["www-authenticate"].count('"') == 6


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"image_url": MEDIA + "photo.jpg"}, ("IMAGE", "FEED", "/p/")),
        ({"media_type": "REELS", "video_url": MEDIA + "clip.mp4"}, ("VIDEO", "REELS", "/reel/")),
        ({"media_type": "STORIES", "image_url": MEDIA + "story.jpg"}, ("IMAGE", "STORY", "/stories/")),
        ({"media_type": "STORIES", "video_url": MEDIA + "clip.mp4"}, ("VIDEO", "STORY", "/stories/")),
    ],
)
def test_media_read_back_as_their_kind(bakery, form, expected):
    media_id = bakery.published(bakery.create(**form))
    answer = bakery.get(f"/{media_id}", fields="id,permalink,media_type,media_product_type,timestamp,shortcode").json()
    assert (answer["media_type"], answer["media_product_type"]) == expected[:2]
    assert answer["permalink"].startswith(f"https://www.instagram.com{expected[2]}")
    assert answer["timestamp"] == "2027-01-15T08:00:10+0000"


def test_media_read_back_with_what_they_were_made_of(bakery):
    media_id = bakery.published(bakery.photo(caption="Bread", alt_text="A loaf"))
    answer = bakery.get(f"/{media_id}", fields="caption,alt_text,username,owner,like_count,is_shared_to_feed").json()
    owner = answer.pop("owner")["id"]
    assert owner.startswith("1784")
    assert answer == {
        "caption": "Bread",
        "alt_text": "A loaf",
        "username": "lumen.bakery",
        "like_count": 0,
        "id": media_id,
    }


def test_the_disputed_caption_field_can_be_refused(instagram, bakery, codes):
    media_id = bakery.published(bakery.photo(caption="Bread"))
    instagram.switch(caption_fields="refused")
    assert codes(bakery.get(f"/{media_id}", fields="caption")) == (100, None)


def test_carousel_children_are_an_edge_and_an_expansion(instagram, bakery):
    children = ",".join(bakery.photo(is_carousel_item="true") for _ in range(3))
    album = bakery.published(bakery.create(media_type="CAROUSEL", children=children))
    edge = bakery.get(f"/{album}/children").json()["data"]
    expanded = bakery.get(f"/{album}", fields="media_type,children{id,media_type,permalink}").json()
    assert expanded["media_type"] == "CAROUSEL_ALBUM"
    assert [child["id"] for child in edge] == [child["id"] for child in expanded["children"]["data"]]
    assert expanded["children"]["data"][0]["permalink"]
    instagram.switch(child_permalink="hidden")
    assert "permalink" not in bakery.get(f"/{album}/children", fields="permalink").json()["data"][0]


def test_a_media_url_leads_to_the_file_that_was_published(bakery):
    media_id = bakery.published(bakery.photo())
    url = bakery.get(f"/{media_id}", fields="media_url").json()["media_url"]
    assert bakery.http.get(url).headers["location"] == MEDIA + "photo.jpg"


def test_a_broken_field_list_is_a_syntax_error(bakery, codes):
    for fields in ("children{id", "id}", "id,,,{"):
        assert codes(bakery.get("/me", fields=fields)) == (2500, None)


def test_new_media_may_not_be_found_for_a_while(instagram, bakery, codes):
    media_id = bakery.published(bakery.photo())
    instagram.switch(fresh_read_lag=3.0)
    assert codes(bakery.get(f"/{media_id}", fields="permalink")) == (100, 33)
    bakery.wait(3)
    assert bakery.get(f"/{media_id}", fields="permalink").status_code == 200


def test_media_of_others_do_not_exist(bakery, cycles, codes):
    assert codes(cycles.get(f"/{bakery.published(bakery.photo())}")) == (100, 33)


def test_media_are_listed_newest_first_without_stories_and_children(bakery):
    first = bakery.published(bakery.photo())
    bakery.published(bakery.create(media_type="STORIES", image_url=MEDIA + "story.jpg"))
    children = ",".join(bakery.photo(is_carousel_item="true") for _ in range(2))
    album = bakery.published(bakery.create(media_type="CAROUSEL", children=children))
    assert [m["id"] for m in bakery.get("/me/media").json()["data"]] == [album, first]


def test_stories_are_listed_for_a_day(bakery):
    bakery.published(bakery.photo())
    story = bakery.published(bakery.create(media_type="STORIES", image_url=MEDIA + "story.jpg"))
    bakery.wait(86399)
    assert [m["id"] for m in bakery.get("/me/stories").json()["data"]] == [story]
    bakery.wait(1)
    assert bakery.get("/me/stories").json() == {"data": []}


def test_pages_are_walked_to_the_end_and_back(bakery):
    published = [bakery.published(bakery.photo()) for _ in range(5)][::-1]
    page = bakery.get("/me/media", limit=2).json()
    seen = [page]
    while url := page["paging"].get("next"):
        page = bakery.http.get(url).json()
        seen.append(page)
    assert [m["id"] for page in seen for m in page["data"]] == published
    assert "previous" not in seen[0]["paging"]
    assert bakery.http.get(seen[1]["paging"]["previous"]).json()["data"] == seen[0]["data"]


def test_the_next_url_carries_the_token_and_the_fields(bakery):
    for _ in range(2):
        bakery.published(bakery.photo())
    url = bakery.get("/me/media", limit=1, fields="id,timestamp").json()["paging"]["next"]
    query = parse_qs(urlsplit(url).query)
    assert url.startswith("https://graph.instagram.com/v25.0/me/media?")
    assert (query["access_token"], query["fields"]) == ([bakery.token], ["id,timestamp"])


def test_since_until_and_foreign_cursors(instagram, bakery, codes):
    first = bakery.published(bakery.photo())
    middle = int(instagram.clock.now()) + 5
    second = bakery.published(bakery.photo())
    assert [m["id"] for m in bakery.get("/me/media", until=middle).json()["data"]] == [first]
    assert [m["id"] for m in bakery.get("/me/media", since=middle).json()["data"]] == [second]
    assert codes(bakery.get("/me/media", after="bm90aGluZw")) == (100, None)
    assert codes(bakery.get("/me/media", after="%%%")) == (100, None)


def test_an_account_subscribes_lists_and_unsubscribes(instagram, bakery):
    assert bakery.get("/me/subscribed_apps").json() == {"data": []}
    assert bakery.post("/me/subscribed_apps", subscribed_fields="comments,messages").json() == {"success": True}
    [app] = bakery.get("/me/subscribed_apps").json()["data"]
    assert app["subscribed_fields"] == ["comments", "messages"]
    assert bakery.delete("/me/subscribed_apps").json() == {"success": True}
    assert bakery.get("/me/subscribed_apps").json() == {"data": []}


def test_subscribing_needs_known_fields_and_their_permission(instagram, bakery, caller_for):
    reader = caller_for(instagram, instagram.token_for("lumen.bakery", ("instagram_business_basic",)))
    assert reader.post("/me/subscribed_apps", subscribed_fields="comments").status_code == 400
    assert bakery.post("/me/subscribed_apps", subscribed_fields="weather").status_code == 400
    assert bakery.post("/me/subscribed_apps").status_code == 400


def test_answers_tell_the_version_served_and_the_usage(instagram, bakery):
    instagram.switch(usage_percent=80)
    answer = bakery.get("https://graph.instagram.com/v19.0/me")
    assert answer.headers["facebook-api-version"] == "v21.0"
    assert bakery.get("/me").headers["facebook-api-version"] == "v25.0"
    assert '"call_count": 80' in answer.headers["x-app-usage"]
    assert '"estimated_time_to_regain_access": 0' in answer.headers["x-business-use-case-usage"]


def test_removed_parameters_are_ignored_or_refused(instagram, bakery, codes):
    assert bakery.get("/me", pretty="1").status_code == 200
    instagram.switch(removed_parameters="refuse")
    assert codes(bakery.get("/me", pretty="1")) == (100, None)
