"""
Single values out of an answer that somebody else shaped: the right type, or None.

Meta sends ids as strings and as numbers, numbers as strings, and its sentences quote URLs with signatures in them.
"""

import re
from typing import Any

_INTEGER = re.compile(r"-?[0-9]{1,15}")
_IDENTIFIER = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SECRET = re.compile(r"[!-~]{1,4096}")
_TRACE = re.compile(r"[0-9A-Za-z_+/=-]{1,32}")
_MEDIA_SUBCODE = re.compile(r"(?<![0-9])2207[0-9]{3}(?![0-9])")
# Links, host/path without a scheme, key=value pairs, and any run too long to be a word.
_UNQUOTABLE = re.compile(r"\S*(?:://|www\.|[\w-]\.[\w-]+/|=|%[0-9A-Fa-f]{2})\S*|\S{40,}")
_CLIP = 300


def integer(value: Any) -> int | None:
    """Refuses booleans, fractions and anything beyond 15 digits, as a number or as a string."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    return value if -(10**15) < value < 10**15 else None


def identifier(value: Any) -> str | None:
    """An id that may stand in a path; Meta sends it as a string or as a number of any size."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**40:
        value = str(value)
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else None


def secret(value: Any) -> str | None:
    """A token or a code: printable ASCII, so that it can stand in a header and cannot end one."""
    return value if isinstance(value, str) and _SECRET.fullmatch(value) else None


def trace(value: Any) -> str | None:
    return value if isinstance(value, str) and _TRACE.fullmatch(value) else None


def text(value: Any) -> str | None:
    """A string that every encoder downstream accepts: JSON may carry half a surrogate pair, UTF-8 may not."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def plain(value: Any) -> str | None:
    """Meta's words for a person: one line, clipped, whatever could be a link or a token replaced."""
    words = text(value)
    if not words:
        return None
    line = " ".join(_UNQUOTABLE.sub("[…]", words[: 10 * _CLIP]).split())
    printable = "".join(character for character in line if character.isprintable())
    return printable if len(printable) <= _CLIP else printable[: _CLIP - 1] + "…"


def media_subcode(value: Any) -> int | None:
    """
    The subcode a container's `status` speaks of.

    Documented as the bare number, in reality a sentence: "Error: Media upload has failed with error code 2207026".
    """
    found = _MEDIA_SUBCODE.search(str(value)) if isinstance(value, int | str) else None
    return int(found.group()) if found else None
