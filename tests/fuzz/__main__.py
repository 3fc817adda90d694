"""
Feeds the parsers with what nobody should send, led by what code it reaches (Atheris, where it has a wheel; else
Hypothesis). A crash is every exception but the one that is documented, every forgery that is accepted, and every
input that takes long.

    python -m tests.fuzz                              each target for 20 seconds
    python -m tests.fuzz --seconds 300 --only cursor  one of them, longer
    python -m tests.fuzz --seed 7                     other inputs
    python -m tests.fuzz --only cursor --input 2e     one input, in hex, with its traceback

Exit code 1: an input was too much; it is printed with the command that repeats it.
"""

import argparse
import sys

from tests.fuzz import engines, targets
from tests.fuzz.engines import Found
from tests.fuzz.targets import TARGETS, Target

SEED = 20261123


def tried(target: Target, seconds: float, seed: int, engine: str) -> Found:
    if engine == "atheris":
        return engines.by_atheris(target.name, target.seeds(), seconds, seed)
    return engines.by_hypothesis(target, seconds, seed)


def told(target: Target, found: Found) -> None:
    rate = found.executions / found.seconds if found.seconds else 0
    print(f"{target.name:14} {found.engine}: {found.executions:>9,} executions in {found.seconds:.1f} s,", end=" ")
    print(f"{rate:>7,.0f}/s, crashes {0 if found.crash is None else 1}   ({target.about})", flush=True)
    if found.crash is not None:
        print(f"{found.said}\nCRASH: {found.crash!r}\nagain: python -m tests.fuzz --only {target.name}", end=" ")
        print(f"--input {found.crash.hex() or chr(39) * 2}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="The parsers, and what nobody should send."
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="for each target")
    parser.add_argument("--only", choices=sorted(TARGETS))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--engine", choices=("atheris", "hypothesis"))
    parser.add_argument("--input", type=bytes.fromhex, help="in hex: this one input and nothing else")
    args = parser.parse_args(arguments)
    if args.input is not None and args.only is None:
        parser.error("--input takes --only")
    targets.hush()
    if args.input is not None:
        print("accepted" if engines.tried(TARGETS[args.only], args.input) else "refused")
        return 0
    engine = args.engine or ("atheris" if engines.has_atheris() else "hypothesis")
    crashes = 0
    for target in [TARGETS[args.only]] if args.only else TARGETS.values():
        found = tried(target, args.seconds, args.seed, engine)
        told(target, found)
        crashes += found.crash is not None
    print(f"seed {args.seed}")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
