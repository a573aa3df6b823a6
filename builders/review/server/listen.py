"""Serving a review: one process, one socket, until it is told to stop."""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass

import uvicorn

from builders.errors import ConfigError
from builders.review.server.app import create_app
from builders.review.server.comparing import Comparing
from builders.review.server.desk import Desk
from builders.review.server.guard import LOOPBACK
from builders.review.server.matching import Matching


@dataclass(frozen=True, slots=True)
class Listening:
    """A listening server: its socket, its address for links, and whether it is loopback only."""

    socket: socket.socket
    address: str
    loopback: bool


def listen(host: str, port: int) -> Listening:
    """Open the socket of a server; port 0 takes a free one.

    Raises:
        ConfigError: the address is not available, or the port is in use.
    """
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
    return Listening(opened, f"http://{shown}:{bound[1]}", loopback)


def serve(
    desk: Desk,
    at: Listening,
    comparing: Comparing | None = None,
    matching: Matching | None = None,
) -> None:
    """Serve the review of a build until the process is stopped, and close its store.

    That it is stopped, by Ctrl+C or a signal, is how it ends: KeyboardInterrupt, and no error.

    On loopback, a name is enough to sign in; otherwise, an invitation token is needed.
    """
    stop = threading.Event()
    registering = threading.Thread(target=desk.register, args=(stop,), daemon=True)
    registering.start()
    desk.begun.wait()  # so that the first visitor finds items
    hosts = {*LOOPBACK, "127.0.0.1"} if at.loopback else None
    # Requests are not logged: neither who did what nor the tokens in links.
    config = uvicorn.Config(
        create_app(desk, comparing, matching, tokens=not at.loopback, hosts=hosts),
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
