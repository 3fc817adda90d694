"""In whatever order events come, what they make of threads, messages, counters and figures is the same."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.effects import WINDOW, CommentCounted, Conversed, StoryMeasured
from darkroom.events import ERASED
from tests.builders import NOW, TENANT, an_event
from tests.fakes import Clock, FakeEvents

ACCOUNT, PERSON = "acc_1", "6841100000000000"
THREAD = f"THREAD#{ACCOUNT}#{PERSON}"


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def text(moment):
    return moment.isoformat(timespec="milliseconds")


def did(act, minutes, mid=None, edit=None, **data):
    """An event of a conversation, and its effect."""
    event = an_event(f"{act}{minutes}{mid}{edit and edit[0]}", occurred_at=at(minutes), data={"mid": mid, **data})
    return event, Conversed(ACCOUNT, PERSON, act, mid, edit)


def received(minutes, mid, words="hello"):
    return did("received", minutes, mid, text=words)


def sent(minutes, mid):
    return did("sent", minutes, mid, text="answer")


def edited(minutes, mid, number, words):
    return did(None, minutes, mid, (number, words), text=words)


def told(happened):
    events = FakeEvents(Clock())
    for event, effect in happened:
        events.add(event, effect)
    return events


def end(events):
    """Everything but the order in which it was written down."""
    return {
        "thread": events.state(TENANT, THREAD),
        "texts": {id_: dict(event.data) for (_, id_), event in events.stored.items()},
    }


def test_a_message_opens_a_window_of_a_day_and_is_unread():
    thread = told([received(0, "m1")]).state(TENANT, THREAD)
    assert thread["window_expires_at"] == text(NOW + WINDOW)
    assert (thread["direction"], thread["unread"]) == ("received", {"m1": text(NOW)})


def test_an_answer_reads_what_came_before_it_and_opens_no_window():
    thread = told([received(0, "m1"), sent(5, "m2"), received(7, "m3")]).state(TENANT, THREAD)
    assert thread["unread"] == {"m3": text(at(7))}
    assert told([sent(5, "m2")]).state(TENANT, THREAD).get("window_expires_at") is None


STORIES = {
    "answered": [received(0, "m1"), received(1, "m2"), sent(2, "m3"), received(3, "m4")],
    "unsent": [received(0, "m1", "CANARY"), did("unsent", 2, "m1"), received(1, "m2")],
    "edited": [received(0, "m1", "old"), edited(1, "m1", 1, "newer"), edited(2, "m1", 2, "newest")],
    "edited and unsent": [received(0, "m1", "CANARY"), edited(1, "m1", 1, "CANARY"), did("unsent", 2, "m1")],
    "days late": [received(-4 * 24 * 60, "m1"), received(0, "m2"), did("acted", 5), did("seen", 6, "m2")],
}


@pytest.mark.parametrize("story", STORIES)
def test_the_order_of_arrival_does_not_matter(story):
    ends = [end(told(order)) for order in permutations(STORIES[story])]
    assert all(each == ends[0] for each in ends)


happenings = st.lists(
    st.tuples(
        st.sampled_from(["received", "sent", "unsent", "acted", "seen", "edit"]),
        st.integers(0, 5000),
        st.sampled_from(["m1", "m2", "m3"]),
    ),
    max_size=8,
    unique_by=lambda one: (one[0], one[2]) if one[0] in {"received", "sent", "unsent"} else one,
)


@given(happenings, st.randoms())
def test_nor_does_it_in_any_story(story, chance):
    made = [edited(m, mid, m, str(m)) if act == "edit" else did(act, m, mid, text=act) for act, m, mid in story]
    shuffled = list(made)
    chance.shuffle(shuffled)
    doubled = [each for each in shuffled for _ in range(2)]
    assert end(told(made)) == end(told(doubled))


def test_an_unsent_message_has_no_content_anywhere():
    for order in permutations(STORIES["edited and unsent"]):
        events = told(order)
        assert "CANARY" not in repr(events.stored) + repr(events.states)
        assert list(events.state(TENANT, THREAD)["unread"]) == []
        assert [event.data for event in events.stored.values()].count(ERASED) == 2


def test_the_newest_wording_is_the_messages():
    message, *edits = STORIES["edited"]
    for order in permutations([message, *edits]):
        assert told(order).get(TENANT, message[0].id).data == {"mid": "m1", "text": "newest", "num_edit": 2}


def test_of_two_edits_with_one_number_the_later_counts():
    message = received(0, "m1")
    for order in permutations([message, edited(1, "m1", 0, "first"), edited(2, "m1", 0, "second")]):
        assert told(order).get(TENANT, message[0].id).data["text"] == "second"


def test_a_conversation_of_very_many_keeps_the_newest():
    thread = told([received(number, f"m{number}") for number in range(130)]).state(TENANT, THREAD)
    assert set(thread["unread"]) == {f"m{number}" for number in range(30, 130)}


def test_comments_are_counted_and_the_latest_is_known_whatever_comes_last():
    effect = CommentCounted(ACCOUNT, "1791")
    events = told([(an_event(str(m), occurred_at=at(m)), effect) for m in (3, 9, 1, 9)])
    expected = {"media_id": "1791", "comments": 3, "last_comment_at": text(at(9))}
    assert events.state(TENANT, "COMMENTS#acc_1#1791") == expected


def test_the_figures_of_the_latest_moment_count():
    told_at = {5: 17, 1: 3, 9: 28, 7: 20}
    events = told(
        [(an_event(str(m), occurred_at=at(m)), StoryMeasured(ACCOUNT, "18", {"reach": r})) for m, r in told_at.items()]
    )
    assert events.state(TENANT, "STORY#acc_1#18")["metrics"] == {"reach": 28}


def test_an_act_without_a_person_changes_no_thread():
    assert Conversed(ACCOUNT, "", "received").items == ()
    assert Conversed(ACCOUNT, "", "received", "m1").items == ("MESSAGE#acc_1#m1",)
