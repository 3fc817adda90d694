"""
What a cold start costs: a process that imports a function's handler and builds what its first request needs, against a
process that creates the bare boto3 clients of the same services.

    python -m bench.init [--runs N] [--no-instructions] [FUNCTION …]

Both run on the same files: the core and the dependencies layer with hash-based bytecode, as `make build` ships them.
CPU time is paired, A B A B …, and the median ratio counts; instructions are counted by valgrind (callgrind) where it is
installed, and do not depend on what else the machine does. Processes end with os._exit, because teardown is not start.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.layers import dependencies

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".local" / "bench"
# Any value does: nothing is called.
MACHINE = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
SAID = {"MODE": "live"}  # the one variable that decides what is built
# What the handler's first request builds: its ports, and the validators of its routes.
START = """
import app
from darkroom import bootstrap
for name in {builders}:
    getattr(bootstrap, name)()
for route in getattr(app.handler, "routes", {{}}).values():
    for shape in (route.body, route.query):
        if shape is not None:
            from darkroom.parsing import adapter
            adapter(shape)
"""
SHOW_CLIENTS = """
import sys
if "darkroom.aws.clients" in sys.modules:
    from darkroom.aws import clients
    print(*[name for name in {services} if getattr(clients, name).cache_info().currsize])
"""
BARE = """
import boto3
for name in {services}:
    boto3.client(name)
"""
END = "\nimport os, sys; sys.stdout.flush(); os._exit(0)\n"


@dataclass(frozen=True)
class Figures:
    function: str
    services: tuple[str, ...]
    cpu_ms: float
    cpu_ratio: float
    instructions: int | None
    instruction_ratio: float | None


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.init", description=__doc__.strip().splitlines()[0])
    parser.add_argument("functions", nargs="*", help="folders below functions/ (default: all)")
    parser.add_argument("--runs", type=int, default=11, help="paired runs (default: 11)")
    parser.add_argument("--no-instructions", action="store_true", help="leave valgrind out; minutes faster")
    options = parser.parse_args(arguments)
    layers = _built_layers()
    is_counting = not options.no_instructions and shutil.which("valgrind") is not None
    print("cold start of each function / a process with the bare boto3 clients of the same services")
    if not is_counting:
        print("instructions are not counted: valgrind is not installed, or --no-instructions was given")
    print(f"{'function':20} {'cpu ms':>7} {'cpu':>6} {'instr. M':>9} {'instr.':>7}  clients")
    for name in options.functions or sorted(path.parent.name for path in ROOT.glob("functions/*/app.py")):
        figures = _measured(name, layers, options.runs, is_counting=is_counting)
        millions = f"{figures.instructions / 1e6:9.0f}" if figures.instructions else f"{'-':>9}"
        ratio = f"{figures.instruction_ratio:6.2f}x" if figures.instruction_ratio else f"{'-':>7}"
        clients = " ".join(figures.services) or "none (against dynamodb)"
        print(f"{name:20} {figures.cpu_ms:7.0f} {figures.cpu_ratio:5.2f}x {millions} {ratio}  {clients}", flush=True)


def _built_layers() -> list[Path]:
    """Copies of both layers, compiled as layers/*/Makefile does."""
    shutil.rmtree(BUILT, ignore_errors=True)
    core, third_parties = BUILT / "core", BUILT / "dependencies"
    shutil.copytree(ROOT / "layers/core", core, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(dependencies(ROOT, ROOT / ".local/cache"), third_parties, symlinks=False)
    compile_all = [sys.executable, "-m", "compileall", "-q", "-f", "-j2", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*compile_all, str(core), str(third_parties)], check=False)
    return [core, third_parties]


def _measured(name: str, layers: list[Path], runs: int, *, is_counting: bool) -> Figures:
    folder = ROOT / "functions" / name
    builders = sorted(set(re.findall(r"bootstrap\.((?:\w+_ports|accounts|idempotency_records))\b", _source(folder))))
    path, start = [folder, *layers], START.format(builders=builders)
    shown = _run(path, start + SHOW_CLIENTS.format(services=SERVICES) + END).stdout.split()
    bare = BARE.format(services=shown or ["dynamodb"])
    pairs = [(_cpu(path, start + END), _cpu(path, bare + END)) for _ in range(runs)]
    ours = theirs = None
    if is_counting:
        ours, theirs = _instructions(path, start + END), _instructions(path, bare + END)
    return Figures(
        function=name,
        services=tuple(shown),
        cpu_ms=statistics.median(a for a, _ in pairs) * 1000,
        cpu_ratio=statistics.median(a / b for a, b in pairs),
        instructions=ours,
        instruction_ratio=ours / theirs if ours and theirs else None,
    )


def _source(folder: Path) -> str:
    return (folder / "app.py").read_text()


def _command(path: list[Path], code: str) -> tuple[list[str], dict[str, str]]:
    environment = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(map(str, path)), "PATH": os.environ["PATH"]}
    return [sys.executable, "-S", "-s", "-c", code], environment


def _run(path: list[Path], code: str) -> subprocess.CompletedProcess[str]:
    command, environment = _command(path, code)
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True)


def _cpu(path: list[Path], code: str) -> float:
    """User and system seconds of one process, by the kernel's own account."""
    command, environment = _command(path, code)
    pid = os.posix_spawn(command[0], command, environment)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, f"the measured process ended with {status}"
    return usage.ru_utime + usage.ru_stime


def _instructions(path: list[Path], code: str) -> int:
    command, environment = _command(path, code)
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    said = subprocess.run(callgrind, env=environment, check=True, capture_output=True, text=True).stderr
    counted = re.search(r"Collected : (\d+)", said)
    assert counted, "valgrind did not say how many instructions it collected"
    return int(counted[1])


if __name__ == "__main__":
    main()
