"""A copy of what is stored of a tenant, record by record."""

from dataclasses import dataclass
from typing import Any

from darkroom.values import Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Record(Value):
    """`record` is what is stored, as it is stored; `key` tells records of one kind apart."""

    kind: str
    key: str
    record: dict[str, Any]
