"""
Forges signatures of Meta's, and lets the code that verifies them judge.

    python -m tests.forging                    1,000,000 webhooks and 200,000 signed requests
    python -m tests.forging --count 10000      less of it
    python -m tests.forging --seed 7           other ones

Exit code 1: a forgery was accepted, or a valid one refused.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from tests.forging.trial import Outcome, of_requests, of_webhooks

SEED, PARTS = 20261123, 16


def tried(trial: Callable[[int, int], Outcome], seed: int, count: int) -> Outcome:
    sizes = [count // PARTS + (part < count % PARTS) for part in range(PARTS)]
    found = Outcome()
    with ProcessPoolExecutor(2) as pool:
        for outcome in pool.map(trial, range(seed, seed + PARTS), sizes):
            found.add(outcome)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Forged signatures, and valid ones.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    wrong: list[str] = []
    for title, trial, count in (
        ("X-Hub-Signature-256", of_webhooks, args.count),
        ("signed_request", of_requests, args.count // 5),
    ):
        began = time.monotonic()
        outcome = tried(trial, args.seed, count)
        forged, valid = outcome.refused.total(), outcome.accepted.total()
        print(f"{title}: {count:,} forged, {forged:,} refused; {valid:,} valid ones accepted;", end=" ")
        print(f"{len(outcome.wrong):,} judged wrongly; {time.monotonic() - began:.1f} s")
        print("   refused:", ", ".join(f"{kind} {number:,}" for kind, number in outcome.refused.items()))
        print("   accepted:", ", ".join(f"{slot} {number:,}" for slot, number in sorted(outcome.accepted.items())))
        wrong += outcome.wrong
    for each, number in Counter(wrong).most_common():
        print(f"WRONG {number:,} times: {each}")
    print(f"seed {args.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
