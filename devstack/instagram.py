"""The Instagram simulator as a process of its own, started through its command line as anybody would."""

import json
import secrets
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from devstack.processes import LOOPBACK, GuardedProcess, LocalCloudError, clean_environment, free_port

START_SECONDS = 30
ANSWER_SECONDS = 30  # of the handshake, which starts the receiver


class InstagramSimulator:
    def __init__(self, home: Path, log: Path, preferred_port: int, options: list[str]) -> None:
        self.app_id, self.app_secret = str(secrets.randbelow(10**15) + 10**15), secrets.token_hex(16)
        self.verify_token = secrets.token_urlsafe(24)
        self.meta_app_id, self.meta_app_secret = str(secrets.randbelow(10**15) + 10**15), secrets.token_hex(16)
        self.port = free_port(preferred_port)
        self.host = f"{LOOPBACK}:{self.port}"
        self.url = f"http://{self.host}"
        home.mkdir(parents=True, exist_ok=True)
        identity = ["--port", str(self.port), "--app-id", self.app_id, "--app-secret", self.app_secret]
        identity += ["--meta-app-id", self.meta_app_id, "--meta-app-secret", self.meta_app_secret]
        # The package lies next to ours, also when ours is not installed.
        environment = clean_environment(home, PYTHONPATH=str(Path(__file__).parents[1]))
        command = [sys.executable, "-m", "simulator", *identity, "--json", *options]
        self.process = GuardedProcess("The Instagram simulator", command, env=environment, log=log)

    def wait_until_ready(self) -> None:
        self.process.wait_until(self._is_ours, seconds=START_SECONDS)

    def _is_ours(self) -> bool:
        """Another program may have taken the port in between; only ours has this app id."""
        with urlopen(f"{self.url}/_sim/health", timeout=5) as answer:  # noqa: S310 (http on loopback)
            return bool(json.load(answer).get("app_id") == self.app_id)

    @property
    def credentials(self) -> str:
        """The value of the app's secret."""
        return json.dumps({"app_id": self.app_id, "app_secret": self.app_secret, "verify_token": self.verify_token})

    def subscribe(self, callback_url: str) -> None:
        """What an operator does in the App Dashboard once the API is up. Raises LocalCloudError."""
        wish = json.dumps({"callback_url": callback_url, "verify_token": self.verify_token}).encode()
        try:
            with urlopen(Request(f"{self.url}/_sim/webhooks", wish, method="POST"), timeout=ANSWER_SECONDS):  # noqa: S310 (http on loopback)
                pass
        except HTTPError as error:
            with error:
                raise LocalCloudError(f"Webhooks are not subscribed: {json.load(error).get('error')}") from error

    @property
    def meta_credentials(self) -> str:
        """The value of the Meta app's secret."""
        return json.dumps({"app_id": self.meta_app_id, "app_secret": self.meta_app_secret})

    def parameters(self) -> dict[str, str]:
        """What the template must be told to talk to this Instagram instead of the real one."""
        return {
            "InstagramGraphUrl": self.url,
            "InstagramApiUrl": self.url,
            "InstagramAuthorizeUrl": f"{self.url}/oauth/authorize",
            "FacebookGraphUrl": f"{self.url}/graph.facebook.com",
            "FacebookDialogUrl": f"{self.url}/www.facebook.com/v25.0/dialog/oauth",
            "TestMediaHosts": self.host,
        }

    def stop(self) -> None:
        self.process.stop()
