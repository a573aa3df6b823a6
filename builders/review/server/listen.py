"""Serving a review: one process, one socket, until it is told to stop."""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvicorn

from builders.errors import ConfigError
from builders.review.server.app import create_app
from builders.review.server.bounded import MOST_CONNECTIONS, Bounded
from builders.review.server.comparing import Comparing
from builders.review.server.desk import Desk
from builders.review.server.guard import LOOPBACK
from builders.review.server.matching import Matching


@dataclass(frozen=True, slots=True)
class Listening:
    """A listening server: its socket, its address for links, and whether it is loopback only.

    `public` is the address before a proxy, which links then have.
    """

    socket: socket.socket
    address: str
    loopback: bool
    public: str | None = None


def listen(host: str, port: int, public: str | None = None) -> Listening:
    """Open the socket of a server; port 0 takes a free one.

    Args:
        host: the address to listen on.
        port: the port to listen on.
        public: the address that browsers use, if a proxy passes requests on.

    Raises:
        ConfigError: the address is not available, the port is in use, or `public` is no address.
    """
    public = _origin(public) if public else None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(128)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error.strerror or error})",
            do="choose another --port, or check --host",
        ) from error
    bound = opened.getsockname()
    shown = f"[{host}]" if ":" in host else host
    loopback = ipaddress.ip_address(bound[0]).is_loopback
    return Listening(opened, public or f"http://{shown}:{bound[1]}", loopback, public)


def _origin(address: str) -> str:
    """Return the origin of a public address: scheme, host and port, in lower case."""
    parts = urlsplit(address.strip().lower())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ConfigError(
            f"--public-url is {address[:200]!r}",
            expected="an address without a path, such as https://review.example.org",
            do="pass the address that annotators open",
        )
    return f"{parts.scheme}://{parts.netloc}"


def serve(
    desk: Desk,
    at: Listening,
    comparing: Comparing | None = None,
    matching: Matching | None = None,
) -> None:
    """Serve the review of a build until the process is stopped, and close its store.

    That it is stopped, by Ctrl+C or a signal, is how it ends: KeyboardInterrupt, and no error.

    On loopback, a name is enough to sign in until somebody is invited; otherwise, an invitation
    token is needed.
    """
    stop = threading.Event()
    registering = threading.Thread(target=desk.register, args=(stop,), daemon=True)
    registering.start()
    desk.begun.wait()  # so that the first visitor finds items
    hosts = {*LOOPBACK, *([urlsplit(at.public).hostname or ""] if at.public else [])}
    # Requests are not logged: neither who did what nor the tokens in links.
    config = uvicorn.Config(
        create_app(
            desk,
            comparing,
            matching,
            tokens=not at.loopback or at.public is not None,
            hosts=hosts if at.loopback else None,
            public=at.public,
        ),
        http=Bounded,
        limit_concurrency=MOST_CONNECTIONS,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    try:
        uvicorn.Server(config).run(sockets=[at.socket])
    finally:
        stop.set()
        registering.join()
        desk.store.close()
