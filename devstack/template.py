"""The SAM template: read, pointed at this machine, and translated to CloudFormation offline."""

import copy
import json
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.internal.managed_policies import get_bundled_managed_policy_map
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

type Template = dict[str, Any]

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
STATE_MACHINE = "AWS::Serverless::StateMachine"
HTTP_API = "AWS::ApiGatewayV2::Api"


class TemplateError(Exception):
    """The template says something that one machine cannot do; the message names the resource."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`, `!GetAtt`, `!Sub` …) in their long form."""


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def parse_yaml(text: str) -> Any:
    return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader with CloudFormation's tags)


def load(path: Path) -> Template:
    try:
        template = parse_yaml(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise TemplateError(f"{path} cannot be read: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError(f"{path} has no Resources")
    return template


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Logical id to properties."""
    return {
        logical_id: resource.setdefault("Properties", {})
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def function_globals(template: Template) -> dict[str, Any]:
    return dict(template.get("Globals", {}).get("Function", {}))


def inline_state_machines(template: Template, root: Path) -> None:
    """What `sam package` does with `DefinitionUri`, so that nothing has to be uploaded."""
    for properties in of_type(template, STATE_MACHINE).values():
        if isinstance(uri := properties.get("DefinitionUri"), str):
            del properties["DefinitionUri"]
            properties["Definition"] = parse_yaml((root / uri).read_text())


def translate(template: Template, region: str) -> Template:
    """SAM to CloudFormation by AWS's own translator; needs no network, no credentials and no AWS profile."""
    session = boto3.Session(region_name=region)
    try:
        translated: Template = Translator(None, Parser(), boto_session=session).translate(
            copy.deepcopy(template),
            parameter_values={},
            get_managed_policy_map=lambda: get_bundled_managed_policy_map("aws") or {},  # it would ask IAM otherwise
        )
    except InvalidDocumentException as error:
        raise TemplateError("SAM refuses the template:\n" + "\n".join(c.message for c in error.causes)) from error
    # Plain data: the translator leaves string subclasses and ordered dictionaries behind.
    plain: Template = json.loads(json.dumps(translated))
    return plain
