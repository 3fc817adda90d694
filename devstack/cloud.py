"""
One machine plays AWS and Instagram.

    with LocalCloud(root) as cloud:
        key = cloud.issue_api_key()
        urllib.request.urlopen(cloud.api_url + "/v1/health")

Everything it leaves behind is in `state_dir`. Every start is a fresh cloud: the simulator remembers nothing either.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from devstack import api_keys, artifacts, layers, routes, template
from devstack.artifacts import Paths
from devstack.deploy import Stack, create_stack
from devstack.gateway import FunctionError, Gateway, GatewayServer, UnavailableError
from devstack.http_events import Surroundings
from devstack.instagram import InstagramSimulator
from devstack.invoking import lambda_invoke
from devstack.ministack import ACCOUNT, ADMIN_KEY_ID, REGION, MiniStack
from devstack.processes import LOOPBACK, LocalCloudError, bind, port_of
from devstack.template import Template, TemplateError
from devstack.workarounds import stack as workarounds

STACK = "darkroom"
CALLBACK = "/webhooks/meta"  # where Instagram delivers webhooks
CACHE = Path(".local/cache")  # beside uv.lock, which decides what is in it

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class Ports:
    """Wishes: a port that is taken is replaced by a free one. 0 means any."""

    api: int = 8000
    simulator: int = 8001
    aws: int = 4566


ANY_PORTS = Ports(0, 0, 0)


class LocalCloud:
    def __init__(  # noqa: PLR0913 (keyword-only settings, each with a default)
        self,
        root: Path,
        *,
        state_dir: Path = Path(".local"),
        edit_template: Callable[[Template], Template] | None = None,
        image_seconds: float | None = None,
        video_seconds: float | None = None,
        parameters: Mapping[str, str] | None = None,
        simulator_options: Sequence[str] = (),
        ports: Ports = Ports(),
        progress: Progress | None = None,
    ) -> None:
        """
        `root` holds `template.yaml`; a relative `state_dir` is below it.

        `edit_template` gets the SAM template as read. `image_seconds` and `video_seconds`: how long Instagram processes
        one. Raises LocalCloudError or TemplateError on entering, with everything stopped again.
        """
        self.root = root.resolve()
        self.state_dir = self.root / state_dir
        self.logs_dir = self.state_dir / "logs"
        self._edit_template = edit_template or (lambda as_read: as_read)
        self._simulator_options = [*_seconds(image_seconds, video_seconds), *simulator_options]
        self._parameters, self._ports = dict(parameters or {}), ports
        self._progress: Progress = progress or (lambda _: None)
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:  # Ctrl-C too: whatever already runs must stop
            self._cleanup.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    # ── What a caller uses ───────────────────────────────────────────────────────────────────────────────────────────

    api_url: str
    outputs: dict[str, str]

    @property
    def aws_url(self) -> str:
        return self._aws.url

    @property
    def simulator_url(self) -> str:
        if self._simulator is None:
            raise LocalCloudError("This template has no Instagram parameters, so no simulator was started.")
        return self._simulator.url

    @property
    def has_simulator(self) -> bool:
        return self._simulator is not None

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client with every right. `config`: options of botocore's Config."""
        return self._aws.client(service, **config)

    def issue_api_key(
        self, tenant_id: str = "local", scopes: Sequence[str] = ("admin",), name: str = "local cloud"
    ) -> str:
        wish = {"tenant_id": tenant_id, "scopes": list(scopes), "mode": "test", "name": name}
        function = self.outputs["IssueApiKeyFunctionName"]
        try:
            return api_keys.issue(self.client("lambda"), function, wish)["key"]
        except (FunctionError, UnavailableError) as error:
            raise LocalCloudError(f"No API key: {error}. See {self._paths.logs}/IssueApiKeyFunction.log") from error

    def require_running(self) -> None:
        """Raises LocalCloudError when AWS or Instagram died in the meantime."""
        for process in [self._aws.process, *([self._simulator.process] if self._simulator else [])]:
            if not process.is_running:
                raise LocalCloudError(f"{process.name} stopped.\n{process.last_words()}")

    def function_logs(self) -> dict[str, str]:
        """What every function has written so far, by logical id."""
        return {path.stem: path.read_text(errors="replace") for path in sorted(self._paths.logs.glob("*.log"))}

    def environment(self) -> dict[str, str]:
        """For the AWS CLI, `darkroom key create` or a script: makes them use this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ACCESS_KEY_ID": ADMIN_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": self._aws.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,  # what boto3 reads
        }

    def describe(self) -> dict[str, Any]:
        """URLs, places and outputs; no secrets."""
        return {
            "api_url": self.api_url,
            "simulator_url": self._simulator.url if self._simulator else None,
            "aws_url": self.aws_url,
            "stack": STACK,
            "region": REGION,
            "logs": str(self.logs_dir),
            "outputs": self.outputs,
        }

    # ── Start ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> None:
        began = time.monotonic()
        as_read = self._edit_template(template.load(self.root / "template.yaml"))
        self._claim_state_dir()
        listener = bind(self._ports.api)
        self._cleanup.callback(listener.close)
        self.api_url = f"http://{LOOPBACK}:{port_of(listener)}"
        self._start_processes(as_read)
        self._progress(f"AWS at {self.aws_url}, starting")
        translated, zips = self._translate(as_read)
        self._wait_for_processes()
        self._progress(f"AWS and Instagram are up after {time.monotonic() - began:.1f} s; deploying")
        stack = create_stack(self._aws, STACK, translated, zips, self._template_parameters(as_read))
        self._finish_deploy(translated, stack)
        api = self._start_gateway(translated, stack, listener)
        if self._simulator and any(route.path == CALLBACK for route in api.routes):
            self._simulator.subscribe(self.api_url + CALLBACK)
        self._progress(f"Deployed and serving after {time.monotonic() - began:.1f} s")

    def _claim_state_dir(self) -> None:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        lock = claim(self.state_dir)
        if lock is None:
            raise LocalCloudError(f"Another local cloud is using {self.state_dir}. Stop it first.")
        self._cleanup.callback(lock.close)
        for leftover in ("logs", "run"):
            shutil.rmtree(self.state_dir / leftover, ignore_errors=True)
        self._paths = Paths(
            root=self.root,
            cache=layers.lock_root(self.root / "template.yaml") / CACHE,
            logs=self.logs_dir / "functions",
            home=self.state_dir / "run",
        )
        self._paths.logs.mkdir(parents=True)
        self._paths.home.mkdir()

    def _start_processes(self, as_read: Template) -> None:
        self._aws = MiniStack(self._paths.home / "aws", self.logs_dir / "aws.log", self._ports.aws)
        self._cleanup.callback(self._aws.stop)
        self._simulator = None
        if "InstagramGraphUrl" in as_read.get("Parameters", {}):
            home, log = self._paths.home / "simulator", self.logs_dir / "simulator.log"
            self._simulator = InstagramSimulator(home, log, self._ports.simulator, self._simulator_options)
            self._cleanup.callback(self._simulator.stop)

    def _translate(self, as_read: Template) -> tuple[Template, dict[str, bytes]]:
        """Work for the second that MiniStack needs to start."""
        zips = artifacts.replace_code(as_read, self._paths, self._aws.hidden_from_functions)
        template.inline_state_machines(as_read, self.root)
        translated = template.translate(as_read, REGION)
        folders = [self.root / "layers" / "core", *self._paths.cache.glob("dependencies-*")]
        layers.compile_once([folder for folder in folders if folder.is_dir()], self._paths.bytecode)
        return workarounds.without_tls_demands(workarounds.secrets_by_arn(translated)), zips

    def _wait_for_processes(self) -> None:
        self._aws.wait_until_ready()
        if self._simulator:
            self._simulator.wait_until_ready()

    def _template_parameters(self, as_read: Template) -> dict[str, str]:
        declared = as_read.get("Parameters", {})
        ours = {"Stage": "local", "Mode": "test", "PublicUrl": self.api_url}
        ours |= self._simulator.parameters() if self._simulator else {}
        if unknown := self._parameters.keys() - declared.keys():
            raise TemplateError(f"the template has no parameter {', '.join(sorted(unknown))}")
        return {name: value for name, value in ours.items() if name in declared} | self._parameters

    def _finish_deploy(self, translated: Template, stack: Stack) -> None:
        self.outputs = stack.outputs | ({"ApiUrl": self.api_url} if "ApiUrl" in stack.outputs else {})
        workarounds.enable_table_ttl(translated, stack.physical_ids, self.client("dynamodb"))
        if self._simulator:
            apps = (self._simulator.credentials, self._simulator.meta_credentials)
            for output, credentials in zip(("InstagramAppSecretArn", "MetaAppSecretArn"), apps, strict=True):
                if secret := self.outputs.get(output):
                    self.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=credentials)

    def _start_gateway(self, translated: Template, stack: Stack, listener: Any) -> routes.HttpApi:
        api = routes.http_api(translated)
        around = Surroundings(stack.physical_ids[api.logical_id], ACCOUNT, REGION, port_of(listener))
        client = self.client("lambda", max_pool_connections=64, retries={"max_attempts": 0}, read_timeout=60)
        self._cleanup.callback(client.close)

        def invoke(logical_id: str, payload: bytes) -> Any:
            return lambda_invoke(client, stack.physical_ids[logical_id], payload)

        server = GatewayServer(Gateway(api, invoke, around, self._request_log()), listener)
        self._cleanup.callback(server.stop)
        server.start()
        return api

    def _request_log(self) -> logging.Logger:
        handler = logging.FileHandler(self.logs_dir / "requests.log")
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._cleanup.callback(handler.close)
        log = logging.Logger("devstack.requests", logging.INFO)  # noqa: LOG001 (one per cloud, outside the tree)
        log.addHandler(handler)
        return log


def claim(state_dir: Path) -> IO[str] | None:
    """The lock of a state folder, held while the file stays open; None when another process has it."""
    lock = (state_dir / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _seconds(image: float | None, video: float | None) -> list[str]:
    flags = {"--image-seconds": image, "--video-seconds": video}
    return [part for flag, value in flags.items() if value is not None for part in (flag, f"{value:g}")]
