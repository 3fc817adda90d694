"""
Reports, probes and closings in any order, against a model that remembers everything: it keeps each report for ever and
works out anew, at every question, what follows from them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkroom.aws.outages import DynamoDBOutages
from tests.builders import NOW
from tests.fakes import FakeOutages

STEPS = ("CreateContainer", "CheckContainer")
TEN_MINUTES, TWO_MINUTES = timedelta(minutes=10), timedelta(minutes=2)

seconds = st.sampled_from([0, 1, 20, 60, 119, 120, 240, 599, 600, 3600])
report = st.tuples(st.just("report"), st.sampled_from(STEPS), st.sampled_from("abcde"))
other = st.tuples(st.sampled_from(["probe", "close"]), st.sampled_from(STEPS), st.none())
histories = st.lists(st.tuples(seconds, st.one_of(report, report, other)), max_size=60)


@dataclass
class Reference:
    reports: list[tuple[datetime, str]] = field(default_factory=list)
    opened_at: datetime | None = None
    heard_at: datetime | None = None  # the latest opening, report or probe

    def report(self, account: str, now: datetime) -> bool:
        """Whether this report is to be announced."""
        if self.opened_at is not None:
            self.heard_at = now
            return False
        self.reports.append((now, account))
        if len({account for at, account in self.reports if now - at < TEN_MINUTES}) < 3:
            return False
        self.reports, self.opened_at, self.heard_at = [], now, now
        return True

    def probe(self, now: datetime) -> bool:
        if self.opened_at is None or now - self.heard_at < TWO_MINUTES:
            return False
        self.heard_at = now
        return True

    def close(self) -> datetime | None:
        opened_at, self.opened_at = self.opened_at, None
        return opened_at


def replay(outages, history) -> None:
    now, models, last = NOW, {step: Reference() for step in STEPS}, {}
    for pause, (act, step, account) in history:
        now += timedelta(seconds=pause)
        model = models[step]
        if act == "report":
            told = outages.report(step, "2", account, now)
            assert (told is not None) == model.report(account, now)
            if told:
                last[step] = told
        elif act == "probe" and step in last:
            assert outages.take_probe(last[step], now) == model.probe(now)
        elif act == "close":
            closed = outages.close(f"{step}:2", now)
            assert (closed.opened_at if closed else None) == model.close()
        agree(outages.current(), models)
    end_well(outages, now, models)


def agree(current, models) -> None:
    known = [(model.opened_at, f"{step}:2", model.heard_at) for step, model in models.items() if model.opened_at]
    if not known:
        assert current is None
        return
    opened_at, outage_id, heard_at = min(known)
    assert (current.opened_at, current.id, current.probe_at) == (opened_at, outage_id, heard_at + TWO_MINUTES)


def end_well(outages, now: datetime, models) -> None:
    """Whatever has happened: two minutes of silence let a probe through, and what a probe closes stays closed."""
    for _ in [model for model in models.values() if model.opened_at]:
        outage = outages.current()
        assert outages.take_probe(outage, now + TWO_MINUTES)
        assert outages.close(outage.id, now + TWO_MINUTES)
    assert outages.current() is None


@given(histories)
@settings(max_examples=500, deadline=None)
def test_the_fake_does_what_follows_from_the_history(history):
    replay(FakeOutages(), history)


@pytest.fixture(scope="module")
def fresh(cloud) -> Callable[[], DynamoDBOutages]:
    return lambda: DynamoDBOutages(cloud.client("dynamodb"), cloud.table("PostsTable"))


@given(history=histories)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_dynamodb_does_what_follows_from_the_history(fresh, history):
    replay(fresh(), history)
