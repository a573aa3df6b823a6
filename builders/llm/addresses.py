"""Addresses of endpoints: whether one can be used, whose it is, and by which way it is reached."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from builders.corpora import Card, resolve_slug
from builders.errors import ConfigError, UsageError
from builders.llm.settings import KEY_NAMES

MAY_SEND = "--i-may-send"
_FORM = "http://HOST:PORT/v1"
# What an address may say behind a question mark: Azure's deployments are asked so.
API_VERSION = "api-version"
_USER = re.compile(r"//[^/]*@")
_NO_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f]")
# This machine and private networks. What else `ipaddress` calls private (for documentation, for
# tests, reserved) is routed to whoever has it, and is not ours.
_OURS = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/32", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
            *("169.254.0.0/16", "::/128", "::1/128", "fc00::/7", "fe80::/10"),
        ),
    )
)


class Route(NamedTuple):
    """An address as requests are made of it: what a path is added to, and what follows the path.

    `api_version` is that of one of Azure's deployments, None elsewhere.
    """

    base: str
    query: str
    api_version: str | None

    def url(self, path: str) -> str:
        """Return the address of a path such as ``/chat/completions``."""
        return f"{self.base}{path}{self.query}"


def check_address(base_url: str, option: str = "--base-url") -> None:
    """Refuse what is no address, and a password in it, which would be shown and stored.

    Raises:
        ConfigError: the line says what of it is wrong, and shows no password.
    """
    parts = _parts(base_url, option)
    if parts.username is not None or _other_than_version(parts):
        raise ConfigError(
            f"the address of {parts.hostname} holds a user, a password or a query",
            expected=f"{_FORM}, or ?{API_VERSION}=… behind it for one of Azure's deployments",
            do=f"put the key into {KEY_NAMES}",
        )
    if parts.fragment or base_url.endswith("#"):
        raise ConfigError(
            f"the address {_shown(base_url)} has a part behind a #, which no server gets",
            expected=_FORM,
            do=f"leave it out of {option}",
        )


def _parts(base_url: str, option: str) -> SplitResult:
    """Return the parts of an address; ConfigError where it is none."""
    try:
        parts = urlsplit(base_url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise _no_address(base_url, option, _why(error)) from error
    if parts.scheme not in ("http", "https") or not host or _NO_ADDRESS.search(base_url):
        raise _no_address(base_url, option)
    if port == 0:
        raise _no_address(base_url, option, "its port is 0")
    return parts


def _why(error: ValueError) -> str:
    said = str(error)
    if "Port" in said:
        return "its port is no number from 1 to 65535"
    return "a bracket of its IPv6 address is missing" if "IPv6" in said else said


def _no_address(base_url: str, option: str, why: str | None = None) -> ConfigError:
    return ConfigError(
        f"{_shown(base_url)!r} is no address" + (f": {why}" if why else ""),
        expected=_FORM,
        do=f"correct {option}",
    )


def _shown(base_url: str) -> str:
    """Return an address without what may be secret in it."""
    return _USER.sub("//", base_url).partition("?")[0]


def _other_than_version(parts: SplitResult) -> bool:
    asked = parse_qsl(parts.query, keep_blank_values=True)
    return bool(parts.query) and [name for name, _ in asked] != [API_VERSION]


def route(base_url: str) -> Route:
    """Return how requests to an address that was checked are made."""
    base, mark, query = base_url.partition("?")
    version = dict(parse_qsl(query)).get(API_VERSION)
    return Route(base.rstrip("/"), mark + query, version)


def check_may_send(
    card: Card,
    addresses: Iterable[str],
    parts: Collection[str] = ("text",),
    claimed: Collection[str] = (),
) -> None:
    """Refuse to send what of a corpus its card does not let go; unknown counts as no.

    Args:
        card: the corpus's.
        addresses: where it would be sent.
        parts: what would be sent, of ``text``, ``audio`` and ``video``.
        claimed: the corpora that whoever builds has a right to send.

    Raises:
        ConfigError: it may not be sent to one of the addresses, or one is no address.
    """
    for address in addresses:
        check_address(address)
        for part in sorted(parts, reverse=True) if card.slug not in claimed else ():
            # Whoever is heard in a clip is seen in it: one permission for both.
            said = getattr(card.send_to_third_party, "audio" if part == "video" else part)
            if said != "yes" and is_third_party(address):
                what = {"audio": "the sound of ", "video": "the picture and sound of "}
                raise ConfigError(
                    f"{what.get(part, '')}{card.title} may not be sent to a third party such as "
                    f"{address} (its card says {said})",
                    do="use an endpoint on this machine or in your own network, or say "
                    f"{MAY_SEND} {card.slug} if you have a right of your own",
                )


def may_send(claims: Iterable[str] | None) -> tuple[str, ...]:
    """Return the corpora, by slug, that somebody claims a right of their own to send.

    Raises:
        UsageError: there is no such corpus.
    """
    return tuple(sorted({resolve_slug(name) for name in claims or ()}))


def check_named(claimed: Iterable[str], sent: Sequence[str]) -> None:
    """Refuse a right to send a corpus that is not sent: whoever gives it meant another one.

    Raises:
        UsageError: it is about a corpus that is not among those `sent`.
    """
    for corpus in claimed:
        if corpus not in sent:
            raise UsageError(
                f"{MAY_SEND} {corpus} is about another corpus",
                expected=f"{MAY_SEND} {' or '.join(sent)}",
                do="leave it out, or correct it",
            )


def is_third_party(base_url: str) -> bool:
    """Return whether an endpoint is neither on this machine nor in a private network.

    A name is private only when everything that it resolves to is; what cannot be resolved is not.
    """
    host = urlsplit(base_url).hostname or ""
    try:
        return not is_ours(host)
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return True
    return not all(is_ours(str(address[4][0])) for address in found)


def is_ours(address: str) -> bool:
    """Return whether an IP address is of this machine or a private network.

    Raises:
        ValueError: it is a name.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    # An IPv4 address written as IPv6 is what it stands for.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in _OURS)


def proxy_for(base_url: str) -> str | None:
    """Return the proxy of the environment by which an address is reached, or None.

    HTTP_PROXY, HTTPS_PROXY and ALL_PROXY say it, but for hosts in NO_PROXY. What is on this machine
    or in a private network is never asked through one, whatever the environment says: its bodies
    would reach a third party.

    Raises:
        ConfigError: it is a proxy of a kind that cannot be used.
    """
    if is_third_party(base_url):
        parts, proxies = urlsplit(base_url), getproxies_environment()
        found = proxies.get(parts.scheme) or proxies.get("all")
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
        if found and not proxy_bypass(host, proxies):
            return _usable(found, parts)
    return None


def _usable(proxy: str, parts: SplitResult) -> str:
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        usable = urlsplit(proxy).scheme in ("http", "https") and urlsplit(proxy).port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"the proxy {_shown(proxy)} for {parts.hostname} cannot be used",
            expected="http://HOST:PORT or https://HOST:PORT",
            do=f"correct {parts.scheme.upper()}_PROXY, or name {parts.hostname} in NO_PROXY",
        )
    return proxy
