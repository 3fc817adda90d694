"""What time it is in the pretend Instagram: real time plus an offset, or a time that only moves when told."""

import time
from datetime import UTC, datetime


class Clock:
    """
    Seconds since the epoch, moved forward by whoever tests with it.

    `Clock()` follows real time plus everything it was advanced; `Clock(start=…)` is virtual and stands still
    between advances.
    """

    def __init__(self, start: float | None = None) -> None:
        self._start = start
        self._offset = 0.0

    @property
    def is_virtual(self) -> bool:
        return self._start is not None

    def now(self) -> float:
        return (time.time() if self._start is None else self._start) + self._offset

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time only goes forward")
        self._offset += seconds


def meta_timestamp(moment: float) -> str:
    """Graph's own form of ISO 8601: `2019-09-26T22:36:43+0000`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
