"""Talking to a person: colour only where a person looks, progress beside the answer and never in it."""

import os
import sys
import time
from dataclasses import dataclass, field
from typing import IO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def styled(text: str, style: str, stream: IO[str] | None = None) -> str:
    """Plain unless the stream is a terminal; https://no-color.org is honoured."""
    target = stream or sys.stdout
    if not target.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{_STYLES[style]}m{text}\033[0m"


@dataclass
class ProgressLines:
    """One line per step on standard error, with the seconds since the start. Silent for `--json`."""

    is_silent: bool = False
    _began: float = field(default_factory=time.monotonic)

    def __call__(self, text: str) -> None:
        if not self.is_silent:
            elapsed = styled(f"{self.elapsed:6.1f} s", "dim", sys.stderr)
            print(f"{elapsed}  {text}", file=sys.stderr, flush=True)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began


def complain(text: str) -> None:
    print(f"{styled('error:', 'red', sys.stderr)} {text}", file=sys.stderr)
