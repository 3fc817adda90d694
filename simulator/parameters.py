"""Typed reading of parameters: booleans, numbers, lists and objects, however the client spelled them."""

import json
import re
from typing import Any

from simulator.errors import invalid
from simulator.wire import Json

TRUE, FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}
BARE_NAME = re.compile(r"([{,]\s*)([A-Za-z_]\w*)\s*:")
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
SINGLE_QUOTED = re.compile(r"'([^'\\]*)'")


class Parameters:
    """Every reader answers None for what is absent or empty, and refuses with code 100 what has the wrong type."""

    def __init__(self, values: Json) -> None:
        self._values = {name: value for name, value in values.items() if value not in ("", None)}

    @property
    def names(self) -> list[str]:
        return sorted(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, list | dict):
            raise invalid(f"Param {name} must be a string")
        return str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise invalid(f"The parameter {name} is required")
        return value

    def flag(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in TRUE | FALSE:
            raise invalid(f"Param {name} must be a boolean")
        return value.lower() in TRUE

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not INTEGER.fullmatch(value):
            raise invalid(f"Param {name} must be an integer")
        return int(value)

    def listing(self, name: str) -> list[str] | None:
        """A real list, a JSON array or comma-separated values."""
        value = self._values.get(name)
        if isinstance(value, str):
            value = _lax_json(value) if value.lstrip().startswith("[") else value.split(",")
        if value is None:
            return None
        if not isinstance(value, list):
            raise invalid(f"Param {name} must be an array")
        return [str(item).strip() for item in value if str(item).strip()]

    def objects(self, name: str) -> list[Json] | None:
        value = self._structure(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid(f"Param {name} must be an array of objects")
        return value

    def mapping(self, name: str) -> Json | None:
        value = self._structure(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid(f"Param {name} must be a JSON object")
        return value

    def _structure(self, name: str) -> Any:
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        structure = _lax_json(value)
        if structure is None:
            raise invalid(f"Param {name} must be valid JSON")
        return structure


def _lax_json(text: str) -> Any:
    """JSON, or Meta's lax form with bare names and single quotes; None when it is neither."""
    for candidate in (text, BARE_NAME.sub(r'\1"\2":', SINGLE_QUOTED.sub(r'"\1"', text))):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return None
