"""`darkroom trigger KIND`: something happens on the pretend Instagram, and Darkroom hears of it as Meta would tell."""

import argparse
import json
import os
from typing import Any

import httpx

from devstack.darkroom_api import CALL_SECONDS, local_environment, plain
from devstack.processes import LocalCloudError

DESCRIPTION = """\
Makes the simulator send what Meta would send: a webhook, signed with the app's secret, or the signed request of an
owner who removes the app. For `darkroom up`; Meta's own dashboard has a Test button for the real thing.

KIND is `deauthorize`, `data_deletion`, or one of the webhooks that the simulator knows: comment, mention, message,
story_mention, story_insights, reaction, postback, read, standby and more; a KIND that does not exist lists them all."""

EPILOG = """\
--set varies a webhook: text, follower, media_id, comment_id, parent_id, mid, at (seconds) or count.

  darkroom trigger comment --set text="How much is it?"
  darkroom trigger message --account lumen.bakery --set count=3
  darkroom trigger data_deletion

Exit codes: 0 sent, 1 it could not be sent or was refused (the message says why), 2 wrong usage."""

CALLBACKS = {"deauthorize": "/meta/deauthorize", "data_deletion": "/meta/data-deletion"}
_NUMBERS = {"at", "count"}


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "trigger",
        help="send Darkroom a signed webhook or callback, from the simulator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", metavar="KIND", help="what happens, such as comment or deauthorize")
    parser.add_argument("--account", metavar="USERNAME", help="whose account (default: the simulator's first)")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a detail; repeatable")
    parser.add_argument("--url", help="base URL of Darkroom (default: DARKROOM_URL, or the running `darkroom up`)")
    parser.add_argument("--simulator", help="base URL of the simulator (default: DARKROOM_SIMULATOR_URL, or as above)")
    parser.add_argument("--json", action="store_true", help="print the simulator's answer as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    simulator = _place(options.simulator, "DARKROOM_SIMULATOR_URL", "--simulator")
    with httpx.Client(base_url=simulator, timeout=CALL_SECONDS) as http:
        username = options.account or _asked(http, "GET", "accounts")["accounts"][0]["username"]
        if path := CALLBACKS.get(options.kind):
            if options.set:
                raise LocalCloudError(f"{options.kind} has no details to set.")
            url = _place(options.url, "DARKROOM_URL", "--url") + path
            answer = _asked(http, "POST", "withdrawals", {"username": username, "url": url})
            if answer["status"] != 200:
                raise LocalCloudError(f"{url} answered {answer['status']}: {plain(answer['body'])}")
        else:
            details = dict(_detail(text) for text in options.set)
            answer = _asked(http, "POST", "webhooks/send", details | {"username": username, "kind": options.kind})
    print(json.dumps(answer, indent=2) if options.json else _shown(options.kind, username, answer))
    return 0


def _place(given: str | None, variable: str, flag: str) -> str:
    found = given or os.environ.get(variable) or local_environment().get(variable)
    if not found:
        raise LocalCloudError(f"Where? Give {flag} or {variable}, or start `darkroom up`.")
    return found.rstrip("/")


def _detail(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise LocalCloudError(f"--set {text}: write NAME=VALUE")
    if name not in _NUMBERS:
        return name, value
    try:
        return name, float(value) if name == "at" else int(value)
    except ValueError:
        raise LocalCloudError(f"--set {text}: {name} is a number") from None


def _asked(http: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        answer = http.request(method, f"/_sim/{path}", json=body)
        said = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise LocalCloudError(f"The simulator at {http.base_url} cannot be reached: {error}") from error
    if answer.status_code != 200:
        raise LocalCloudError(plain(f"The simulator refuses: {said.get('error', answer.status_code)}"))
    return dict(said)


def _shown(kind: str, username: str, answer: dict[str, Any]) -> str:
    if kind == "data_deletion":
        told = json.loads(answer["body"])
        return f"@{username} asked for deletion. Code {told['confirmation_code']}, status at {told['url']}"
    if kind == "deauthorize":
        return f"@{username} removed the app, and Darkroom was told."
    return f"{len(answer['sent'])} of {kind} about @{username}: on the way, signed."
