"""What docs/operations.md tells an operator to type, typed."""

import os
import re
import subprocess
from itertools import groupby

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
    _fault, permalink, *told = ran.stdout.splitlines()
    assert permalink == f'"permalink":"{live["permalink"]}"'
    assert f'"permalink": "{live["permalink"]}"' in told
    assert story(told) == story(shown.splitlines()[1:])
    assert len(instagram.calls(tenant.account.ig_user_id, "POST /{ig}/media_publish")) == 1


def story(lines):
    """The timeline; how often a container was asked about in a row depends on the day."""
    return [key for key, _ in groupby(what(line) for line in lines if not line.startswith('"permalink"'))]


def what(line):
    """A line of the timeline without what differs each time: times, durations and trace ids."""
    return re.sub(r"^\S+ \S+ +[0-9.]+ s +| +[0-9]+(?= |$)| +A\w{20,}$", "", line).split()
