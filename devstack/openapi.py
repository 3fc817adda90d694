"""
openapi.json, written from the code: routes from the functions, schemas from the classes they take and answer with,
problems from the catalogue, names of operations from the template.

    python -m devstack.openapi openapi.json            writes it
    python -m devstack.openapi --check openapi.json    says whether it is up to date
"""

import argparse
import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import TypeAdapter

from darkroom import __version__
from darkroom.event_views import EndpointView
from darkroom.http import PUBLIC, Api, Form, Route
from darkroom.problems import CATALOGUE, TYPE_BASE
from darkroom.views_posts import PostView
from devstack.template import FUNCTION, load, of_type

type Json = dict[str, Any]
type Mode = Literal["validation", "serialization"]

ROOT = Path(__file__).parent.parent
REF = "#/components/schemas/{model}"
RESPONSES = "#/components/responses/"
TAGS = {
    "accounts": "Connected Instagram accounts and their health.",
    "connect": "The way of an account's owner through Instagram and back.",
    "events": "What happened, for people: kept for 90 days.",
    "posts": "What is to appear on Instagram, and how far it has got.",
    "service": "What is true without a tenant.",
    "webhook-endpoints": "Where events are sent as they happen, signed as Standard Webhooks has it.",
}
_INTRODUCTION = """
The Instagram backend a company runs in its own AWS account.

Errors are problems (RFC 9457, `application/problem+json`). `code` is stable and `actor` says whose turn it is. A field
that nobody knows is refused, never ignored. Each answer carries `X-Request-Id`.
"""


@dataclass(frozen=True)
class Operation:
    """A route and what the template calls it."""

    name: str
    route: Route

    @property
    def method(self) -> str:
        return self.route.key.partition(" ")[0].lower()

    @property
    def path(self) -> str:
        return self.route.key.partition(" ")[2]

    @property
    def tag(self) -> str:
        first = self.path.removeprefix("/v1").split("/")[1]
        return first if first in TAGS else "connect" if first in {"oauth", "connect-sessions"} else "service"

    @property
    def is_for_browsers(self) -> bool:
        return self.route.status == 302 or self.route.is_page


def document(root: Path = ROOT) -> Json:
    operations = sorted(_operations(root), key=lambda each: (each.path, each.method))
    schemas = _Schemas(operations)
    paths: dict[str, Json] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method] = _described(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Darkroom", "version": __version__, "description": _INTRODUCTION.strip()},
        "servers": [{"url": "{api_url}", "variables": {"api_url": {"default": "https://api.darkroom.example"}}}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": _BEARER},
            "headers": _HEADERS,
            "responses": {code: _problem([code]) for code in sorted(_shared(paths))},
            "schemas": dict(sorted({**schemas.definitions, "Problem": _PROBLEM}.items())),
        },
    }


def text(root: Path = ROOT) -> str:
    """The file's content; the same code gives the same bytes."""
    return json.dumps(document(root), indent=2, ensure_ascii=False) + "\n"


def _operations(root: Path) -> Iterator[Operation]:
    for properties in of_type(load(root / "template.yaml"), FUNCTION).values():
        api = api_of(root / properties["CodeUri"] / "app.py")
        for event_id, event in properties.get("Events", {}).items():
            key = f"{event['Properties'].get('Method', '')} {event['Properties'].get('Path', '')}"
            if api is not None and key in api.routes:
                yield Operation(_snake(event_id), api.routes[key])


def api_of(path: Path) -> Api | None:
    """The routes of a function, None where it serves no HTTP. Imports its file under a name of its own."""
    specification = importlib.util.spec_from_file_location(f"functions.{path.parent.name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.handler if isinstance(module.handler, Api) else None


class _Schemas:
    """All shapes at once, so that pydantic gives each its one name; requests and answers apart where they differ."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        wanted = {use: TypeAdapter(use[0]) for each in operations for use in _uses(each.route)}
        inputs = [((shape, mode), mode, adapter) for (shape, mode), adapter in wanted.items()]
        self._found, definitions = TypeAdapter.json_schemas(inputs, ref_template=REF)
        self.definitions: Json = {
            _tidy(name): _renamed(schema) for name, schema in definitions.get("$defs", {}).items()
        }
        self._inlined: Json = {}

    def of(self, shape: Any, mode: Mode) -> Json:
        found: Json = _renamed(self._found[((shape, mode), mode)])
        return found

    def fields(self, shape: Any) -> Json:
        """A query's schema, not as a reference."""
        schema = self.of(shape, "validation")
        if "$ref" not in schema:
            return schema
        name = schema["$ref"].rpartition("/")[2]
        if name not in self._inlined:  # several routes may share a query
            self._inlined[name] = self.definitions.pop(name)
        return dict(self._inlined[name])


def _uses(route: Route) -> Iterator[tuple[Any, Mode]]:
    requests: tuple[Any, ...] = (None if isinstance(route.body, Form) else route.body, route.query)
    yield from ((shape, "validation") for shape in requests if shape is not None)
    if route.answer is not None:
        yield route.answer, "serialization"


def _renamed(node: Any) -> Any:
    """Titles that only repeat the field's name are left out; references follow `_tidy`."""
    if isinstance(node, list):
        return [_renamed(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if not (name == "title" and isinstance(value, str))}
    if isinstance(reference := kept.get("$ref"), str):
        kept["$ref"] = REF.format(model=_tidy(reference.rpartition("/")[2]))
    return {name: _renamed(value) for name, value in kept.items()}


def _tidy(name: str) -> str:
    """`PageOf_PostView_` is a PostViewPage, `MediaItem-Input` a NewMediaItem."""
    if match := re.fullmatch(r"PageOf_(\w+)_", name):
        return f"{match[1]}Page"
    return f"New{name.removesuffix('-Input')}" if name.endswith("-Input") else name.removesuffix("-Output")


def _described(operation: Operation, schemas: _Schemas) -> Json:
    route = operation.route
    described: Json = {
        "operationId": operation.name,
        "summary": operation.name.replace("_", " ").capitalize(),
        "tags": [operation.tag],
    }
    if route.handler is not None and route.handler.__doc__:
        described["description"] = cleandoc(route.handler.__doc__)
    if route.scope == PUBLIC:
        described["security"] = []
    else:
        described["description"] = f"{described.get('description', '')}\n\nNeeds the scope `{route.scope}`.".strip()
    if parameters := list(_parameters(operation, schemas)):
        described["parameters"] = parameters
    if isinstance(route.body, Form):
        described["requestBody"] = {"required": True, "content": _form(route.body)}
    elif route.body is not None:
        content = {"application/json": {"schema": schemas.of(route.body, "validation")}}
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = {
        str(route.status): _success(operation, schemas),
        **({"default": _PAGE} if operation.is_for_browsers else _problems(operation)),
    }
    return described


def _form(form: Form) -> Json:
    properties = {name: {"type": "string"} for name in form.fields}
    return {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": properties}}}


def _parameters(operation: Operation, schemas: _Schemas) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    if operation.route.query is not None:
        for name, schema in schemas.fields(operation.route.query)["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
    if operation.route.records is not None:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same key and body give the first answer again, for seven days.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
    if "precondition_required" in operation.route.problems:
        yield {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "The `version` that was read, as an entity tag.",
            "schema": _TEXT | {"examples": ['"3"']},
        }


def _without_null(schema: Json) -> Json:
    """A query cannot say null; leaving the parameter out is how to say it."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**rest, **options[0]}


def _success(operation: Operation, schemas: _Schemas) -> Json:
    route = operation.route
    names = ["X-Request-Id"]
    if route.status in (202, 302):
        names.append("Location")
    if route.records is not None:
        names.append("Idempotent-Replayed")
    if {PostView, EndpointView} & {route.answer, *get_args(route.answer)}:
        names.append("ETag")
    success: Json = {"description": _MEANINGS[route.status], "headers": _headers(names)}
    if route.is_page:
        success["content"] = {"text/html": {"schema": _TEXT}}
    if route.answer is not None:
        success["content"] = {"application/json": {"schema": schemas.of(route.answer, "serialization")}}
    return success


_MEANINGS = {200: "Done.", 201: "Created.", 202: "Accepted; the resource shows how far it is.", 302: "Go on there."}


def _problems(operation: Operation) -> Json:
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(_codes(operation)):
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    return {str(status): _refusal(sorted(codes)) for status, codes in sorted(by_status.items())}


def _codes(operation: Operation) -> Iterator[str]:
    """What the doorway, the credential and the shapes may refuse, besides what the route says of itself."""
    route = operation.route
    yield from (*route.problems, "internal_error")
    if route.scope != PUBLIC:
        yield from ("unauthenticated", "subject_blocked", "scope_missing", "store_unavailable", "configuration_error")
        yield "invalid_request"  # a parameter that the route does not know, if it takes none at all
    if route.body is not None and not isinstance(route.body, Form):
        yield from ("malformed_json", "unsupported_media_type", "payload_too_large", "invalid_request")
    if route.query is not None:
        yield from ("invalid_request", "cursor_invalid")
    if route.records is not None:
        yield from ("idempotency_key_invalid", "idempotency_key_reused", "idempotency_in_progress")
    if "{" in operation.path:
        yield "not_found"


def _refusal(codes: list[str]) -> Json:
    """A code that stands alone is described once for all."""
    return {"$ref": f"{RESPONSES}{codes[0]}"} if len(codes) == 1 else _problem(codes)


def _problem(codes: list[str]) -> Json:
    status = CATALOGUE[codes[0]].status
    names = ["X-Request-Id"]
    names += {401: ["WWW-Authenticate"], 409: ["Retry-After"], 429: ["Retry-After"], 503: ["Retry-After"]}.get(
        status, []
    )
    schema = {"allOf": [{"$ref": REF.format(model="Problem")}, {"properties": {"code": {"enum": codes}}}]}
    content = {"application/problem+json": {"schema": schema}}
    return {"description": _listed(codes), "headers": _headers(names), "content": content}


def _shared(paths: dict[str, Json]) -> set[str]:
    return set(re.findall(f'"{RESPONSES}([^"]+)"', json.dumps(paths)))


def _listed(codes: list[str]) -> str:
    return "\n".join(f"* `{code}`: {_title(code)}" for code in codes)


def _title(code: str) -> str:
    return CATALOGUE[code].title.format(item="the media")


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key (`drk_…`), or a JWT of the configured OIDC issuer.",
}
_TEXT = {"type": "string"}
_HEADERS: Json = {
    "ETag": {"description": "The version, as If-Match takes it.", "schema": _TEXT},
    "Idempotent-Replayed": {"description": "`true` when this is the first answer again.", "schema": {"const": "true"}},
    "Location": {"description": "Where to look next. A group of posts has none.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "Always `Bearer`.", "required": True, "schema": {"const": "Bearer"}},
    "X-Request-Id": {"description": "Names this request in our logs.", "required": True, "schema": _TEXT},
}
_PAGE: Json = {
    "description": "A page for a person that says how it ended and what to do.",
    "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {
        "text/html": {"schema": _TEXT},
        "application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}},
    },
}
_PROBLEM: Json = {
    "type": "object",
    "description": "What went wrong and whose turn it is (RFC 9457). docs/errors.md lists the codes.",
    "required": ["type", "title", "status", "detail", "code", "actor", "retry", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": [f"{TYPE_BASE}media_unreachable"]},
        "title": {"type": "string", "description": "One sentence a person understands."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do, or what exactly is wrong."},
        "code": {"type": "string", "enum": sorted(CATALOGUE), "description": "Stable; branch on this."},
        "actor": {"type": "string", "enum": ["caller", "owner", "operator", "platform"]},
        "retry": {
            "type": "object",
            "required": ["allowed", "automatic", "after"],
            "properties": {
                "allowed": {"type": "boolean"},
                "automatic": {"type": "boolean", "description": "Darkroom repeats it by itself where it can."},
                "after": {"type": ["number", "null"], "description": "Seconds."},
            },
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON Pointer into the body, or `?name` in the query.",
                    },
                    "code": _TEXT,
                    "message": _TEXT,
                },
            },
        },
        "step": {"type": "string", "description": "Of a failed or delayed post: which step of the workflow met it."},
        "next_free_slot": {
            "type": "string",
            "format": "date-time",
            "description": "The earliest moment with room, where the account's publishing quota is taken.",
        },
        "instagram": {
            "type": "object",
            "description": "Instagram's own numbers.",
            "properties": {
                "code": {"type": "integer"},
                "error_subcode": {"type": "integer"},
                "fbtrace_id": _TEXT,
                "is_transient": {"type": "boolean"},
            },
        },
        "instance": {"type": "string", "description": "The path of the request."},
        "request_id": _TEXT,
    },
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m devstack.openapi", description="Write openapi.json from the code.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is out of date")
    options = parser.parse_args(arguments)
    wanted = text()
    if not options.check:
        options.path.write_text(wanted)
    elif not options.path.exists() or options.path.read_text() != wanted:
        print(f"{options.path} is out of date: run `make openapi`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
