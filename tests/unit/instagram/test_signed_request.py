"""Abuse case D1: whatever is not Meta's signed request is one error, and every one of Meta's is understood."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.instagram.signed_request import SignedRequestError, read
from tests.compliance_fakes import SECRET, encoded_as_url, signed, signed_payload

SECRETS = {"instagram": SECRET}
ISSUED_AT = datetime.fromtimestamp(1_795_426_200, UTC)


def reason(text, secrets=SECRETS):
    with pytest.raises(SignedRequestError) as caught:
        read(text, secrets)
    return caught.value.reason


@pytest.mark.parametrize("user_id", ["25400000000000001", 25400000000000001, "0" * 32])
def test_the_user_may_be_text_or_a_number(user_id):
    found = read(signed(user_id), SECRETS)
    assert (found.user_id, found.issued_at, found.key_slot) == (str(user_id), ISSUED_AT, "instagram")


@pytest.mark.parametrize("more", [{}, {"expires": 0}, {"expires": 1}, {"something": {"new": [1.5]}}])
def test_what_else_it_says_does_not_matter(more):
    assert read(signed(**more), SECRETS).issued_at == ISSUED_AT


def test_padding_may_be_there_and_is_signed_where_it_is():
    for filler in range(4):
        payload = {"user_id": "1", "algorithm": "HMAC-SHA256", "issued_at": 1, "x": "y" * filler}
        encoded = urlsafe_b64encode(json.dumps(payload).encode()).decode()
        signature = urlsafe_b64encode(hmac.digest(SECRET.encode(), encoded.encode(), "sha256")).decode()
        assert read(f"{signature}.{encoded}", SECRETS).user_id == "1"
        assert read(signed(x="y" * filler), SECRETS)


def test_of_several_secrets_the_one_that_fits_is_named():
    secrets = {"instagram": "new", "instagram_previous": "old", "meta": "another"}
    assert read(signed(secret="old"), secrets).key_slot == "instagram_previous"
    assert read(signed(secret="another"), secrets).key_slot == "meta"
    assert reason(signed(secret="older"), secrets) == "sig_mismatch"


@pytest.mark.parametrize("secrets", [{}, {"instagram": ""}, {"instagram": SECRET, "meta": ""}])
def test_an_empty_secret_never_verifies(secrets):
    with pytest.raises(ValueError, match="verifies nothing"):
        read(signed(secret=""), secrets)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "no dot",
        signed().partition(".")[0],
        "." + signed().partition(".")[2],
        signed() + ".third",
        signed().replace(".", "\n"),
        signed() + "\n",
        " " + signed(),
        signed().replace(".", "+."),
        "é" + signed(),
        "\x00" + signed(),
        signed()[:-1] + "=",
        "a" * 42 + "." + signed().partition(".")[2],
        "x" * 1_000_000,
        signed(x="y" * 5000),
        hmac.new(SECRET.encode(), b"x", "sha256").hexdigest() + ".eHg",
    ],
)
def test_what_has_not_its_form_is_malformed(text):
    assert reason(text) in {"malformed", "sig_mismatch"}


def test_a_signature_with_other_unused_bits_is_another_spelling_and_refused():
    signature, _, payload = signed().partition(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(signature[-1])
    other = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last + 1]
    assert reason(f"{signature[:-1]}{other}.{payload}") == "malformed"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HMAC-SHA1", "hmac-sha256", "", None, 256, ["HMAC-SHA256"]])
def test_only_metas_algorithm_counts_even_where_the_signature_is_right(algorithm):
    assert reason(signed(algorithm=algorithm)) == "algorithm"


@pytest.mark.parametrize(
    "user_id", [None, "", "x", "-1", "1 ", "1" * 33, -1, 0, 10**32, 1.5, True, ["1"], {"id": "1"}, "\u0661"]
)
def test_a_user_that_is_no_id_is_refused(user_id):
    assert reason(signed(user_id)) == "user_id"


@pytest.mark.parametrize("issued_at", [None, "1795426200", 0, -1, 1.5, True, 10**12, []])
def test_a_time_that_is_none_is_refused(issued_at):
    assert reason(signed(issued_at=issued_at)) == "issued_at"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"not json", "payload_not_json"),
        (b"\xff\xfe", "payload_not_json"),
        (b"[" * 2000, "payload_not_json"),
        (b"1" * 3000, "payload_not_an_object"),
        ([1], "payload_not_an_object"),
        ("text", "payload_not_an_object"),
        (None, "payload_not_an_object"),
        ({}, "algorithm"),
    ],
)
def test_a_payload_that_is_no_object_is_refused_although_it_is_signed(payload, expected):
    assert reason(signed_payload(payload)) == expected


def test_any_bit_that_is_flipped_is_noticed():
    good = signed()
    for place in range(len(good)):
        bad = good[:place] + chr(ord(good[place]) ^ 1) + good[place + 1 :]
        assert reason(bad) in {"malformed", "sig_mismatch"}


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{1,80}=?", fullmatch=True))
def test_nothing_that_is_not_signed_gets_through_and_nothing_falls_over(text):
    assert reason(text) in {"malformed", "sig_mismatch"}


@given(st.binary(max_size=300))
def test_whatever_is_signed_ends_in_a_request_or_the_one_error(raw):
    with pytest.raises(SignedRequestError):
        read(signed_payload(raw), SECRETS)


def test_the_text_of_the_error_holds_nothing_of_the_request():
    assert encoded_as_url(b"{") not in str(reason(signed_payload(b"{")))
