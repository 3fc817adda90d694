"""Child processes that never outlive us, and the ports they listen on."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

GUARD = Path(__file__).with_name("guard.py")
LOOPBACK = "127.0.0.1"


class LocalCloudError(Exception):
    """The local cloud cannot start or go on; the message says what a person can do about it."""


class GuardedProcess:
    """
    A program under `guard.py`, in a session of its own.

    Ctrl-C in the terminal does not reach it, so it stops when we say so and not in the middle of our clean-up.
    """

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._guard.poll() is None

    def stop(self) -> None:
        if self._guard.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
        self._guard.wait()

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """`is_ready` may raise OSError as long as nothing listens yet."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.is_running:
                raise LocalCloudError(f"{self.name} stopped while starting.\n{self.last_words()}")
            with contextlib.suppress(OSError):
                if is_ready():
                    return
            time.sleep(0.02)
        raise LocalCloudError(f"{self.name} was not ready after {seconds:g} s.\n{self.last_words()}")

    def last_words(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([*text, f"(all of it: {self.log})"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def bind(preferred: int = 0) -> socket.socket:
    """A bound socket on the preferred port, or on any free one when that is taken (0 means any)."""
    for port in (preferred, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            listener.close()
        else:
            return listener
    raise LocalCloudError("This machine has no free port left on 127.0.0.1.")


def free_port(preferred: int = 0) -> int:
    """Free a moment ago: the program that gets it has to prove afterwards that it is the one who answers."""
    with bind(preferred) as listener:
        return port_of(listener)


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def clean_environment(home: Path, **variables: str) -> dict[str, str]:
    """
    Nothing of the developer's own environment but what finds programs.

    MiniStack hands its environment to every function, so a developer's AWS profile, proxies or PYTHONPATH
    would be in the functions too, and on nobody else's machine.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **variables,
    }
