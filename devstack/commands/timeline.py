"""`darkroom timeline POST_ID`: what happened to a post, for a person: each state, each call to Instagram."""

import argparse
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from devstack.darkroom_api import CALL_SECONDS, Api, find_api, plain
from devstack.processes import LocalCloudError
from devstack.terminal import styled

DESCRIPTION = """\
Shows what happened to a post: each state it came to, and each call to Instagram that was made for it, with
Instagram's numbers. Asks the API, GET /v1/posts/{id}/timeline, with a key that has the scope posts:read.

Where it asks: --url and --key, else DARKROOM_URL and DARKROOM_API_KEY of the environment, else the `darkroom up` that
is running here. On AWS the URL is the stack's output ApiUrl, and `darkroom key create` makes a key."""

EPILOG = """\
TIME is when a call began or a state was reached, in this machine's time zone; SINCE counts from the first entry. An
ANSWER of "none" was lost: whether Instagram acted is then found out by a later call. CODE is Instagram's code and
subcode, FBTRACE_ID what Meta's support asks for. Entries are kept for 90 days.

Exit codes: 0 shown, 1 it could not be read (the message says why), 2 wrong usage."""

COLUMNS = ("TIME", "SINCE", "STEP", "WHAT", "ANSWER", "MS", "CODE", "FBTRACE_ID")
_RIGHT = {"SINCE", "MS"}
_COLOURS = {"published": "green", "failed": "red", "unconfirmed": "red", "delayed": "yellow", "cancelled": "yellow"}


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "timeline",
        help="show what happened to a post (on AWS, or of `darkroom up`)",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("post_id", metavar="POST_ID", help="as the API named it: post_…")
    parser.add_argument("--json", action="store_true", help="print the API's answer as JSON")
    parser.add_argument("--url", help="base URL of the API")
    parser.add_argument("--key", help="API key; others on this machine can see it here, so prefer the environment")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    answer = _asked(find_api(options.url, options.key), options.post_id)
    print(json.dumps(answer, indent=2) if options.json else "\n".join(_shown(answer)))
    return 0


def _asked(api: Api, post_id: str) -> dict[str, Any]:
    try:
        answer = httpx.get(
            f"{api.url}/v1/posts/{quote(post_id, safe='')}/timeline",
            headers={"authorization": f"Bearer {api.key}"},
            timeout=CALL_SECONDS,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LocalCloudError(f"{api.url} cannot be reached: {error}") from error
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status_code == 200 and isinstance(body, dict) and isinstance(body.get("data"), list):
        return body
    raise LocalCloudError(_refusal(api, post_id, answer.status_code, body))


def _refusal(api: Api, post_id: str, status: int, body: Any) -> str:
    if not isinstance(body, dict) or "code" not in body:
        return f"{api.url} answered {status}, but not as Darkroom does; is the URL right?"
    if body["code"] == "not_found":
        return f"{api.url} has no {plain(post_id)} for this key."
    return plain(f"{api.url} answered {status}: {body.get('title')} {body.get('detail')}")


def _shown(answer: dict[str, Any]) -> Iterator[str]:
    entries = answer["data"]
    if not entries:
        yield "Nothing is known any more: entries are kept for 90 days."
        return
    began = datetime.fromisoformat(entries[0]["at"])
    rows = [_row(entry, began) for entry in entries]
    widths = [max(len(row[column]) for row in (COLUMNS, *rows)) for column in range(len(COLUMNS))]
    if answer.get("has_earlier"):
        yield styled("Earlier entries are left out.", "yellow")
    yield styled(_line(COLUMNS, widths), "bold")
    for entry, row in zip(entries, rows, strict=True):
        yield _coloured(entry, _line(row, widths))


def _row(entry: dict[str, Any], began: datetime) -> tuple[str, ...]:
    at = datetime.fromisoformat(entry["at"])
    cells = (
        at.astimezone().isoformat(" ", "milliseconds"),
        f"{(at - began).total_seconds():.1f} s",
        entry["step"],
        entry["state"] if entry["kind"] == "state" else f"{entry['method']} {entry['path']}",
        entry["problem"] if entry["kind"] == "state" else _answer(entry),
        None if entry["duration_ms"] is None else f"{entry['duration_ms']:.0f}",
        "/".join(str(number) for number in (entry["code"], entry["error_subcode"]) if number is not None),
        entry["fbtrace_id"],
    )
    return tuple(plain(cell or "") for cell in cells)


def _answer(entry: dict[str, Any]) -> str:
    status = "none" if entry["status"] is None else str(entry["status"])
    return f"{status} {entry['error']}" if entry["error"] else status


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = zip(row, widths, COLUMNS, strict=True)
    return "  ".join(
        f"{cell:>{width}}" if name in _RIGHT else f"{cell:{width}}" for cell, width, name in cells
    ).rstrip()


def _coloured(entry: dict[str, Any], line: str) -> str:
    """States stand out; of the calls only those that went wrong."""
    if entry["kind"] == "state":
        return styled(line, _COLOURS.get(entry["state"], "bold"))
    return styled(line, "red") if entry["error"] else line
