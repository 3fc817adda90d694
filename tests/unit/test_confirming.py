"""After an unknown outcome only Instagram's word counts; and what happened is written down once."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from darkroom import confirming
from darkroom.accounts import AccountState
from darkroom.errors import (
    AccountUnavailableError,
    ConflictError,
    ContainerExpiredError,
    NotFoundError,
    StoreUnavailableError,
    TokenUnreadableError,
)
from darkroom.instagram.errors import (
    AccountRestrictedError,
    InstagramUnavailableError,
    MediaRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.instagram.models import ContainerStatus, Media
from darkroom.posts import PostState
from darkroom.workflow import FailureTask, PublishedTask
from tests.builders import NOW, TENANT, a_container, an_account, content
from tests.unit.world import world_of as around

ATTEMPTED = {
    "state": PostState.PUBLISHING,
    "containers": (a_container(),),
    "publish_attempted_at": NOW,
    "publish_attempts": 1,
    "fence": ("100", "99"),
}
CONTAINER_ID = a_container().container_id
THE_ATTEMPT = int(NOW.timestamp() * 1000)


def world_of(status="FINISHED", **changes):
    """A post whose attempt to publish has no known outcome."""
    world = around(**ATTEMPTED | changes)
    given = status if isinstance(status, ContainerStatus) else ContainerStatus(status)
    world.instagram.containers[CONTAINER_ID] = SimpleNamespace(media_id=None, statuses=[given])
    return world


def ask(world, asks=0, clean_reads=0, attempt=THE_ATTEMPT):
    task = world.confirming(OutcomeUnknownError(code=-1), asks, clean_reads, attempt)
    return confirming.confirm_publish(task, world.ports)


def ask_until_it_is_clear(world):
    answer = {"outcome": "unclear", "asks": 0, "clean_reads": 0, "attempt": None}
    while answer["outcome"] == "unclear":
        world.clock.advance(20)
        answer = ask(world, answer["asks"], answer["clean_reads"], answer["attempt"])
    return answer


def media(media_id="101", **changes):
    """What the post would look like."""
    caption = content().caption
    return replace(Media(media_id, caption, "IMAGE", "FEED", timestamp=NOW), **changes)


# Live.


def test_published_with_one_candidate_names_its_media():
    world = world_of("PUBLISHED")
    world.instagram.appear(media())
    told = {"outcome": "published", "asks": 1, "attempt": THE_ATTEMPT, "clean_reads": 0}
    assert ask(world) == told | {"media_id": "101", "wait_seconds": 40}


def test_while_the_status_and_the_list_disagree_nothing_is_believed_and_nothing_is_published_again():
    world = world_of("FINISHED")
    world.instagram.appear(media())
    assert [ask(world, asks=number)["outcome"] for number in range(6)] == ["unclear"] * 6


def test_media_older_than_the_container_is_not_the_post_even_outside_the_fence():
    world = world_of("PUBLISHED")
    world.instagram.appear(media(timestamp=NOW - timedelta(days=30)))
    assert ask(world, asks=10)["media_id"] is None


def test_the_waits_grow_to_two_minutes():
    world = world_of("IN_PROGRESS")
    assert [ask(world, asks=number)["wait_seconds"] for number in range(5)] == [40, 80, 120, 120, 120]


def test_published_without_a_candidate_waits_for_the_list_and_then_goes_on_without_a_media_id():
    world = world_of("PUBLISHED")
    answer = ask_until_it_is_clear(world)
    assert (answer["outcome"], answer["media_id"]) == ("published", None)
    assert 1 < answer["asks"] < 10


def test_published_with_two_candidates_does_not_guess():
    world = world_of("PUBLISHED")
    world.instagram.appear(media("101"))
    world.instagram.appear(media("102"))
    answer = ask_until_it_is_clear(world)
    assert (answer["outcome"], answer["media_id"]) == ("published", None)


def test_of_two_candidates_the_one_with_its_caption_is_the_post():
    world = world_of("PUBLISHED")
    world.instagram.appear(media("101", caption=None))
    world.instagram.appear(media("102"))
    assert ask(world)["media_id"] == "102"


def test_published_takes_the_media_that_the_list_shows_late():
    world = world_of("PUBLISHED")
    assert ask(world)["outcome"] == "unclear"
    world.instagram.appear(media())
    assert ask(world, asks=1)["media_id"] == "101"


def test_a_twin_from_before_is_fenced_off():
    world = world_of("PUBLISHED")
    for old in ("99", "100"):
        world.instagram.appear(media(old))
    world.instagram.appear(media("101"))
    assert ask(world)["media_id"] == "101"


def test_a_media_id_that_is_known_ends_the_asking_without_a_call():
    world = world_of(media_id="101")
    assert ask(world)["media_id"] == "101"
    assert world.instagram.calls == []


@pytest.mark.parametrize("posted", ["Fresh from the darkroom", " Fresh  from the darkroom\n"])
def test_white_space_that_instagram_trims_makes_no_other_post(posted):
    world = world_of("PUBLISHED", content=content(caption="Fresh from the darkroom\n"))
    world.instagram.appear(media(caption=posted))
    assert ask(world)["media_id"] == "101"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("image", {}),
        ("image", {"media_product_type": None}),
        ("carousel", {"media_type": "CAROUSEL_ALBUM"}),
        ("reel", {"media_type": "VIDEO", "media_product_type": "REELS"}),
        ("story", {"media_product_type": "STORY", "caption": None}),
        ("story", {"media_product_type": "STORY", "caption": ""}),
    ],
)
def test_knows_each_kind_by_what_instagram_shows_of_it(kind, shown):
    world = world_of("PUBLISHED", content=content(kind))
    world.instagram.appear(media(**shown))
    assert ask(world)["media_id"] == "101"


@pytest.mark.parametrize(
    "other",
    [
        {"caption": "Something else"},
        {"media_product_type": "REELS", "media_type": "VIDEO"},
        {"media_type": "CAROUSEL_ALBUM"},
        {"media_product_type": "STORY", "caption": None},
    ],
)
def test_is_not_confused_by_what_else_the_account_has_posted(other):
    world = world_of("PUBLISHED")
    world.instagram.appear(media("101"))
    world.instagram.appear(media("102", **other))
    assert ask(world)["media_id"] == "101"


# Not live.


def test_says_not_published_only_after_several_clean_reads():
    world = world_of("FINISHED")
    outcomes = [ask(world, number, number)["outcome"] for number in range(confirming.CLEAN_READS)]
    assert outcomes == ["unclear"] * (confirming.CLEAN_READS - 1) + ["not_published"]
    assert (world.post().state, world.post().publish_attempted_at) == (PostState.PROCESSING, None)
    assert world.post().publish_attempts == 1


@pytest.mark.parametrize("of", [None, THE_ATTEMPT - 1])
def test_what_was_read_of_an_earlier_attempt_says_nothing_of_this_one(of):
    """Another execution disproved that one, and made this one meanwhile."""
    world = world_of("FINISHED")
    answer = ask(world, asks=3, clean_reads=confirming.CLEAN_READS - 1, attempt=of)
    assert (answer["outcome"], answer["attempt"], answer["clean_reads"]) == ("unclear", THE_ATTEMPT, 1)
    assert world.post().publish_attempted_at == NOW


@pytest.mark.parametrize("state", ["IN_PROGRESS", "PUBLISHED"])
def test_a_read_that_is_not_clean_starts_the_count_again(state):
    world = world_of(state)
    assert ask(world, asks=2, clean_reads=2)["clean_reads"] == 0
    assert world.post().publish_attempted_at == NOW


def test_refuses_to_go_on_for_ever_with_attempts_that_have_no_effect():
    world = world_of("FINISHED", publish_attempts=confirming.MOST_ATTEMPTS)
    assert ask_until_it_is_clear(world)["outcome"] == "failed"
    assert world.post().publish_attempted_at is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (ContainerStatus("EXPIRED"), ContainerExpiredError),
        (ContainerStatus("ERROR", 2207026), MediaRejectedError),
        (ContainerStatus("ERROR"), MediaRejectedError),
    ],
)
def test_a_container_that_died_after_the_attempt_proves_that_nothing_is_live(status, error):
    world = world_of(status)
    with pytest.raises(error):
        ask(world)
    assert world.post().publish_attempted_at is None


@pytest.mark.parametrize("status", ["EXPIRED", "ERROR", "FINISHED", "IN_PROGRESS"])
def test_two_candidates_are_never_called_not_published(status):
    world = world_of(status)
    world.instagram.appear(media("101"))
    world.instagram.appear(media("102"))
    with pytest.raises(OutcomeUnknownError):
        ask_until_it_is_clear(world)
    assert world.post().publish_attempted_at == NOW


def test_a_container_that_is_processed_for_ever_ends_with_a_person_looking():
    world = world_of("IN_PROGRESS")
    with pytest.raises(OutcomeUnknownError):
        ask_until_it_is_clear(world)
    assert world.instagram.called("container_status") == confirming.MOST_ASKS


def test_without_an_attempt_there_is_nothing_to_ask_and_a_twin_is_not_taken_for_the_post():
    """No fence was built, so anything that looks alike would pass."""
    world = world_of("FINISHED", publish_attempted_at=None, fence=(), state=PostState.PROCESSING)
    world.instagram.appear(media("99"))
    answer = ask(world)
    assert (answer["outcome"], answer["media_id"]) == ("not_published", None)
    assert world.instagram.calls == []


def test_an_attempt_that_was_disproved_the_last_time_is_not_repeated():
    world = world_of("FINISHED", publish_attempted_at=None, publish_attempts=3, state=PostState.PROCESSING)
    assert ask(world)["outcome"] == "failed"


def test_a_worker_that_died_before_any_attempt_leaves_its_own_reason():
    world = world_of("FINISHED", publish_attempted_at=None, publish_attempts=0, state=PostState.PROCESSING)
    assert ask(world)["outcome"] == "failed"


@pytest.mark.parametrize("kind", ["story", "image"])
def test_a_stranger_without_a_caption_is_no_proof_while_instagram_says_that_ours_is_not_live(kind):
    """Stories have no captions: five of them going out side by side all look alike."""
    wanted = content(kind, caption=None)
    world = world_of("FINISHED", content=wanted)
    world.instagram.appear(media(caption=None, media_product_type="STORY" if kind == "story" else "FEED"))
    with pytest.raises(OutcomeUnknownError):
        ask_until_it_is_clear(world)
    assert world.post().publish_attempted_at == NOW


@pytest.mark.parametrize("error", [InstagramUnavailableError(), RateLimitedError(code=4), TokenInvalidError(code=190)])
@pytest.mark.parametrize("method", ["container_status", "recent_media"])
def test_an_instagram_that_does_not_answer_changes_nothing(error, method):
    world = world_of("FINISHED")
    before = world.post()
    world.instagram.fail(method, error)
    with pytest.raises(type(error)):
        ask(world, clean_reads=2)
    assert world.post() == before


@pytest.mark.parametrize("error", [InstagramUnavailableError(), RateLimitedError(code=4)])
def test_an_instagram_that_does_not_answer_for_a_day_is_not_asked_for_ever(error):
    world = world_of("FINISHED")
    world.instagram.fail("container_status", error)
    world.clock.advance(confirming.ASK_FOR.total_seconds() + 1)
    with pytest.raises(OutcomeUnknownError):
        ask(world)
    assert world.post().publish_attempted_at == NOW


def test_an_account_that_was_disconnected_meanwhile_leaves_the_attempt_standing():
    world = world_of("FINISHED")
    world.accounts.erase(an_account())
    with pytest.raises(NotFoundError) as refusal:
        ask(world)
    assert refusal.value.code == "account_gone"
    assert world.post().publish_attempted_at == NOW


@pytest.mark.parametrize("failure", [TokenUnreadableError(), StoreUnavailableError()])
def test_an_unreadable_token_leaves_the_attempt_standing(failure):
    world = world_of("FINISHED")
    world.ports.tokens.failure = failure
    with pytest.raises(type(failure)):
        ask(world)
    assert world.post().publish_attempted_at == NOW
    assert world.instagram.calls == []


# mark_published


@pytest.mark.parametrize("state", [PostState.PUBLISHING, PostState.UNCONFIRMED, PostState.FAILED])
def test_marks_as_published_whatever_was_believed_before(state):
    world = world_of(state=state, problem={"code": "outcome_unknown"}, failed_at=NOW)
    confirming.mark_published(PublishedTask(TENANT, world.first.id, "101"), world.ports)
    post = world.post()
    assert (post.state, post.media_id, post.published_at) == (PostState.PUBLISHED, "101", NOW)
    assert (post.problem, post.failed_at) == (None, None)


def test_marking_again_changes_nothing():
    world = world_of()
    confirming.mark_published(PublishedTask(TENANT, world.first.id, "101"), world.ports)
    post = world.post()
    world.clock.advance(60)
    confirming.mark_published(PublishedTask(TENANT, world.first.id, "101"), world.ports)
    assert world.post() == post


def test_a_post_that_is_live_under_no_known_id_is_published_all_the_same():
    world = world_of()
    confirming.mark_published(PublishedTask(TENANT, world.first.id, None), world.ports)
    assert (world.post().state, world.post().media_id) == (PostState.PUBLISHED, None)


def test_a_save_beside_another_one_is_told_and_not_lost():
    world = world_of()
    save = world.posts.save

    def overtaken(post):
        world.posts.save = save
        save(world.post())
        return save(post)

    world.posts.save = overtaken
    with pytest.raises(ConflictError):
        confirming.mark_published(PublishedTask(TENANT, world.first.id, "101"), world.ports)
    confirming.mark_published(PublishedTask(TENANT, world.first.id, "101"), world.ports)
    assert world.post().media_id == "101"


# read_permalink


def published(**changes):
    world = world_of(**{"state": PostState.PUBLISHED, "media_id": "101", "published_at": NOW} | changes)
    world.instagram.appear(media(permalink="https://www.instagram.com/p/abc/"))
    return world


def test_reads_the_permalink_once():
    world = published()
    for _ in range(2):
        confirming.read_permalink(world.task, world.ports)
    assert world.post().permalink == "https://www.instagram.com/p/abc/"
    assert world.instagram.calls == ["media"]


def test_asks_again_when_the_permalink_is_not_there_yet():
    world = published()
    world.instagram.live[0] = media(permalink=None)
    with pytest.raises(InstagramUnavailableError):
        confirming.read_permalink(world.task, world.ports)
    assert world.post().state is PostState.PUBLISHED


def test_without_a_media_id_there_is_no_permalink_to_read():
    world = published(media_id=None)
    confirming.read_permalink(world.task, world.ports)
    assert world.instagram.calls == []


# mark_failed


def fail(world, error, token_version=None):
    error.token_version = token_version
    confirming.mark_failed(world.failing(error), world.ports)


@pytest.mark.parametrize("state", [PostState.QUEUED, PostState.PROCESSING])
def test_a_post_that_was_never_attempted_is_failed_with_its_reason(state):
    world = world_of(state=state, publish_attempted_at=None)
    fail(world, MediaRejectedError(code=36003, subcode=2207009))
    post = world.post()
    assert (post.state, post.failed_at, post.problem["code"]) == (PostState.FAILED, NOW, "media_rejected")
    assert post.problem["instagram"] == {"code": 36003, "error_subcode": 2207009}


def test_a_post_whose_attempt_nobody_disproved_is_unconfirmed_and_says_so():
    world = world_of()
    fail(world, RateLimitedError(code=4))
    assert (world.post().state, world.post().problem["code"]) == (PostState.UNCONFIRMED, "outcome_unknown")


def test_a_post_is_never_failed_for_an_outcome_that_is_known():
    world = world_of(state=PostState.PROCESSING, publish_attempted_at=None)
    fail(world, OutcomeUnknownError(code=-1))
    assert world.post().state is PostState.FAILED
    assert world.post().problem["code"] != "outcome_unknown"


@pytest.mark.parametrize("state", [PostState.PUBLISHED, PostState.FAILED, PostState.UNCONFIRMED])
def test_a_post_that_has_ended_keeps_its_end(state):
    world = world_of(state=state, problem=None)
    before = world.post()
    fail(world, MediaRejectedError())
    assert world.post() == before


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"Error": "States.Timeout"},
        {"Error": "Lambda.Unknown", "Cause": "The cause could not be determined"},
        {"Error": "Runtime.ExitError", "Cause": '{"errorMessage": "RequestId: 1 Error: exit status 1"}'},
        {"Error": "X", "Cause": '{"errorMessage": "[]"}'},
        {"Error": "X", "Cause": '{"errorMessage": "{\\"code\\": 7}"}'},
        {"Error": "X", "Cause": "[]"},
        {"Error": "X", "Cause": '{"errorMessage": null}'},
    ],
    ids=str,
)
def test_a_worker_that_died_without_a_word_is_an_internal_error(error):
    world = world_of(state=PostState.PROCESSING, publish_attempted_at=None)
    confirming.mark_failed(FailureTask(TENANT, world.first.id, error), world.ports)
    assert (world.post().state, world.post().problem["code"]) == (PostState.FAILED, "internal_error")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (TokenInvalidError(code=190, subcode=460), AccountState.REAUTHORIZATION_REQUIRED),
        (AccountRestrictedError(code=190, subcode=459), AccountState.ACTION_REQUIRED),
        (AccountRestrictedError(code=25, subcode=2207050), AccountState.ACTION_REQUIRED),
    ],
)
def test_flags_the_account_so_that_the_next_post_is_refused_at_once(error, state):
    world = world_of(state=PostState.PROCESSING, publish_attempted_at=None)
    fail(world, error, token_version=1 if error.code == 190 else None)
    assert "token_version" not in world.post().problem
    account = world.accounts.get(TENANT, an_account().id)
    assert account.state is state
    assert account.last_problem["instagram"]["code"] == error.code
    with pytest.raises(AccountUnavailableError):
        account.require_publishing(NOW)


@pytest.mark.parametrize("error", [MediaRejectedError(), RateLimitedError(), TokenUnreadableError()])
def test_does_not_flag_an_account_for_what_its_owner_cannot_mend(error):
    world = world_of()
    fail(world, error)
    assert world.accounts.get(TENANT, an_account().id) == an_account()


def test_our_own_refusal_does_not_overwrite_what_instagram_said():
    world = world_of()
    problem = {"instagram": {"code": 190}}
    told = an_account(state=AccountState.REAUTHORIZATION_REQUIRED, last_problem=problem, token_version=2)
    world.accounts.connect(told, "the-token")
    fail(world, AccountUnavailableError())
    assert world.accounts.get(TENANT, told.id) == told


def test_a_dead_token_of_yesterday_does_not_flag_the_connection_of_today():
    """The owner connected again while the post was on its way with the old token."""
    world = world_of()
    late = NOW + timedelta(seconds=1)
    fresh = an_account(connected_at=late, token_issued_at=late, token_version=2)
    world.accounts.connect(fresh, "new-token")
    fail(world, TokenInvalidError(code=190, subcode=467), token_version=1)
    fail(world, AccountRestrictedError(code=25, subcode=2207050))
    assert world.accounts.get(TENANT, fresh.id) == fresh


@pytest.mark.parametrize("begun", [-2, -1, 0, 1])
def test_a_token_that_was_replaced_meanwhile_condemns_nobody(begun):
    """Refreshing may kill the token that a step has in its hand, whenever it began."""
    world = world_of()
    refreshed = an_account(token_issued_at=NOW + timedelta(seconds=begun), token_version=2)
    world.accounts.connect(refreshed, "refreshed")
    fail(world, TokenInvalidError(code=190, subcode=467), token_version=1)
    assert world.accounts.get(TENANT, refreshed.id) == refreshed


def test_a_refused_token_that_nobody_knows_proves_nothing():
    world = world_of()
    fail(world, TokenInvalidError(code=190, subcode=467))
    assert world.accounts.get(TENANT, an_account().id) == an_account()


def test_a_restriction_is_the_account_s_also_when_its_token_was_refreshed_meanwhile():
    world = world_of()
    world.accounts.connect(an_account(token_issued_at=NOW + timedelta(seconds=1), token_version=2), "refreshed")
    fail(world, AccountRestrictedError(code=25, subcode=2207050))
    assert world.accounts.get(TENANT, an_account().id).state is AccountState.ACTION_REQUIRED


def test_a_refused_token_without_a_reason_proves_nothing():
    world = world_of(state=PostState.PROCESSING, publish_attempted_at=None)
    fail(world, TokenInvalidError(code=190), token_version=1)
    assert world.accounts.get(TENANT, an_account().id) == an_account()
    assert world.post().problem["code"] == "reauthorization_required"


def test_a_flagged_account_is_told_once_though_the_bus_is_down_first():
    world = world_of()
    world.bus.failure = StoreUnavailableError()
    fail(world, TokenInvalidError(code=190, subcode=460), token_version=1)
    flagged = world.accounts.get(TENANT, an_account().id)
    assert (flagged.state, flagged.untold) == (
        AccountState.REAUTHORIZATION_REQUIRED,
        ("account.reauthorization_required",),
    )
    assert flagged.refresh_at == world.clock(), "so that the refresher tells it"
    world.bus.failure = None
    fail(world, TokenInvalidError(code=190, subcode=460), token_version=1)
    assert [event.type for event in world.events.stored.values()] == ["account.reauthorization_required"]


def test_a_post_whose_account_is_gone_is_failed_and_there_is_nobody_to_flag():
    world = world_of(state=PostState.PROCESSING, publish_attempted_at=None)
    world.accounts.erase(an_account())
    fail(world, TokenInvalidError(code=190))
    assert world.post().state is PostState.FAILED


def test_failing_again_changes_nothing():
    world = world_of()
    fail(world, OutcomeUnknownError())
    before = world.post()
    world.clock.advance(60)
    fail(world, OutcomeUnknownError())
    assert world.post() == before
