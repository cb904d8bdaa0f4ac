"""From which network address somebody comes.

`settings.TRUSTED_PROXIES` (networks, default none) names the proxies whose `X-Forwarded-For` is believed. Without it
the header is ignored, because anybody can send one.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

Address = IPv4Address | IPv6Address


def address_of(meta: Mapping[str, Any]) -> str | None:
    """The caller's address, seen through trusted proxies; None where the server was told none or nonsense."""
    hops = [meta.get("REMOTE_ADDR"), *reversed(meta.get("HTTP_X_FORWARDED_FOR", "").split(","))]
    last = None
    for hop in hops:
        address = parse(hop)
        if address is None:
            break
        last = address
        if not is_inside(address, settings.TRUSTED_PROXIES):
            break
    return str(last) if last else None


@lru_cache(1024)
def parse(text: str | None) -> Address | None:
    """The address that is written there; None for nonsense."""
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_inside(address: Address | None, networks: Iterable[str]) -> bool:
    """Whether it lies in one of the networks."""
    return address is not None and any(address in ip_network(network) for network in networks)
