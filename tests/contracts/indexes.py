"""
What DynamoDB refuses of a query on an index, and moto does not: attributes that the index does not project. A global
index answers from its own copy of an item, so a query may name only what that copy has.
"""

import re
from collections.abc import Mapping
from typing import Any

_ATTRIBUTE = re.compile(r"(?<![:#\w.])#?[A-Za-z_]\w*")  # the first name of a path; values begin with a colon
_WORDS = {"and", "or", "not", "in", "between", "size", "contains", "begins_with"}
_WORDS |= {"attribute_exists", "attribute_not_exists", "attribute_type"}

type Described = Mapping[str, Any]


def refusal(query: Described, table: Described) -> str | None:
    """What DynamoDB says to the query; `table` is the template's description of it."""
    if "IndexName" not in query:
        return None
    name = query["IndexName"]
    index = next(each for each in table["GlobalSecondaryIndexes"] if each["IndexName"] == name)
    if query.get("ConsistentRead"):
        return "Consistent reads are not supported on global secondary indexes"
    projected = _projected(index, table)
    if projected is None:
        return None
    if query.get("Select") == "ALL_ATTRIBUTES":
        return f"Select type ALL_ATTRIBUTES is not supported for global secondary index {name}"
    if missing := sorted(_named(query) - projected):
        return f"Global secondary index {name} does not project [{', '.join(missing)}]"
    return None


def _projected(index: Described, table: Described) -> set[str] | None:
    """None: everything."""
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return None
    keys = {each["AttributeName"] for described in (index, table) for each in described["KeySchema"]}
    return keys | set(projection.get("NonKeyAttributes", ()))


def _named(query: Described) -> set[str]:
    aliases = query.get("ExpressionAttributeNames", {})
    texts = (query.get("ProjectionExpression", ""), query.get("FilterExpression", ""))
    names = {name for text in texts for name in _ATTRIBUTE.findall(text) if name.lower() not in _WORDS}
    return {aliases.get(name, name) for name in names} | set(query.get("AttributesToGet", ()))
