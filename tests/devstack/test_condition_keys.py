import json

from devstack.workarounds.condition_keys import encryption_context, leading_keys, parse


def _hash_key(table, index):
    return {("Posts", None): "pk", ("Posts", "ByAccount"): "account_pk"}.get((table, index))


def _key(value):
    return {"pk": {"S": value}, "sk": {"S": "x"}}


def test_names_every_pair_of_the_encryption_context():
    assert encryption_context({"EncryptionContext": {"tenant": "t", "account": "a"}}) == {
        "kms:EncryptionContext:tenant": "t",
        "kms:EncryptionContext:account": "a",
        "kms:EncryptionContextKeys": ["account", "tenant"],
    }
    assert encryption_context({}) == {}


def test_finds_the_partition_key_of_single_items():
    assert leading_keys({"TableName": "Posts", "Key": _key("TENANT#1")}, _hash_key) == [["TENANT#1"]]
    assert leading_keys({"TableName": "Posts", "Item": _key("TENANT#2")}, _hash_key) == [["TENANT#2"]]


def test_finds_the_partition_key_of_a_query_on_table_and_index():
    query = {
        "TableName": "Posts",
        "KeyConditionExpression": "#sk > :from AND #pk = :pk",
        "ExpressionAttributeNames": {"#pk": "pk", "#sk": "sk"},
        "ExpressionAttributeValues": {":pk": {"S": "TENANT#1"}, ":from": {"S": "x"}},
    }
    assert leading_keys(query, _hash_key) == [["TENANT#1"]]
    on_index = query | {"IndexName": "ByAccount", "KeyConditionExpression": "account_pk = :pk"}
    assert leading_keys(on_index, _hash_key) == [["TENANT#1"]]


def test_keeps_the_items_of_a_transaction_apart():
    items = [
        {"Put": {"TableName": "Posts", "Item": _key("TENANT#1")}},
        {"ConditionCheck": {"TableName": "Posts", "Key": _key("CLAIM#2")}},
    ]
    assert leading_keys({"TransactItems": items}, _hash_key) == [["TENANT#1"], ["CLAIM#2"]]


def test_finds_the_partition_keys_of_batches():
    assert leading_keys({"RequestItems": {"Posts": {"Keys": [_key("A"), _key("B")]}}}, _hash_key) == [["A", "B"]]
    writes = [{"PutRequest": {"Item": _key("A")}}, {"DeleteRequest": {"Key": _key("B")}}]
    assert leading_keys({"RequestItems": {"Posts": writes}}, _hash_key) == [["A", "B"]]


def test_a_request_without_a_known_key_has_none():
    assert leading_keys({"TableName": "Other", "Key": _key("A")}, _hash_key) == [[]]
    assert leading_keys({"TableName": "Posts"}, _hash_key) == [[]]
    assert parse(b"not json") == parse(b"[]") == {}
    assert parse(json.dumps({"a": 1}).encode()) == {"a": 1}
