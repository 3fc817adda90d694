"""Every quarter of an hour: no deletion is forgotten."""

from typing import Any

from darkroom import bootstrap_compliance, erasing
from darkroom.observability import log


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    found = erasing.watch(bootstrap_compliance.watching_deletions_ports())
    log("watched deletions", **found)
    return dict(found)
