"""`darkroom up`: the whole stack on this machine until Ctrl-C."""

import argparse
import contextlib
import json
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from devstack.cloud import LocalCloud, Ports
from devstack.processes import LocalCloudError
from devstack.project import LOCAL, find_root
from devstack.terminal import ProgressLines, styled

WATCH_SECONDS = 1.0


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "up",
        help="run AWS, Instagram and the API on this machine until Ctrl-C",
        description="Deploys template.yaml to a local AWS and connects it to the Instagram simulator. Every start is "
        "fresh. A port that is taken is replaced by a free one.",
    )
    wishes = Ports()
    parser.add_argument("--port", type=int, default=wishes.api, help="port of the API (default: %(default)s)")
    parser.add_argument(
        "--simulator-port", type=int, default=wishes.simulator, help="port of Instagram (default: %(default)s)"
    )
    parser.add_argument("--aws-port", type=int, default=wishes.aws, help="port of AWS (default: %(default)s)")
    parser.add_argument("--image-seconds", type=float, help="how long Instagram processes an image")
    parser.add_argument("--video-seconds", type=float, help="how long Instagram processes a video")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="template parameter; repeatable"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document when ready, and nothing else")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    root = find_root()
    with _stop_on_terminate(), _cloud(root, options) as cloud:
        key = cloud.issue_api_key(name="make up")
        with _environment_file(root / LOCAL / "env", cloud, key) as file:
            described = cloud.describe() | {"api_key": key, "env_file": str(file)}
            print(json.dumps(described, indent=2) if options.json else _banner(cloud, key, file), flush=True)
            _watch(cloud)
    return 0


def _cloud(root: Path, options: argparse.Namespace) -> LocalCloud:
    return LocalCloud(
        root,
        state_dir=LOCAL,
        ports=Ports(options.port, options.simulator_port, options.aws_port),
        image_seconds=options.image_seconds,
        video_seconds=options.video_seconds,
        simulator_options=["--local-permalinks"],
        parameters=dict(name_and_value(text) for text in options.parameter),
        progress=ProgressLines(is_silent=options.json),
    )


def name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise LocalCloudError(f"--parameter {text}: write NAME=VALUE")
    return name, value


@contextlib.contextmanager
def _stop_on_terminate() -> Iterator[None]:
    """
    SIGTERM unwinds like Ctrl-C, so that everything is stopped in order; and so does SIGINT where it was ignored, as a
    shell makes it for what it starts in the background.
    """

    def unwind(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {each: signal.signal(each, unwind) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _environment_file(file: Path, cloud: LocalCloud, key: str) -> Iterator[Path]:
    variables = cloud.environment() | {"DARKROOM_URL": cloud.api_url, "DARKROOM_API_KEY": key}
    if cloud.has_simulator:
        variables["DARKROOM_SIMULATOR_URL"] = cloud.simulator_url
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    file.touch(mode=0o600)
    file.write_text("".join(lines))
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def _watch(cloud: LocalCloud) -> None:
    never = threading.Event()
    while not never.wait(WATCH_SECONDS):
        cloud.require_running()


def _banner(cloud: LocalCloud, key: str, env_file: Path) -> str:
    relative = env_file.relative_to(cloud.root)
    rows = [
        ("API", cloud.api_url),
        ("API key", f"{key}  (tenant local, shown once)"),
        ("Instagram", cloud.simulator_url),
        ("AWS", cloud.aws_url),
        ("Logs", f"{cloud.logs_dir.relative_to(cloud.root)}/  (functions/*.log, requests.log)"),
    ]
    table = "\n".join(f"  {styled(f'{name:10}', 'bold')} {value}" for name, value in rows)
    return f"\n{table}\n\n{_TRY.format(env=relative, simulator=cloud.simulator_url)}\nCtrl-C stops everything.\n"


_TRY = """\
Try, in another shell
  . {env}
  darkroom_curl() {{
    curl -sS -H "Authorization: Bearer $DARKROOM_API_KEY" -H "Content-Type: application/json" "$@"; echo; }}
  darkroom_curl $DARKROOM_URL/v1/connect-sessions -d '{{"login": "instagram"}}'
      then open the authorize_url of the answer in a browser, and allow
  darkroom_curl $DARKROOM_URL/v1/posts -d '{{"kind": "image", "caption": "Hello",
      "media": [{{"url": "{simulator}/_sim/samples/photo.jpg"}}]}}'
  darkroom_curl $DARKROOM_URL/v1/posts
      shows its state and, once it is live, its permalink
  .venv/bin/darkroom timeline POST_ID
      shows each state it came to and each call to Instagram
"""
