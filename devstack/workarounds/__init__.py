"""
Everything that exists only because MiniStack 1.5.33 differs from AWS: one function per defect.

`stack`: the template and the deployed stack, through public APIs. `server`: what has to change inside MiniStack's own
process. `tests/devstack/test_workarounds.py` shows each defect on the pinned version: when a test there fails after an
upgrade, its function can go.
"""
