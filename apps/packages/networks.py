"""Whether a client may call from where it calls."""

from collections.abc import Iterable
from ipaddress import ip_network

from django.utils.translation import gettext as _

from apps.accounts import addresses

from .errors import InvalidClient


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
    return not networks or addresses.is_inside(addresses.parse(address), networks)
