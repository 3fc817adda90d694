import json
import socket
from datetime import datetime

import pytest

from devstack import cli
from devstack.cloud import claim
from devstack.commands import doctor, up
from devstack.processes import LocalCloudError
from devstack.showing import PostRun
from devstack.terminal import styled


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder that looks like the project, as working directory."""
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "uv.lock").touch()
    (tmp_path / ".python-version").write_text("3.13\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert all(
        f"    {command} " in told
        for command in (
            "up",
            "demo",
            "timeline",
            "trigger",
            "redrive",
            "doctor",
            "key",
            "subject",
            "reset",
            "simulator",
        )
    )


@pytest.mark.parametrize(
    "command",
    [["up"], ["demo"], ["timeline"], ["redrive"], ["doctor"], ["key", "create"], ["subject", "block"], ["reset"]],
)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([*command, "--help"])
    assert left.value.code == 0
    assert len(capsys.readouterr().out) > 150


@pytest.mark.parametrize(
    "arguments", [[], ["publish"], ["key", "create"], ["subject", "block"], ["demo", "--image-seconds", "soon"]]
)
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_outside_the_project_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["reset"]) == 1
    assert "is not inside the project" in capsys.readouterr().err


def test_reset_deletes_the_local_folder(project, capsys):
    (project / ".local" / "logs").mkdir(parents=True)
    assert cli.main(["reset"]) == 0
    assert not (project / ".local").exists()


def test_reset_refuses_while_a_cloud_runs(project, capsys):
    (project / ".local" / "demo").mkdir(parents=True)
    running = claim(project / ".local" / "demo")
    assert running
    with running:
        assert cli.main(["reset"]) == 1
    assert (project / ".local" / "demo").exists()
    assert "Stop it" in capsys.readouterr().err


def test_doctor_tells_what_is_missing_and_how_to_mend_it(project, monkeypatch, capsys):
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "")
    assert cli.main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    missing = {finding["name"]: finding for finding in told["findings"] if not finding["is_ok"]}
    assert told["ok"] is False
    assert "make setup" in missing["uv"]["mend"]
    assert missing["sam"]["is_optional"]


def test_doctor_sees_a_broken_template(project):
    (project / "template.yaml").write_text("Resources: [")
    found = {finding.name: finding for finding in doctor.examine(project)}
    assert not found["template"].is_ok


def test_a_taken_port_is_no_reason_to_fail(project, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finding = doctor.port("api", port)
    assert (finding.is_ok, finding.is_optional) == (False, True)
    assert f"{port} for api is taken" in finding.detail


def test_key_create_speaks_to_the_aws_of_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert cli.main(["key", "create", "--tenant", "acme", "--scope", "posts:read"]) == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_parameters_are_written_name_equals_value():
    assert up.name_and_value("Mode=a=b") == ("Mode", "a=b")
    with pytest.raises(LocalCloudError, match="NAME=VALUE"):
        up.name_and_value("Mode")


def test_no_colour_where_no_terminal_is(capsys):
    assert styled("ok", "green") == "ok"


def test_a_timeline_is_in_the_order_of_events():
    start = "2026-03-01T09:00:05+00:00"
    run = PostRun("image", ["photo.jpg"], post_id="post_1", sent_at=datetime.fromisoformat(start))
    run.seen = {
        "state": "published",
        "accepted_at": start,
        "published_at": "2026-03-01T09:00:59+00:00",
        "media_id": "17",
        "containers": [{"container_id": "c1", "item": 0, "created_at": start, "finished_at": None}],
    }
    told = [moment["what"] for moment in run.as_json()["timeline"]]
    assert told == ["accepted", "container c1 of item 1 created", "published as media 17"]
