import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.instagram.signatures import SignatureError, signature_of, signed_by

SECRETS = {"instagram": "one", "meta": "two"}


@given(st.binary(), st.sampled_from(sorted(SECRETS)))
def test_what_a_secret_signed_is_of_that_secret(raw, name):
    assert signed_by(raw, f"sha256={signature_of(raw, SECRETS[name])}", SECRETS) == name


@given(st.binary(), st.text())
def test_no_header_that_somebody_makes_up_is_accepted(raw, header):
    with pytest.raises(SignatureError):
        signed_by(raw, header, SECRETS)


@given(st.binary(), st.binary())
def test_a_signature_is_of_its_bytes_only(raw, other):
    header = f"sha256={signature_of(raw, 'one')}"
    if raw == other:
        assert signed_by(other, header, SECRETS) == "instagram"
    else:
        with pytest.raises(SignatureError):
            signed_by(other, header, SECRETS)


@pytest.mark.parametrize("secrets", [{}, {"instagram": ""}, {"instagram": "one", "meta": ""}])
def test_an_empty_secret_is_a_mistake_of_ours_and_never_verifies(secrets):
    with pytest.raises(ValueError, match="empty"):
        signed_by(b"", f"sha256={signature_of(b'', '')}", secrets)


def test_a_known_signature():
    """RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature_of(b"what do ya want for nothing?", "Jefe") == expected
