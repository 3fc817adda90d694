"""
openapi.json keeps its word: whatever is sent, the answer is one that is written there, and never a 5xx. This is a
sample of `make explore`.
"""

import os

import pytest

from tests.stack import aws
from tests.stack.exploring import OPERATIONS, Explorer, promised, summary
from tests.stack.right_requests import RIGHT, Household

EXAMPLES = int(os.environ.get("DARKROOM_EXAMPLES", "5"))
SEED = int(os.environ.get("DARKROOM_SEED", "20261123"))
# Whose right request is refused here, and where its success is tested.
REFUSED_HERE = {
    "POST /v1/accounts/{id}/refresh": 409
}  # the token is of today: test_refreshing.py sets the time forward


@pytest.fixture(scope="module")
def home(cloud, new_tenant, connect, new_owner, clients):
    tenant = new_tenant()
    connect(tenant)
    household = Household(tenant, connect(tenant), new_owner, clients, cloud.api_url)
    yield household
    household.leave()
    aws.settle(cloud)


@pytest.fixture(scope="module")
def explorer(cloud, home, canaries, request):
    key = home.tenant.api.headers["authorization"].removeprefix("Bearer ")
    explorer = Explorer(cloud.api_url, key, canaries)
    yield explorer
    if "DARKROOM_EXAMPLES" in os.environ:
        with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
            terminal = request.config.get_terminal_writer()
            terminal.line("")
            for line in (*summary(explorer.statuses), f"seed {SEED}"):
                terminal.line(line)


def test_there_is_a_right_request_for_every_operation():
    assert RIGHT.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("label", sorted(RIGHT))
def test_every_answer_is_one_that_is_documented(label, home, explorer):
    right = RIGHT[label](home)
    status = explorer.right(label, right).status_code
    assert status == REFUSED_HERE.get(label, status)
    assert status in promised(label) or label in REFUSED_HERE
    explorer.explore(label, right, EXAMPLES, SEED)
