"""
What a cold start costs: a process that imports a function's handler and builds what its first request needs, against a
process that creates the bare boto3 clients of the same services.

    python -m bench.init [--runs N] [--no-instructions] [FUNCTION …]

Ours runs on the two layers as `make build` ships them; the other on boto3 as PyPI ships it, with the same hash-based
bytecode, so that what is compared is not a compiler.
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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Self

from devstack.layers import dependencies, top_level_entries
from devstack.template import FUNCTION, function_globals, load, of_type

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
SAID = {"MODE": "live", "WEBHOOK_MESSAGE_BYTES": "900000"}  # what decides what is built, or must be a number
# What the handler's first request builds: its ports, and the validators of its routes.
START = """
import app
from importlib import import_module
for module, name in {builders}:
    getattr(import_module(f"darkroom.{{module}}"), name)()
for route in getattr(app.handler, "routes", {{}}).values():
    for shape in (route.body, route.query):
        if isinstance(shape, type):
            from darkroom.parsing import adapter
            adapter(shape)
"""
SHOW_CLIENTS = """
import sys
if clients := sys.modules.get("darkroom.aws.clients"):
    made = [each for each in vars(clients).values() if hasattr(each, "cache_info") and each.cache_info().currsize]
    print(*sorted({each().meta.service_model.service_name for each in made if each is not clients._session}))
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


@dataclass(frozen=True)
class _Layers:
    ours: list[Path]
    bare: list[Path]


def _built_layers() -> _Layers:
    """Copies, compiled as layers/*/Makefile does."""
    shutil.rmtree(BUILT, ignore_errors=True)
    core, third_parties, boto3 = BUILT / "core", BUILT / "dependencies", BUILT / "boto3"
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "layers/core", core, ignore=unwanted)
    shutil.copytree(dependencies(ROOT, ROOT / ".local/cache"), third_parties, ignore=unwanted)
    for name, source in top_level_entries("boto3"):
        if source.is_dir():
            shutil.copytree(source, boto3 / name, ignore=unwanted, dirs_exist_ok=True)
        else:
            shutil.copy(source, boto3 / name)
    compile_all = [sys.executable, "-m", "compileall", "-q", "-f", "-j2", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*compile_all, str(BUILT)], check=False)
    return _Layers([core, third_parties], [boto3])


def _measured(name: str, layers: _Layers, runs: int, *, is_counting: bool) -> Figures:
    ours = _Process.of_function(name, layers.ours)
    shown = replace(ours, code=ours.code + SHOW_CLIENTS).run().stdout.split()
    bare = _Process(layers.bare, BARE.format(services=shown or ["dynamodb"]), MACHINE)
    pairs = [(ours.cpu(), bare.cpu()) for _ in range(runs)]
    counted = (ours.instructions(), _counted(bare)) if is_counting else None
    return Figures(
        function=name,
        services=tuple(shown),
        cpu_ms=statistics.median(a for a, _ in pairs) * 1000,
        cpu_ratio=statistics.median(a / b for a, b in pairs),
        instructions=counted[0] if counted else None,
        instruction_ratio=counted[0] / counted[1] if counted else None,
    )


_already_counted: dict[str, int] = {}


def _counted(bare: "_Process") -> int:
    """Once for all functions with the same clients: instructions do not vary."""
    if bare.code not in _already_counted:
        _already_counted[bare.code] = bare.instructions()
    return _already_counted[bare.code]


@dataclass(frozen=True)
class _Process:
    path: list[Path]
    code: str
    environment: dict[str, str]

    @classmethod
    def of_function(cls, name: str, layers: list[Path]) -> Self:
        folder = ROOT / "functions" / name
        start = START.format(builders=list(_builders((folder / "app.py").read_text())))
        return cls([folder, *layers], start, MACHINE | _variables(name))

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._command(), env=self._given(), check=True, capture_output=True, text=True)

    def cpu(self) -> float:
        """User and system seconds of one process, by the kernel's own account."""
        command = self._command()
        pid = os.posix_spawn(command[0], command, self._given())
        _, status, usage = os.wait4(pid, 0)
        assert status == 0, f"the measured process ended with {status}"
        return usage.ru_utime + usage.ru_stime

    def instructions(self) -> int:
        callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *self._command()]
        said = subprocess.run(callgrind, env=self._given(), check=True, capture_output=True, text=True).stderr
        counted = re.search(r"Collected : (\d+)", said)
        assert counted, "valgrind did not say how many instructions it collected"
        return int(counted[1])

    def _command(self) -> list[str]:
        return [sys.executable, "-S", "-s", "-c", self.code + END]

    def _given(self) -> dict[str, str]:
        return {**self.environment, "PYTHONPATH": os.pathsep.join(map(str, self.path)), "PATH": os.environ["PATH"]}


def _builders(source: str) -> Iterator[tuple[str, str]]:
    """What the handler builds from nothing but its environment."""
    for module, name in sorted(set(re.findall(r"\b(bootstrap(?:_\w+)?)\.(\w+)", source))):
        if not signature(getattr(import_module(f"darkroom.{module}"), name)).parameters:
            yield module, name


def _variables(function: str) -> dict[str, str]:
    """Every variable that the template gives the function, with some value."""
    template = load(ROOT / "template.yaml")
    uri = f"functions/{function}/"
    (own,) = [each for each in of_type(template, FUNCTION).values() if each["CodeUri"] == uri]
    both = (function_globals(template), own)
    given = {name: value for each in both for name, value in each.get("Environment", {}).get("Variables", {}).items()}
    return {name: value if isinstance(value, str) else "bench" for name, value in given.items()} | SAID


if __name__ == "__main__":
    main()
