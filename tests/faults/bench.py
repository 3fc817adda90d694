"""The lab of tests/statemachines with everything that a schedule may do to it, and one run from accepted to its end."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event, local
from typing import Any
from unittest.mock import patch

from darkroom import bootstrap, containers
from darkroom.errors import StoreUnavailableError, TokenUnreadableError
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.errors import InstagramError
from darkroom.instagram.models import Access
from darkroom.observability import logger
from simulator.testing import transport
from tests.faults.kinds import ANSWERS, WORLD, is_call, is_token, plan
from tests.faults.schedules import CONTENTS, Fault, Schedule
from tests.statemachines.interpreter import Execution, Json, StateMachine, TaskError
from tests.statemachines.lab import CAPTION, ENDS, Lab
from tests.statemachines.lambdas import Lambdas, Points

# No honest run comes near; whoever reaches it would run for ever.
MOST_POINTS = 3000


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


class Bench(Lab):
    """`struck` tells which faults came to pass, each with how many points had been passed by then."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.points = FaultyPoints(around=self._around)
        self.lambdas = Lambdas(self.time, self.points)
        self.instagram.switch(**dict(schedule.switches))
        self.schedule = schedule
        self.struck: list[tuple[Fault, int]] = []
        self.are_faults_over = False
        self.ran_away = False
        self._needs_flows = "undead" in schedule.kinds
        self._here = local()
        self._outages: list[tuple[Callable[[str], bool], float]] = []
        self._hides_next_list = False
        for fault in sorted(schedule.faults, key=_turn):
            plan(self, fault)

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.schedule.skew + getattr(self._here, "skew", 0))

    # A run.

    def run(self, machine: StateMachine) -> list[Execution]:
        """
        To the end, and once more after all faults have stopped when nobody could write the end down. The account has a
        post already that looks the same.
        """
        self.accept(CONTENTS[self.schedule.content])
        self.post_alike(CAPTION)
        executions = [self._execute(machine)]
        if self.post.state not in ENDS and not self.ran_away:
            self.are_faults_over = True
            self._outages.clear()
            executions.append(self._execute(machine))
        return executions

    def _execute(self, machine: StateMachine) -> Execution:
        task = {"tenant_id": self.post.tenant_id, "post_id": self.post.id}
        [execution] = machine.execute(task, self._invoke, self.time)
        return execution

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
        """Somebody publishes the same kind of post in Instagram's own app."""
        client, access = self._client(), self._access()
        plan = containers.plan(replace(self.post.content, caption=caption))
        children = tuple(client.create_container(access, item.parameters) for item in plan.items)
        main = plan.with_children(children) if children else plan.main
        container_id = client.create_container(access, main.parameters)
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
        if any(concerns(name) and self.time.clock.now() < until for concerns, until in self._outages):
            self._be_out(name)
        if self._hides_next_list:
            return self._with_hidden_media(effect)
        return effect()

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
def installed(bench: Bench) -> Iterator[io.StringIO]:
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
