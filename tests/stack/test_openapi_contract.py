"""
openapi.json keeps its word: whatever is sent, the answer is one that is written there, and never a 5xx. This is a
sample of `make explore`.
"""

import os
from copy import deepcopy
from dataclasses import replace

import pytest
from schemathesis.core.failures import FailureGroup

from tests.stack import aws
from tests.stack.exploring import DOCUMENT, Explorer, Right, operations_of, promised, summary
from tests.stack.right_requests import RIGHT, Household

EXAMPLES = int(os.environ.get("DARKROOM_EXAMPLES", "3"))
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
    of_others = aws.open_deletions(cloud)
    with aws.erasing_at_once(cloud):
        yield household
        household.leave()
        aws.settle_deletions(cloud, but=of_others)
    aws.settle(cloud)


@pytest.fixture(scope="module")
def explorer(cloud, home, canaries, request):
    key = home.tenant.api.headers["authorization"].removeprefix("Bearer ")
    explorer = Explorer(cloud.api_url, key, canaries, operations_of(DOCUMENT))
    yield explorer
    if "DARKROOM_EXAMPLES" in os.environ:
        with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
            terminal = request.config.get_terminal_writer()
            terminal.line("")
            for line in (*summary(explorer.statuses), f"seed {SEED}"):
                terminal.line(line)


def test_there_is_a_right_request_for_every_operation():
    described = {f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item}
    assert RIGHT.keys() == described


@pytest.mark.parametrize("label", sorted(RIGHT))
def test_every_answer_is_one_that_is_documented(label, home, explorer):
    right = RIGHT[label](home)
    status = explorer.right(label, right).status_code
    assert status == REFUSED_HERE.get(label, status)
    assert status in promised(explorer.operations[label]) or label in REFUSED_HERE
    explorer.explore(label, right, EXAMPLES, SEED)


def _without_its_status(responses):
    responses["201"] = responses.pop("200")


def _with_another_body(responses):
    content = {"application/json": {"schema": {"type": "object", "required": ["is_ill"]}}}
    responses["200"] = responses["200"] | {"content": content}


def _as_a_page(responses):
    responses["200"] = responses["200"] | {"content": {"text/html": {"schema": {"type": "string"}}}}


def _with_another_header(responses):
    header = {"required": True, "schema": {"type": "string"}}
    responses["200"] = responses["200"] | {"headers": {"X-Unheard-Of": header}}


@pytest.mark.parametrize("change", [_without_its_status, _with_another_body, _as_a_page, _with_another_header])
def test_a_document_that_says_otherwise_is_found_out(explorer, change):
    document = deepcopy(DOCUMENT | {"paths": {"/v1/health": DOCUMENT["paths"]["/v1/health"]}})
    change(document["paths"]["/v1/health"]["get"]["responses"])
    with pytest.raises(FailureGroup):
        replace(explorer, operations=operations_of(document)).right("GET /v1/health", Right())
