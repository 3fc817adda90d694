from dataclasses import replace

import pytest

from darkroom.posts import PostState
from tests.builders import content, image_item, video_item
from tests.statemachines.lab import CAPTION, CAROUSEL, COMMENT, IMAGE, REEL, STORY

IN_ONE_GO = (
    "BeginPost",
    "CreateItems",
    "CreateContainer",
    "CheckContainer",
    "IsContainerReady",
    "PublishContainer",
    "MarkPublished",
    "WhatElse",
    "ReadPermalink",
)


def test_an_image_is_published_in_one_go_of_nine_transitions(lab):
    execution = lab.publish(IMAGE)
    [entry] = lab.live
    assert (entry["kind"], entry["caption"]) == ("image", CAPTION)
    assert (lab.post.media_id, lab.post.permalink) == (entry["media_id"], entry["permalink"])
    assert (execution.path, execution.transitions, execution.seconds) == (IN_ONE_GO, 9, 2)
    assert [call.template for call in lab.instagram.calls()] == [
        "/{ig}/content_publishing_limit",
        "/{ig}/media",
        "/{container}",
        "/{container}",
        "/{ig}/media",
        "/{ig}/media_publish",
        "/{media}",
    ]


def test_a_story_is_published_as_a_story(lab):
    execution = lab.publish(STORY)
    [entry] = lab.live
    assert (entry["kind"], entry["media_id"], execution.path) == ("story", lab.post.media_id, IN_ONE_GO)
    assert lab.called("GET /{ig}/stories") == 1


def test_the_items_of_a_carousel_are_processed_side_by_side_and_published_in_order(make_lab):
    lab = make_lab(image_seconds=20, video_seconds=50)
    execution = lab.publish(CAROUSEL)
    [entry] = lab.live
    assert entry["kind"] == "carousel"
    assert [child["container_id"] for child in entry["children"]] == [
        container.container_id for container in lab.post.containers if container.item is not None
    ]
    assert [child["media_type"] for child in entry["children"]] == ["IMAGE", "VIDEO", "IMAGE"]
    assert [container.item for container in lab.post.containers] == [0, 1, 2, None]
    assert len({call.at for call in lab.lambdas.calls("CreateContainer")[:3]}) == 1
    assert execution.seconds < 20 + 50 + 30


@pytest.mark.parametrize("wanted", [IMAGE, CAROUSEL, REEL, STORY], ids=lambda each: each.kind)
def test_an_account_of_facebook_login_publishes_every_kind_with_its_pages_token(lab, wanted):
    lab.reconnect_through_facebook()
    lab.publish(wanted)
    [entry] = lab.live
    assert (entry["kind"], entry["media_id"]) == (wanted.kind, lab.post.media_id)
    assert lab.post.permalink


def test_an_account_of_facebook_login_comments_and_turns_comments_off(lab):
    lab.reconnect_through_facebook()
    lab.publish(replace(IMAGE, first_comment=COMMENT))
    assert [comment["text"] for comment in lab.live[0]["comments"]] == [COMMENT]
    lab.publish(replace(IMAGE, caption="CANARY quiet", comments_enabled=False))
    assert not lab.live[0]["is_comment_enabled"]


def test_an_account_of_facebook_login_publishes_on_after_the_persons_token_has_expired(lab):
    lab.reconnect_through_facebook()
    lab.account = replace(lab.account, token_expires_at=lab.now())
    lab.publish(IMAGE)
    assert len(lab.live) == 1


def test_an_account_of_facebook_login_whose_token_is_revoked_needs_its_owner(lab):
    lab.reconnect_through_facebook()
    for token in lab.instagram.world.facebook.tokens.values():
        token.revoked_with = 458
    lab.publish(IMAGE)
    assert (lab.post.state, lab.post.problem["code"]) == (PostState.FAILED, "reauthorization_required")


def test_a_reel_of_minutes_is_looked_at_ever_more_seldom(make_lab):
    lab = make_lab(video_seconds=340)
    execution = lab.publish(REEL)
    assert lab.live[0]["kind"] == "reel"
    assert lab.called("GET /{container}") == 7 + 10, "every two seconds while it is young, then once a check"
    assert (execution.visits("CheckContainer"), execution.seconds) == (11, 357)
    assert execution.transitions == 9 + 3 * 10, "each look after the first takes three: wait, check, choose"


@pytest.mark.parametrize("seconds", [4, 60, 290, 1200, 2000])
def test_whoever_waits_for_a_video_notices_its_end_within_a_minute(make_lab, seconds):
    lab = make_lab(video_seconds=seconds)
    execution = lab.publish(REEL)
    assert lab.post.state is PostState.PUBLISHED
    assert execution.seconds - seconds < 62


def test_a_carousel_may_have_ten_items_of_both_kinds(lab):
    media = tuple(image_item("square") if index % 2 else video_item("clip") for index in range(10))
    execution = lab.publish(content("carousel", media=media))
    assert len(lab.live[0]["children"]) == 10
    assert len(lab.lambdas.calls("CreateContainer")) == 11
    assert execution.status == "SUCCEEDED"


@pytest.mark.parametrize("kind", ["timeout", "http_5xx", "html", "truncate", "http_429"])
def test_a_post_is_published_though_its_permalink_cannot_be_read(lab, kind):
    lab.instagram.fail("GET /{media}", kind)
    execution = lab.publish(IMAGE)
    assert (lab.post.state, lab.post.permalink) == (PostState.PUBLISHED, None)
    assert (execution.status, execution.path) == ("SUCCEEDED", (*IN_ONE_GO, "WithoutPermalink"))


def test_the_permalink_is_read_a_little_later_when_instagram_does_not_find_the_media_yet(lab):
    lab.instagram.switch(fresh_read_lag=4.0)
    lab.publish(IMAGE)
    assert lab.post.permalink == lab.live[0]["permalink"]


def test_the_permalink_is_filled_in_after_an_outage_of_hours(lab):
    outage = lab.instagram.fail("GET /{media}", "http_5xx")
    lab.time.start(lambda: (lab.time.sleep(7200), lab.instagram.mend(outage)))
    lab.publish(IMAGE)
    assert lab.post.permalink == lab.live[0]["permalink"]


def test_a_first_comment_waits_until_instagram_finds_the_media(lab):
    lab.instagram.switch(fresh_read_lag=6.0)
    lab.publish(replace(IMAGE, first_comment=COMMENT))
    assert [comment["text"] for comment in lab.live[0]["comments"]] == [COMMENT]
    assert lab.post.comment.problem is None


def test_running_the_workflow_of_a_published_post_again_changes_nothing(lab):
    lab.publish(IMAGE)
    before, calls = lab.post, len(lab.instagram.calls())
    execution = lab.execute()
    assert (lab.post, len(lab.instagram.calls())) == (before, calls)
    assert execution.path == (
        "BeginPost",
        "StartAsking",
        "WaitBeforeAsking",
        "ConfirmPublish",
        "IsPublished",
        "MarkPublished",
        "WhatElse",
        "ReadPermalink",
    )


@pytest.mark.parametrize("post_content", [IMAGE, CAROUSEL], ids=["image", "carousel"])
def test_two_executions_of_one_post_publish_it_once(lab, post_content):
    lab.instagram.switch(republish_mode="dup")
    lab.accept(post_content)
    lab.execute_side_by_side(2)
    assert lab.post.state is PostState.PUBLISHED
    assert lab.post.media_id == lab.live[0]["media_id"]


def test_what_is_logged_names_no_token_caption_or_url(lab, lines):
    lab.instagram.fail("POST /{ig}/media", "http_5xx", nth=1)
    lab.instagram.fail("POST /{ig}/media_publish", "timeout", when="after")
    lab.publish(IMAGE)
    said = lines.read_lines()
    assert {"instagram call", "step failed", "step done"} <= {line["message"] for line in said}
    assert {"CreateContainer", "PublishContainer", "ConfirmPublish"} <= {line["step"] for line in said}
    assert {line["post_id"] for line in said} == {lab.post.id}, "each line tells whose story it is, calls too"
    assert not any(secret in lines.getvalue() for secret in (lab.token, "CANARY", "media.example.com"))
