"""MiniStack as a process of ours: clean environment, AUTH on, and proof that the one who answers is ours."""

import secrets
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from devstack.processes import LOOPBACK, GuardedProcess, clean_environment, free_port

REGION = "eu-central-1"
ACCOUNT = "000000000000"
ADMIN_KEY_ID = "test"  # MiniStack's root access key; the secret is random per start
START_SECONDS = 60
LAUNCHER = "devstack.ministack_launcher"  # MiniStack with its defects mended


class MiniStack:
    def __init__(self, home: Path, log: Path, preferred_port: int) -> None:
        self.secret_key = secrets.token_hex(20)
        self.port = free_port(preferred_port)
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._clients: dict[str, Any] = {}
        home.mkdir(parents=True, exist_ok=True)
        environment = clean_environment(home, **self._settings(home))
        self.process = GuardedProcess("MiniStack", [sys.executable, "-m", LAUNCHER], env=environment, log=log)

    def _settings(self, home: Path) -> dict[str, str]:
        return {
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": ADMIN_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.url,
            "BIND_HOST": LOOPBACK,
            "DOCKER_HOST": f"unix://{home}/no-docker",  # it would reap containers of another MiniStack
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_HOST": LOOPBACK,
            "MINISTACK_REGION": REGION,
            "SFTP_ENABLED": "0",
        }

    @property
    def hidden_from_functions(self) -> list[str]:
        """Its own settings; what is left of them in a function (credentials, endpoint) MiniStack sets per role."""
        kept = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"}
        return sorted(self._settings(Path()).keys() - kept)

    def wait_until_ready(self) -> None:
        self.process.wait_until(self._answers, seconds=START_SECONDS)
        self.process.wait_until(self._is_ours, seconds=START_SECONDS)

    def _answers(self) -> bool:
        with urlopen(f"{self.url}/_ministack/health", timeout=5) as answer:  # noqa: S310 (http on loopback)
            return bool(answer.status == 200)

    def _is_ours(self) -> bool:
        """Another program may have taken the port in between; only ours knows the secret."""
        try:
            self.client("sts").get_caller_identity()
        except (ClientError, BotoCoreError):
            return False
        return True

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client with the rights of the account's root user. Cached unless configured."""
        if config:
            return self._new_client(service, config=Config(**config))
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    @property
    def _new_client(self) -> Any:
        return partial(
            boto3.Session(
                aws_access_key_id=ADMIN_KEY_ID, aws_secret_access_key=self.secret_key, region_name=REGION
            ).client,
            endpoint_url=self.url,
        )

    def stop(self) -> None:
        for client in self._clients.values():
            client.close()
        self.process.stop()
