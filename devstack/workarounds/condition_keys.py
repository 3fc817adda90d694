"""The IAM condition keys of a request, from its body as AWS documents them. No I/O."""

import json
import re
from collections.abc import Callable
from typing import Any

type Json = dict[str, Any]
type HashKeyOf = Callable[[str, str | None], str | None]
"""Name of the partition key of a table, or of an index of it; None when there is no such thing."""

_EQUALITY = re.compile(r"([#\w]+)\s*=\s*(:\w+)")


def parse(body: bytes) -> Json:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def encryption_context(request: Json) -> Json:
    pairs: dict[str, str] = request.get("EncryptionContext") or {}
    keys = {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
    return keys | {"kms:EncryptionContextKeys": sorted(pairs)} if pairs else {}


def leading_keys(request: Json, hash_key_of: HashKeyOf) -> list[list[str]]:
    """Partition key values, one list per item the request touches, in the order of its items."""
    if "TransactItems" in request:
        members = [detail for item in request["TransactItems"] for detail in item.values()]
        return [_of_item(detail, hash_key_of) for detail in members if isinstance(detail, dict)]
    if isinstance(tables := request.get("RequestItems"), dict):
        return [_of_batch(table, wishes, hash_key_of) for table, wishes in tables.items()]
    return [_of_item(request, hash_key_of)]


def _of_item(request: Json, hash_key_of: HashKeyOf) -> list[str]:
    name = hash_key_of(request.get("TableName", ""), request.get("IndexName"))
    if name is None:
        return []
    if condition := request.get("KeyConditionExpression"):
        return _of_condition(condition, request, name)
    return _value((request.get("Key") or request.get("Item") or {}).get(name))


def _of_condition(condition: str, request: Json, name: str) -> list[str]:
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    for attribute, placeholder in _EQUALITY.findall(condition):
        if names.get(attribute, attribute) == name:
            return _value(values.get(placeholder))
    return []


def _of_batch(table: str, wishes: Any, hash_key_of: HashKeyOf) -> list[str]:
    name = hash_key_of(table, None)
    if isinstance(wishes, dict):  # BatchGetItem
        items = wishes.get("Keys", [])
    else:  # BatchWriteItem
        items = [detail.get("Item") or detail.get("Key") or {} for wish in wishes for detail in wish.values()]
    return [value for item in items if name for value in _value(item.get(name))]


def _value(attribute: Json | None) -> list[str]:
    return [str(next(iter(attribute.values())))] if attribute else []
