"""Defects of MiniStack's CloudFormation, mended in the template before the deploy or through public APIs after it."""

import re
from typing import Any

from devstack.template import Template

BUCKET_POLICY = "AWS::S3::BucketPolicy"
TABLE = "AWS::DynamoDB::Table"
SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 (a resource type)


def secrets_by_arn(template: Template) -> Template:
    """`!Ref` of a secret gives its name instead of its ARN, so that no policy on it ever matches. `Id` is the ARN."""
    secrets = {name for name, resource in template["Resources"].items() if resource["Type"] == SECRET}
    replaced: Template = _references_by_id(template, secrets)
    return replaced


def _references_by_id(node: Any, names: set[str]) -> Any:
    if isinstance(node, list):
        return [_references_by_id(item, names) for item in node]
    if isinstance(node, str):
        return re.sub(r"\$\{(\w+)\}", lambda m: f"${{{m[1]}.Id}}" if m[1] in names else m[0], node)
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Ref"} and node["Ref"] in names:
        return {"Fn::GetAtt": [node["Ref"], "Id"]}
    return {key: _references_by_id(value, names) for key, value in node.items()}


def without_tls_demands(template: Template) -> Template:
    """It is plain HTTP, on loopback, so a bucket policy that denies whatever is not TLS would deny everything."""
    policies = (each for each in template["Resources"].values() if each["Type"] == BUCKET_POLICY)
    for policy in policies:
        document = policy["Properties"]["PolicyDocument"]
        document["Statement"] = [each for each in document["Statement"] if "aws:SecureTransport" not in str(each)]
    template["Resources"] = {
        name: each
        for name, each in template["Resources"].items()
        if each["Type"] != BUCKET_POLICY or each["Properties"]["PolicyDocument"]["Statement"]
    }
    return template


def enable_table_ttl(template: Template, physical_ids: dict[str, str], dynamodb: Any) -> None:
    """Its CloudFormation creates tables without their `TimeToLiveSpecification`."""
    for name, resource in template["Resources"].items():
        ttl = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource["Type"] == TABLE and ttl and name in physical_ids:
            dynamodb.update_time_to_live(TableName=physical_ids[name], TimeToLiveSpecification=ttl)
