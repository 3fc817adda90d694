import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devstack.processes import GuardedProcess, LocalCloudError, bind, clean_environment, port_of

# A program with a child of its own that ignores SIGTERM; both tell their process id.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
print(os.getpid(), flush=True)
time.sleep(60)
"""


def _pids(log: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        pids = [int(line) for line in log.read_text().split()]
        if len(pids) == count:
            return pids
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def _is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def _wait_until_dead(pids: list[int]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(_is_alive, pids)):
        time.sleep(0.05)
    return not any(map(_is_alive, pids))


def test_stopping_takes_grandchildren_too_even_those_that_refuse(tmp_path):
    log = tmp_path / "log"
    with GuardedProcess("stubborn", [sys.executable, "-c", STUBBORN], env=clean_environment(tmp_path), log=log):
        pids = _pids(log, 2)
    assert _wait_until_dead(pids)


def test_nothing_survives_when_we_are_killed(tmp_path):
    log = tmp_path / "log"
    starter = f"""
import time
from pathlib import Path
from devstack.processes import GuardedProcess, clean_environment
home, program = Path({str(tmp_path)!r}), [{sys.executable!r}, "-c", {STUBBORN!r}]
GuardedProcess("x", program, env=clean_environment(home), log=home / "log")
time.sleep(60)
"""
    us = subprocess.Popen([sys.executable, "-c", starter])
    while not log.exists():
        time.sleep(0.02)
    pids = _pids(log, 2)
    us.send_signal(signal.SIGKILL)
    us.wait()
    assert _wait_until_dead(pids)


def test_a_process_that_dies_while_starting_says_its_last_words(tmp_path):
    program = [sys.executable, "-c", "print('the disk is full'); raise SystemExit(3)"]
    with (
        GuardedProcess("AWS", program, env=clean_environment(tmp_path), log=tmp_path / "log") as process,
        pytest.raises(LocalCloudError, match=r"AWS stopped while starting(.|\n)*the disk is full"),
    ):
        process.wait_until(lambda: False, seconds=10)


def test_a_taken_port_is_replaced_by_a_free_one():
    with socket.create_server(("127.0.0.1", 0)) as taken, bind(port_of(taken)) as found:
        assert port_of(found) not in {0, port_of(taken)}


def test_a_clean_environment_has_nothing_of_the_developers(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    environment = clean_environment(tmp_path, EXTRA="1")
    assert "AWS_PROFILE" not in environment
    assert "PYTHONPATH" not in environment
    assert environment["EXTRA"] == "1"
    assert environment["AWS_CONFIG_FILE"] == os.devnull
