"""The local cloud with a meter: what its requests to other services would be charged for."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from devstack import ministack
from devstack.cloud import LocalCloud

FILE = "metered.jsonl"


@contextmanager
def metered(cloud: LocalCloud) -> Iterator[LocalCloud]:
    with patch.object(ministack, "LAUNCHER", "bench.metering_launcher"), cloud:
        yield cloud


def meter(cloud: LocalCloud) -> Counter[str]:
    """Since the cloud's start: `writes` and `reads` in units, requests to `kms`, entries put on an event bus."""
    total: Counter[str] = Counter()
    for line in (cloud.state_dir / "run" / "aws" / FILE).read_text().splitlines():
        total.update(json.loads(line))
    return total
