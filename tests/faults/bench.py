"""
The lab of tests/statemachines with everything that a schedule may do to it, and one run from accepted to its end;
deeds.py has what callers, owners and Instagram do meanwhile.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event, local
from typing import Any
from unittest.mock import patch

from darkroom import bootstrap, containers
from darkroom.errors import DarkroomError, StoreUnavailableError, TokenUnreadableError
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.errors import InstagramError
from darkroom.instagram.models import Access
from darkroom.observability import logger
from darkroom.posts import Post
from darkroom.submission import Ports
from darkroom.tenants import Caller
from simulator.testing import transport
from simulator.world import Comment, Container
from tests.fakes import FakeFingerprints, FakeRates, FakeSchedules, FakeWorkflows, unforeseen
from tests.faults.kinds import ANSWERS, END, WORLD, is_call, is_invocation, is_token, plan
from tests.faults.schedules import CONTENTS, Fault, Schedule
from tests.statemachines.interpreter import Execution, Json, StateMachine, TaskError
from tests.statemachines.lab import CAPTION, ENDS, USERNAME, Lab
from tests.statemachines.lambdas import Lambdas, Points

# No honest run comes near; whoever reaches it would run for ever.
MOST_POINTS = 20_000
MOST_EXECUTIONS = 4


@dataclass
class FaultyPoints(Points):
    """`around` is asked about every point that is passed."""

    around: Callable[[str, Callable[[], Any]], Any] = field(kw_only=True)

    def passes(self, name: str, effect: Callable[[], Any]) -> Any:
        return super().passes(name, lambda: self.around(name, effect))


@dataclass
class Apart:
    """An invocation in a flow of its own, so that its worker may live on when Step Functions believes it dead."""

    answered: Event = field(default_factory=Event)
    answer: Any = None  # the result or the TaskError
    is_answered: bool = False


@dataclass(frozen=True)
class Answer:
    """What the API told its caller: `accepted` or the code of a problem. `passed`: how many points were, by then."""

    request: str
    answer: str
    passed: int


class Bench(Lab):
    """
    `struck` tells which faults came to pass, each with how many points had been passed by then. `uncalled_for` are
    calls of steps that had been told to wait; `while_throttled` counts, by function, those that prolong a throttle.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.points = FaultyPoints(around=self._around)
        self.lambdas = Lambdas(self.time, self.points)
        self.instagram.switch(**dict(schedule.switches))
        self.account = replace(self.account, scopes=(*self.account.scopes, "instagram_business_manage_comments"))
        self.token = self.instagram.token_for(USERNAME, self.account.scopes)
        self.accounts.tokens[self._key] = self.token
        self.schedule = schedule
        self.struck: list[tuple[Fault, int]] = []
        self.answers: list[Answer] = []
        self.uncalled_for: list[str] = []
        self.while_throttled: Counter[str] = Counter()
        self.are_faults_over = False
        self.ran_away = False
        self.failing_with: int | None = None  # the subcode that every container ends with
        self._machine: StateMachine | None = None
        self._needs_flows = "undead" in schedule.kinds
        self._here = local()
        self._outages: list[tuple[Callable[[str], bool], float]] = []
        self._hides_next_list = False
        self._not_ours: set[str] = set()
        for fault in sorted(schedule.faults, key=_turn):
            plan(self, fault)

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.schedule.skew + getattr(self._here, "skew", 0))

    # A run.

    def run(self, machine: StateMachine) -> list[Execution]:
        """
        To the end, again when its caller then has it tried again, and once more after all faults have stopped when
        nobody could write the end down. The account has a post already that looks the same.
        """
        self._machine = machine
        self.accept(CONTENTS[self.schedule.content])
        self.post_alike(CAPTION)
        executions: list[Execution] = []
        while len(executions) < MOST_EXECUTIONS and not self.ran_away:
            [execution] = machine.execute(self._task, self._invoke, self.time)
            executions.append(execution)
            if not self._goes_on():
                break
        return executions

    def _goes_on(self) -> bool:
        if self.ran_away:
            return False
        if self.post.state in ENDS:
            self.points.passes(END, lambda: None)
            return self.post.state not in ENDS
        self.stop_outages()
        was_over, self.are_faults_over = self.are_faults_over, True
        return not was_over

    @property
    def _task(self) -> Json:
        return {"tenant_id": self.post.tenant_id, "post_id": self.post.id}

    def execute_beside(self) -> None:
        """A second execution of the same post; it goes first."""
        assert self._machine is not None
        self._machine.execute_beside(self._task, self.time)
        self.time.sleep(0)

    def _invoke(self, function: str, event: Json) -> Any:
        return self._invoke_apart(function, event) if self._needs_flows else self._invoke_here(function, event)

    def _invoke_here(self, function: str, event: Json) -> Any:
        self._here.task, self._here.skew = (function, event), 0
        return self.lambdas.invoke(function, event)

    def _invoke_apart(self, function: str, event: Json) -> Any:
        call = Apart()

        def worker() -> None:
            self._here.call = call
            try:
                self._answer(call, self._invoke_here(function, event))
            except TaskError as error:
                self._answer(call, error)

        self.time.start(worker)
        self.time.wait(call.answered)
        if isinstance(call.answer, TaskError):
            raise call.answer
        return call.answer

    def _answer(self, call: Apart, answer: Any) -> None:
        if not call.is_answered:
            call.is_answered, call.answer = True, answer
            self.time.due(call.answered)

    # What faults do.

    def believe_dead(self, seconds: float) -> None:
        """Step Functions hears that this worker is dead; it goes on after a while."""
        if call := getattr(self._here, "call", None):
            self._answer(call, TaskError("Lambda.Unknown"))
        self.time.sleep(seconds)

    def double(self) -> None:
        """A second worker of this step, side by side with this one; what it answers reaches nobody."""
        function, event = self._here.task

        def worker() -> None:
            with suppress(TaskError):
                self._invoke_here(function, event)

        self.time.start(worker)
        self.time.sleep(0)

    def skew(self, seconds: int) -> None:
        """Of this worker only."""
        self._here.skew = seconds

    def outage(self, concerns: Callable[[str], bool], seconds: float = float("inf")) -> None:
        self._outages.append((concerns, self.time.clock.now() + seconds))

    def fail_for_a_while(self, subcode: int, seconds: float) -> None:
        """Every container ends with this meanwhile."""
        self.failing_with = subcode

        def effect() -> None:
            self.time.sleep(seconds)
            self.failing_with = None

        self.time.start(effect)

    def stop_outages(self) -> None:
        self._outages.clear()
        self.failing_with = None

    def ask(self, request: str, change: Callable[[Caller, str, Ports], Post]) -> None:
        """The post's caller asks the API for something, which cannot fail otherwise."""
        ports = Ports(
            posts=self.posts,
            accounts=self.accounts,
            workflows=FakeWorkflows(),
            schedules=FakeSchedules(),
            quota=self.quota,
            fingerprints=FakeFingerprints(),
            rates=FakeRates(),
            now=self.now,
            tell=unforeseen,
        )
        answer = "accepted"
        try:
            change(Caller(self.post.tenant_id, frozenset({"admin"})), self.post.id, ports)
        except DarkroomError as error:
            answer = error.code
        self.answers.append(Answer(request, answer, len(self.points.passed)))

    def hide_list(self) -> None:
        """From the call that is about to be made."""
        self._hides_next_list = True

    def publish_late(self, seconds: float) -> None:
        """The connection breaks; Instagram publishes nevertheless, later."""
        access, main = self._access(), self.post.container(None)
        assert main is not None

        def effect() -> None:
            self.time.sleep(seconds)
            with suppress(InstagramError):
                self._client().publish_container(access, main.container_id)

        self.time.start(effect)
        self.instagram.fail("*", "reset", nth=1)

    def post_alike(self, caption: str | None) -> None:
        """Somebody publishes the same kind of post in Instagram's own app, which no throttle or quota of ours stops."""
        world = self.instagram.world
        throttled, total = dict(world.throttled_until), world.switches.quota_total
        world.throttled_until.clear()
        self.instagram.switch(quota_total=1000)
        self._publish_by_hand(caption)
        world.throttled_until |= throttled
        self.instagram.switch(quota_total=total)

    def _publish_by_hand(self, caption: str | None) -> None:
        client, access = self._client(), self._access()
        plan = containers.plan(replace(self.post.content, caption=caption))
        children = tuple(client.create_container(access, item.parameters) for item in plan.items)
        main = plan.with_children(children) if children else plan.main
        container_id = client.create_container(access, main.parameters)
        self._not_ours |= {*children, container_id}
        self._by_hand.add(container_id)
        self.time.clock.advance(5)
        client.publish_container(access, container_id)

    def _client(self) -> InstagramClient:
        return InstagramClient(transport=transport(self.instagram))

    def _access(self) -> Access:
        return Access(self.account.ig_user_id, self.token)

    def _around(self, name: str, effect: Callable[[], Any]) -> Any:
        if len(self.points.passed) >= MOST_POINTS:
            self.ran_away = True
            raise TaskError("RanAway")
        if is_invocation(name):
            self._here.must_wait = name == "invoke BeginPost" and self._is_shut()
        if is_call(name):
            self._count_call(name)
        if self._is_out(name):
            self._be_out(name)
        if name == "GET id" and self.failing_with:
            self.fail_containers(self.failing_with)
        if self._hides_next_list:
            return self._with_hidden_media(effect)
        return effect()

    def _is_shut(self) -> bool:
        """Whether a post that begins now has to wait: its account is paused, or Instagram is out and no probe due."""
        now, outage = self.now(), self.outages.current()
        is_paused = self.quota.allowance(self.post.tenant_id, self.post.account_id).pause_left(now) > timedelta(0)
        return is_paused or (outage is not None and outage.probe_at > now)

    def _count_call(self, name: str) -> None:
        if getattr(self._here, "must_wait", False):
            self.uncalled_for.append(name)
        is_told = not self._is_out(name)  # who hears of an outage cannot know of a throttle behind it
        if is_told and self.instagram.world.seconds_throttled(self.account.ig_user_id):
            self.while_throttled[self._here.task[0]] += 1

    def _is_out(self, name: str) -> bool:
        return any(concerns(name) and self.time.clock.now() < until for concerns, until in self._outages)

    def fail_containers(self, subcode: int) -> None:
        """Those that are not published yet."""
        for container in self.containers:
            if not container.media_ids:
                container.failure = container.failure or subcode

    @property
    def containers(self) -> list[Container]:
        """Ours, at Instagram."""
        return [each for each in self.instagram.world.containers.values() if each.id not in self._not_ours]

    @property
    def comments(self) -> list[Comment]:
        """What followers read below our posts."""
        live = {entry["media_id"] for entry in self.live}
        return [comment for comment in self.instagram.world.comments.values() if comment.media_id in live]

    def _be_out(self, name: str) -> None:
        if is_call(name):
            self.instagram.fail("*", "http_5xx", nth=1)
        else:
            raise TokenUnreadableError if is_token(name) else StoreUnavailableError

    def _with_hidden_media(self, effect: Callable[[], Any]) -> Any:
        self._hides_next_list = False
        media = self.instagram.world.media
        hidden = dict(media)
        media.clear()
        try:
            return effect()
        finally:
            media |= hidden


def _turn(fault: Fault) -> int:
    """Of faults at one point: an answer is spoiled last, so that it is that of the call which follows at once."""
    return 0 if fault.kind in WORLD else 2 if fault.kind in ANSWERS else 1


@contextmanager
def installed(bench: Lab) -> Iterator[io.StringIO]:
    """The handlers see this bench; what they log goes where it can be read."""
    recording, calling, stream = bench.recording_ports(), bench.calling_ports(), io.StringIO()
    handler = logger().registered_handler
    before = handler.setStream(stream)
    try:
        with (
            patch.object(bootstrap, "recording_ports", lambda: recording),
            patch.object(bootstrap, "calling_ports", lambda: calling),
        ):
            yield stream
    finally:
        handler.setStream(before)
