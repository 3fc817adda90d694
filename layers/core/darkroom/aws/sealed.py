"""A secret as it is stored. Not in vault.py, so that functions that open nothing import no cryptography."""

from dataclasses import dataclass, field

from darkroom.values import Value

# What is inside; around it always a 12-byte nonce, then the ciphertext with its tag.
ONE_TOKEN = 1  # the token as it is
DOCUMENT = 2  # JSON, see aws/accounts.py


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SealedToken(Value):
    """`wrapped_key` is the data key as KMS encrypted it; KMS tells from it which version of the token key to use."""

    ciphertext: bytes = field(repr=False)
    wrapped_key: bytes = field(repr=False)
    key_arn: str
    format: int = ONE_TOKEN
