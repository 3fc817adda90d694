import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.media_urls import refusal

ACCEPTED = [
    "https://example.com/a.jpg",
    "https://EXAMPLE.com/a.jpg",
    "https://example.com:443/a.jpg",
    "https://example.com./a.jpg",
    "https://cdn.eu-1.example.co.uk/path/%20x?sig=a%2Fb&t=1#frag",
    "https://xn--mnchen-3ya.de/a.jpg",
    "https://example.xn--p1ai/a.jpg",
    "https://my_bucket.s3.eu-central-1.amazonaws.com/a.jpg?X-Amz-Signature=abc",
    "https://a.photography/a.jpg",
]
REFUSED = {
    "link-local metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata over https": "https://169.254.169.254/latest/meta-data/",
    "loopback": "https://127.0.0.1/a.jpg",
    "loopback, v6": "https://[::1]/a.jpg",
    "loopback, mapped": "https://[::ffff:127.0.0.1]/a.jpg",
    "loopback, hexadecimal": "https://0x7f000001/a.jpg",
    "loopback, hexadecimal parts": "https://0x7f.0x0.0x0.0x1/a.jpg",
    "loopback, decimal": "https://2130706433/a.jpg",
    "loopback, octal": "https://0177.0.0.1/a.jpg",
    "loopback, short": "https://127.1/a.jpg",
    "loopback, trailing dot": "https://127.0.0.1./a.jpg",
    "any address": "https://0.0.0.0/a.jpg",
    "private network": "https://10.0.0.1/a.jpg",
    "public address": "https://8.8.8.8/a.jpg",
    "v6 with a zone": "https://[fe80::1%25eth0]/a.jpg",
    "localhost": "https://localhost/a.jpg",
    "below localhost": "https://a.localhost/a.jpg",
    "internal name": "https://db.internal/a.jpg",
    "mDNS name": "https://printer.local/a.jpg",
    "home network": "https://nas.home.arpa/a.jpg",
    "old local domain": "https://box.localdomain/a.jpg",
    "single label": "https://intranet/a.jpg",
    "empty label": "https://example..com/a.jpg",
    "no host": "https:///a.jpg",
    "no slashes": "https:example.com/a.jpg",
    "http": "http://example.com/a.jpg",
    "file": "file:///etc/passwd",
    "gopher": "gopher://example.com/",
    "ftp": "ftp://example.com/a.jpg",
    "data": "data:image/jpeg;base64,AAAA",
    "javascript": "javascript:alert(1)",
    "no scheme": "//example.com/a.jpg",
    "path only": "/a.jpg",
    "empty": "",
    "user": "https://user@example.com/a.jpg",
    "user and password": "https://user:pass@example.com/a.jpg",
    "empty user": "https://@example.com/a.jpg",
    "host in the user": "https://example.com@169.254.169.254/a.jpg",
    "other port": "https://example.com:8443/a.jpg",
    "port zero": "https://example.com:0/a.jpg",
    "impossible port": "https://example.com:99999/a.jpg",
    "port in letters": "https://example.com:abc/a.jpg",
    "IDN not encoded": "https://münchen.de/a.jpg",
    "full-width digits": "https://\uff11\uff12\uff17.0.0.1/a.jpg",
    "ideographic full stop": "https://127。0。0。1/a.jpg",
    "space": "https://example.com/a b.jpg",
    "line break": "https://example.com/a.jpg\r\nHost: x",
    "tab": "https://exam\tple.com/a.jpg",
    "NUL": "https://example.com/\x00",
    "backslash": "https://example.com\\@169.254.169.254/a.jpg",
    "encoded host": "https://127.0.0.1%2f.example.com/a.jpg",
    "encoded dots": "https://127%2e0%2e0%2e1/a.jpg",
    "braces in the host": "https://{host}.example.com/a.jpg",
    "hyphen first": "https://-a.example.com/a.jpg",
    "open bracket": "https://[::1/a.jpg",
    "too long": "https://example.com/" + "x" * 2048,
    "label too long": f"https://{'a' * 64}.example.com/a.jpg",
}


@pytest.mark.parametrize("url", ACCEPTED)
def test_a_public_https_url_is_accepted(url):
    assert refusal(url) is None


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_what_instagram_must_not_or_cannot_fetch_is_refused(url):
    assert refusal(url)


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_the_refusal_never_quotes_the_url(url):
    told = refusal(url)
    assert told is not None
    assert not [part for part in ("169.254", "user:pass", "metadata") if part in told]


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("http://127.0.0.1:9000/a.jpg", False),
        ("https://127.0.0.1:9000/a.jpg", False),
        ("http://127.0.0.1:9001/a.jpg", True),
        ("http://127.0.0.1/a.jpg", True),
        ("http://user@127.0.0.1:9000/a.jpg", True),
        ("ftp://127.0.0.1:9000/a.jpg", True),
        ("http://127.0.0.1:9000\\@evil.example.com/a.jpg", True),
        ("http://127.0.0.1:9000 /a.jpg", True),
    ],
)
def test_a_test_host_counts_to_the_letter(url, is_refused):
    assert bool(refusal(url, frozenset({"127.0.0.1:9000"}))) == is_refused


@given(st.text(max_size=80))
def test_no_text_makes_it_fall_over(text):
    refusal(text)
    refusal(f"https://{text}")
