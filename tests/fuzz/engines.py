"""
Two ways to try a target: Atheris, which is led by what code an input reaches, in a process of its own because it ends
the one it runs in; and Hypothesis, everywhere else.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.fuzz.targets import Target

ROOT = Path(__file__).parents[2]
LONGEST = 5000  # bytes of an input; the longest signed_request that is read at all has 4,096
SLOWEST = 1.0  # seconds of this processor's time for one input: what takes longer holds up a function
_STUCK = 10  # seconds after which Atheris gives up an input that does not come back
_MEMORY = 1024  # MB
_ROUND = 500


class TooSlowError(AssertionError):
    """An input that a function would be held up by."""


@dataclass(frozen=True)
class Found:
    """`crash` is the input that was too much, None when there was none; `said` is the traceback."""

    engine: str
    executions: int
    seconds: float
    crash: bytes | None = None
    said: str = ""


def has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def tried(target: Target, data: bytes) -> bool:
    """One input. Raises whatever is a crash."""
    began = time.process_time()
    is_accepted = target.check(data)
    if (took := time.process_time() - began) > SLOWEST:
        raise TooSlowError(f"{took:.1f} s")
    return is_accepted


def by_hypothesis(target: Target, seconds: float, seed: int, executions: int | None = None) -> Found:
    """For so long, or so many inputs."""
    began, done = time.monotonic(), 0
    for number in count():
        left = _ROUND if executions is None else min(_ROUND, executions - done)
        if left <= 0 or time.monotonic() - began >= seconds:
            return Found("hypothesis", done, time.monotonic() - began)
        crash, said, ran = _round(target, seed + number, left, began + seconds)
        done += ran
        if crash is not None:
            return Found("hypothesis", done, time.monotonic() - began, crash, said)
    raise AssertionError


def _round(target: Target, seed: int, examples: int, until: float) -> tuple[bytes | None, str, int]:
    ran, last = 0, b""

    @seeded(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    @given(_inputs(target.seeds()))
    def run(data: bytes) -> None:
        nonlocal ran, last
        if time.monotonic() > until and ran:
            return
        ran, last = ran + 1, data
        tried(target, data)

    try:
        run()
    except Exception:  # noqa: BLE001 — whatever it is, it is a crash
        return last, traceback.format_exc(), ran
    return None, "", ran


# What parsers stumble over: separators, digits that are none, deep nesting, numbers that no machine holds.
_PIECES = (
    *(
        b"",
        b"\n",
        b"\0",
        b".",
        b"=",
        b"\xff",
        b"\xed\xa0\x80",
        "\u0661".encode(),
        b"\xef\xbb\xbf",
        b"%00",
        b"-1",
        b"1.0",
    ),
    *(b"1e999", b"NaN", b"null", b"true", b"{}", b'"\\ud800"', b"9" * 40, b"9" * 4400, b"[" * 40, b"[" * 12_000),
)


def _inputs(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """
    Anything; or a seed with pieces taken out, put in, doubled and exchanged. Such a one is made from a few bytes that
    Hypothesis draws at once: ten times as fast as drawing each choice.
    """
    return st.binary(max_size=200) | st.binary(min_size=1, max_size=20).map(lambda recipe: _cooked(recipe, seeds))


def _cooked(recipe: bytes, seeds: list[bytes]) -> bytes:
    data = bytearray(seeds[recipe[0] % len(seeds)])
    for step in range(1, len(recipe) - 3, 4):
        where, length, what, which = recipe[step : step + 4]
        at = (0, len(data), where * len(data) // 256)[where % 3]  # the edges as often as all that lies between
        other = seeds[which % len(seeds)]
        start = what * (len(other) + 1) // 256
        choices = (
            bytes([which]),
            _PIECES[which % len(_PIECES)],
            other[start : start + 40],
            bytes(data[at : at + what]),
        )
        data[at : at + length % 9] = choices[what % 4]
    return bytes(data)


def by_atheris(name: str, seeds: list[bytes], seconds: float, seed: int, module: str = "tests.fuzz.targets") -> Found:
    """`module` has the target in its TARGETS."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, artifacts = Path(folder, "corpus"), Path(folder, "found")
        corpus.mkdir()
        artifacts.mkdir()
        for number, data in enumerate(seeds):
            (corpus / str(number)).write_bytes(data)
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.guided",
            module,
            name,
            str(corpus),
            f"-artifact_prefix={artifacts}/",
        ]
        command += [f"-max_total_time={max(1, round(seconds))}", f"-seed={seed}", f"-max_len={LONGEST}"]
        command += [f"-timeout={_STUCK}", f"-rss_limit_mb={_MEMORY}", "-print_final_stats=1"]
        began = time.monotonic()
        ran = subprocess.run(
            command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, errors="replace", check=False
        )
        took = time.monotonic() - began
        return _read(ran, took, [path for path in artifacts.iterdir() if not path.name.startswith("slow-unit")])


def _read(ran: "subprocess.CompletedProcess[str]", took: float, artifacts: list[Path]) -> Found:
    """What libFuzzer said at its end. Its own seconds are without the start of the interpreter."""
    said = f"{ran.stdout}\n{ran.stderr}"
    executions = re.findall(r"stat::number_of_executed_units: (\d+)", said)
    if not executions or (ran.returncode and not artifacts):
        raise RuntimeError(f"the fuzzer did not run:\n{said[-2000:]}")
    if ran.returncode == 0:
        (seconds,) = re.findall(r"Done \d+ runs in (\d+) second", said)
        return Found("atheris", int(executions[-1]), float(seconds))
    trace = re.search(r"=== Uncaught Python exception: ===\n(.*?)\n\n", said, re.DOTALL)
    why = trace[1] if trace else "\n".join(line for line in said.split("\n") if "ERROR" in line)
    return Found("atheris", int(executions[-1]), took, artifacts[0].read_bytes(), why)
