"""Forged `X-Hub-Signature-256` headers: what somebody tries who knows the format and deliveries, but no secret."""

import hashlib
import hmac
import json
from collections.abc import Callable
from random import Random

SLOTS = ("instagram", "instagram_previous", "meta", "meta_previous")
# A body, and the header that comes with it.
type Knock = tuple[bytes, str | None]
type Forge = Callable[[Random, bytes, str, "Keys"], Knock]


class Keys:
    """Four secrets that are known to the receiver, one that is known to it and signs nothing, and a stranger's."""

    def __init__(self, chance: Random) -> None:
        self.secrets = {slot: f"{chance.getrandbits(128):032x}" for slot in SLOTS}
        self.verify_token = f"{chance.getrandbits(128):032x}"
        self.stranger = f"{chance.getrandbits(128):032x}"


def body(chance: Random) -> bytes:
    comment = {"id": str(chance.getrandbits(60)), "text": chance.choice(("hello", "été", "🌅", "a/b", "\\u00e9"))}
    entry = {
        "id": str(chance.getrandbits(60)),
        "time": 1764000000,
        "changes": [{"field": "comments", "value": comment}],
    }
    return json.dumps({"object": "instagram", "entry": [entry]}, ensure_ascii=chance.random() < 0.5).encode()


def signature(raw: bytes, secret: str | bytes, algorithm: str = "sha256") -> str:
    """Independent of the product: made with `hmac.new`."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, raw, algorithm).hexdigest()


def valid(raw: bytes, secret: str) -> str:
    return f"sha256={signature(raw, secret)}"


def _random(chance: Random, raw: bytes, _: str, __: Keys) -> Knock:
    return raw, f"sha256={chance.getrandbits(256):064x}"


def _bit_of_the_signature(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    flipped = int(signature(raw, secret), 16) ^ (1 << chance.randrange(256))
    return raw, f"sha256={flipped:064x}"


def _bit_of_the_header(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    header = bytearray(valid(raw, secret).encode())
    header[chance.randrange(len(header))] ^= 1 << chance.randrange(8)
    return raw, header.decode("latin-1")


def _bit_of_the_body(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    altered = bytearray(raw)
    altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8)
    return bytes(altered), valid(raw, secret)


def _other_length_of_body(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    cut = chance.randrange(1, len(raw))
    longer = raw + chance.choice((b" ", b"\n", b"\0", b"{}"))
    return chance.choice((raw[:cut], raw[cut:], longer, b" " + raw, raw + raw)), valid(raw, secret)


def _written_again(_: Random, raw: bytes, secret: str, __: Keys) -> Knock:
    """Parsed and serialised again, as naive receivers do: another body, to the byte."""
    return json.dumps(json.loads(raw), indent=1).encode(), valid(raw, secret)


def _of_another_delivery(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    return raw, valid(body(chance), secret)


def _truncated(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    return raw, valid(raw, secret)[: chance.randrange(71)]


def _longer(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    more = chance.choice(("\n", "\r\n", " ", "0", "\0", ";", ",", "=", "==", "\x85", "\u2028"))
    header = valid(raw, secret)
    return raw, chance.choice((header + more, more + header, f"sha256={more}{header[7:]}"))


def _other_case(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    """Upper-case hex is one signature in another spelling. Meta writes lower case, and one spelling is enough."""
    found = signature(raw, secret)
    return raw, chance.choice(
        (f"SHA256={found}", f"Sha256={found}", f"SHA256={found.upper()}", f"sha256={_upper(found)}")
    )


def _upper(found: str) -> str:
    return found.upper() if not found.isdigit() else "A" * 64


def _other_algorithm(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    """Two of them are as long as the right one."""
    name = chance.choice(("sha1", "sha224", "sha384", "sha512", "md5", "sha3_256", "blake2s"))
    return raw, f"{chance.choice((name, 'sha256'))}={signature(raw, secret, name)}"


def _other_prefix(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    prefix = chance.choice(
        ("", "sha1=", "sha512=", "sha256", "sha256:", "sha256= ", " sha256=", "hmac-sha256=", "none=")
    )
    return raw, prefix + signature(raw, secret)


def _other_secret(chance: Random, raw: bytes, secret: str, keys: Keys) -> Knock:
    near = chance.choice(
        (secret.upper(), secret[:-1], secret + "\n", " " + secret, secret[::-1], bytes.fromhex(secret))
    )
    far = chance.choice((keys.stranger, keys.verify_token, "", "secret", "null", "None", "\0" * 64))
    other = chance.choice((near, far))
    return raw, f"sha256={signature(raw, other if other != secret else keys.stranger)}"


def _without_a_key(chance: Random, raw: bytes, secret: str, keys: Keys) -> Knock:
    """Digests of this and that, the one with the secret before the body included: no HMAC."""
    told = chance.choice((raw, secret.encode() + raw, raw + secret.encode(), keys.verify_token.encode() + raw))
    return raw, f"sha256={hashlib.sha256(told).hexdigest()}"


def _nothing(chance: Random, raw: bytes, _: str, __: Keys) -> Knock:
    return raw, chance.choice(
        (None, "", " ", "\n", "=", "sha256", "sha256=", "sha256=null", "\0", "sha256=" + "0" * 64)
    )


def _unicode(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    """Digits and letters that look like the right ones, or count as digits."""
    found = signature(raw, secret)
    wide = "".join(chr(ord(each) + 0xFEE0) for each in found)
    at = chance.randrange(64)
    cyrillic = found.translate(str.maketrans("ace", "асе"))  # noqa: RUF001
    swapped = found[:at] + chance.choice(("\ud800", "٣", "𝟘", "\u200b", "ﬀ")) + found[at + 1 :]  # noqa: RUF001
    other = cyrillic if cyrillic != found else swapped
    return raw, f"sha256={chance.choice((wide, swapped, other))}"


def _twice(chance: Random, raw: bytes, secret: str, _: Keys) -> Knock:
    """API Gateway joins repeated headers with a comma: which of them would be meant?"""
    right, wrong = valid(raw, secret), f"sha256={chance.getrandbits(256):064x}"
    return raw, chance.choice((",", ", ", ";", "\n")).join(
        chance.choice(((right, wrong), (wrong, right), (right, right), (right, "")))
    )


FORGERIES: dict[str, Forge] = {
    "random": _random,
    "a bit of the signature": _bit_of_the_signature,
    "a bit of the header": _bit_of_the_header,
    "a bit of the body": _bit_of_the_body,
    "another length of the body": _other_length_of_body,
    "written again": _written_again,
    "of another delivery": _of_another_delivery,
    "truncated": _truncated,
    "longer": _longer,
    "other case": _other_case,
    "other algorithm": _other_algorithm,
    "other prefix": _other_prefix,
    "other secret": _other_secret,
    "without a key": _without_a_key,
    "nothing": _nothing,
    "unicode": _unicode,
    "twice": _twice,
}
