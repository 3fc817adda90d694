"""
What every store shares: items to and from Python, and botocore's errors in our words.

Times are stored as RFC 3339 text, which sorts; `expires_at` as epoch seconds, because DynamoDB's TTL wants it so.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 — botocore's own

from darkroom.errors import StoreUnavailableError

type Item = dict[str, Any]
type Key = dict[str, dict[str, str]]

_PASSING = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",  # SQS
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
        # Step Functions
        "ExecutionLimitExceeded",
        "KmsThrottlingException",
        # EventBridge Scheduler
        "ServiceQuotaExceededException",
        # SQS
        "KmsThrottled",
    }
)
_PASSING_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})
# botocore has two families: no connection came about, and one broke.
NO_ANSWER = (ConnectionError, HTTPClientError)


def marshal(item: Mapping[str, Any]) -> Item:
    """None is left out: an absent attribute and null mean the same here."""
    return {name: attribute(value) for name, value in item.items() if value is not None}


def unmarshal(item: Mapping[str, Any]) -> Item:
    return {name: _value(described) for name, described in item.items()}


def attribute(value: Any) -> Item:  # noqa: PLR0911 — one line a type
    """
    As DynamoDB writes it. boto3 has this too, for sixty milliseconds of imports (docs/decisions/0013-cold-start.md);
    as there, a float is refused, because DynamoDB counts in decimals.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case bytes():
            return {"B": value}
        case datetime():
            return {"S": text(value)}
        case Mapping():
            return {"M": {name: attribute(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [attribute(each) for each in value]}
    raise TypeError(f"No attribute of DynamoDB holds a {type(value).__name__}.")


def _value(described: Mapping[str, Any]) -> Any:
    ((kind, value),) = described.items()
    match kind:
        case "S" | "B" | "BOOL":
            return value
        case "N":
            return Decimal(value)
        case "NULL":
            return None
        case "M":
            return unmarshal(value)
        case "L":
            return [_value(each) for each in value]
    raise TypeError(f"No item of ours has an attribute of type {kind}.")


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None


def is_condition_failure(error: ClientError) -> bool:
    """The condition of a single write, or of any write in a transaction, did not hold."""
    code = error.response["Error"]["Code"]
    return code == "ConditionalCheckFailedException" or "ConditionalCheckFailed" in _reasons(error)


def is_first_condition(error: ClientError) -> bool:
    """Of a transaction: the first write's condition is among those that did not hold."""
    reasons: Any = error.response.get("CancellationReasons", [{}])
    return bool(reasons[0].get("Code") == "ConditionalCheckFailed")


def is_conflict(error: ClientError) -> bool:
    """A transaction held one of the items at that moment. Nothing was written; the next attempt may well succeed."""
    return error.response["Error"]["Code"] == "TransactionConflictException" or "TransactionConflict" in _reasons(error)


def failed_conditions(error: ClientError) -> set[int]:
    """Which writes of a transaction stood in the way because their condition did not hold, by their place in it."""
    reasons: Any = error.response.get("CancellationReasons", [])
    return {place for place, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"}


def is_passing(error: ClientError) -> bool:
    """Throttled, or AWS's own failure: any answer from 500 up, also one that a proxy made."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error.response["Error"]["Code"] in _PASSING or bool(_reasons(error) & _PASSING_REASONS)


def _reasons(error: ClientError) -> set[str]:
    """Why a transaction was cancelled, one code a write that stood in the way."""
    reasons: Any = error.response.get("CancellationReasons", [])
    return {str(reason.get("Code")) for reason in reasons}


@contextmanager
def translated() -> Iterator[None]:
    """Throttling, outages and lost connections become StoreUnavailableError; all else passes as it is."""
    try:
        yield
    except NO_ANSWER as error:
        raise StoreUnavailableError from error
    except ClientError as error:
        if is_passing(error):
            raise StoreUnavailableError from error
        raise


@contextmanager
def unless_in_vain() -> Iterator[None]:
    """For a write that is to do nothing when its condition does not hold."""
    try:
        with translated():
            yield
    except ClientError as error:
        if not is_condition_failure(error):
            raise
