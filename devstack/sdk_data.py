"""
botocore's data, cut down to what the functions call: `python -m devstack.sdk_data FOLDER`, FOLDER being where botocore
was installed to (layers/dependencies/Makefile, devstack/layers.py and bench/init.py all call this).

botocore describes 400 services in 27 MB of JSON, and at each cold start parses all of DynamoDB and a megabyte of
endpoints to make one client. What is kept is found from the source: the services that darkroom/aws/clients.py makes,
and of each the operations that darkroom/aws names. The data is replaced where it lies, so it is shipped once, and
whatever is not there fails at once and by name: `UnknownServiceError`, or AttributeError: 'DynamoDB' object has no
attribute 'scan' (docs/decisions/0013-cold-start.md).
"""

import ast
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader

ADAPTERS = Path(__file__).resolve().parent.parent / "layers/core/darkroom/aws"
# Read at each start, whatever the service.
_SHARED = ("_retry", "partitions", "sdk-default-configuration")
# Prose, and rules that AWS itself checks.
_UNREAD = frozenset({"documentation", "documentationUrl", "enum", "pattern"})

type Json = dict[str, Any]


def services(adapters: Path = ADAPTERS) -> frozenset[str]:
    """What `_client("…")` is called with in clients.py."""
    calls = (node for node in ast.walk(ast.parse((adapters / "clients.py").read_text())) if isinstance(node, ast.Call))
    named = (call for call in calls if ast.unparse(call.func) == "_client")
    return frozenset(str(ast.literal_eval(call.args[0])) for call in named)


def names(adapters: Path = ADAPTERS) -> frozenset[str]:
    """Every attribute and text in the adapters. Most are no operation; none that is one can be missing."""
    nodes = (node for path in adapters.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    named = (getattr(node, "attr", getattr(node, "value", None)) for node in nodes)
    return frozenset(name for name in named if isinstance(name, str))


def called() -> dict[str, list[str]]:
    """The operations of each service that stay, by Python's names; sorted, so that equal calls are equal text."""
    loader, wanted = Loader(), names()
    models = {service: loader.load_service_model(service, "service-2") for service in sorted(services())}
    return {service: sorted(wanted & set(map(xform_name, model["operations"]))) for service, model in models.items()}


def prune(installed: Path, adapters: Path = ADAPTERS) -> None:
    """Replace the data of the botocore in `installed`; once more does nothing more."""
    data = installed / "botocore/data"
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    kept = dict(_kept(loader, services(adapters), names(adapters)))
    shutil.rmtree(data)
    shutil.rmtree(installed / "boto3/data", ignore_errors=True)  # of resources, which nobody makes
    for name, content in kept.items():
        path = data / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, separators=(",", ":")))


def _kept(loader: Loader, wanted: frozenset[str], named: frozenset[str]) -> Iterator[tuple[str, Json]]:
    for name in _SHARED:
        yield name, loader.load_data(name)
    prefixes = set()
    for service in sorted(wanted):
        version = loader.determine_latest_version(service, "service-2")
        model = _model(loader.load_service_model(service, "service-2"), named)
        prefixes.add(model["metadata"]["endpointPrefix"])
        yield f"{service}/{version}/service-2", model
        yield f"{service}/{version}/endpoint-rule-set-1", loader.load_service_model(service, "endpoint-rule-set-1")
        if "get_paginator" in named:
            yield f"{service}/{version}/paginators-1", _pages(loader.load_service_model(service, "paginators-1"), named)
    yield "endpoints", _endpoints(loader.load_data("endpoints"), prefixes)


def _pages(paginators: Json, named: frozenset[str]) -> Json:
    """Read when a paginator is asked for, and not at a start."""
    return {"pagination": {name: how for name, how in paginators["pagination"].items() if xform_name(name) in named}}


def _model(model: Json, named: frozenset[str]) -> Json:
    operations = {name: each for name, each in model["operations"].items() if xform_name(name) in named}
    shapes: Json = {}
    for operation in operations.values():
        _collect(operation, model["shapes"], shapes)
    slim: Json = _without_prose({**model, "operations": operations, "shapes": shapes})
    # Of these botocore reads the prose as well, at the first call, and only S3 has any.
    return slim | {name: model[name] for name in ("clientContextParams",) if name in model}


def _collect(described: Any, shapes: Json, found: Json) -> None:
    """Every shape that `described` refers to, at any depth."""
    if isinstance(described, list):
        for each in described:
            _collect(each, shapes, found)
    elif isinstance(described, dict):
        name = described.get("shape")
        if isinstance(name, str) and name not in found:
            found[name] = shapes[name]
            _collect(shapes[name], shapes, found)
        for each in described.values():
            _collect(each, shapes, found)


def _without_prose(described: Any, is_named: Callable[[str], bool] = _UNREAD.__contains__) -> Any:
    if isinstance(described, list):
        return [_without_prose(each) for each in described]
    if not isinstance(described, dict):
        return described
    return {
        # Members, shapes and operations are called what they like.
        name: _by_name(each) if name in {"members", "operations", "shapes"} else _without_prose(each)
        for name, each in described.items()
        if not is_named(name)
    }


def _by_name(described: Mapping[str, Any]) -> Json:
    return {name: _without_prose(each) for name, each in described.items()}


def _endpoints(endpoints: Json, prefixes: set[str]) -> Json:
    """All partitions stay, because anybody may deploy in any."""
    partitions = [
        {**each, "services": {name: found for name, found in each["services"].items() if name in prefixes}}
        for each in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


if __name__ == "__main__":
    prune(Path(sys.argv[1]))
