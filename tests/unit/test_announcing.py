import pytest

from darkroom import announcing
from darkroom.errors import StoreUnavailableError
from darkroom.events import detail_type, event_id
from tests.builders import NOW, an_event
from tests.fakes import Clock, FakeBus, FakeEvents


@pytest.fixture
def bus():
    return FakeBus()


@pytest.fixture
def ports(bus):
    clock = Clock()
    return announcing.Ports(FakeEvents(clock), lambda name, detail: bus.announce(name, detail, clock()), clock)


def test_an_event_is_stored_and_announced_once(ports, bus):
    assert announcing.tell(an_event(), ports)
    assert not announcing.tell(an_event(), ports)
    assert len(bus.announced) == 1


def test_what_could_not_be_announced_is_announced_by_whoever_tells_it_again(ports, bus):
    bus.failure = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        announcing.tell(an_event(), ports)
    bus.failure = None
    announcing.tell(an_event(), ports)
    assert len(bus.announced) == 1


def test_the_bus_hears_ids_and_no_content(ports, bus):
    event = an_event()
    announcing.tell(event, ports)
    assert bus.announced == [
        (
            "CommentCreated",
            {
                "event_id": event.id,
                "type": "comment.created",
                "tenant_id": event.tenant_id,
                "account_id": event.account_id,
                "occurred_at": NOW.isoformat(),
                "comment_id": "17900000000000001",
            },
        )
    ]


@pytest.mark.parametrize(
    ("event_type", "name"),
    [("comment.created", "CommentCreated"), ("account.reauthorization_required", "AccountReauthorizationRequired")],
)
def test_the_bus_calls_it_by_a_past_tense_fact(event_type, name):
    assert detail_type(event_type) == name


def test_the_same_fact_has_the_same_id_and_another_tenants_another():
    assert event_id("acme", "comment.created", "1") == event_id("acme", "comment.created", "1")
    assert event_id("acme", "comment.created", "1") != event_id("globex", "comment.created", "1")
    assert event_id("acme", "comment.created", "1") != event_id("acme", "comment.created", "2")
