"""Trouble that does not pass: the post fails, nothing is visible, and the problem says what and whose turn it is."""

from dataclasses import replace

import pytest

from darkroom import delaying
from darkroom.accounts import AccountState
from darkroom.errors import StoreUnavailableError, TokenUnreadableError
from darkroom.posts import PostState
from tests.builders import content, image_item, video_item
from tests.statemachines.lab import CAROUSEL, IMAGE, REEL

STEPS = ["POST /{ig}/media", "GET /{container}", "GET /{ig}/media", "POST /{ig}/media_publish"]


def failed(lab, code):
    assert (lab.post.state, lab.problem["code"], lab.live) == (PostState.FAILED, code, [])
    return True


def test_one_bad_item_fails_the_whole_carousel_and_is_named(lab):
    media = (image_item("photo"), video_item("wrong-codec"), image_item("square"))
    execution = lab.publish(content("carousel", media=media))
    assert failed(lab, "media_rejected")
    assert lab.problem["title"] == "Instagram did not accept item 2."
    assert lab.problem["instagram"]["error_subcode"] == 2207026
    assert execution.path[-1] == "MarkFailed"
    assert "CreateContainer" not in execution.path


def test_an_item_that_is_refused_at_once_ends_the_others(make_lab):
    lab = make_lab(video_seconds=600)
    execution = lab.publish(content("carousel", media=(video_item("clip"), image_item("not-media"))))
    assert lab.problem["title"] == "Instagram could not download item 2."
    assert failed(lab, "media_unreachable")
    assert execution.seconds < 100


@pytest.mark.parametrize(
    ("name", "code", "subcode"), [("wide", "media_rejected", 2207009), ("huge", "media_rejected", 2207004)]
)
def test_an_image_that_instagram_refuses_at_once_is_not_offered_again(lab, name, code, subcode):
    execution = lab.publish(content("image", media=(image_item(name),)))
    assert failed(lab, code)
    assert lab.problem["instagram"]["error_subcode"] == subcode
    assert (execution.retries, execution.path[-1]) == (0, "MarkFailed")


def test_a_file_that_instagram_can_never_fetch_is_offered_four_times(lab):
    execution = lab.publish(content("image", media=(image_item("missing"),)))
    assert failed(lab, "media_unreachable")
    assert (lab.called("POST /{ig}/media"), execution.seconds) == (4, 70)


@pytest.mark.parametrize("style", ["sentence", "subcode"])
def test_a_container_that_ends_in_error_says_why_in_words_or_in_a_number(lab, style):
    lab.instagram.switch(status_text=style)
    lab.publish(content("reel", media=(video_item("short"),)))
    assert failed(lab, "media_rejected")
    assert lab.problem["instagram"]["error_subcode"] == 2207026
    assert lab.problem["actor"] == "caller"


def test_a_container_whose_file_cannot_be_fetched_is_made_anew_twice_and_none_is_asked_again(lab):
    lab.points.meanwhile("GET id", lambda: lab.break_containers(2207082), nth=None)
    execution = lab.publish(REEL)
    assert failed(lab, "media_unreachable")
    assert (execution.retries, lab.problem["instagram"]) == (0, {"error_subcode": 2207082})
    assert (lab.called("GET /{container}"), lab.called("POST /{ig}/media")) == (3, 3)


@pytest.mark.parametrize("subcode", [2207053, 2207001])
def test_while_instagram_fails_every_container_the_post_waits_and_gives_up_after_hours(lab, subcode):
    lab.points.meanwhile("GET id", lambda: lab.break_containers(subcode), nth=None)
    execution = lab.publish(REEL)
    assert failed(lab, "instagram_unavailable")
    assert lab.problem["instagram"] == {"error_subcode": subcode}
    assert execution.visits("DelayPost") == len(delaying.PATIENCE) + 1
    assert execution.seconds > 2 * 3600


def test_a_post_whose_containers_instagram_fails_for_minutes_goes_out_by_itself(lab):
    until = lab.time.clock.now() + 180

    def break_them() -> None:
        if lab.time.clock.now() < until:
            lab.break_containers(2207001)

    lab.points.meanwhile("GET id", break_them, nth=None)
    lab.publish(REEL)
    assert lab.post.state is PostState.PUBLISHED


def test_a_container_that_expires_again_and_again_asks_for_another_try(lab):
    lab.points.meanwhile("invoke CheckContainer", lab.age_containers, nth=None)
    lab.publish(IMAGE)
    assert failed(lab, "container_expired")
    assert (lab.called("POST /{ig}/media"), lab.problem["retry"]["allowed"]) == (2, True)


@pytest.mark.parametrize(("post_content", "minutes"), [(IMAGE, 5), (REEL, 35), (CAROUSEL, 5)])
def test_a_container_that_never_finishes_is_given_up(lab, post_content, minutes):
    lab.instagram.switch(never_finish=True)
    execution = lab.publish(post_content)
    assert failed(lab, "processing_timeout")
    assert minutes * 60 <= execution.seconds < minutes * 60 + 120
    assert execution.transitions < 400


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("subcode", "code", "state"),
    [
        (460, "reauthorization_required", AccountState.REAUTHORIZATION_REQUIRED),
        (463, "reauthorization_required", AccountState.REAUTHORIZATION_REQUIRED),
        (459, "action_required", AccountState.ACTION_REQUIRED),
    ],
)
def test_a_token_that_dies_at_any_step_flags_the_account_and_names_the_owner(lab, step, subcode, code, state):
    lab.instagram.fail(step, "json_error", code=190, subcode=subcode)
    execution = lab.publish(IMAGE)
    assert failed(lab, code)
    assert (lab.problem["actor"], lab.problem["instagram"]["code"]) == ("owner", 190)
    assert (lab.account.state, lab.account.last_problem["code"]) == (state, code)
    assert execution.retries == 0


def test_the_next_post_of_a_flagged_account_is_refused_without_a_call(lab):
    lab.revoke_token()
    lab.publish(IMAGE)
    calls = len(lab.instagram.calls())
    execution = lab.publish(IMAGE)
    assert failed(lab, "reauthorization_required")
    assert (execution.path, len(lab.instagram.calls())) == (("BeginPost", "MarkFailed"), calls)


def test_a_quota_that_stays_used_up_fails_the_post_in_the_end_and_leaves_the_account_alone(lab):
    lab.instagram.switch(quota_total=0)
    execution = lab.publish(IMAGE)
    assert failed(lab, "publishing_limit_reached")
    assert (lab.problem["actor"], execution.retries) == ("platform", 0)
    assert lab.account.state is AccountState.CONNECTED
    assert lab.called("POST /{ig}/media") == 0


@pytest.mark.parametrize(("code", "problem"), [(10, "permissions_missing"), (104, "configuration_error")])
def test_a_refusal_that_proves_that_nothing_was_published_needs_no_asking(lab, code, problem):
    lab.instagram.fail("POST /{ig}/media_publish", "json_error", code=code)
    execution = lab.publish(IMAGE)
    assert failed(lab, problem)
    assert "StartAsking" not in execution.path


@pytest.mark.parametrize("step", ["BeginPost", "CreateContainer", "CheckContainer", "PublishContainer"])
def test_an_account_that_is_disconnected_meanwhile_is_named_as_gone(lab, step):
    lab.points.meanwhile(f"invoke {step}", lab.disconnect)
    execution = lab.publish(IMAGE)
    assert failed(lab, "account_gone")
    assert (execution.status, execution.retries) == ("SUCCEEDED", 0)


def test_an_account_that_is_disconnected_while_its_token_dies_still_leaves_a_failed_post(lab):
    lab.instagram.fail("GET /{container}", "json_error", code=190, subcode=458)
    lab.points.meanwhile("invoke MarkFailed", lab.disconnect)
    execution = lab.publish(IMAGE)
    assert failed(lab, "reauthorization_required")
    assert execution.status == "SUCCEEDED"


def test_a_token_that_expires_while_the_video_is_processed_is_noticed_before_publishing(make_lab):
    lab = make_lab(video_seconds=600)
    lab.account = replace(lab.account, token_expires_at=lab.now().replace(minute=lab.now().minute + 5))
    lab.publish(REEL)
    assert failed(lab, "reauthorization_required")
    assert lab.called("POST /{ig}/media_publish") == 0


def test_a_token_that_cannot_be_decrypted_is_the_operators_turn(lab):
    lab.points.fail("tokens.token", TokenUnreadableError(), nth=None)
    lab.publish(IMAGE)
    assert failed(lab, "token_unreadable")
    assert (lab.problem["actor"], lab.account.state) == ("operator", AccountState.CONNECTED)


def test_a_store_that_stays_down_fails_the_post_once_it_is_back(lab):
    for nth in range(1, 10):
        lab.points.fail("posts.add_container", StoreUnavailableError(), nth=nth)
    lab.publish(IMAGE)
    assert failed(lab, "store_unavailable")


def test_a_mistake_of_ours_is_told_without_its_words(lab):
    lab.points.fail("accounts.get", KeyError(lab.token))
    execution = lab.publish(IMAGE)
    assert failed(lab, "internal_error")
    assert execution.path == ("BeginPost", "MarkFailed")
