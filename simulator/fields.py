"""Graph's `fields` parameter: `id,children.limit(5){id,media_url}` and what to answer for it."""

import re
from collections.abc import Callable, Mapping

from simulator.errors import GraphError, Refusal, invalid
from simulator.wire import Json

TOKEN = re.compile(r"\s*([A-Za-z_]\w*)((?:\.\w+\([^)]*\))*)\s*")
MAX_DEPTH = 10

type Fields = dict[str, "Fields | None"]
type Reader = Callable[[], object]


def parse_fields(text: str) -> Fields:
    """Names in order, with the nested names of an expansion. Raises GraphError 2500 on a syntax error."""
    tree, rest = _parse_list(text, MAX_DEPTH)
    if rest:
        raise _syntax_error(text)
    return tree


def pick(wanted: Fields, readers: Mapping[str, Reader], node_type: str) -> Json:
    """The wanted fields plus `id`. An unset field (None) is left out; one that does not exist refuses the read."""
    for name in wanted:
        if name not in readers:
            raise invalid(f"Tried accessing nonexisting field ({name}) on node type ({node_type})")
    values = {name: readers[name]() for name in [*wanted, "id"]}
    return {name: value for name, value in values.items() if value is not None}


def _parse_list(text: str, depth: int) -> tuple[Fields, str]:
    if depth == 0:
        raise _syntax_error(text)
    tree: Fields = {}
    while match := TOKEN.match(text):
        name, text = match[1], text[match.end() :]
        tree[name] = None
        if text.startswith("{"):
            tree[name], text = _parse_list(text[1:], depth - 1)
            if not text.startswith("}"):
                raise _syntax_error(text)
            text = text[1:].lstrip()
        if not text.startswith(","):
            break
        text = text[1:]
    return tree, text.strip()


def _syntax_error(text: str) -> GraphError:
    return GraphError(Refusal(2500, None, f"Syntax error in fields near: {text[:40]}"))
