"""The client could be a library of its own, and a function pays only for the part it imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import darkroom.instagram

MODULES = sorted(Path(darkroom.instagram.__path__[0]).glob("*.py"))


def imported_by(module: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_needs_the_standard_library_itself_and_httpx_in_the_client(module):
    strangers = {name for name in imported_by(module) if name.split(".")[0] not in sys.stdlib_module_names}
    own = {name for name in strangers if name == "darkroom.instagram" or name.startswith("darkroom.instagram.")}
    assert strangers - own == ({"httpx"} if module.stem == "client" else set())


@pytest.mark.parametrize("module", ["errors", "codes", "protocol", "models", "oauth", "endpoints"])
def test_loads_no_http_client_with_what_does_no_io(module):
    program = f"import sys, darkroom.instagram.{module}; sys.exit('httpx' in sys.modules or 'ssl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
