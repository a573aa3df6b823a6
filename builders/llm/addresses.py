"""Addresses of endpoints: whether one can be used, and whether it is somebody else's."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from builders.corpora import Card
from builders.errors import ConfigError
from builders.llm.settings import KEY_NAMES


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


def check_may_send(
    card: Card, addresses: Iterable[str], parts: Collection[str] = ("text",)
) -> None:
    """Refuse to send what of a corpus its card does not let go; unknown counts as no.

    Args:
        card: the corpus's.
        addresses: where it would be sent.
        parts: what would be sent, of ``text`` and ``audio``.

    Raises:
        ConfigError: it may not be sent to one of the addresses, or one is no address.
    """
    for address in addresses:
        check_address(address)
        for part in sorted(parts, reverse=True):
            said = getattr(card.send_to_third_party, part)
            if said != "yes" and is_third_party(address):
                what = f"the sound of {card.title}" if part == "audio" else card.title
                raise ConfigError(
                    f"{what} may not be sent to a third party such as {address} "
                    f"(its card says {said})",
                    do="use an endpoint on this machine or in your own network",
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
