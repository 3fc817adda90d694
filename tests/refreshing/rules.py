"""
Instagram's rules for tokens, and nothing else of it: 60 days, none younger than a day, three ways of refreshing, death
by revocation. test_rules.py proves that the simulator answers alike; this is much faster.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from darkroom.instagram.errors import InvalidRequestError, TokenInvalidError
from darkroom.instagram.models import LongLivedToken
from tests.fakes import Clock

type Mode = Literal["same", "rotate_keep", "rotate_kill"]

LIFETIME, YOUNGEST = timedelta(days=60), timedelta(days=1)


@dataclass(slots=True)
class Token:
    """`connection` numbers the login it comes from. `rotated`: it was killed by the refresh that made its successor."""

    owner: str
    connection: int
    mode: Mode
    issued_at: datetime
    expires_at: datetime
    revoked_with: int | None = None
    rotated: bool = False


class TokenRules:
    """`hasty` counts the calls that repeat one for the same token within ten minutes."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tokens: dict[str, Token] = {}
        self.calls = self.hasty = 0
        self._connections = 0
        self._by_owner: defaultdict[str, list[Token]] = defaultdict(list)
        self._asked_at: dict[str, datetime] = {}

    def connect(self, owner: str, mode: Mode) -> str:
        self._connections += 1
        return self._issue(owner, self._connections, mode)

    def refresh(self, text: str) -> LongLivedToken:
        """Raises what the client makes of Instagram's refusal."""
        now = self.clock.now
        self.calls += 1
        if text in self._asked_at and now - self._asked_at[text] < timedelta(minutes=10):
            self.hasty += 1
        self._asked_at[text] = now
        token = self.tokens.get(text)
        if token is None:
            raise TokenInvalidError(code=190)
        if (subcode := self.dead_with(text)) is not None:
            raise TokenInvalidError(code=190, subcode=subcode)
        if now < token.issued_at + YOUNGEST:
            raise InvalidRequestError(code=100)
        return LongLivedToken(self._successor(text, token), int(LIFETIME.total_seconds()))

    def dead_with(self, text: str) -> int | None:
        token = self.tokens[text]
        return token.revoked_with or (463 if self.clock.now >= token.expires_at else None)

    def revoke(self, owner: str, subcode: int) -> None:
        """All that the owner has given to the app."""
        for token in self._by_owner[owner]:
            token.revoked_with = subcode

    def _successor(self, text: str, token: Token) -> str:
        if token.mode == "same":
            token.issued_at, token.expires_at = self.clock.now, self.clock.now + LIFETIME
            return text
        if token.mode == "rotate_kill":
            token.revoked_with, token.rotated = 467, True
        return self._issue(token.owner, token.connection, token.mode)

    def _issue(self, owner: str, connection: int, mode: Mode) -> str:
        text = f"token-{len(self.tokens)}"
        self.tokens[text] = Token(owner, connection, mode, self.clock.now, self.clock.now + LIFETIME)
        self._by_owner[owner].append(self.tokens[text])
        return text
