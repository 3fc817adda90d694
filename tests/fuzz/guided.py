"""
What engines.by_atheris starts: python -m tests.fuzz.guided MODULE NAME CORPUS [options of libFuzzer]. It ends its
process, with 0 when the time is up.
"""

import importlib
import sys

import atheris

with atheris.instrument_imports(include=["darkroom"]):
    from tests.fuzz import engines, targets

atheris.enabled_hooks.add("RegEx")
module, name, *options = sys.argv[1:]
target = importlib.import_module(module).TARGETS[name]
targets.hush()
atheris.Setup([sys.argv[0], *options], lambda data: engines.tried(target, data) and None)
atheris.Fuzz()
