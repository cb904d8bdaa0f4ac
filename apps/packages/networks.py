"""From which address a request comes, and whether a client may call from there.

`settings.TRUSTED_PROXIES` (networks, default none) names the proxies whose `X-Forwarded-For` is believed. Without it
the header is ignored, because anybody can send one.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from .errors import InvalidClient

Address = IPv4Address | IPv6Address


def parse_networks(texts: Iterable[str]) -> list[str]:
    """Networks in their normal form; a single address is a network of one. InvalidClient names what is malformed."""
    return [_parse(text) for text in texts]


def _parse(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        message = _("“%s” is not a network such as 192.0.2.0/24 or 2001:db8::/32.") % text
        raise InvalidClient(message, "networks") from None


def allows(networks: Iterable[str], address: str | None) -> bool:
    """Whether a client limited to `networks` may call from `address`. No networks = from anywhere."""
    networks = list(networks)
    return not networks or _inside(_address(address), networks)


def address_of(meta: Mapping[str, Any]) -> str | None:
    """The caller's address, seen through trusted proxies; None where the server was told none or nonsense."""
    hops = [meta.get("REMOTE_ADDR"), *reversed(meta.get("HTTP_X_FORWARDED_FOR", "").split(","))]
    proxies = settings.TRUSTED_PROXIES
    last = None
    for hop in hops:
        address = _address(hop)
        if address is None:
            break
        last = address
        if not _inside(address, proxies):
            break
    return str(last) if last else None


@lru_cache(1024)
def _address(text: str | None) -> Address | None:
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _inside(address: Address | None, networks: Iterable[str]) -> bool:
    return address is not None and any(address in ip_network(network) for network in networks)
