"""`darkroom`: the project's command line. One module per command in `devstack.commands`."""

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence

from devstack.commands import demo, doctor, key, redrive, reset, subject, timeline, trigger, up
from devstack.processes import LocalCloudError
from devstack.template import TemplateError
from devstack.terminal import complain

COMMANDS = (up, demo, timeline, trigger, redrive, doctor, key, subject, reset)

EPILOG = """\
Exit codes: 0 done, 1 it failed (the message says what to do), 2 wrong usage, 130 stopped by Ctrl-C.
Start with `darkroom doctor`, then `darkroom demo`."""


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="darkroom",
        description="Publishes to Instagram from your own AWS account, and from this machine without one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"darkroom {importlib.metadata.version('darkroom')}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    # Handled in `main`: it has options of its own. Listed here for the help.
    commands.add_parser("simulator", add_help=False, help="run only the Instagram simulator (its own --help)")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["simulator"]:
        return _simulator(arguments[1:])
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (LocalCloudError, TemplateError) as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _simulator(arguments: list[str]) -> int:
    from simulator.__main__ import main as simulate  # noqa: PLC0415 (only this command needs it)

    return simulate(arguments) or 0
