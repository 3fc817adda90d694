import pytest

from devstack import template
from devstack.template import TemplateError, load, translate


def test_reads_short_forms_as_long_forms(tmp_path):
    file = tmp_path / "template.yaml"
    file.write_text(
        "Resources:\n  A: {Type: T, Properties: {x: !Ref B, y: !GetAtt B.Arn, z: !Sub '${B}', i: !If [C, 1, 2]}}\n"
    )
    assert load(file)["Resources"]["A"]["Properties"] == {
        "x": {"Ref": "B"},
        "y": {"Fn::GetAtt": ["B", "Arn"]},
        "z": {"Fn::Sub": "${B}"},
        "i": {"Fn::If": ["C", 1, 2]},
    }


def test_a_file_without_resources_is_no_template(tmp_path):
    file = tmp_path / "template.yaml"
    file.write_text("Parameters: {}\n")
    with pytest.raises(TemplateError, match="no Resources"):
        load(file)


def test_says_what_sam_says_when_it_refuses(toy):
    loaded = load(toy / "template.yaml")
    with pytest.raises(TemplateError, match="HelloFunction"):
        translate(loaded, "eu-central-1")  # its code is still a local path


def test_inlines_the_state_machine_and_keeps_its_substitutions(toy):
    loaded = load(toy / "template.yaml")
    template.inline_state_machines(loaded, toy)
    machine = loaded["Resources"]["Workflow"]["Properties"]
    assert machine["Definition"]["States"]["Fails"]["Resource"] == "${FailsArn}"
    assert "DefinitionUri" not in machine
