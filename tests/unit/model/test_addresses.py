"""Which addresses we connect to when a tenant says where."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.addresses import is_public

# IANA's special-purpose registries, what RFC 3056, 4291, 6052 and 7526 wrap or relay, multicast. Written out here, so
# that Python's own tables are held against them.
INSIDE = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
    "::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64",
    "2001::/32", "2001:2::/48", "2001:db8::/32", "2001:10::/28", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7",
    "fe80::/10", "fec0::/10", "ff00::/8",
)  # fmt: skip
NETWORKS = tuple(ip_network(each) for each in INSIDE)


def inside(network):
    """Any address of a network."""
    kind = IPv4Address if isinstance(network, IPv4Network) else IPv6Address
    first, last = int(network.network_address), int(network.broadcast_address)
    return st.integers(first, last).map(lambda number: str(kind(number)))


@given(st.sampled_from(NETWORKS).flatmap(inside))
def test_no_address_of_a_special_network_is_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("network", NETWORKS, ids=INSIDE)
def test_not_even_its_first_and_its_last(network):
    assert not is_public(str(network.network_address))
    assert not is_public(str(network.broadcast_address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_public_exactly_outside_of_them(address):
    if not any(address in network for network in NETWORKS if network.version == 4):
        assert is_public(str(address))


@given(st.ip_addresses(v=4))
def test_no_address_is_public_in_another_ones_clothes(address):
    """Mapped, compatible, translated, by 6to4: whoever unwraps it, it is not we who connect there."""
    number = int(address)
    for wrapped in (0xFFFF << 32 | number, number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert not is_public(str(IPv6Address(wrapped)))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "151.101.1.140", "2606:4700:4700::1111", "2a00:1450:4001::1"]
)
def test_the_open_internet_is(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["", "localhost", "127.1", "0x7f000001", "2130706433", "8.8.8.8 ", "8.8.8.8:443", "2606:4700::1%eth0", "[::1]"],
)
def test_what_is_no_plain_address_is_not(address):
    assert not is_public(address)


@given(st.text(max_size=40))
def test_any_text_is_judged(text):
    assert is_public(text) in (True, False)
    if is_public(text):
        ip_address(text)
