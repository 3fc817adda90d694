"""Which addresses are on the open internet? Everything that is not is refused to whoever makes us connect somewhere."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

# What the registries call global and is none the less a way back inside, or to many at once.
_RELAYS = ip_network("192.88.99.0/24")  # 6to4, RFC 7526
# IPv6 that is routed at all. Outside it lie NAT64 (64:ff9b::/96) and the forms that wrap an IPv4 address.
_UNICAST = IPv6Network("2000::/3")


def is_public(address: str) -> bool:
    """
    False for private, loopback, link-local, shared, multicast, reserved, translated and wrapped addresses, and for
    what is no address. Source: IANA's special-purpose address registries, as Python's `ipaddress` has them.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        return found in _UNICAST and found.scope_id is None and _is_global(found)
    return found not in _RELAYS and _is_global(found)


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved
