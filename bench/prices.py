"""
What AWS asks, in one place: list prices of us-east-1 in 2026-11, in dollars. Without free tiers, and without what one
post hardly moves: alarms, storage, the API's own requests, log lines.
"""

TRANSITION = 25.0 / 1_000_000  # of a standard workflow; a retry is one too
INVOCATION = 0.20 / 1_000_000
GB_SECOND = 0.0000133334  # arm64
MEMORY_GB = 0.5  # MemorySize in template.yaml
WRITE_UNIT = 0.625 / 1_000_000  # on demand; a kilobyte, twice in a transaction
READ_UNIT = 0.125 / 1_000_000  # on demand; four kilobytes, half when eventually consistent
KEY_REQUEST = 0.03 / 10_000
EVENT = 1.00 / 1_000_000


def workflow(transitions: float, invocations: float, lambda_seconds: float) -> float:
    return transitions * TRANSITION + invocations * INVOCATION + lambda_seconds * MEMORY_GB * GB_SECOND


def requests(writes: float, reads: float, kms: float, events: float) -> float:
    return writes * WRITE_UNIT + reads * READ_UNIT + kms * KEY_REQUEST + events * EVENT
