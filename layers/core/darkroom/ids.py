"""Our ids: a prefix that says what it is, and a ULID, so that they sort by time. Opaque to callers."""

import hashlib
import re
import secrets
from datetime import UTC, datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_SHAPE = re.compile(r"[a-z]{2,5}_[0-9A-HJKMNP-TV-Z]{26}")


def new_id(prefix: str, now: datetime) -> str:
    """`post_01J…`: 48 bits of milliseconds and 80 random bits."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return f"{prefix}_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def derived_id(prefix: str, parent: str, name: str) -> str:
    """The same id for the same parent and name, in the parent's place in time."""
    ulid = parent.partition("_")[2]
    number = int.from_bytes(hashlib.sha256(f"{parent}\n{name}".encode()).digest()[:10])
    return f"{prefix}_{ulid[:10]}" + "".join(_ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))


def hashed_id(prefix: str, digest: bytes) -> str:
    """From the first 128 bits of a hash: in no order of time, and the same whenever the hash is."""
    number = int.from_bytes(digest[:16])
    return f"{prefix}_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def made_at(ulid_id: str) -> datetime:
    """When `new_id` made it. Raises ValueError for what is none of its ids."""
    number = 0
    for character in ulid_id.partition("_")[2][:10]:
        number = number << 5 | _ALPHABET.index(character)
    return datetime.fromtimestamp((number & (1 << 48) - 1) / 1000, UTC)


def timed_id(prefix: str, moment: datetime, digest: bytes) -> str:
    """In the moment's place in time, and the same whenever moment and hash are."""
    number = int(moment.timestamp() * 1000) << 80 | int.from_bytes(digest[:10])
    return f"{prefix}_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str, prefix: str) -> bool:
    return text.startswith(f"{prefix}_") and _SHAPE.fullmatch(text) is not None
