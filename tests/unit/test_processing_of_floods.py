"""Deliveries of a thousand changes: they have a time to be done in, and what hinders each other goes in turn."""

import json
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from darkroom import processing
from darkroom.deliveries import Delivery
from darkroom.errors import StoreUnavailableError
from darkroom.processing import OutOfTimeError
from tests.builders import NOW, TENANT, an_account
from tests.fakes import FakeEvents
from tests.unit.test_processing import PERSON, THEIRS, World, comment, said

COMMENTS = f"COMMENTS#{an_account().id}#1791"


@pytest.fixture
def world():
    return World()


def delivery(*entries):
    return Delivery(json.dumps({"object": "instagram", "entry": list(entries)}).encode(), "instagram", NOW)


def comments(count, **more):
    return [comment(str(number), **more) for number in range(count)]


class Slow(FakeEvents):
    """Each event takes a second of a clock that nobody waits for."""

    seconds = 0.0
    added = 0

    def add(self, event, effect=None):
        self.seconds += 1
        self.added += 1
        return super().add(event, effect)


@pytest.fixture
def slow(world):
    world.events = Slow(world.clock)
    return world.events


def slowly(world, what, ends_at):
    return processing.process(what, replace(world.ports(), seconds=lambda: world.events.seconds), ends_at)


def test_what_there_is_no_time_for_is_given_up_and_what_was_stored_stays(world, slow):
    with pytest.raises(OutOfTimeError):
        slowly(world, delivery(*comments(100)), ends_at=60)
    assert 50 <= len(slow.stored) < 60
    assert len(world.bus.announced) == len(slow.announced) == len(slow.stored)
    assert world.events.state(TENANT, COMMENTS)["comments"] == len(slow.stored)


def test_giving_up_means_coming_again(world, slow):
    with pytest.raises(StoreUnavailableError):
        slowly(world, delivery(*comments(20)), ends_at=10)


def test_the_next_receive_goes_on_where_the_last_one_stopped(world, slow):
    what = delivery(*comments(100))
    with pytest.raises(OutOfTimeError):
        slowly(world, what, ends_at=60)
    before, slow.seconds = slow.added, 0.0
    facts = slowly(world, what, ends_at=60)
    assert (slow.added, facts["known"], facts["told"]) == (100, before, 100 - before)
    assert world.events.state(TENANT, COMMENTS)["comments"] == 100


def test_without_an_end_there_is_all_the_time(world, slow):
    assert slowly(world, delivery(*comments(1000)), ends_at=float("inf"))["told"] == 1000


# ── what is known ──


def test_what_was_told_is_asked_about_once_and_not_added_again(world, slow):
    what = delivery(*comments(300))
    processing.process(what, world.ports())
    slow.added = 0
    assert processing.process(what, world.ports())["known"] == 300
    assert slow.added == 0


def test_what_was_stored_and_never_told_is_told(world, slow):
    world.bus.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        processing.process(delivery(*comments(3)), world.ports())
    world.bus.failure = None
    assert processing.process(delivery(*comments(3)), world.ports())["told"] == 3


def test_one_change_is_not_asked_about_first(world):
    """It would be one more call for what adding finds out anyway."""
    world.events.told = None
    assert world.process(comment())["told"] == 1


# ── in turn and side by side ──


class Watched(FakeEvents):
    """Who is in here at the same time: items of effects that meet, and how many events at most."""

    def __init__(self, now):
        super().__init__(now)
        self.inside, self.met, self.most = Counter(), set(), 0
        self.door = threading.Lock()

    def add(self, event, effect=None):
        touched = {event.id, *(effect.items if effect else ())}
        with self.door:
            self.met |= {item for item in touched if self.inside[item]}
            self.inside.update([*touched, "events"])
            self.most = max(self.most, self.inside["events"])
        time.sleep(0.002)
        try:
            return super().add(event, effect)
        finally:
            with self.door:
                self.inside.subtract([*touched, "events"])


@pytest.fixture
def watched(world):
    world.events = Watched(world.clock)
    return world.events


def test_what_touches_the_same_item_goes_one_after_another(world, watched):
    assert world.process(*comments(40))["told"] == 40
    assert (watched.met, watched.most) == (set(), 1)


def test_different_items_go_side_by_side(world, watched):
    world.process(*(comment(str(number), media={"id": f"18{number}"}) for number in range(40)))
    assert watched.most > 1


def test_a_chain_of_items_is_one_turn(world, watched):
    """A message touches its thread and itself; an edit and an unsend of it must wait for the same turn."""
    acts = []
    for number in range(12):
        mid = f"m{number}"
        acts += [
            said(message={"mid": mid, "text": "hi"}, at=NOW - timedelta(minutes=1)),
            said(message_edit={"mid": mid, "text": "new", "num_edit": 1}),
            said(reaction={"mid": mid, "action": "react"}, sender=f"{PERSON}{number % 3}"),
        ]
    assert world.process(*acts)["told"] == 36
    assert watched.met == set()
    assert watched.most > 1


def test_items_of_two_tenants_are_not_the_same_turn(world, watched):
    world.process(*comments(20), *comments(20, ig_id=THEIRS))
    assert watched.most == 2


def test_one_event_twice_in_a_delivery_is_told_once(world, watched):
    mention = {"field": "mentions", "value": {"media_id": "1791"}}
    entry = {"id": an_account().ig_user_id, "time": int(NOW.timestamp()), "changes": [mention] * 20}
    assert world.process(entry) == world.process() | {"told": 1, "known": 19, "sha256": delivery(entry).sha256[:12]}
    assert len(world.bus.announced) == 1


def test_one_that_fails_does_not_keep_those_behind_it_from_being_told(world):
    class Picky(FakeEvents):
        def add(self, event, effect=None):
            if event.refs["comment_id"] == "1793":
                raise StoreUnavailableError
            return super().add(event, effect)

    world.events = Picky(world.clock)
    with pytest.raises(StoreUnavailableError):
        world.process(*comments(10))
    assert len(world.events.stored) == 9


# ── what is too big ──


def test_an_edit_that_is_too_big_for_an_item_leaves_the_message_as_it_was(world):
    world.process(said(message={"mid": "m", "text": "hi"}))
    world.process(said(message_edit={"mid": "m", "text": "x" * 300_000, "num_edit": 1}))
    texts = {event.type: dict(event.data) for event in world.events.stored.values()}
    assert texts["message.received"]["text"] == "hi"
    assert texts["message.edited"]["left_out"] == "too_large"
    assert all(len(json.dumps(state)) < 1000 for state in world.events.states.values())


def test_figures_that_are_too_big_for_an_item_are_left_where_the_delivery_lies(world):
    for later, metrics in enumerate(({"reach": 5}, {"reach": "9" * 300_000})):
        change = {"field": "story_insights", "value": {"media_id": "18", **metrics}}
        world.process({"id": an_account().ig_user_id, "time": int(NOW.timestamp()) + later, "changes": [change]})
    assert world.events.state(TENANT, f"STORY#{an_account().id}#18")["metrics"] == {"reach": 5}
    assert sum("left_out" in event.data for event in world.events.stored.values()) == 1


def test_a_message_and_its_edit_are_an_item_together(world):
    """400 KB is what DynamoDB takes; the largest of both, with the wording beside attachments."""
    most = processing._MOST_CONTENT - 100
    world.process(said(message={"mid": "m", "attachments": "x" * most}))
    world.process(said(message_edit={"mid": "m", "text": "y" * most, "num_edit": 1}))
    sizes = [len(json.dumps(dict(event.data))) for event in world.events.stored.values()]
    sizes += [len(json.dumps(dict(state))) for state in world.events.states.values()]
    assert most < max(sizes) < 380_000
