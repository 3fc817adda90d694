"""Forged `signed_request`s, as Meta's data deletion and deauthorize callbacks get them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from random import Random

from tests.forging.webhooks import Keys

type Forge = Callable[[Random, str, "Keys"], str]


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def payload(chance: Random, **changes: object) -> bytes:
    told = {"algorithm": "HMAC-SHA256", "user_id": str(chance.getrandbits(50) + 1), "issued_at": 1764000000} | changes
    return json.dumps(told).encode()


def signature(part: str, secret: str | bytes, algorithm: str = "sha256") -> bytes:
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, part.encode(), algorithm).digest()


def valid(data: bytes, secret: str) -> str:
    part = encoded(data)
    return f"{encoded(signature(part, secret))}.{part}"


def _random(chance: Random, _: str, __: Keys) -> str:
    return f"{encoded(chance.randbytes(32))}.{encoded(payload(chance))}"


def _bit_of_the_signature(chance: Random, secret: str, _: Keys) -> str:
    part = encoded(payload(chance))
    flipped = bytearray(signature(part, secret))
    flipped[chance.randrange(32)] ^= 1 << chance.randrange(8)
    return f"{encoded(bytes(flipped))}.{part}"


def _bit_of_the_text(chance: Random, secret: str, _: Keys) -> str:
    """Also the two last bits of the signature's text, which stand for nothing."""
    text = bytearray(valid(payload(chance), secret).encode())
    text[chance.randrange(len(text))] ^= 1 << chance.randrange(8)
    return text.decode("latin-1")


def _spare_bits(chance: Random, secret: str, _: Keys) -> str:
    """43 letters hold 258 bits, and 256 are the signature: three more spellings of the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    first, _, rest = valid(payload(chance), secret).partition(".")
    return f"{first[:-1]}{alphabet[alphabet.index(first[-1]) + chance.randrange(1, 4)]}.{rest}"


def _other_payload(chance: Random, secret: str, _: Keys) -> str:
    return f"{valid(payload(chance), secret).partition('.')[0]}.{encoded(payload(chance))}"


def _other_secret(chance: Random, secret: str, keys: Keys) -> str:
    other = chance.choice((keys.stranger, keys.verify_token, "", secret[:-1], secret + "\n", secret[::-1] + "x"))
    return valid(payload(chance), other)


def _other_algorithm(chance: Random, secret: str, _: Keys) -> str:
    """Signed with another one, and saying so, or not."""
    name = chance.choice(("sha1", "sha512", "md5", "sha3_256", "blake2s"))
    part = encoded(payload(chance, algorithm=chance.choice(("HMAC-SHA256", f"HMAC-{name.upper()}", "none"))))
    return f"{encoded(signature(part, secret, name))}.{part}"


def _algorithm_that_is_none(chance: Random, secret: str, keys: Keys) -> str:
    said = payload(chance, algorithm=chance.choice(("none", "NONE", "", None, "hmac-sha256", ["HMAC-SHA256"])))
    return chance.choice((f".{encoded(said)}", valid(said, keys.stranger), valid(said, secret)))


def _over_the_json(chance: Random, secret: str, _: Keys) -> str:
    """The signature is over the encoded text, not over what it says."""
    data = payload(chance)
    return f"{encoded(hmac.new(secret.encode(), data, 'sha256').digest())}.{encoded(data)}"


def _without_a_key(chance: Random, _: str, __: Keys) -> str:
    part = encoded(payload(chance))
    return f"{encoded(hashlib.sha256(part.encode()).digest())}.{part}"


def _truncated(chance: Random, secret: str, _: Keys) -> str:
    text = valid(payload(chance), secret)
    return text[: chance.randrange(len(text))]


def _parts(chance: Random, secret: str, _: Keys) -> str:
    first, _, rest = valid(payload(chance), secret).partition(".")
    return chance.choice(
        (f"{rest}.{first}", f"{first}{rest}", f"{first}..{rest}", f"{first}.{rest}.x", f"{first}.", f".{rest}")
    )


def _around(chance: Random, secret: str, _: Keys) -> str:
    text, more = valid(payload(chance), secret), chance.choice((" ", "\n", "\0", "+", "\u200b", "\ud800"))
    return chance.choice((text + more, more + text, text.replace(".", f".{more}")))


def _nothing(chance: Random, _: str, __: Keys) -> str:
    return chance.choice(("", ".", "null", "e30.e30", "=.=", "A" * 43 + ".e30", "." * 9))


FORGERIES: dict[str, Forge] = {
    "random": _random,
    "a bit of the signature": _bit_of_the_signature,
    "a bit of the text": _bit_of_the_text,
    "spare bits": _spare_bits,
    "another payload": _other_payload,
    "another secret": _other_secret,
    "another algorithm": _other_algorithm,
    "no algorithm": _algorithm_that_is_none,
    "over the JSON": _over_the_json,
    "without a key": _without_a_key,
    "truncated": _truncated,
    "parts": _parts,
    "around": _around,
    "nothing": _nothing,
}
