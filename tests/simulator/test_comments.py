from contextlib import suppress

import httpx
import pytest

from simulator.faults import KINDS

COMMENT = "POST /{media}/comments"


@pytest.fixture
def post(bakery):
    """The id of a live photo."""
    return bakery.published(bakery.photo())


@pytest.fixture
def visible(instagram):
    """The texts of the comments under the only post, oldest first."""

    def read():
        [entry] = instagram.ledger()
        return [comment["text"] for comment in entry["comments"]]

    return read


def comment(caller, media_id, text="#bread", **form):
    return caller.post(f"/{media_id}/comments", message=text, **form)


def listed(caller, media_id, **params):
    return caller.get(f"/{media_id}/comments", **params).json()["data"]


def test_a_comment_is_in_the_ledger_and_is_read_back(instagram, bakery, post):
    comment_id = comment(bakery, post, "#bread 🥖").json()["id"]
    [entry] = instagram.ledger()
    assert entry["comments"] == [{"id": comment_id, "text": "#bread 🥖"}]
    fields = "text,timestamp,username,from,parent_id,hidden,like_count,media"
    answer = bakery.get(f"/{comment_id}", fields=fields).json()
    assert answer == {
        "id": comment_id,
        "text": "#bread 🥖",
        "timestamp": "2027-01-15T08:00:10+0000",
        "username": "lumen.bakery",
        "from": {"id": entry["account"]["user_id"], "username": "lumen.bakery"},
        "hidden": False,
        "like_count": 0,
        "media": {"id": post, "media_product_type": "FEED"},
    }


def test_comments_are_listed_newest_first_with_the_documented_fields(instagram, bakery, post):
    first = comment(bakery, post, "first").json()["id"]
    bakery.wait(5)
    second = comment(bakery, post, "second").json()["id"]
    entries = listed(bakery, post)
    assert [entry["id"] for entry in entries] == [second, first]
    assert entries[0] == {"id": second, "text": "second", "timestamp": "2027-01-15T08:00:15+0000"}
    assert bakery.get(f"/{post}", fields="comments_count").json()["comments_count"] == 2


def test_pages_of_comments_hold_fifty_at_most(bakery, post):
    made = [comment(bakery, post, str(n)).json()["id"] for n in range(51)][::-1]
    first = bakery.get(f"/{post}/comments", limit=100).json()
    second = bakery.http.get(first["paging"]["next"]).json()
    assert [entry["id"] for entry in first["data"]] == made[:50]
    assert [entry["id"] for entry in second["data"]] == made[50:]
    assert "next" not in second["paging"]


def test_a_comment_with_fields_is_made_and_answered_with_an_error(bakery, post, visible, codes):
    assert codes(comment(bakery, post, fields="id,text")) == (100, None)
    assert visible() == ["#bread"]


def test_the_same_comment_twice_is_two_comments(bakery, post, visible):
    assert comment(bakery, post).json()["id"] != comment(bakery, post).json()["id"]
    assert visible() == ["#bread", "#bread"]


def test_a_comment_wants_a_message(bakery, post, visible, codes):
    assert codes(bakery.post(f"/{post}/comments")) == (100, None)
    assert codes(comment(bakery, post, "")) == (100, None)
    assert visible() == []


@pytest.fixture
def publisher(instagram, caller_for):
    """The same account by a token without the permission for comments."""
    scopes = ("instagram_business_basic", "instagram_business_content_publish")
    return caller_for(instagram, instagram.token_for("lumen.bakery", scopes))


def test_comments_need_their_permission(bakery, publisher, post, visible, codes):
    made = comment(bakery, post, "by another app").json()["id"]
    for answer in (
        comment(publisher, post),
        publisher.get(f"/{post}/comments"),
        publisher.get(f"/{made}"),
        publisher.post(f"/{post}", comment_enabled="false"),
    ):
        assert codes(answer) == (10, None)
    assert visible() == ["by another app"]


def test_media_of_others_cannot_be_commented_on_or_switched(bakery, cycles, post, visible, codes):
    made = comment(bakery, post).json()["id"]
    for answer in (
        comment(cycles, post),
        cycles.get(f"/{post}/comments"),
        cycles.get(f"/{made}"),
        cycles.post(f"/{post}", comment_enabled="false"),
    ):
        assert codes(answer) == (100, 33)
    assert visible() == ["#bread"]


def test_comments_are_switched_off_and_on_again(instagram, bakery, post, visible, codes):
    assert bakery.get(f"/{post}", fields="is_comment_enabled").json()["is_comment_enabled"] is True
    for _ in range(2):
        assert bakery.post(f"/{post}", comment_enabled="false").json() == {"success": True}
    assert bakery.get(f"/{post}", fields="is_comment_enabled").json()["is_comment_enabled"] is False
    assert instagram.ledger()[0]["is_comment_enabled"] is False
    assert codes(comment(bakery, post)) == (100, None)
    assert visible() == []
    bakery.http.post(f"/{post}", params={"comment_enabled": "true", "access_token": bakery.token})
    assert instagram.ledger()[0]["is_comment_enabled"] is True
    assert comment(bakery, post).status_code == 200


@pytest.mark.parametrize("form", [{}, {"comment_enabled": "maybe"}])
def test_the_switch_has_two_positions(bakery, post, codes, form):
    assert codes(bakery.post(f"/{post}", **form)) == (100, None)


def test_a_new_comment_may_be_missing_from_the_list_for_a_while(instagram, bakery, post, visible, codes):
    instagram.switch(fresh_comment_lag=3.0)
    made = comment(bakery, post).json()["id"]
    assert (listed(bakery, post), visible()) == ([], ["#bread"])
    assert codes(bakery.get(f"/{made}")) == (100, 33)
    bakery.wait(3)
    assert [entry["id"] for entry in listed(bakery, post)] == [made]


def test_new_media_may_not_be_found_by_a_comment_for_a_while(instagram, bakery, post, codes):
    instagram.switch(fresh_read_lag=3.0)
    answer = comment(bakery, post)
    assert codes(answer) == (100, 33)
    assert answer.json()["error"]["message"].startswith("Unsupported post request.")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_every_fault_happens_before_or_after_the_comment(instagram, bakery, post, kind, when):
    instagram.fail(COMMENT, kind, when=when, seconds=60, size=1000)
    with suppress(httpx.TransportError):
        comment(bakery, post)
    assert len(instagram.ledger()[0]["comments"]) == {"before": 0, "after": 1}[when]


@pytest.mark.parametrize(("when", "expected"), [("before", True), ("after", False)])
def test_a_fault_happens_before_or_after_the_switching(instagram, bakery, post, when, expected):
    instagram.fail("POST /{media}", "http_5xx", when=when)
    assert bakery.post(f"/{post}", comment_enabled="false").status_code == 503
    assert instagram.ledger()[0]["is_comment_enabled"] is expected


@pytest.mark.parametrize("route", ["GET /{media}/comments", "GET /{comment}"])
def test_reading_comments_can_fail(instagram, bakery, post, route):
    made = comment(bakery, post).json()["id"]
    instagram.fail(route, "http_5xx")
    path = f"/{made}" if route.endswith("{comment}") else f"/{post}/comments"
    assert bakery.get(path).status_code == 503


def test_a_follower_comments_by_the_control_plane(instagram, bakery, cycles, post, visible):
    def follow_up(**body):
        return bakery.http.post("http://instagram.test/_sim/comments", json=body)

    assert follow_up(username="north.cycles", media_id=post, text="#bread").status_code == 200
    assert [entry["username"] for entry in listed(bakery, post, fields="username")] == ["north.cycles"]
    assert visible() == ["#bread"]
    assert follow_up(username="nobody", media_id=post, text="x").status_code == 400
    assert follow_up(username="north.cycles", media_id="1", text="x").status_code == 400
    assert follow_up(username="north.cycles", media_id=post).status_code == 400


def test_the_page_of_a_post_shows_its_comments(instagram, bakery, post):
    comment(bakery, post, "<b>bread</b>")
    page = bakery.http.get(f"http://instagram.test/_sim/posts/{instagram.ledger()[0]['shortcode']}").text
    assert "<li>&lt;b&gt;bread&lt;/b&gt;</li>" in page


def test_a_reset_forgets_comments(instagram, bakery, post):
    comment(bakery, post)
    bakery.post(f"/{post}", comment_enabled="false")
    instagram.world.reset()
    assert (instagram.world.comments, instagram.world.comments_off) == ({}, set())
