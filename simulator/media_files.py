"""Fetching the caller's media over real HTTP the way Meta's crawler does: bounded in time, size and redirects."""

import enum
import threading
import time
from functools import cached_property
from tempfile import SpooledTemporaryFile
from urllib.parse import urlsplit

import httpx

USER_AGENT = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
MAX_REDIRECTS = 3
MEMORY_LIMIT = 16 * 1024 * 1024  # larger downloads are spooled to disk

type MediaFile = SpooledTemporaryFile[bytes]


class FetchProblem(enum.Enum):
    UNREACHABLE = "not a public HTTP URL, no connection, or not answered with 200"
    TOO_SLOW = "the time ran out"
    TOO_LARGE = "more bytes than the kind of media may have"
    CUT_SHORT = "fewer bytes than announced"


class FetchError(Exception):
    def __init__(self, problem: FetchProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


class MediaFetcher:
    """One crawler. `transport` replaces the network in tests."""

    def __init__(self, seconds: float, transport: httpx.BaseTransport | None = None) -> None:
        self._seconds = seconds
        self._transport = transport
        self._lock = threading.Lock()

    def fetch(self, url: str, max_bytes: int) -> MediaFile:
        """Raises FetchError. The caller closes the file."""
        _check_url(url)
        file: MediaFile = SpooledTemporaryFile(MEMORY_LIMIT)  # noqa: SIM115 - handed to the caller
        try:
            self._download(url, max_bytes, file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def close(self) -> None:
        """Twice is harmless; a later fetch opens a new client."""
        with self._lock:
            if client := self.__dict__.pop("_shared_client", None):
                client.close()

    @property
    def _client(self) -> httpx.Client:
        with self._lock:  # one client, however many threads ask first
            return self._shared_client

    @cached_property
    def _shared_client(self) -> httpx.Client:
        return httpx.Client(
            transport=self._transport,
            timeout=self._seconds,
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            headers={"user-agent": USER_AGENT, "accept": "*/*"},
            trust_env=False,
        )

    def _download(self, url: str, max_bytes: int, file: MediaFile) -> None:
        deadline = time.monotonic() + self._seconds
        try:
            with self._client.stream("GET", url) as response:
                if response.status_code != 200:
                    raise FetchError(FetchProblem.UNREACHABLE)
                _copy(response, file, max_bytes, deadline)
        except httpx.TimeoutException as exc:
            raise FetchError(FetchProblem.TOO_SLOW) from exc
        except httpx.RemoteProtocolError as exc:
            raise FetchError(FetchProblem.CUT_SHORT) from exc
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as exc:  # UnicodeError: a host DNS cannot spell
            raise FetchError(FetchProblem.UNREACHABLE) from exc


def _check_url(url: str) -> None:
    """Meta's crawler wants a plain US-ASCII http(s) URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise FetchError(FetchProblem.UNREACHABLE) from None
    if not url.isascii() or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise FetchError(FetchProblem.UNREACHABLE)


def _copy(response: httpx.Response, file: MediaFile, max_bytes: int, deadline: float) -> None:
    for chunk in response.iter_bytes(64 * 1024):
        file.write(chunk)
        if file.tell() > max_bytes:
            raise FetchError(FetchProblem.TOO_LARGE)
        if time.monotonic() > deadline:
            raise FetchError(FetchProblem.TOO_SLOW)
