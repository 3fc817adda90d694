"""Every quarter of an hour: no deletion is forgotten."""

from typing import Any

from darkroom import bootstrap_compliance, erasing
from darkroom.observability import one_line


def handler(_event: dict[str, Any], context: object) -> dict[str, Any]:
    with one_line("watched deletions", context) as line:
        line.update(erasing.watch(bootstrap_compliance.watching_deletions_ports()))
    return line
