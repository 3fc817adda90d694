"""`darkroom reset`: forget everything that runs on this machine left behind."""

import argparse
import contextlib
import shutil
from typing import Any

from devstack.cloud import claim
from devstack.processes import LocalCloudError
from devstack.project import LOCAL, find_root


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "reset",
        help=f"delete {LOCAL}/: logs and caches of local runs",
        description=f"Deletes {LOCAL}/ of this project. Refuses while `darkroom up` or `darkroom demo` still runs.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    local = find_root() / LOCAL
    with contextlib.ExitStack() as locks:
        for lock in [*local.glob("lock"), *local.glob("*/lock")]:
            held = claim(lock.parent)
            if held is None:
                raise LocalCloudError(f"A local cloud is still using {lock.parent}. Stop it, then reset.")
            locks.callback(held.close)
        shutil.rmtree(local, ignore_errors=True)
    print(f"{LOCAL}/ is gone.")
    return 0
