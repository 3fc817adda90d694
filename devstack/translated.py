"""
`python -m devstack.translated TEMPLATE OUTPUT`: what the SAM template becomes in CloudFormation, for linters that find
in the translation what they miss in the source. Code is not packed: its place is a name that no bucket has. Workflows
stay objects: cfn-lint reads nothing in the text joined from lines that the translator makes of them.
"""

import json
import sys
from pathlib import Path

from devstack.template import FUNCTION, LAYER, STATE_MACHINE, Template, inline_state_machines, load, of_type, translate

REGION = "eu-central-1"


def main(source: Path, output: Path) -> None:
    template = load(source)
    inline_state_machines(template, source.parent)
    for logical_id, properties in of_type(template, FUNCTION).items():
        properties["CodeUri"] = f"s3://not-packed/{logical_id}.zip"
    for logical_id, properties in of_type(template, LAYER).items():
        properties["ContentUri"] = f"s3://not-packed/{logical_id}.zip"
    translated = translate(template, REGION)
    _with_objects(translated, template)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(translated, indent=1))


def _with_objects(translated: Template, template: Template) -> None:
    for logical_id, source in of_type(template, STATE_MACHINE).items():
        properties = translated["Resources"][logical_id]["Properties"]
        del properties["DefinitionString"]
        properties["Definition"] = source["Definition"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
