"""What importing the composition root does to the process: one thing, to the garbage collector."""

import subprocess
import sys

PROGRAM = """
import gc
usual = gc.get_threshold()
from darkroom import bootstrap
assert gc.isenabled() and gc.get_threshold()[0] > 100_000, "a start is not interrupted"
assert gc.get_freeze_count() == 0
held = [[] for _ in range(130_000)]
assert gc.get_threshold() == usual, "after the first collection all is as Python has it"
assert gc.get_freeze_count() > 100_000, "what the start made is set aside"
assert not gc.callbacks
"""


def test_collections_wait_for_the_end_of_a_start_and_are_then_as_ever():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
