"""Whether an address belongs to somebody else: what a corpus may not be sent to."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit


def is_third_party(base_url: str) -> bool:
    """Return whether an endpoint is neither on this machine nor in a private network.

    A name is private only when everything that it resolves to is; what cannot be resolved is not.
    """
    host = urlsplit(base_url).hostname or ""
    try:
        return not _is_private(host)
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return True
    return not all(_is_private(str(address[4][0])) for address in found)


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    # An IPv4 address written as IPv6 is what it stands for; `ipaddress` calls all of them private.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return parsed.is_loopback or parsed.is_private or parsed.is_link_local
