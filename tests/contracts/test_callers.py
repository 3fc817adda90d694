"""API keys, blocked users and connect sessions: the fake and DynamoDB keep the same promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from darkroom.aws.callers import DynamoDBApiKeys, DynamoDBBlockedSubjects, DynamoDBConnectSessions
from darkroom.errors import ConnectError, StoreUnavailableError
from tests.builders import NOW, a_session, an_api_key
from tests.fakes import FakeApiKeys, FakeBlockedSubjects, FakeSessions


@pytest.fixture(params=["fake", "dynamodb"])
def api_keys(request, cloud):
    if request.param == "fake":
        return FakeApiKeys()
    return DynamoDBApiKeys(cloud.client("dynamodb"), cloud.table("CallersTable"))


@pytest.fixture(params=["fake", "dynamodb"])
def blocked(request, cloud):
    if request.param == "fake":
        return FakeBlockedSubjects()
    return DynamoDBBlockedSubjects(cloud.client("dynamodb"), cloud.table("CallersTable"))


@pytest.fixture(params=["fake", "dynamodb"])
def sessions(request, cloud):
    if request.param == "fake":
        return FakeSessions()
    return DynamoDBConnectSessions(cloud.client("dynamodb"), cloud.table("CallersTable"))


@pytest.mark.parametrize(
    "key",
    [
        an_api_key(),
        an_api_key(expires_at=NOW + timedelta(days=1), account_ids=("acc_1", "acc_2")),
        an_api_key(account_ids=(), scopes=(), name=""),
    ],
    ids=["unlimited", "limited", "good for nothing"],
)
def test_finds_a_key_by_its_hash_as_it_was_added(api_keys, key):
    api_keys.add(key)
    assert api_keys.find(key.sha256) == key


def test_knows_no_other_key(api_keys):
    api_keys.add(an_api_key())
    assert api_keys.find("cd" * 32) is None


def test_a_user_is_blocked_until_unblocked_and_nobody_else_is(blocked):
    one, other = "ab" * 32, "cd" * 32
    assert not blocked.is_blocked(one)
    for _ in range(2):  # twice is as once
        blocked.block(one, NOW)
    assert (blocked.is_blocked(one), blocked.is_blocked(other)) == (True, False)
    assert [blocked.unblock(one), blocked.unblock(one)] == [True, False]
    assert not blocked.is_blocked(one)


def test_a_throttled_table_does_not_say_that_nobody_is_blocked(cloud, wire):
    blocked = DynamoDBBlockedSubjects(cloud.client("dynamodb"), cloud.table("CallersTable"))
    wire.answers(blocked.client, "GetItem", "ThrottlingException")
    with pytest.raises(StoreUnavailableError):
        blocked.is_blocked("ab" * 32)


def test_a_session_is_bound_and_taken(sessions):
    session = a_session(return_url="https://app.example.com/done")
    sessions.add(session)
    bound = sessions.bind(session.id, "link-hash", "state-hash", "browser-hash", NOW)
    assert (bound.state_hash, bound.browser_hash) == ("state-hash", "browser-hash")
    assert sessions.take(session.id, "state-hash", NOW) == bound
    assert bound.return_url == session.return_url
    assert bound.expires_at == session.expires_at


def test_a_session_is_taken_once(sessions):
    session = a_session()
    sessions.add(session)
    sessions.bind(session.id, "link-hash", "state-hash", "browser-hash", NOW)

    def attempt(_):
        try:
            return sessions.take(session.id, "state-hash", NOW)
        except ConnectError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert len([taken for taken in pool.map(attempt, range(16)) if taken]) == 1


def test_a_session_that_nobody_opened_cannot_be_taken(sessions):
    session = a_session()
    sessions.add(session)
    with pytest.raises(ConnectError):
        sessions.take(session.id, "state-hash", NOW)


def test_the_wrong_link_opens_nothing(sessions):
    session = a_session()
    sessions.add(session)
    for session_id, link in ((session.id, "another"), ("con_unknown", "link-hash")):
        with pytest.raises(ConnectError):
            sessions.bind(session_id, link, "state-hash", "browser-hash", NOW)


def test_the_wrong_state_takes_nothing_and_leaves_the_session(sessions):
    session = a_session()
    sessions.add(session)
    sessions.bind(session.id, "link-hash", "state-hash", "browser-hash", NOW)
    with pytest.raises(ConnectError):
        sessions.take(session.id, "guessed", NOW)
    assert sessions.take(session.id, "state-hash", NOW).id == session.id


def test_opening_the_link_again_voids_the_state_before(sessions):
    session = a_session()
    sessions.add(session)
    sessions.bind(session.id, "link-hash", "first", "browser-1", NOW)
    sessions.bind(session.id, "link-hash", "second", "browser-2", NOW)
    with pytest.raises(ConnectError):
        sessions.take(session.id, "first", NOW)
    assert sessions.take(session.id, "second", NOW).browser_hash == "browser-2"


def test_a_taken_session_cannot_be_opened_again(sessions):
    session = a_session()
    sessions.add(session)
    sessions.bind(session.id, "link-hash", "state-hash", "browser-hash", NOW)
    sessions.take(session.id, "state-hash", NOW)
    with pytest.raises(ConnectError):
        sessions.bind(session.id, "link-hash", "state-hash", "browser-hash", NOW)


@pytest.mark.parametrize("late_by", [timedelta(0), timedelta(seconds=1), timedelta(days=2)])
def test_an_expired_session_is_dead_although_its_item_is_still_there(sessions, late_by):
    session = a_session()
    sessions.add(session)
    sessions.bind(session.id, "link-hash", "state-hash", "browser-hash", session.expires_at - timedelta(seconds=1))
    late = session.expires_at + late_by
    with pytest.raises(ConnectError):
        sessions.bind(session.id, "link-hash", "state-2", "browser-2", late)
    with pytest.raises(ConnectError):
        sessions.take(session.id, "state-hash", late)
