"""
What dataclasses would generate for each class, once for all of them: comparing and showing. They compile text for it,
which was a twentieth of a cold start (docs/decisions/0013-cold-start.md). Nothing else differs.
"""

from dataclasses import Field
from typing import Any, ClassVar


class Value:
    """Base of dataclasses with `eq=False, repr=False` that are what their fields are."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(
            getattr(self, name) == getattr(other, name)
            for name, field in self.__dataclass_fields__.items()
            if field.compare
        )

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name, field in self.__dataclass_fields__.items() if field.compare))

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name, field in self.__dataclass_fields__.items() if field.repr)
        return f"{self.__class__.__qualname__}({', '.join(shown)})"
