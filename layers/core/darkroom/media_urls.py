"""May Instagram be given this URL? Only its form is judged: Instagram fetches it, so no name is resolved here."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from darkroom import limits

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_TOP_LEVEL_DOMAIN = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")
_NOT_PUBLIC = frozenset(
    {
        "arpa",
        "corp",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "onion",
        "test",
    }
)


def refusal(url: str, test_media_hosts: frozenset[str] = frozenset()) -> str | None:
    """
    Why Instagram could not, or must not, fetch this URL; None when nothing speaks against it. `test_media_hosts` are
    `host:port` pairs that may be http and private.
    """
    if malformed := _malformed(url):
        return malformed
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.netloc in test_media_hosts:
        return None
    return _unfetchable(parts)


def _malformed(url: str) -> str | None:
    if len(url) > limits.MEDIA_URL_LENGTH.value:
        return f"A media URL has at most {limits.MEDIA_URL_LENGTH.value} characters."
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "Instagram needs a URL of plain ASCII; percent-encode the rest."
    try:
        _ = urlsplit(url).port
    except ValueError:
        return "This is not a URL."
    return None


def _unfetchable(parts: SplitResult) -> str | None:
    if parts.scheme != "https":
        return "Instagram fetches media over https only."
    if parts.username is not None or parts.password is not None:
        return "A media URL must not hold a user name or password."
    if parts.port not in (None, 443):
        return "Instagram fetches media from the standard https port only."
    return None if is_public_name(parts.hostname or "") else "The host has to be a public domain name."


def is_public_name(host: str) -> bool:
    """Refuses addresses in any notation (127.1, 0x7f000001, [::1]) and names that no public resolver knows."""
    try:
        ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        return (
            len(labels) > 1
            and all(_LABEL.fullmatch(label) for label in labels)
            and _TOP_LEVEL_DOMAIN.fullmatch(labels[-1]) is not None
            and labels[-1] not in _NOT_PUBLIC
        )
    return False
