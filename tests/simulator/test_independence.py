import ast
import sys
from pathlib import Path

import simulator

FOLDER = Path(simulator.__file__).parent
ALLOWED = {"simulator", "httpx", "starlette", "uvicorn", "anyio", "PIL", "python_multipart"}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_the_simulator_imports_nothing_of_the_product():
    allowed = ALLOWED | sys.stdlib_module_names
    strangers = {
        f"{path.name}: {name}" for path in FOLDER.glob("*.py") for name in imported(path) if name not in allowed
    }
    assert strangers == set()


def test_no_media_file_is_committed():
    assert {path.suffix for path in FOLDER.iterdir() if path.is_file()} <= {".py", ".md"}
