"""
Function artifacts for the local cloud: a `bootstrap` that starts the real runtime client on the working tree.

MiniStack's own Python executor renames every error to Runtime.HandlerError; a custom runtime (`provided.al2023`) is its
public way to bring another one, and `awslambdaric` is what AWS itself runs. The code is used where it lies, so an edit
is live at the next cold start.
"""

import io
import shlex
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack import layers
from devstack.template import FUNCTION, LAYER, Template, TemplateError, function_globals, of_type

BUCKET = "local-artifacts"
RUNTIME = "provided.al2023"

# bash for `>( )`: the process that MiniStack sees, times and kills is Python itself, not a shell in front of it.
# -S -s: no site-packages; -m would put the working directory first, which is the function's folder, as on Lambda.
_BOOTSTRAP = """\
#!/usr/bin/env bash
unset {hidden}
export {environment}
cd {code}
exec > >(exec tee -a {log}) 2>&1
exec {python} -S -s -m awslambdaric "$_HANDLER"
"""


@dataclass(frozen=True)
class Paths:
    """Where functions find things and leave things on this machine."""

    root: Path
    cache: Path
    logs: Path
    home: Path

    @property
    def bytecode(self) -> Path:
        return self.cache / "bytecode"


def replace_code(template: Template, paths: Paths, hidden: list[str]) -> dict[str, bytes]:
    """
    Point every function at a bootstrap and drop the layers, in place; return the zip per S3 key.

    `hidden`: variables of the MiniStack process that functions must not see.
    """
    roots = _layer_roots(template, paths)
    defaults = function_globals(template)
    shared_layers, runtime = defaults.get("Layers", []), defaults.get("Runtime")
    template.get("Globals", {}).get("Function", {}).pop("Layers", None)
    artifacts = {}
    for name, function in of_type(template, FUNCTION).items():
        own = [*shared_layers, *function.pop("Layers", [])]
        imports = [_code(name, function, defaults, paths), *(roots[_layer_name(name, layer)] for layer in own)]
        environment = _environment(function, defaults, imports, paths)
        _require_python(name, function.get("Runtime", runtime))
        function["Runtime"] = RUNTIME
        function["CodeUri"] = {"Bucket": BUCKET, "Key": f"{name}.zip"}
        log = paths.logs / f"{name}.log"
        artifacts[f"{name}.zip"] = _zip(_bootstrap(environment, imports[0], log, hidden))
    for name in of_type(template, LAYER):
        del template["Resources"][name]
    return artifacts


def _layer_roots(template: Template, paths: Paths) -> dict[str, Path]:
    return {
        name: layers.python_path((paths.root / layer["ContentUri"]).resolve(), paths.cache)
        for name, layer in of_type(template, LAYER).items()
    }


def _layer_name(function: str, layer: Any) -> str:
    if isinstance(layer, dict) and isinstance(layer.get("Ref"), str):
        return str(layer["Ref"])
    raise TemplateError(f"{function}: a layer here is a !Ref to a layer of the same template, not {layer!r}")


def _code(name: str, function: dict[str, Any], defaults: dict[str, Any], paths: Paths) -> Path:
    uri: str = function.get("CodeUri", defaults.get("CodeUri", ""))
    code = (paths.root / uri).resolve()
    if not code.is_dir():
        raise TemplateError(f"{name}: no folder {code}")
    return code


def _require_python(name: str, runtime: Any) -> None:
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if runtime != here:
        raise TemplateError(f"{name} wants {runtime}; this environment runs {here}")


def _environment(
    function: dict[str, Any], defaults: dict[str, Any], imports: list[Path], paths: Paths
) -> dict[str, str]:
    """What the Lambda service sets and MiniStack does not."""
    search = [*imports, layers.runtime_client(paths.cache)]
    variables = {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": str(imports[0]),
        "PYTHONPATH": ":".join(map(str, search)),
        "PYTHONPYCACHEPREFIX": str(paths.bytecode),
        "TZ": ":UTC",
    }
    logging: dict[str, str] = defaults.get("LoggingConfig", {}) | function.get("LoggingConfig", {})
    if logging.get("LogFormat") == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = logging.get("ApplicationLogLevel", "INFO")
    return variables


def _bootstrap(environment: dict[str, str], code: Path, log: Path, hidden: list[str]) -> str:
    return _BOOTSTRAP.format(
        hidden=" ".join(hidden),
        environment=" ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items()),
        code=shlex.quote(str(code)),
        log=shlex.quote(str(log)),
        python=shlex.quote(sys.executable),
    )


def _zip(bootstrap: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")  # its fixed date keeps the bytes the same from run to run
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, bootstrap)
    return buffer.getvalue()
