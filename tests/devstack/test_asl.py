"""
A broken workflow is found, by cfn-lint or by ours: there is no validator of the Amazon States Language on PyPI, and a
check that needs Node would run on some machines only.
"""

import copy
import json
from pathlib import Path

import cfnlint.api
import pytest

from devstack import asl, translated
from devstack.template import parse_yaml

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "statemachines").glob("*.asl.yaml"))
WORKFLOW = parse_yaml((ROOT / "statemachines/publish_post.asl.yaml").read_text())


def broken(change):
    machine = copy.deepcopy(WORKFLOW)
    change(machine["States"])
    return machine


def first(states, name, field):
    return states[name][field][0]


OURS = {
    "Next to nowhere": lambda s: s["BeginPost"].update(Next="Nowhere"),
    "Catch to nowhere": lambda s: first(s, "BeginPost", "Catch").update(Next="Nowhere"),
    "Choice to nowhere": lambda s: first(s, "IsPublished", "Choices").update(Next="Nowhere"),
    "Default to nowhere": lambda s: s["IsPublished"].update(Default="Nowhere"),
    "out of a Map": lambda s: s["CreateItems"]["ItemProcessor"]["States"].update(
        CreateItem={"Type": "Pass", "Next": "BeginPost"}
    ),
    "nothing leads here": lambda s: s.update(Orphan={"Type": "Succeed"}),
    "States.ALL is not last": lambda s: s["BeginPost"]["Catch"].reverse(),
    "no such comparison": lambda s: s["IsPublished"].update(
        Choices=[{"Variable": "$.x", "StringEqualz": "x", "Next": "MarkPublished"}]
    ),
    "a comparison of nothing": lambda s: s["IsPublished"].update(
        Choices=[{"Not": {"StringEquals": "x"}, "Next": "MarkPublished"}]
    ),
    "two waits": lambda s: s["WaitForContainer"].update(Seconds=3, Timestamp="2026-01-01T00:00:00Z"),
}
CFN_LINT = {
    "no Type": lambda s: s["BeginPost"].pop("Type"),
    "no such Type": lambda s: s["BeginPost"].update(Type="Tusk"),
    "no Resource": lambda s: s["BeginPost"].pop("Resource"),
    "a misspelt field": lambda s: s["BeginPost"].update(Nextt="CreateItems"),
    "neither Next nor End": lambda s: s["BeginPost"].pop("Next"),
    "both Next and End": lambda s: s["BeginPost"].update(End=True),
    "a Retry of no errors": lambda s: first(s, "BeginPost", "Retry").pop("ErrorEquals"),
    "a rate in words": lambda s: first(s, "BeginPost", "Retry").update(BackoffRate="two"),
    "a path that is none": lambda s: s["BeginPost"].update(ResultPath="plan"),
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_our_workflows_are_sound(file):
    assert list(asl.problems(parse_yaml(file.read_text()))) == []


@pytest.mark.parametrize("change", OURS.values(), ids=OURS)
def test_finds_what_cfn_lint_does_not(change):
    assert list(asl.problems(broken(change)))


@pytest.mark.parametrize("change", CFN_LINT.values(), ids=CFN_LINT)
def test_cfn_lint_finds_the_rest(change):
    assert "E3601" in {match.rule.id for match in lint(broken(change))}


def lint(machine):
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/workflow", "Definition": machine}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    return cfnlint.api.lint_all(json.dumps({"Resources": {"Workflow": resource}}))


def test_the_translated_template_shows_cfn_lint_the_whole_workflow(tmp_path):
    translated.main(ROOT / "template.yaml", tmp_path / "template.json")
    resources = json.loads((tmp_path / "template.json").read_text())["Resources"]
    (machine,) = (
        each["Properties"] for each in resources.values() if each["Type"] == "AWS::StepFunctions::StateMachine"
    )
    assert machine["Definition"] == WORKFLOW
    assert "DefinitionString" not in machine


def test_says_the_file_and_the_state(tmp_path, capsys):
    file = tmp_path / "a.asl.yaml"
    file.write_text(json.dumps(broken(OURS["Next to nowhere"])))
    assert asl.main([str(file)]) == 1
    assert f"{file}: BeginPost: leads to 'Nowhere'" in capsys.readouterr().out
