"""`darkroom doctor --meta` and `darkroom trigger` against a Darkroom that runs."""

import json
import time

import pytest

from devstack import cli
from tests.stack.test_compliance import events_of


@pytest.fixture
def darkroom(cloud, tenant, key_of, monkeypatch):
    """As after `. .local/env`, with a key of the tenant's."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DARKROOM_URL", cloud.api_url)
    monkeypatch.setenv("DARKROOM_API_KEY", key_of(tenant.id, "accounts:read"))
    monkeypatch.setenv("DARKROOM_SIMULATOR_URL", cloud.simulator_url)
    return cli.main


def findings(darkroom, capsys, *options):
    code = darkroom(["doctor", "--meta", "--json", *options])
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] == (code == 0)
    return {("its " if each["account"] else "") + each["link"]: each for each in told["findings"]}


def test_a_healthy_chain_has_no_problem(darkroom, tenant, capsys):
    found = findings(darkroom, capsys, "--account", tenant.account.id)
    assert {link for link, each in found.items() if each["status"] == "problem"} == set()
    doors = {
        "app",
        "meta app",
        "webhooks",
        "deauthorise",
        "data deletion",
        "redirect URI",
        "redirect URI of Facebook Login",
    }
    assert doors | {"its token", "its quota", "its live"} <= found.keys()
    assert found["app"]["detail"] == "Instagram knows app id and secret."
    assert found["its live"]["status"] == "ok"


def test_it_is_shown_line_by_line_without_a_secret(darkroom, cloud, tenant, capsys):
    assert darkroom(["doctor", "--meta"]) == 0
    shown = capsys.readouterr().out
    assert f"@{tenant.account.username}" in shown
    assert "\033" not in shown  # this is no terminal
    secret = secret_of(cloud)
    assert not [name for name in ("app_secret", "verify_token") if secret[name] in shown]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"app_secret": "wrong-secret"}, "refuses the app secret"),
        ({"app_id": "1"}, "does not know this app id"),
        ({"app_id": '"1"'}, "quotes"),
        ({"app_secret": ""}, "no app_secret"),
    ],
)
def test_a_wrong_pair_is_found_and_what_to_do(darkroom, cloud, capsys, change, words):
    client, arn = cloud.client("secretsmanager"), cloud.outputs["InstagramAppSecretArn"]
    good = secret_of(cloud)
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(good | change))
    try:
        found = findings(darkroom, capsys)
    finally:
        client.put_secret_value(SecretId=arn, SecretString=json.dumps(good))
    assert found["app"]["status"] == "problem"
    assert words in found["app"]["detail"]
    assert found["app"]["action"]


def test_an_account_whose_owner_left_is_a_problem_that_says_what_to_do(darkroom, tenant, instagram, capsys):
    instagram.revoke_tokens(tenant.account.username)
    live = findings(darkroom, capsys, "--account", tenant.account.id)["its live"]
    assert (live["status"], live["action"]) == ("problem", "Connect the account again.")
    assert darkroom(["trigger", "deauthorize", "--account", tenant.account.username]) == 0
    capsys.readouterr()
    found = findings(darkroom, capsys, "--account", tenant.account.id)
    assert {link for link, each in found.items() if each["status"] == "problem"} == {
        "its token",
        "its account",
        "its webhooks",
        "its live",
    }


def test_without_access_to_aws_the_rest_is_walked(darkroom, tenant, capsys):
    found = findings(darkroom, capsys, "--account", tenant.account.id, "--stack", "another")
    assert found["app"]["status"] == "warning"
    assert found["its live"]["status"] == "ok"


def test_a_key_that_is_none_is_a_problem(darkroom, capsys):
    found = findings(darkroom, capsys, "--key", "drk_test_nobody")
    assert found["accounts"]["status"] == "problem"


def test_a_webhook_is_triggered_by_its_name(darkroom, cloud, tenant, capsys):
    username = tenant.account.username
    assert darkroom(["trigger", "comment", "--account", username, "--set", "text=How much is it?"]) == 0
    assert f"1 of comment about @{username}" in capsys.readouterr().out
    deadline = time.monotonic() + 20
    while not events_of(cloud, tenant, "comment.created"):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no_such_kind"], "kind is one of"),
        (["comment", "--set", "text"], "NAME=VALUE"),
        (["comment", "--set", "count=many"], "count is a number"),
        (["comment", "--set", "colour=red"], "takes kind"),
        (["deauthorize", "--set", "text=x"], "no details"),
        (["deauthorize", "--account", "nobody"], "there is no account"),
    ],
)
def test_what_cannot_be_triggered_says_why(darkroom, capsys, arguments, words):
    assert darkroom(["trigger", *arguments]) == 1
    assert words in capsys.readouterr().err


def test_a_deletion_is_triggered_and_shows_where_to_look(darkroom, cloud, tenant, stranger, capsys):
    assert darkroom(["trigger", "data_deletion", "--account", tenant.account.username]) == 0
    url = capsys.readouterr().out.split()[-1]
    assert "being deleted" in stranger.get(url).text


def secret_of(cloud):
    told = cloud.client("secretsmanager").get_secret_value(SecretId=cloud.outputs["InstagramAppSecretArn"])
    return json.loads(told["SecretString"])
