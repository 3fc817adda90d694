"""Every quarter of an hour: no deletion is forgotten."""

from typing import Any

from darkroom import bootstrap, erasing
from darkroom.observability import log


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    found = erasing.watch(bootstrap.watching_deletions_ports())
    log("watched deletions", **found)
    return dict(found)
