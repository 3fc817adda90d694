"""A sample of `make forged`. The judges that are too lenient show that the forgeries would be noticed."""

import base64
import hashlib
import hmac

import pytest

from tests.forging import signed_requests, webhooks
from tests.forging.trial import of_requests, of_webhooks


def test_every_forged_webhook_is_refused_and_every_valid_one_is_accepted():
    outcome = of_webhooks(seed=1, count=20_000)
    assert outcome.wrong == []
    assert outcome.refused.total() == 20_000
    assert outcome.refused.keys() == webhooks.FORGERIES.keys()
    assert outcome.accepted.total() == 2_000
    assert outcome.accepted.keys() == set(webhooks.SLOTS)


def test_every_forged_signed_request_is_refused_and_every_valid_one_is_accepted():
    outcome = of_requests(seed=1, count=5_000)
    assert outcome.wrong == []
    assert outcome.refused.total() == 5_000
    assert outcome.refused.keys() == signed_requests.FORGERIES.keys()
    assert outcome.accepted.total() == 500
    assert outcome.accepted.keys() == set(webhooks.SLOTS)


def lenient_signature(part, secret):
    return hmac.new(secret.encode(), part.encode("utf-8", "replace"), "sha256").digest()


def fitting(keys, raw, found):
    slots = [
        slot for slot, secret in keys.secrets.items() if hmac.new(secret.encode(), raw, "sha256").hexdigest() == found
    ]
    return slots[0] if slots else None


def strips(keys, raw, header):
    return fitting(keys, raw, (header or "").strip().removeprefix("sha256="))


def any_case(keys, raw, header):
    return fitting(keys, raw, (header or "").lower().removeprefix("sha256="))


def splits_repeated(keys, raw, header):
    found = [fitting(keys, raw, each.strip().removeprefix("sha256=")) for each in (header or "").split(",")]
    return next(filter(None, found), None)


def whichever_algorithm(keys, raw, header):
    name, _, found = (header or "").partition("=")
    if name not in hashlib.algorithms_guaranteed or name.startswith("shake"):
        return None
    slots = [s for s, secret in keys.secrets.items() if hmac.new(secret.encode(), raw, name).hexdigest() == found]
    return slots[0] if slots else None


def prefix_of_it(keys, raw, header):
    for slot, secret in keys.secrets.items():
        if header and webhooks.valid(raw, secret).startswith(header):
            return slot
    return None


def known_by_another_secret(keys, raw, header):
    other = {"empty": "", **keys.secrets}
    found = (header or "").removeprefix("sha256=")
    return next(
        (s for s, secret in other.items() if webhooks.signature(raw, secret) == found and header != found), None
    )


def says_missing_is_fine(keys, raw, header):
    return "instagram" if not header else fitting(keys, raw, header.removeprefix("sha256="))


def without_the_body(keys, raw, header):
    return "instagram" if header and len(header) == 71 else None


@pytest.mark.parametrize(
    "judge",
    [
        strips,
        any_case,
        splits_repeated,
        whichever_algorithm,
        prefix_of_it,
        known_by_another_secret,
        says_missing_is_fine,
        without_the_body,
    ],
)
def test_a_lenient_receiver_is_found_out(judge):
    assert "accepted a forgery" in "".join(of_webhooks(seed=1, count=2_000, judge=judge).wrong)


def test_a_reader_that_takes_any_spelling_is_found_out():
    def lenient(keys, text):
        first, _, part = text.partition(".")
        found = base64.urlsafe_b64decode(first.encode("ascii", "ignore") + b"==") if part else b""
        slots = [s for s, secret in keys.secrets.items() if lenient_signature(part, secret) == found]
        return slots[0] if slots else None

    assert {"accepted a forgery: spare bits"} <= set(of_requests(seed=1, count=500, judge=lenient).wrong)


def test_a_receiver_that_forgets_a_secret_is_found_out():
    def forgetful(keys, raw, header):
        slot = fitting(keys, raw, (header or "").removeprefix("sha256="))
        return None if slot == "meta_previous" else slot

    assert "a valid one of meta_previous" in "".join(of_webhooks(seed=1, count=500, judge=forgetful).wrong)
