"""Which addresses are on the open internet? Everything that is not is refused to whoever makes us connect somewhere."""

from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

# What `ipaddress` calls global, or did until lately: Lambda chooses the patch release of Python.
_SPECIAL = (
    ip_network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    ip_network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
    ip_network("2001::/23"),  # Teredo and other protocols, RFC 2928
    ip_network("2002::/16"),  # 6to4: an IPv4 address within, RFC 3056
    ip_network("3fff::/20"),  # documentation, RFC 9637
)
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
    if isinstance(found, IPv6Address) and (found not in _UNICAST or found.scope_id is not None):
        return False
    is_special = found.is_multicast or found.is_reserved or any(found in network for network in _SPECIAL)
    return found.is_global and not is_special
