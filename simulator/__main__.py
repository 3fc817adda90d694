"""`python -m simulator`: a pretend Instagram on one port, until Ctrl-C."""

import argparse
import contextlib
import json
import signal
import sys
from types import FrameType

from simulator.app import bound_socket, server
from simulator.instagram import Instagram
from simulator.options import Options
from simulator.switches import Switches

EPILOG = """
One port plays graph.instagram.com, api.instagram.com and www.instagram.com. Point a client's three base URLs at it.
Open {url}/_sim to see what is published, {url}/_sim/samples for media to publish. See simulator/README.md.
"""


def main(arguments: list[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave_quietly)
    try:
        listener = bound_socket(chosen.host, chosen.port)
    except OSError as exc:
        print(f"cannot listen on {chosen.host}:{chosen.port}: {exc.strerror}", file=sys.stderr)
        return 1
    _announce(chosen, listener.getsockname()[1])
    instagram = Instagram(_options(chosen), switches=Switches().changed({"quota_total": chosen.quota}))
    with contextlib.suppress(KeyboardInterrupt):
        server(instagram).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = Options()
    parser = argparse.ArgumentParser("simulator", description="A pretend Instagram over real HTTP.", epilog=EPILOG)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default: %(default)s)")
    add("--app-id", default=defaults.app_id, help="the Instagram app id (default: %(default)s)")
    add("--app-secret", default=defaults.app_secret, help="the Instagram app secret (default: %(default)s)")
    add("--meta-app-id", default=defaults.meta_app_id, help="the Meta app id (default: %(default)s)")
    add("--meta-app-secret", default=defaults.meta_app_secret, help="the Meta app secret (default: %(default)s)")
    add(
        "--redirect-uri", action="append", default=[], metavar="URI", help="a registered one; repeat it; none: any goes"
    )
    add("--image-seconds", type=float, default=defaults.image_seconds, help="processing time (default: %(default)s)")
    add("--video-seconds", type=float, default=defaults.video_seconds, help="processing time (default: %(default)s)")
    add(
        "--fetch-seconds", type=float, default=defaults.fetch_seconds, help="patience with media (default: %(default)s)"
    )
    add("--quota", type=int, default=Switches().quota_total, help="posts per 24 h (default: %(default)s)")
    add("--local-permalinks", action="store_true", help="permalinks lead to a page of the simulator")
    add("--json", action="store_true", help="announce the URL as a JSON line, for scripts")
    return parser


def _options(chosen: argparse.Namespace) -> Options:
    return Options(
        app_id=chosen.app_id,
        app_secret=chosen.app_secret,
        meta_app_id=chosen.meta_app_id,
        meta_app_secret=chosen.meta_app_secret,
        redirect_uris=tuple(chosen.redirect_uri),
        image_seconds=chosen.image_seconds,
        video_seconds=chosen.video_seconds,
        fetch_seconds=chosen.fetch_seconds,
        local_permalinks=chosen.local_permalinks,
    )


def _announce(chosen: argparse.Namespace, port: int) -> None:
    url = f"http://{chosen.host}:{port}"
    line = (
        json.dumps({"url": url, "app_id": chosen.app_id})
        if chosen.json
        else f"Pretend Instagram at {url} (see {url}/_sim)"
    )
    print(line, flush=True)


def _leave_quietly(_: int, __: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
