"""
`darkroom demo`: connects an account, publishes one post of each kind on this machine, checks that all are live; then a
comment comes in, a token is refreshed, and the owner takes the app away.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import httpx

from devstack import hearing
from devstack.cloud import ANY_PORTS, LocalCloud
from devstack.processes import LocalCloudError
from devstack.project import LOCAL, find_root
from devstack.showing import DemoError, PostRun, connect, publish_all, require_live_once
from devstack.template import TemplateError
from devstack.terminal import ProgressLines, styled

STATE = LOCAL / "demo"


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "demo",
        help="publish an image, a carousel, a reel and a story to a pretend Instagram",
        description="Starts a local cloud of its own, connects an account through the real OAuth redirects, publishes "
        "one post of each kind over HTTP, and asks the simulator whether each is live exactly once. Then a follower's "
        "comment becomes an event and an outgoing webhook, the token is refreshed by its schedule, the owner takes the "
        "app away. Exit code 0 only if all of it was seen.",
    )
    parser.add_argument("--image-seconds", type=float, default=1.0, help="Instagram's time for an image (default: 1)")
    parser.add_argument("--video-seconds", type=float, default=3.0, help="Instagram's time for a video (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    root, progress = find_root(), ProgressLines(is_silent=options.json)
    outcome = _play(root, options, progress)
    outcome["seconds"] = round(progress.elapsed, 1)
    print(json.dumps(outcome, indent=2) if options.json else _summary(outcome))
    return 0 if outcome["ok"] else 1


def _play(root: Path, options: argparse.Namespace, progress: ProgressLines) -> dict[str, Any]:
    runs: list[PostRun] = []
    hook = hearing.Hook()
    story = hearing.Story(progress, hook)
    outcome: dict[str, Any] = {"ok": False, "logs": str(root / STATE / "logs")}
    try:
        with hook.listening(), _cloud(root, options, hook, progress) as cloud, connect(cloud, progress) as account:
            hearing.register(account, hook)
            before = hearing.refresh_soon(cloud, account)
            publish_all(cloud, account, runs, progress)
            require_live_once(cloud.simulator_url, runs)
            hearing.show(cloud, account, runs[0], before, story)
        outcome["ok"] = True
    except (DemoError, LocalCloudError, TemplateError, httpx.HTTPError) as error:
        outcome["problem"] = str(error) or type(error).__name__
    return outcome | {"posts": [run.as_json() for run in runs], "events": story.moments}


def _cloud(root: Path, options: argparse.Namespace, hook: hearing.Hook, progress: ProgressLines) -> LocalCloud:
    return LocalCloud(
        root,
        state_dir=STATE,
        ports=ANY_PORTS,
        image_seconds=options.image_seconds,
        video_seconds=options.video_seconds,
        parameters={"TestWebhookHosts": hook.host},
        progress=progress,
    )


def _summary(outcome: dict[str, Any]) -> str:
    timelines = "\n".join([*(_timeline(post) for post in outcome["posts"]), *_events(outcome["events"])])
    if outcome["ok"]:
        verdict = styled(f"All {len(outcome['posts'])} are live, each exactly once.", "green")
    else:
        verdict = f"{styled('Failed:', 'red')} {outcome['problem']}\nLogs: {outcome['logs']}"
    return f"{timelines}\n\n{verdict} ({outcome['seconds']} s)"


def _events(moments: list[dict[str, Any]]) -> list[str]:
    lines = [f"  {moment['seconds']:6.1f} s  {moment['what']}" for moment in moments]
    return ["", styled("afterwards", "bold"), *lines] if lines else []


def _timeline(post: dict[str, Any]) -> str:
    title = styled(f"{post['kind']:9} {post['post_id'] or 'not accepted'}", "bold")
    lines = [f"  {moment['seconds']:6.1f} s  {moment['what']}" for moment in post["timeline"]]
    if post["permalink"]:
        lines.append(f"{'':11}{styled(post['permalink'], 'dim')}")
    if post["problem"]:
        lines.append(f"{'':11}{styled(json.dumps(post['problem']), 'red')}")
    return "\n".join(["", title, *lines])
