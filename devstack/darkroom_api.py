"""Which Darkroom a command talks to, and with which key."""

import os
import shlex
from dataclasses import dataclass, field

from devstack.processes import LocalCloudError
from devstack.project import LOCAL, find_root

CALL_SECONDS = 35.0  # longer than the gateway waits


@dataclass(frozen=True)
class Api:
    url: str
    key: str = field(repr=False)


def find_api(url: str | None, key: str | None) -> Api:
    """
    As given, else of the environment, else of the `darkroom up` that is running here. A key found in a file is sent to
    the URL of the same file and nowhere else.
    """
    url, key = url or os.environ.get("DARKROOM_URL"), key or os.environ.get("DARKROOM_API_KEY")
    if not url and not key:
        local = local_environment()
        url, key = local.get("DARKROOM_URL"), local.get("DARKROOM_API_KEY")
    if not url or not key:
        missing = "--url or DARKROOM_URL" if not url else "--key or DARKROOM_API_KEY"
        raise LocalCloudError(f"Which API? Give {missing}, or start `darkroom up`.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise LocalCloudError("That is not an API key: it has characters that no key has.")  # and httpx would show it
    return Api(url.rstrip("/"), key)


def local_environment() -> dict[str, str]:
    """What `darkroom up` wrote for a shell; nothing while it does not run, or outside the project."""
    try:
        words = shlex.split((find_root() / LOCAL / "env").read_text())
    except (LocalCloudError, OSError):
        return {}
    pairs = (word.partition("=") for word in words if "=" in word)
    return {name: value for name, _, value in pairs}


def plain(text: str) -> str:
    """A terminal obeys what is not printable."""
    return "".join(character if character.isprintable() else "?" for character in text)
