"""
What a function can import here: its own folder, its layers, the runtime client. Nothing else of the developer's venv.

Built once per content and cached in `.local/cache`; several local clouds may build the same thing at once.
"""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from devstack import sdk_data
from devstack.processes import LocalCloudError

DEPENDENCIES = "dependencies"  # the folder name of the layer that holds third parties only


def python_path(layer: Path, cache: Path) -> Path:
    """The folder that stands for `/opt/python` of one layer."""
    return dependencies(lock_root(layer), cache) if layer.name == DEPENDENCIES else layer


def lock_root(inside: Path) -> Path:
    """The nearest folder above that holds a uv.lock."""
    for parent in inside.resolve().parents:
        if (parent / "uv.lock").is_file():
            return parent
    raise LocalCloudError(f"No uv.lock above {inside}: the dependencies layer is exported from it.")


def find_uv(root: Path) -> str:
    """`UV` in the environment (the Makefile sets it), else uv on PATH, else the one the Makefile bootstrapped."""
    bootstrapped = root / ".uv" / "bin" / "uv"
    found = os.environ.get("UV") or shutil.which("uv") or (str(bootstrapped) if bootstrapped.exists() else None)
    if not found:
        raise LocalCloudError("uv is missing: run `make setup`, put uv on PATH, or set UV to it.")
    return found


def dependencies(root: Path, cache: Path) -> Path:
    """What layers/dependencies/Makefile ships, for this machine's platform. Seconds the first time."""
    sources = (root / "uv.lock", root / "pyproject.toml", Path(sdk_data.__file__))
    return _cached(
        cache / f"dependencies-{_digest(*sources, also=sdk_data.called())}",
        lambda target: _install(root, target),
    )


def _install(root: Path, target: Path) -> None:
    uv = find_uv(root)
    export = [uv, "export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-header", "--quiet"]
    requirements = _run([*export, "--project", str(root)])
    wanted = target.with_suffix(".txt")
    wanted.write_text(requirements)
    try:
        install = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(target)]
        _run([*install, "--require-hashes", "--only-binary", ":all:", "-r", str(wanted)])
    finally:
        wanted.unlink()
    sdk_data.prune(target)


def runtime_client(cache: Path) -> Path:
    """`awslambdaric` and what it needs, by themselves, as the Lambda runtime brings them."""
    version = importlib.metadata.version("awslambdaric")
    return _cached(cache / f"awslambdaric-{version}", _link_runtime_client)


def _link_runtime_client(target: Path) -> None:
    target.mkdir(parents=True)
    for name, source in top_level_entries("awslambdaric"):
        (target / name).symlink_to(source)


def top_level_entries(distribution: str) -> Iterator[tuple[str, Path]]:
    """What this environment holds of a distribution and of all it needs: the name in site-packages, and the place."""
    found = importlib.metadata.distribution(distribution)
    tops = {path.parts[0] for path in found.files or [] if path.parts[0] not in {"..", "__pycache__"}}
    for name in sorted(tops):
        yield name, Path(str(found.locate_file(name)))
    for requirement in found.requires or []:
        if ";" not in requirement:
            yield from top_level_entries(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def _cached(target: Path, build: Callable[[Path], None]) -> Path:
    """Build aside and move into place: a folder of that name is always complete."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as aside:
        build(Path(aside) / target.name)
        try:
            (Path(aside) / target.name).rename(target)
        except OSError:
            if not target.is_dir():  # else another local cloud was faster, with the same content
                raise
    return target


def compile_once(folders: list[Path], bytecode: Path) -> None:
    """Bytecode aside of the sources: nothing is written into the working tree, and no function compiles twice."""
    stamp = bytecode / f"compiled-{hashlib.sha256(repr(folders).encode()).hexdigest()[:16]}"
    if stamp.exists():
        return
    command = [sys.executable, "-I", "-S", "-X", f"pycache_prefix={bytecode}", "-m", "compileall", "-qq", "-j2"]
    subprocess.run([*command, *map(str, folders)], check=False)  # a vendored file of Python 2 is nobody's fault
    stamp.touch()


def _digest(*files: Path, also: object) -> str:
    content = b"".join(file.read_bytes() for file in files) + f"{also}{sys.version}".encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _run(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise LocalCloudError(f"`{' '.join(command[:3])} …` failed:\n{error.stderr.strip()}") from error
