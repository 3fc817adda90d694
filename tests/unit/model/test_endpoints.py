import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.endpoints import TYPES, refusal
from darkroom.events import is_of_type
from tests.builders import NOW, a_caller, an_endpoint, an_event

TEST_HOSTS = frozenset({"127.0.0.1:8080"})


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/darkroom",
        "https://hooks.example.com:443/x?token=1",
        "https://xn--bcher-kva.example.com/",
        "https://example.com",
    ],
)
def test_a_public_https_url_will_do(url):
    assert refusal(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/", "https only"),
        ("ftp://hooks.example.com/", "https only"),
        ("file:///etc/passwd", "https only"),
        ("gopher://hooks.example.com/", "https only"),
        ("//hooks.example.com/", "https only"),
        ("hooks.example.com", "https only"),
        ("https://user@hooks.example.com/", "user name"),
        ("https://hooks.example.com:443@127.0.0.1/", "user name"),
        ("https://hooks.example.com:8443/", "standard https port"),
        ("https://hooks.example.com:22/", "standard https port"),
        ("https://hooks.example.com:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://hooks.example.com/#part", "fragment"),
        ("https://bücher.example.com/", "punycode"),
        ("https://hooks.example.com/ä", "percent-encoded"),
        ("https://hooks.example.com/a b", "percent-encoded"),
        ("https://hooks.example.com\\@evil.example.com/", "percent-encoded"),
        ("https://hooks.example.com/\r\nX-Evil: 1", "percent-encoded"),
        ("https://hooks.example.com/" + "x" * 2048, "at most 2048"),
        ("https:///x", "public domain name"),
        ("https://127.0.0.1/", "public domain name"),
        ("https://8.8.8.8/", "public domain name"),
        ("https://127.1/", "public domain name"),
        ("https://0x7f000001/", "public domain name"),
        ("https://2130706433/", "public domain name"),
        ("https://[::1]/", "public domain name"),
        ("https://[::ffff:127.0.0.1]/", "public domain name"),
        ("https://169.254.169.254/latest/meta-data", "public domain name"),
        ("https://localhost/", "public domain name"),
        ("https://metadata/", "public domain name"),
        ("https://metadata.google.internal/", "public domain name"),
        ("https://printer.local/", "public domain name"),
        ("https://intranet.corp/", "public domain name"),
        ("https://127.0.0.1.nip.io./x", None),  # a public name; its address is judged when we connect
    ],
)
def test_anything_else_is_refused_with_the_reason(url, why):
    said = refusal(url)
    assert said is None if why is None else said is not None and why in said


def test_a_test_host_may_be_http_and_private_and_nothing_beside_it():
    assert refusal("http://127.0.0.1:8080/x", TEST_HOSTS) is None
    for url in (
        "http://127.0.0.1:8081/",
        "http://user@127.0.0.1:8080/",
        "http://127.0.0.1/",
        "gopher://127.0.0.1:8080/",
    ):
        assert refusal(url, TEST_HOSTS) is not None


@given(st.text(max_size=200))
def test_any_text_is_judged(text):
    for url in (text, f"https://{text}", f"https://hooks.example.com/{text}"):
        refusal(url, TEST_HOSTS)


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [("comment.created", True), ("comment.*", True), ("*", True), ("comment.deleted", False), ("com.*", False)],
)
def test_a_type_is_wanted_by_its_name_or_its_resource(wanted, is_wanted):
    assert is_of_type("comment.created", wanted) is is_wanted
    assert an_endpoint(types=("mention.*", wanted)).wants(an_event()) is is_wanted


@pytest.mark.parametrize(
    "name", ["comment", "comment.", ".created", "Comment.created", "comment.created.x", "**", "c*", ""]
)
def test_what_no_type_can_look_like(name):
    assert TYPES.fullmatch(name) is None


def test_an_endpoint_for_accounts_hears_of_those_and_not_of_what_belongs_to_none():
    endpoint = an_endpoint(account_ids=("acc_1",))
    assert endpoint.wants(an_event(account_id="acc_1"))
    assert not endpoint.wants(an_event(account_id="acc_2"))
    assert not endpoint.wants(an_event(account_id=None))
    assert an_endpoint().wants(an_event(account_id=None))


def test_a_disabled_endpoint_wants_nothing():
    assert not an_endpoint(disabled_at=NOW, disabled_reason="caller").wants(an_event())


def test_a_key_for_some_accounts_knows_endpoints_for_no_others():
    key = a_caller(account_ids=("acc_1", "acc_2"))
    assert an_endpoint(account_ids=("acc_1",)).is_for(key)
    assert not an_endpoint(account_ids=("acc_1", "acc_3")).is_for(key)
    assert not an_endpoint().is_for(key)
    assert an_endpoint().is_for(a_caller())
