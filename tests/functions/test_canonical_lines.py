"""
Every function says one line for each piece of work, whatever becomes of it. Runs on the payloads of `events/`, and once
more in a world where nothing can be reached.
"""

from contextlib import suppress
from types import SimpleNamespace

import pytest

from darkroom.tasks import MalformedTaskError
from tests.events import event
from tests.functions.world import FOLDER, call_with

FUNCTIONS = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())

# What the line of a function says that has none of the shared skeletons.
OWN = {
    "authorizer": "authorized",
    "dispatch_refreshes": "refreshes dispatched",
    "issue_api_key": "api key",
    "queue_deliveries": "queued",
    "watch_deletions": "watched deletions",
    "watch_posts": "watched",
    "webhook_receiver": "webhook",
}
SHARED = {"request", "step done", "step failed", "message done", "message failed", "change done", "change failed"}


def context(name):
    made = "".join(part.capitalize() for part in name.split("_"))
    return SimpleNamespace(
        function_name=f"darkroom-dev-{made}Function-Ab1", get_remaining_time_in_millis=lambda: 120_000
    )


def said(name, lines):
    with suppress(Exception):  # what a function raises is its own tests' affair
        call_with(name, event(name), context(name))
    wanted = {OWN[name]} if name in OWN else SHARED
    return [line for line in lines.read_lines() if line["message"] in wanted]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_one_line_last_with_how_long_it_took(world, lines, name):
    (line,) = said(name, lines)
    assert line["duration_ms"] >= 0
    assert line == lines.read_lines()[-1]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_says_it_too_where_nothing_is_set_up(lines, name, monkeypatch):
    monkeypatch.delenv("ACCOUNTS_TABLE", raising=False)
    (line,) = said(name, lines)
    assert line["duration_ms"] >= 0


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"webhook_receiver"}))
def test_the_line_names_its_function(world, lines, name):
    """All share one log group. The receiver's line is the only one of its kind, and every microsecond of its counts."""
    (line,) = said(name, lines)
    assert line.get("function", line.get("step")) == context(name).function_name.split("-")[2].removesuffix("Function")


def test_a_payload_that_is_no_task_is_a_failed_step_like_any_other(lines):
    with pytest.raises(MalformedTaskError):
        call_with("begin_post", {"post_id": "post_1"}, context("begin_post"))
    (line,) = lines.named("step failed")
    assert line["error"] == "MalformedTaskError"


def test_what_the_runtime_would_print_of_an_error_nobody_foresaw_is_its_name_alone(world, lines, monkeypatch):
    monkeypatch.setattr(world.keys, "add", lambda _key: (_ for _ in ()).throw(RuntimeError("CANARY-1")))
    with pytest.raises(Exception, match=r"^$") as raised:
        call_with("issue_api_key", event("issue_api_key"), context("issue_api_key"))
    (line,) = lines.named("api key")
    assert (raised.type.__name__, line["error"]) == ("RuntimeError", "RuntimeError")
    assert "CANARY" not in lines.getvalue()


def test_a_step_that_fails_in_a_way_nobody_foresaw_says_its_line_too(world, lines, monkeypatch):
    monkeypatch.setattr(world.posts, "get", lambda *_: (_ for _ in ()).throw(RuntimeError("CANARY-2")))
    with pytest.raises(Exception, match="internal_error"):
        call_with("begin_post", event("begin_post"), context("begin_post"))
    (line,) = lines.named("step failed")
    assert line["error"] == "RuntimeError"
    assert "CANARY" not in lines.getvalue()
