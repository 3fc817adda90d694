"""What happened to a post, as its tenant reads it: over HTTP, and with `darkroom timeline`."""

import json

import pytest

from devstack import cli
from tests.stack import aws


@pytest.fixture
def timeline(cloud, tenant):
    """The entries of a post, once its workflow is over."""

    def read(post_id):
        aws.settle(cloud)
        answer = tenant.api.get(f"/v1/posts/{post_id}/timeline")
        assert answer.status_code == 200, answer.text
        assert not answer.json()["has_earlier"]
        return answer.json()["data"]

    return read


def what(entry):
    return entry["state"] or f"{entry['method']} {entry['path']}"


def test_a_timeline_tells_every_state_and_every_call(tenant, timeline):
    connecting = len(tenant.instagram.calls(tenant.account.ig_user_id))
    entries = timeline(tenant.publish()["id"])
    assert [each["state"] for each in entries if each["state"]] == ["queued", "processing", "publishing", "published"]
    calls = [each for each in entries if each["kind"] == "call"]
    assert len(calls) == len(tenant.instagram.calls(tenant.account.ig_user_id)) - connecting
    assert {each["step"] for each in calls} == {
        "BeginPost",
        "CreateContainer",
        "CheckContainer",
        "PublishContainer",
        "ReadPermalink",
    }
    assert all(each["status"] == 200 and each["duration_ms"] > 0 for each in calls)
    assert [each["at"] for each in entries] == sorted(each["at"] for each in entries)


def test_a_publish_that_was_refused_but_happened_tells_the_question_and_the_proof(tenant, instagram, timeline):
    account = tenant.account
    instagram.fail(
        f"POST /{account.ig_user_id}/media_publish", "json_error", nth=1, when="after", code=4, subcode=2207051
    )
    entries = timeline(tenant.publish()["id"])
    told = [(each["step"], what(each)) for each in entries]
    attempt = told.index(("PublishContainer", "POST /{ig-user-id}/media_publish"))
    question = told.index(("ConfirmPublish", "GET /{container-id}"))
    proof = told.index(("MarkPublished", "published"))
    assert attempt < question < proof < told.index(("ReadPermalink", "GET /{media-id}"))
    refused = entries[attempt]
    assert (refused["error"], refused["code"], refused["error_subcode"]) == ("OutcomeUnknownError", 4, 2207051)
    assert refused["fbtrace_id"]


def test_the_command_shows_it_to_a_person(cloud, tenant, key_of, timeline, capsys):
    post = tenant.publish()
    entries = timeline(post["id"])
    command = ["timeline", post["id"], "--url", cloud.api_url, "--key", key_of(tenant.id, "posts:read")]
    assert cli.main(command) == 0
    _title, *lines = capsys.readouterr().out.splitlines()
    assert [what(entry) in line for entry, line in zip(entries, lines, strict=True)] == [True] * len(entries)
    assert cli.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == entries
