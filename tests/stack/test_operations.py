"""What docs/operations.md tells an operator to type, typed."""

import os
import re
import subprocess

import pytest

from tests.stack import aws
from tests.stack.clouds import ROOT


@pytest.fixture
def healed(cloud, instagram):
    yield
    aws.settle(cloud)
    instagram.heal()


def test_the_worst_case_goes_as_it_is_told(cloud, tenant, instagram, healed):
    section = (ROOT / "docs/operations.md").read_text().partition("### The worst case")[2].partition("\n## ")[0]
    (script,) = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    (shown,) = re.findall(r"```\n(\"permalink.*?)```", section, flags=re.DOTALL)
    environment = {
        "PATH": os.environ["PATH"],
        "DARKROOM_URL": cloud.api_url,
        "DARKROOM_API_KEY": tenant.api.headers["authorization"].removeprefix("Bearer "),
        "DARKROOM_SIMULATOR_URL": cloud.simulator_url,
    }
    script = script.replace(". .local/env", ": the variables are set")
    ran = subprocess.run(
        ["bash", "-euc", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    (live,) = instagram.live(tenant.account.username)
    _fault, permalink, *timeline = ran.stdout.splitlines()
    assert permalink == f'"permalink":"{live["permalink"]}"'
    assert live["permalink"] in timeline.pop()
    assert [what(line) for line in timeline] == [what(line) for line in shown.splitlines()[1:-1]]
    assert len(instagram.calls(tenant.account.ig_user_id, "POST /{ig}/media_publish")) == 1


def what(line):
    """A line of the timeline without what differs each time: times, durations and trace ids."""
    return re.sub(r"^\S+ \S+ +[0-9.]+ s +| +[0-9]+(?= |$)| +A\w{20,}$", "", line).split()
