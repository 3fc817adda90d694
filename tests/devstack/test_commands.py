"""The commands that start a cloud, as a person starts them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from devstack import cli
from devstack.commands import demo
from devstack.processes import LocalCloudError
from tests.devstack import clouds

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from devstack.cli import main; raise SystemExit(main())"]
ANY = ["--port", "0", "--simulator-port", "0", "--aws-port", "0"]


@pytest.fixture
def up(toy):
    """`darkroom up --json` on the toy template, and the document it printed."""
    running = subprocess.Popen([*COMMAND, "up", "--json", *ANY], cwd=toy, stdout=subprocess.PIPE, text=True)
    try:
        yield running, _document(running)
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
        shutil.rmtree(toy / ".local", ignore_errors=True)


def _document(running: subprocess.Popen[str]) -> dict[str, object]:
    lines = []
    for line in running.stdout:
        lines.append(line)
        if line == "}\n":
            return json.loads("".join(lines))
    raise AssertionError("".join(lines))


def test_up_serves_until_ctrl_c_and_leaves_nothing_running(up, toy):
    running, told = up
    assert told["api_key"] == "drk_test_local"
    with urllib.request.urlopen(f"{told['api_url']}/hello/Ada", timeout=10) as answer:
        assert answer.status == 200
    running.send_signal(signal.SIGINT)
    assert running.wait(10) == 0
    assert not clouds.processes_mentioning(str(toy / ".local"))
    assert not (toy / ".local" / "env").exists()


def test_key_create_reaches_the_running_cloud_through_its_environment_file(up, monkeypatch, capsys):
    _, told = up
    file = Path(told["env_file"])
    assert file.stat().st_mode & 0o077 == 0
    shell = subprocess.run(["sh", "-c", f". {file}; env"], capture_output=True, text=True, check=True, env={})
    for line in shell.stdout.splitlines():
        if line.startswith("AWS_"):
            monkeypatch.setenv(*line.split("=", 1))
    assert cli.main(["key", "create", "--tenant", "acme", "--scope", "admin", "--scope", "posts:write"]) == 0
    assert capsys.readouterr().out == "drk_test_acme\n"
    assert cli.main(["key", "create", "--tenant", "acme", "--scope", "admin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scopes"] == ["admin"]
    assert cli.main(["key", "create", "--tenant", "1", "--scope", "admin"]) == 1
    assert "ValueError" in capsys.readouterr().err
    assert cli.main(["key", "create", "--tenant", "acme", "--scope", "admin", "--stack", "nowhere"]) == 1


def test_the_demo_publishes_one_of_each_kind(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(demo, "STATE", tmp_path)
    code = cli.main(["demo", "--json", "--image-seconds", "0.2", "--video-seconds", "0.5"])
    told = json.loads(capsys.readouterr().out)
    assert (code, told.get("problem"), told["ok"]) == (0, None, True)
    assert {post["kind"]: post["state"] for post in told["posts"]} == dict.fromkeys(
        ["image", "carousel", "reel", "story"], "published"
    )


def test_a_demo_that_cannot_start_is_told_as_json_too(monkeypatch, tmp_path, capsys):
    def broken(*_args, **_options):
        raise LocalCloudError("the disk is full")

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(demo, "STATE", tmp_path)
    monkeypatch.setattr(demo, "LocalCloud", broken)
    assert cli.main(["demo", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["problem"], told["posts"]) == (False, "the disk is full", [])
    assert os.sep in told["logs"]
