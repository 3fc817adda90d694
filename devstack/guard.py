"""
Runs one program and takes its whole process group down when whoever started it is gone.

The starter holds the other end of our standard input. End of file there means that it closed us or died, even by
SIGKILL; either way nothing of ours may survive it. Started as a script, with the standard library only.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 2.0


def main(command: list[str]) -> None:
    # A handler, not SIG_IGN: an ignored signal would be inherited by the program, which must still obey it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_stop_at_end_of_input, args=(program,), daemon=True).start()
    program.wait()
    _kill_group()


def _stop_at_end_of_input(program: subprocess.Popen[bytes]) -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(GRACE_SECONDS)
    _kill_group()


def _kill_group() -> None:
    """Grandchildren included, and ourselves: we lead the group."""
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
