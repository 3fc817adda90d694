"""Ids, codes and tokens that look like Meta's: long decimal strings, several of them beyond 2^53."""

import base64
import hashlib
import random
import string

LETTERS = string.ascii_letters + string.digits


class Ids:
    """Never the same id twice; the same seed gives the same ids."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._given: set[str] = set()

    def container(self) -> str:
        return self._fresh("178")

    def media(self) -> str:
        return self._fresh("180")

    def comment(self) -> str:
        return self._fresh("179")

    def code(self) -> str:
        return "AQB" + self._letters(150)

    def token(self) -> str:
        return "IGAA" + self._letters(150)

    def facebook_token(self) -> str:
        return "EAA" + self._letters(180)

    def trace(self) -> str:
        return "A" + self._letters(22)

    def _fresh(self, prefix: str) -> str:
        while (candidate := prefix + self._digits(14)) in self._given:
            pass
        self._given.add(candidate)
        return candidate

    def _digits(self, count: int) -> str:
        return f"{self._random.randrange(10**count):0{count}}"

    def _letters(self, count: int) -> str:
        return "".join(self._random.choices(LETTERS, k=count))


def professional_account_id(username: str) -> str:
    """The `user_id` of `/me`: 1784…, the same for a username after every restart."""
    return "178414" + _digits_of(username, "professional", 11)


def app_scoped_id(username: str) -> str:
    """The `id` of `/me`: another number for the same person, beyond 2^53."""
    return "254" + _digits_of(username, "app scoped", 14)


def shortcode(media_id: str) -> str:
    """The eleven characters of a permalink."""
    return base64.urlsafe_b64encode(hashlib.sha256(media_id.encode()).digest())[:11].decode()


def _digits_of(username: str, salt: str, count: int) -> str:
    digest = hashlib.sha256(f"{salt}:{username}".encode()).digest()
    return f"{int.from_bytes(digest[:8]) % 10**count:0{count}}"
