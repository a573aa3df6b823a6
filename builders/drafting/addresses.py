"""Addresses of endpoints: whether one can be used, and whether it is somebody else's."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from builders.config import KEY_NAMES
from builders.errors import ConfigError


def check_address(base_url: str, option: str = "--base-url") -> None:
    """Refuse what is no address, and a password in it, which would be shown and stored."""
    parts = urlsplit(base_url)
    if parts.username is not None or parts.query:
        raise ConfigError(
            f"the address of {parts.hostname} holds a user, a password or a query",
            expected="http://HOST:PORT/v1",
            do=f"put the key into {KEY_NAMES}",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{base_url!r} is no address", expected="http://HOST:PORT/v1", do=f"correct {option}"
        )


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
