"""
Every secret that a test of this folder gets to see, and every answer it got: test_secrets.py looks for the one in the
other. Whoever makes or meets a secret tells `Canaries`.
"""

import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import httpx

from darkroom.connection import COOKIE

# A parameter of a URL or a cookie, and what it carries; links and states are `<session id>.<secret>`.
PARAMETERS = {"session": "link", "state": "state", "code": "code"}


@dataclass(frozen=True)
class Heard:
    """
    One answer, with all that could leak. `text` is its body and headers but two: the location is told apart, because
    a redirect to Instagram has to carry the state, and the cookie is the browser's own.
    """

    url: httpx.URL
    method: str
    location: str
    text: str


@dataclass
class Canaries:
    """
    By kind: `api key`, `app secret`, `verify token`, `signing secret`, `token`, `link`, `state`, `cookie`, `code`,
    `jwt`, `signed request`, `webhook signature`, `app-scoped id`, `caption`, `comment`.
    """

    known: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    heard: list[Heard] = field(default_factory=list)

    def caption(self, words: str = "") -> str:
        text = f"{words} CANARY-{secrets.token_hex(12)}".strip()
        self.known["caption"].add(text.split()[-1])
        return text

    def comment(self, words: str = "") -> str:
        """What a follower says."""
        return f"{words} {self.meet('comment', f'CANARY-{secrets.token_hex(12)}')}".strip()

    def meet(self, kind: str, secret: str) -> str:
        assert len(secret) >= 16, f"this {kind} is too short to look for"
        self.known[kind].add(secret)
        return secret

    def meet_url(self, url: str) -> None:
        query = parse_qsl(urlsplit(url).query)
        if "result" in dict(query):
            return  # back at the caller's page, where `code` is the problem's
        for name, value in query:
            kind, secret = PARAMETERS.get(name), value.rpartition(".")[2]
            if kind and len(secret) >= 16:
                self.meet(kind, secret)

    def hear(self, answer: httpx.Response) -> None:
        """An httpx event hook."""
        answer.read()
        location = answer.headers.get("location", "")
        self.meet_url(location)
        for cookie in answer.cookies.jar:
            if cookie.name.startswith(COOKIE) and cookie.value:
                self.meet("cookie", cookie.value)
        told = [f"{name}: {value}" for name, value in answer.headers.items() if name not in {"location", "set-cookie"}]
        text = "\n".join([*told, answer.text])
        self.heard.append(Heard(answer.request.url, answer.request.method, location, text))
