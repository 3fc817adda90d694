"""`darkroom timeline` against an API of the test's own, over a socket."""

import json
import sys
import threading
import time
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from darkroom.timeline import Entry
from devstack import cli

KEY = "drk_test_CANARY"
NOTHING = {field.name: None for field in fields(Entry)}
QUEUED = NOTHING | {"at": "2026-11-23T09:30:00.000Z", "kind": "state", "state": "queued"}
ASKED = NOTHING | {
    "at": "2026-11-23T09:30:02.500Z",
    "kind": "call",
    "step": "PublishContainer",
    "method": "POST",
    "path": "/{ig-user-id}/media_publish",
    "status": 403,
    "duration_ms": 812.4,
    "error": "OutcomeUnknownError",
    "code": 4,
    "error_subcode": 2207051,
    "fbtrace_id": "A6LJylpZRKw2xKLFsAP",
}
LOST = ASKED | {"status": None, "code": None, "error_subcode": None, "fbtrace_id": None}
FAILED = QUEUED | {"at": "2026-11-24T09:30:00.000Z", "state": "failed", "step": "MarkFailed", "problem": "rate_limited"}


class Api:
    """Answers `body` with `status`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, json.dumps({"data": [QUEUED], "has_earlier": False}), []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                api.asked.append((self.path, self.headers["authorization"]))
                self.send_response(api.status)
                self.end_headers()
                self.wfile.write(api.body.encode())

            def log_message(self, *_):
                """Not on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def tells(self, *entries, has_earlier=False):
        self.body = json.dumps({"data": entries, "has_earlier": has_earlier})

    def refuses(self, status, **problem):
        self.status, self.body = status, json.dumps(problem)


@pytest.fixture
def api():
    made = Api()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Outside the project, with nothing in the environment, in a place three and a half hours ahead."""
    monkeypatch.chdir(tmp_path)
    for name in ("DARKROOM_URL", "DARKROOM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "XXX-3:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def shown(api, capsys):
    """The lines printed for the entries that the API tells."""

    def show(*entries, **more):
        api.tells(*entries, **more)
        assert cli.main(["timeline", "post_1", "--url", api.url, "--key", KEY]) == 0
        return capsys.readouterr().out.splitlines()

    return show


def complaint(capsys, *arguments):
    assert cli.main(["timeline", "post_1", *arguments]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert KEY not in told.err
    return told.err


def test_a_person_reads_a_table_in_the_time_of_this_machine(shown):
    title, queued, asked, lost, failed = shown(QUEUED, ASKED, LOST, FAILED)
    assert title.split() == ["TIME", "SINCE", "STEP", "WHAT", "ANSWER", "MS", "CODE", "FBTRACE_ID"]
    assert queued.split() == ["2026-11-23", "13:00:00.000+03:30", "0.0", "s", "queued"]
    assert asked.split() == [
        *("2026-11-23", "13:00:02.500+03:30", "2.5", "s", "PublishContainer", "POST", "/{ig-user-id}/media_publish"),
        *("403", "OutcomeUnknownError", "812", "4/2207051", "A6LJylpZRKw2xKLFsAP"),
    ]
    assert lost.split()[-3:] == ["none", "OutcomeUnknownError", "812"]
    assert failed.split()[2:] == ["86400.0", "s", "MarkFailed", "failed", "rate_limited"]
    assert asked.index("403") == lost.index("none") == failed.index("rate_limited") == title.index("ANSWER")


def test_json_is_the_answer_as_it_came(api, capsys):
    api.tells(QUEUED, ASKED)
    assert cli.main(["timeline", "post_1", "--json", "--url", api.url, "--key", KEY]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(api.body)


def test_it_is_said_when_there_is_more_or_nothing(shown):
    assert shown(QUEUED, has_earlier=True)[0] == "Earlier entries are left out."
    assert shown() == ["Nothing is known any more: entries are kept for 90 days."]


def test_colour_is_for_terminals_only(shown, monkeypatch):
    assert "\033" not in "".join(shown(QUEUED, ASKED, FAILED))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    _, queued, asked, failed = shown(QUEUED, ASKED, FAILED)
    assert queued.startswith("\033[1m")
    assert asked.startswith(failed[:5])
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in "".join(shown(QUEUED, ASKED, FAILED))


def test_what_a_terminal_would_obey_is_not_printed(shown, api, capsys):
    assert "\033" not in "".join(shown(QUEUED | {"step": "\033[2J\r\n"}))
    api.refuses(500, code="internal_error", title="\033[2J", detail="")
    assert "\033[2J" not in complaint(capsys, "--url", api.url, "--key", KEY)


def test_url_and_key_come_from_the_environment(api, monkeypatch, capsys):
    monkeypatch.setenv("DARKROOM_URL", f"{api.url}/")
    monkeypatch.setenv("DARKROOM_API_KEY", KEY)
    assert cli.main(["timeline", "post_1"]) == 0
    assert api.asked == [("/v1/posts/post_1/timeline", f"Bearer {KEY}")]


def test_without_them_the_running_cloud_is_asked(api, tmp_path, monkeypatch, capsys):
    (tmp_path / "template.yaml").touch()
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "env").write_text(
        f"export AWS_REGION=x\nexport DARKROOM_URL={api.url}\nexport DARKROOM_API_KEY='{KEY}'\n"
    )
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    assert cli.main(["timeline", "post_1"]) == 0
    assert api.asked == [("/v1/posts/post_1/timeline", f"Bearer {KEY}")]
    capsys.readouterr()
    assert "--key or DARKROOM_API_KEY" in complaint(capsys, "--url", "https://elsewhere.example")


def test_without_any_it_asks_which_api_is_meant(capsys):
    assert "--url or DARKROOM_URL, or start `darkroom up`" in complaint(capsys)


def test_an_id_is_one_piece_of_the_path(api):
    cli.main(["timeline", "../accounts?x=#", "--url", api.url, "--key", KEY])
    assert api.asked[0][0] == "/v1/posts/..%2Faccounts%3Fx%3D%23/timeline"


def test_a_refusal_is_told_in_the_words_of_the_api(api, capsys):
    api.refuses(404, code="not_found", title="There is no such thing here.", detail="Check the path and the id.")
    assert f"{api.url} has no post_1 for this key." in complaint(capsys, "--url", api.url, "--key", KEY)
    api.refuses(401, code="unauthenticated", title="The request has no valid credential.", detail="Unknown key.")
    assert "answered 401: The request has no valid credential. Unknown key." in complaint(
        capsys, "--url", api.url, "--key", KEY
    )


@pytest.mark.parametrize(("status", "body"), [(200, "<html>"), (200, "[]"), (200, "{}"), (502, ""), (302, "moved")])
def test_what_is_not_this_api_is_told_apart(api, capsys, status, body):
    api.status, api.body = status, body
    assert f"answered {status}, but not as Darkroom does" in complaint(capsys, "--url", api.url, "--key", KEY)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "ftp://x", "http://[", "http://x:y"])
def test_an_api_that_cannot_be_reached_is_named(capsys, url):
    assert f"{url} cannot be reached" in complaint(capsys, "--url", url, "--key", KEY)


@pytest.mark.parametrize("tail", ["\n", "é", " x"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(api, capsys, tail):
    assert "That is not an API key" in complaint(capsys, "--url", api.url, "--key", KEY + tail)
    assert api.asked == []
