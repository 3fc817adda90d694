"""An event and its effect are stored together or not at all, by the fake and by DynamoDB alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from darkroom.aws.events import DynamoDBEvents
from darkroom.errors import StoreUnavailableError
from darkroom.events import ERASED, KEPT, Applied
from tests.builders import NOW, OTHER_TENANT, TENANT, an_event
from tests.fakes import Clock, FakeEvents


@dataclass(frozen=True)
class Counted:
    """Counts the events that touch an item, and edits or erases earlier ones."""

    item: str = "COMMENTS#acc#1"
    edits: tuple[str, ...] = ()
    erases: tuple[str, ...] = ()

    @property
    def items(self):
        return (self.item,)

    def applied(self, event, before):
        after = {self.item: {"count": before[self.item].get("count", 0) + 1}}
        return Applied(event=event, after=after, edited={i: {"text": "new"} for i in self.edits}, erased=self.erases)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def real(cloud, clock):
    return DynamoDBEvents(cloud.client("dynamodb"), cloud.table("EventsTable"), clock)


@pytest.fixture(params=["fake", "dynamodb"])
def events(request, clock):
    return FakeEvents(clock) if request.param == "fake" else request.getfixturevalue("real")


def test_an_effect_happens_with_its_event(events):
    assert events.add(an_event(), Counted())
    assert events.state(TENANT, "COMMENTS#acc#1") == {"count": 1}
    assert events.get(TENANT, an_event().id) == an_event()


def test_an_event_told_again_has_no_second_effect(events):
    for _ in range(3):
        assert events.add(an_event(), Counted())
    assert events.state(TENANT, "COMMENTS#acc#1") == {"count": 1}


def test_an_announced_event_is_old_news_with_an_effect_too(events):
    events.add(an_event(), Counted())
    events.mark_announced(an_event(), NOW)
    assert not events.add(an_event(), Counted())


def test_states_are_of_one_tenant_and_one_item(events):
    events.add(an_event(), Counted())
    assert events.state(OTHER_TENANT, "COMMENTS#acc#1") == {}
    assert events.state(TENANT, "COMMENTS#acc#2") == {}


def test_effects_add_up_over_events(events):
    for number in range(5):
        events.add(an_event(str(number)), Counted())
    assert events.state(TENANT, "COMMENTS#acc#1") == {"count": 5}


def test_nobody_who_counts_at_the_same_time_is_forgotten(events):
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda number: events.add(an_event(str(number % 8)), Counted()), range(24)))
    assert events.state(TENANT, "COMMENTS#acc#1") == {"count": 8}


def test_an_earlier_event_is_edited_and_keeps_what_it_had(events):
    first = an_event("1", data={"text": "old", "mid": "m"})
    events.add(first)
    events.add(an_event("2"), Counted(edits=(first.id,)))
    assert events.get(TENANT, first.id).data == {"text": "new", "mid": "m"}


def test_an_earlier_event_loses_its_content(events):
    first = an_event("1")
    events.add(first)
    events.mark_announced(first, NOW)
    events.add(an_event("2"), Counted(erases=(first.id,)))
    assert events.get(TENANT, first.id).data == ERASED
    assert not events.add(first)


def test_what_was_never_stored_can_be_neither_edited_nor_erased(events, clock):
    unknown = an_event("unknown")
    assert events.add(an_event("2"), Counted(edits=(unknown.id,)))
    clock.advance(timedelta(seconds=1))
    assert events.state(TENANT, "COMMENTS#acc#1") == {"count": 1}


def test_a_state_of_any_json_comes_back_as_it_was(events):
    class Odd(Counted):
        def applied(self, event, before):
            return Applied(event=event, after={self.item: {"ratio": 0.1, "huge": 10**400, "list": [{"x": None}]}})

    events.add(an_event(), Odd())
    assert events.state(TENANT, "COMMENTS#acc#1") == {"ratio": 0.1, "huge": 10**400, "list": [{"x": None}]}


# DynamoDB alone


def test_who_was_overtaken_computes_again(real, cloud, wire):
    wire.before(cloud.client("dynamodb"), "TransactWriteItems", lambda: real.add(an_event("other"), Counted()))
    assert real.add(an_event(), Counted())
    assert real.state(TENANT, "COMMENTS#acc#1") == {"count": 2}


def test_a_lost_answer_does_not_double_the_effect(real, cloud, wire):
    wire.loses_the_answer(cloud.client("dynamodb"), "TransactWriteItems")
    with pytest.raises(StoreUnavailableError):
        real.add(an_event(), Counted())
    wire.mended()
    assert real.add(an_event(), Counted())
    assert real.state(TENANT, "COMMENTS#acc#1") == {"count": 1}


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", StoreUnavailableError), ("AccessDeniedException", ClientError)]
)
def test_what_the_table_refuses_leaves_nothing(real, cloud, wire, code, error):
    wire.answers(cloud.client("dynamodb"), "TransactWriteItems", code)
    with pytest.raises(error):
        real.add(an_event(), Counted())
    wire.mended()
    assert real.state(TENANT, "COMMENTS#acc#1") == {}


def test_figures_stay_and_what_speaks_of_a_person_expires(real, cloud):
    real.add(an_event("1"), Counted("COMMENTS#acc#1"))
    real.add(an_event("2"), Counted("THREAD#acc#1"))
    found = cloud.client("dynamodb").scan(TableName="EventsTable")["Items"]
    expiry = {item["sk"]["S"]: item.get("expires_at", {}).get("N") for item in found}
    assert expiry["COMMENTS#acc#1"] is None
    assert expiry["THREAD#acc#1"] == str(int((NOW + KEPT).timestamp()))
    assert {item["account_id"]["S"] for item in found} == {an_event().account_id}
