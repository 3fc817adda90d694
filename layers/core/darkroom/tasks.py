"""What a state machine or a queue hands a function, as the frozen dataclass it is meant to be."""

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, get_origin


class MalformedTaskError(Exception):
    """Who sent the task and this function disagree about it: a mistake of ours, which no repetition mends."""


def parsed[T](task_type: type[T], event: dict[str, Any]) -> T:
    """`task_type` is a frozen dataclass; the event has exactly its fields. MalformedTaskError, without its values."""
    assert is_dataclass(task_type)  # noqa: S101 — a mistake in a handler's own source
    expected = {field.name: field.type for field in fields(task_type)}
    if event.keys() != expected.keys():
        raise MalformedTaskError(f"{task_type.__name__} has the fields {sorted(expected)}, not {sorted(event)}.")
    for name, kind in expected.items():
        if not isinstance(event[name], _checkable(kind)):
            raise MalformedTaskError(f"{task_type.__name__}.{name} is a {type(event[name]).__name__}.")
    return task_type(**event)


def _checkable(kind: Any) -> Any:
    """`isinstance` takes `str` and `int | None` as they are, and of `dict[str, str]` only the dict."""
    return kind if isinstance(kind, UnionType) else get_origin(kind) or kind
