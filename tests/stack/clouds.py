"""A cloud as this folder starts it: Instagram processes at once, and the workflow waits a fiftieth of what it says."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from devstack.cloud import ANY_PORTS, LocalCloud
from devstack.processes import free_port
from tests.stack.canaries import Canaries

ROOT = Path(__file__).parents[2]
# Workers of one run never share a cloud, should somebody forget `--dist loadgroup`.
STATE = Path(f".local/tests/stack-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")
RETURN_ORIGIN = "https://app.example"  # what the operator lets owners return to
WEBHOOK_PORT = free_port(0)  # where a tenant's server may listen for outgoing webhooks
WAIT_SCALE = 0.02  # of the workflow's own waits and retry intervals: 20 s become 0.4 s
HOURS_IN_SECONDS = 0.0005  # for posts that are delayed: an hour becomes 1.8 s
SECONDS = 40.0  # for an answer; the gateway itself gives up after 30


@contextlib.contextmanager
def running_cloud(state_dir: Path, canaries: Canaries, **options: Any) -> Iterator[LocalCloud]:
    with LocalCloud(ROOT, state_dir=state_dir, ports=ANY_PORTS, image_seconds=0, video_seconds=0, **options) as running:
        scale_waits(running, WAIT_SCALE)
        for output in ("InstagramAppSecretArn", "MetaAppSecretArn"):
            credentials = running.client("secretsmanager").get_secret_value(SecretId=running.outputs[output])
            stored = json.loads(credentials["SecretString"])
            canaries.meet("app secret", stored["app_secret"])
            if "verify_token" in stored:
                canaries.meet("verify token", stored["verify_token"])
        yield running


def scale_waits(cloud: LocalCloud, scale: float) -> None:
    """Of waits that begin from now on. MiniStack's own setting; the definition stays as it is deployed to AWS."""
    wish = json.dumps({"stepfunctions._SFN_WAIT_SCALE": scale}).encode()
    with urlopen(Request(f"{cloud.aws_url}/_ministack/config", wish, method="POST"), timeout=10) as answer:
        assert json.load(answer)["applied"] == {"stepfunctions._SFN_WAIT_SCALE": scale}
