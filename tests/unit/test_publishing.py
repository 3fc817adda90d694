"""The steps up to the one call that cannot be unsent."""

import itertools
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from darkroom import beginning, confirming, publishing
from darkroom.accounts import AccountState
from darkroom.errors import (
    AccountUnavailableError,
    ConflictError,
    ContainerExpiredError,
    ContainerLostError,
    NotFoundError,
    PostCancelledError,
    ProcessingTimeoutError,
    StoreUnavailableError,
    TokenUnreadableError,
)
from darkroom.instagram.errors import (
    InstagramError,
    InstagramUnavailableError,
    MediaNotReadyError,
    MediaRejectedError,
    MediaUnreachableError,
    OutcomeUnknownError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.instagram.models import ContainerStatus
from darkroom.posts import PostState
from darkroom.workflow import NotNowError, PublishedTask
from tests.builders import NOW, TENANT, a_container, an_account, content, video_item
from tests.fakes import Fate, Killed
from tests.unit.world import doomed, overtaken, world_of


@pytest.fixture
def world():
    return world_of()


def ready(world):
    """Up to the point where it can be published."""
    beginning.begin_post(world.task, world.ports)
    publishing.create_container(world.item(None), world.ports)
    publishing.check_container(world.item(None), world.ports)
    return world


def with_carousel(count=3):
    media = tuple(video_item(str(number)) for number in range(count))
    return world_of(content=content("carousel", media=media))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": AccountState.REAUTHORIZATION_REQUIRED}, "reauthorization_required"),
        ({"state": AccountState.ACTION_REQUIRED}, "action_required"),
        ({"token_expires_at": NOW}, "reauthorization_required"),
        ({"scopes": ()}, "permissions_missing"),
    ],
)
@pytest.mark.parametrize("step", [beginning.begin_post, publishing.publish_container])
def test_an_account_that_cannot_publish_any_more_stops_the_post_before_instagram_is_called(world, step, changes, code):
    ready(world)
    before = world.post()
    world.instagram.calls.clear()
    world.accounts.connect(an_account(token_version=2, **changes), "the-token")
    with pytest.raises(AccountUnavailableError) as refusal:
        step(world.task, world.ports)
    assert refusal.value.code == code
    assert world.instagram.calls == []
    assert world.post() == before


def steps_that_need_the_account(world):
    return {
        "begin": lambda: beginning.begin_post(world.task, world.ports),
        "create": lambda: publishing.create_container(world.item(0), world.ports),
        "check": lambda: publishing.check_container(world.item(None), world.ports),
        "publish": lambda: publishing.publish_container(world.task, world.ports),
    }


@pytest.mark.parametrize("step", ["begin", "create", "check", "publish"])
def test_an_account_that_was_disconnected_meanwhile_is_called_gone_and_instagram_is_not_called(step):
    carousel = with_carousel()
    beginning.begin_post(carousel.task, carousel.ports)
    carousel.posts.add_container(carousel.post(), a_container())
    carousel.accounts.erase(an_account())
    carousel.instagram.calls.clear()
    with pytest.raises(NotFoundError) as refusal:
        steps_that_need_the_account(carousel)[step]()
    assert refusal.value.code == "account_gone"
    assert carousel.instagram.calls == []
    assert carousel.post().publish_attempted_at is None


@pytest.mark.parametrize("step", ["create", "check", "publish"])
@pytest.mark.parametrize("failure", [TokenUnreadableError(), StoreUnavailableError()])
def test_without_a_readable_token_instagram_is_not_called_and_nothing_is_marked_as_attempted(step, failure):
    carousel = with_carousel()
    beginning.begin_post(carousel.task, carousel.ports)
    carousel.posts.add_container(carousel.post(), a_container())
    carousel.ports.tokens.failure = failure
    carousel.instagram.calls.clear()
    with pytest.raises(type(failure)):
        steps_that_need_the_account(carousel)[step]()
    assert carousel.instagram.calls == []
    assert carousel.post().publish_attempted_at is None


# create_container


def test_creates_the_container_and_keeps_its_id(world):
    answer = publishing.create_container(world.item(None), world.ports)
    (container,) = world.post().containers
    assert answer == {"container_id": container.container_id}
    assert world.instagram.containers[container.container_id].parameters == {
        "image_url": "https://media.example.com/photo.jpg",
        "caption": "Fresh from the darkroom",
    }


def test_creating_again_finds_the_container(world):
    first = publishing.create_container(world.item(None), world.ports)
    assert publishing.create_container(world.item(None), world.ports) == first
    assert world.instagram.called("create_container") == 1


def test_the_parent_of_a_carousel_names_its_children_in_order():
    carousel = with_carousel(3)
    made = {item: publishing.create_container(carousel.item(item), carousel.ports) for item in (2, 0, 1)}
    parent = publishing.create_container(carousel.item(None), carousel.ports)["container_id"]
    children = ",".join(made[item]["container_id"] for item in range(3))
    assert carousel.instagram.containers[parent].parameters["children"] == children


def test_a_carousel_never_goes_out_with_an_item_missing():
    carousel = with_carousel(3)
    for item in (0, 2):
        publishing.create_container(carousel.item(item), carousel.ports)
    with pytest.raises(ConflictError):
        publishing.create_container(carousel.item(None), carousel.ports)
    assert carousel.instagram.called("create_container") == 2


def test_a_lost_answer_leaves_an_orphan_and_the_next_try_a_container(world):
    world.instagram.fail("create_container", InstagramUnavailableError(), when="after")
    with pytest.raises(InstagramUnavailableError):
        publishing.create_container(world.item(None), world.ports)
    publishing.create_container(world.item(None), world.ports)
    assert len(world.instagram.containers) == 2
    assert len(world.post().containers) == 1


def test_of_two_workers_that_create_at_once_the_first_one_s_container_stays(world):
    """Or what one worker has published could be asked about under the other one's id."""
    other = []

    def meanwhile(*arguments):
        world.instagram.create_container = create
        other.append(publishing.create_container(world.item(None), world.ports))
        return create(*arguments)

    create = world.instagram.create_container
    world.instagram.create_container = meanwhile
    with pytest.raises(ConflictError):
        publishing.create_container(world.item(None), world.ports)
    assert [publishing.create_container(world.item(None), world.ports)] == other


# check_container


def test_an_image_that_is_ready_at_once_costs_one_call(world):
    publishing.create_container(world.item(None), world.ports)
    assert publishing.check_container(world.item(None), world.ports)["is_ready"]
    assert world.instagram.called("container_status") == 1
    assert world.post().container(None).finished_at == NOW


def test_waits_a_few_seconds_for_an_image_by_itself(world):
    world.instagram.statuses = ("IN_PROGRESS", "IN_PROGRESS", "FINISHED")
    publishing.create_container(world.item(None), world.ports)
    assert publishing.check_container(world.item(None), world.ports)["is_ready"]
    assert world.clock() - NOW == 2 * publishing.POLL_EVERY


def test_leaves_longer_waits_to_the_workflow_and_asks_ever_more_seldom(world):
    world.instagram.statuses = ("IN_PROGRESS",)
    publishing.create_container(world.item(None), world.ports)
    waits = []
    for _ in range(4):
        started = world.clock()
        answer = publishing.check_container(world.item(None), world.ports)
        assert not answer["is_ready"]
        assert world.clock() - started <= publishing.POLL_FOR
        waits.append(answer["wait_seconds"])
        world.clock.advance(60)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (15, 60)


@pytest.mark.parametrize(
    ("wanted", "patience"),
    [
        (content("image"), publishing.PATIENCE_IMAGE),
        (content("reel"), publishing.PATIENCE_VIDEO),
        (content("story"), publishing.PATIENCE_IMAGE),
        (content("story", media=(video_item(),)), publishing.PATIENCE_VIDEO),
        (content("carousel"), publishing.PATIENCE_IMAGE),
        (content("carousel", media=(video_item(), video_item())), publishing.PATIENCE_VIDEO),
    ],
    ids=["image", "reel", "story", "video story", "carousel", "video carousel"],
)
def test_patience_ends(wanted, patience):
    world = world_of(content=wanted)
    world.posts.add_container(world.post(), a_container())
    slow = a_container().container_id
    world.instagram.create_container = lambda *_: slow
    world.instagram.containers[slow] = SimpleNamespace(media_id=None, statuses=[ContainerStatus("IN_PROGRESS")])
    world.clock.advance(patience - timedelta(seconds=30))
    assert not publishing.check_container(world.item(None), world.ports)["is_ready"]
    world.clock.advance(60)
    with pytest.raises(ProcessingTimeoutError):
        publishing.check_container(world.item(None), world.ports)


def test_an_item_that_has_finished_is_not_asked_about_again():
    carousel = with_carousel()
    publishing.create_container(carousel.item(0), carousel.ports)
    publishing.check_container(carousel.item(0), carousel.ports)
    assert publishing.check_container(carousel.item(0), carousel.ports)["is_ready"]
    assert carousel.instagram.called("container_status") == 1


def test_a_container_that_is_published_already_counts_as_ready_so_that_its_attempt_is_found(world):
    publishing.create_container(world.item(None), world.ports)
    world.instagram.set_status(world.post().container(None).container_id, "PUBLISHED")
    assert publishing.check_container(world.item(None), world.ports)["is_ready"]


def lose(world, item, *statuses):
    """What Instagram says of that container from now on."""
    world.instagram.set_status(world.post().container(item).container_id, *statuses)


GIVEN_UP = ContainerStatus("ERROR", 2207053)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (ContainerStatus("EXPIRED"), ContainerExpiredError),
        (ContainerStatus("ERROR"), MediaRejectedError),
        (ContainerStatus("ERROR", 2207026), MediaRejectedError),
        (ContainerStatus("ERROR", 2207052), MediaUnreachableError),
    ],
)
def test_a_dead_container_that_is_not_worth_making_anew_ends_the_waiting_with_its_reason(status, error):
    world = world_of(rebuilds=publishing.MOST_REBUILDS)
    publishing.create_container(world.item(None), world.ports)
    lose(world, None, status)
    with pytest.raises(error):
        publishing.check_container(world.item(None), world.ports)
    assert len(world.post().containers) == 1


def test_a_container_that_instagram_keeps_failing_is_forgotten_and_the_post_waits(world):
    world.posts.save(replace(world.post(), rebuilds=publishing.MOST_REBUILDS))
    publishing.create_container(world.item(None), world.ports)
    lose(world, None, GIVEN_UP)
    with pytest.raises(NotNowError):
        publishing.check_container(world.item(None), world.ports)
    assert (world.post().containers, world.post().rebuilds) == ((), 0)


def test_in_an_outage_no_container_is_made_anew_on_the_spot(world):
    publishing.create_container(world.item(None), world.ports)
    for account in ("a", "b", "c"):
        world.outages.report("CheckContainer", "*.2207053", account, NOW)
    lose(world, None, GIVEN_UP)
    with pytest.raises(NotNowError):
        publishing.check_container(world.item(None), world.ports)


@pytest.mark.parametrize(
    ("status", "times"),
    [
        (ContainerStatus("EXPIRED"), 1),
        (ContainerStatus("ERROR", 2207052), publishing.MOST_REBUILDS),
        (GIVEN_UP, publishing.MOST_REBUILDS),
    ],
)
def test_a_container_that_died_for_no_fault_of_the_media_is_forgotten_and_made_anew_a_few_times(world, status, times):
    for _ in range(times):
        publishing.create_container(world.item(None), world.ports)
        lose(world, None, status)
        with pytest.raises(ContainerLostError):
            publishing.check_container(world.item(None), world.ports)
        assert world.post().containers == ()
    publishing.create_container(world.item(None), world.ports)
    assert len(world.instagram.containers) == times + 1
    lose(world, None, status)
    with pytest.raises(InstagramUnavailableError if times > 1 else ContainerExpiredError):
        publishing.check_container(world.item(None), world.ports)


@pytest.mark.parametrize("status", [ContainerStatus("EXPIRED"), GIVEN_UP])
def test_a_container_is_never_made_anew_once_the_post_may_have_been_sent(status):
    world = world_of(publish_attempts=1)
    publishing.create_container(world.item(None), world.ports)
    lose(world, None, status)
    with pytest.raises((ContainerExpiredError, InstagramUnavailableError)):
        publishing.check_container(world.item(None), world.ports)
    assert len(world.post().containers) == 1


@pytest.mark.parametrize(("status", "kept"), [(GIVEN_UP, {0, 2}), (ContainerStatus("EXPIRED"), set())])
def test_of_a_carousel_only_what_is_lost_is_made_anew(status, kept):
    """What expires is as old as its siblings; and the parent is nothing without its children."""
    carousel = with_carousel(3)
    for item in (0, 1, 2, None):
        publishing.create_container(carousel.item(item), carousel.ports)
    lose(carousel, 1, status)
    with pytest.raises(ContainerLostError):
        publishing.check_container(carousel.item(1), carousel.ports)
    assert {container.item for container in carousel.post().containers} == kept


def test_with_a_carousel_that_failed_its_items_are_made_anew_too():
    """One of them may be why, although it was ready once; Instagram names none."""
    carousel = with_carousel(2)
    for item in (0, 1, None):
        publishing.create_container(carousel.item(item), carousel.ports)
    lose(carousel, None, GIVEN_UP)
    with pytest.raises(ContainerLostError):
        publishing.check_container(carousel.item(None), carousel.ports)
    assert carousel.post().containers == ()


def test_a_container_that_came_while_its_expired_sibling_was_asked_about_is_forgotten_with_it():
    carousel = with_carousel(2)
    publishing.create_container(carousel.item(0), carousel.ports)
    lose(carousel, 0, ContainerStatus("EXPIRED"))
    asked = carousel.instagram.container_status

    def meanwhile(*arguments):
        publishing.create_container(carousel.item(1), carousel.ports)
        return asked(*arguments)

    carousel.instagram.container_status = meanwhile
    with pytest.raises(ContainerLostError):
        publishing.check_container(carousel.item(0), carousel.ports)
    assert carousel.post().containers == ()


@pytest.mark.parametrize("item", [0, None])
def test_a_cancelled_post_goes_no_step_further(item):
    carousel = with_carousel()
    for each in (0, 1, 2, None):
        publishing.create_container(carousel.item(each), carousel.ports)
    carousel.posts.save(carousel.post().moved_to(PostState.CANCELLED, NOW))
    carousel.instagram.calls.clear()
    for step, task in (
        (beginning.begin_post, carousel.task),
        (publishing.create_container, carousel.item(item)),
        (publishing.check_container, carousel.item(item)),
        (publishing.publish_container, carousel.task),
    ):
        with pytest.raises(PostCancelledError):
            step(task, carousel.ports)
    assert carousel.instagram.calls == []


def test_a_post_that_is_cancelled_just_before_it_is_sent_is_not_sent(world):
    ready(world)
    overtaken(world.posts, "save", lambda: world.posts.save(world.post().moved_to(PostState.CANCELLED, NOW)))
    with pytest.raises(PostCancelledError):
        publishing.publish_container(world.task, world.ports)
    assert world.instagram.called("publish_container") == 0
    assert world.post().state is PostState.CANCELLED


def test_every_container_is_counted_even_if_its_answer_is_lost(world):
    world.instagram.fail("create_container", InstagramUnavailableError(), when="after")
    with pytest.raises(InstagramUnavailableError):
        publishing.create_container(world.item(None), world.ports)
    for _ in range(2):
        publishing.create_container(world.item(None), world.ports)
    assert world.quota.containers_since(TENANT, world.first.account_id, NOW) == 2


def test_a_container_that_another_item_s_check_has_forgotten_is_made_anew(world):
    with pytest.raises(ContainerLostError):
        publishing.check_container(world.item(None), world.ports)


# publish_container


def test_publishes_once_and_writes_the_attempt_down_before(world):
    ready(world)
    seen = []
    publish = world.instagram.publish_container
    world.instagram.publish_container = lambda *arguments: seen.append(world.post()) or publish(*arguments)
    answer = publishing.publish_container(world.task, world.ports)
    assert answer == {"media_id": world.instagram.live[0].id}
    (at_the_call,) = seen
    assert (at_the_call.state, at_the_call.publish_attempted_at) == (PostState.PUBLISHING, NOW)


def test_remembers_what_was_live_before(world):
    ready(world)
    other = world_of()
    ready(other)
    publishing.publish_container(other.task, other.ports)
    world.instagram.appear(replace(other.instagram.live[0], id="17"))
    publishing.publish_container(world.task, world.ports)
    assert world.post().fence == ("17",)


@pytest.mark.parametrize(
    ("kind", "listed"), [("story", "stories"), ("image", "recent_media"), ("reel", "recent_media")]
)
def test_looks_for_stories_among_the_stories(kind, listed):
    world = ready(world_of(content=content(kind)))
    world.instagram.calls.clear()
    publishing.publish_container(world.task, world.ports)
    assert world.instagram.calls == [listed, "publish_container"]


def test_publishing_again_answers_the_media_that_is_known_without_a_call(world):
    ready(world)
    answer = publishing.publish_container(world.task, world.ports)
    confirming.mark_published(PublishedTask(TENANT, world.task.post_id, answer["media_id"]), world.ports)
    world.instagram.calls.clear()
    assert publishing.publish_container(world.task, world.ports) == answer
    assert world.instagram.calls == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [OutcomeUnknownError(code=4, subcode=2207051), Killed()])
def test_asks_instead_of_publishing_twice_when_the_outcome_is_unknown(world, error, when):
    ready(world)
    world.instagram.fail("publish_container", error, when=when)
    with pytest.raises(type(error)):
        publishing.publish_container(world.task, world.ports)
    assert world.post().publish_attempted_at == NOW
    with pytest.raises(OutcomeUnknownError):
        publishing.publish_container(world.task, world.ports)
    assert world.instagram.called("publish_container") == 1


@pytest.mark.parametrize(
    "error",
    [
        InstagramUnavailableError(),
        RateLimitedError(code=4),
        TokenInvalidError(code=190),
        PublishingLimitReachedError(code=9),
        MediaNotReadyError(code=9007),
    ],
)
def test_an_error_that_proves_that_nothing_was_sent_takes_the_attempt_back(world, error):
    ready(world)
    world.instagram.fail("publish_container", error)
    with pytest.raises(type(error)):
        publishing.publish_container(world.task, world.ports)
    assert (world.post().state, world.post().publish_attempted_at) == (PostState.PROCESSING, None)
    assert world.post().publish_attempts == 0
    assert publishing.publish_container(world.task, world.ports) == {"media_id": world.instagram.live[0].id}


def test_media_that_is_not_ready_for_too_long_is_given_up(world):
    ready(world)
    world.clock.advance(publishing.PATIENCE_IMAGE + timedelta(seconds=1))
    world.instagram.fail("publish_container", MediaNotReadyError(code=9007))
    with pytest.raises(ProcessingTimeoutError):
        publishing.publish_container(world.task, world.ports)
    assert world.post().publish_attempted_at is None


def test_not_ready_after_an_earlier_attempt_may_mean_that_the_earlier_one_is_live(world):
    """Instagram refuses a second publish of one container in the same words."""
    ready(world)
    world.posts.save(replace(world.post(), publish_attempts=1))
    world.instagram.fail("publish_container", MediaNotReadyError(code=9007))
    with pytest.raises(OutcomeUnknownError):
        publishing.publish_container(world.task, world.ports)
    assert world.post().publish_attempted_at is not None


def test_an_unreadable_fence_is_no_attempt(world):
    ready(world)
    world.instagram.fail("recent_media", RateLimitedError())
    with pytest.raises(RateLimitedError):
        publishing.publish_container(world.task, world.ports)
    assert world.post().publish_attempted_at is None
    assert world.instagram.called("publish_container") == 0


def test_of_two_workers_at_once_one_publishes(world):
    ready(world)
    lists = world.instagram.recent_media

    def meanwhile(access):
        world.instagram.recent_media = lists
        publishing.publish_container(world.task, world.ports)
        return lists(access)

    world.instagram.recent_media = meanwhile
    with pytest.raises(OutcomeUnknownError):
        publishing.publish_container(world.task, world.ports)
    assert len(world.instagram.live) == 1
    assert world.instagram.called("publish_container") == 1


def test_a_worker_that_read_the_post_before_it_failed_cannot_publish_it(world):
    ready(world)
    lists = world.instagram.recent_media

    def meanwhile(access):
        world.posts.save(world.post().moved_to(PostState.FAILED, NOW))
        return lists(access)

    world.instagram.recent_media = meanwhile
    with pytest.raises(OutcomeUnknownError):
        publishing.publish_container(world.task, world.ports)
    assert world.instagram.live == []


@pytest.mark.parametrize("state", [PostState.FAILED, PostState.PUBLISHED])
def test_a_post_that_has_ended_is_not_published(world, state):
    ready(world)
    world.posts.stored[TENANT, world.task.post_id] = replace(world.post(), state=state)
    with pytest.raises(ConflictError):
        publishing.publish_container(world.task, world.ports)
    assert world.instagram.called("publish_container") == 0


# The whole way, with workers dying at every point.


def run(world, ports):
    """The arrows of publish_post.asl.yaml from begin to published: a step whose worker died runs again."""
    repeat(lambda: beginning.begin_post(world.task, ports))
    repeat(lambda: publishing.create_container(world.item(None), ports))
    repeat(lambda: publishing.check_container(world.item(None), ports))
    outcome, media_id = "not_published", None
    while outcome == "not_published":
        try:
            outcome, media_id = "published", repeat(lambda: publishing.publish_container(world.task, ports))["media_id"]
        except OutcomeUnknownError as error:
            outcome, media_id = asked(world, ports, error)
    if outcome == "published":
        repeat(lambda: confirming.mark_published(PublishedTask(TENANT, world.task.post_id, media_id), ports))
    return outcome


def asked(world, ports, error):
    answer = {"outcome": "unclear", "asks": 0, "clean_reads": 0, "attempt": None}
    while answer["outcome"] == "unclear":
        world.clock.advance(20)
        task = world.confirming(error, answer["asks"], answer["clean_reads"], answer["attempt"])
        answer = repeat(lambda task=task: confirming.confirm_publish(task, ports))
    return answer["outcome"], answer["media_id"]


def repeat(step):
    for _ in range(6):
        try:
            return step()
        except (Killed, StoreUnavailableError, ConflictError):
            continue
    raise AssertionError("The step never ended.")


def calls_of_a_run():
    world, fate = world_of(), Fate()
    assert run(world, doomed(world.ports, fate)) == "published"
    return len(fate.calls)


POINTS = tuple(itertools.product(range(calls_of_a_run()), ("before", "after")))
SWITCHES = [
    {},
    {"stale_reads": 2},
    {"hidden_reads": 2},
    {"stale_reads": 2, "hidden_reads": 1},
    {"stale_reads": 1, "hidden_reads": 4},
    {"republish": "duplicate", "stale_reads": 2, "hidden_reads": 2},
]


def ends_truthfully(world, fate):
    """I1, I2: at most one post is visible, and the table says published exactly when it is."""
    outcome = run(world, doomed(world.ports, fate))
    assert len(world.instagram.live) <= 1
    assert (outcome == "published") == (len(world.instagram.live) == 1)
    post = world.post()
    if outcome == "published":
        assert post.state is PostState.PUBLISHED
        assert post.media_id in (None, world.instagram.live[0].id)
    return post


def test_the_points_are_all_the_calls_there_are():
    assert len(POINTS) == 2 * calls_of_a_run() > 40


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_a_worker_that_dies_at_any_point_never_makes_two_posts_or_none(switches):
    for number, when in POINTS:
        world = world_of()
        vars(world.instagram).update(switches)
        post = ends_truthfully(world, Fate({number: (when, Killed())}))
        assert post.state is PostState.PUBLISHED, (number, when)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_two_deaths_on_one_way_never_make_two_posts(switches):
    for (first, when), (second, then) in itertools.combinations(POINTS, 2):
        world = world_of()
        vars(world.instagram).update(switches)
        ends_truthfully(world, Fate({first: (when, Killed()), second: (then, Killed())}))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_an_unknown_answer_of_instagram_s_ends_truthfully(switches, when):
    world = world_of()
    vars(world.instagram).update(switches)
    world.instagram.fail("publish_container", OutcomeUnknownError(code=-1), when=when)
    assert ends_truthfully(world, Fate()).state is PostState.PUBLISHED


def test_the_attempt_that_the_lists_show_late_is_still_found_behind_no_fence(world):
    """Judged dead, live after all: the second attempt must not hide the first one's media behind its fence."""
    world.instagram.stale_reads = 3
    world.instagram.hidden_reads = 3
    world.instagram.fail("publish_container", OutcomeUnknownError(), when="after")
    run(world, world.ports)
    assert len(world.instagram.live) == 1
    assert world.post().media_id == world.instagram.live[0].id


def test_no_step_shows_a_token_in_what_it_raises(world):
    ready(world)
    world.instagram.fail("publish_container", OutcomeUnknownError())
    with pytest.raises(InstagramError) as raised:
        publishing.publish_container(world.task, world.ports)
    assert "token-of" not in repr(raised.value) + str(raised.value)
