"""Time that only moves when everybody sleeps: workflows of hours run in milliseconds, and always in the same order."""

import heapq
import itertools
from collections.abc import Callable
from threading import Event, Thread, local

from simulator.clock import Clock

# Real seconds. Nothing here waits for anything real, so whoever waits this long waits for ever.
_STUCK = 90.0


class WorkerKilledError(BaseException):
    """What stops a handler in its tracks. Not an Exception, so that no handler can catch it."""

    def __init__(self, reported_as: str = "Sandbox.Timedout") -> None:
        """`reported_as`: the name that Step Functions gets to see; as it is, that of a function's own time-out."""
        super().__init__(reported_as)
        self.reported_as = reported_as


class VirtualTime:
    """
    Runs one flow at a time. A flow is the execution itself or one iteration of its Map; it goes on until it sleeps or
    ends, and then hands over to the one that is due next. So nothing here needs a lock.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._due: list[tuple[float, int, Event]] = []
        self._order = itertools.count()
        self._worker = local()
        self._failures: list[BaseException] = []
        self._end = Event()

    def sleep(self, seconds: float) -> None:
        """Raises WorkerKilledError when this is a worker whose time is up before it wakes."""
        wake_at, deadline = self.clock.now() + seconds, getattr(self._worker, "deadline", None)
        self.wait(self.due(Event(), wake_at if deadline is None else min(wake_at, deadline)))
        if deadline is not None and wake_at > deadline:
            raise WorkerKilledError

    def limit_worker(self, seconds: float) -> None:
        """From now on, for what runs in this thread."""
        self._worker.deadline = self.clock.now() + seconds

    def due(self, event: Event, at: float | None = None) -> Event:
        """Sets the event when its turn has come."""
        heapq.heappush(self._due, (self.clock.now() if at is None else at, next(self._order), event))
        return event

    def start(self, flow: Callable[[], None]) -> None:
        turn = self.due(Event())

        def run() -> None:
            try:
                _await(turn)
                flow()
            except BaseException as error:  # noqa: BLE001 — raised again by `run`
                self._failures.append(error)
            finally:
                self.hand_over()

        Thread(target=run, daemon=True, name="flow").start()

    def run(self, *flows: Callable[[], None]) -> None:
        """Returns when these flows and all that they started have ended."""
        self._end = Event()
        for flow in flows:
            self.start(flow)
        self.hand_over()
        _await(self._end)
        if self._failures:
            raise self._failures.pop()

    def hand_over(self) -> None:
        if not self._due:
            self._end.set()
            return
        at, _, event = heapq.heappop(self._due)
        self.clock.advance(max(0.0, at - self.clock.now()))
        event.set()

    def wait(self, event: Event) -> None:
        self.hand_over()
        _await(event)


def _await(event: Event) -> None:
    if not event.wait(_STUCK):
        raise TimeoutError("A flow of the state machine waits for nobody.")
