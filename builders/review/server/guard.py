"""Security checks of every request and response: hosts, sizes, headers.

Another website must not use the server through a visitor's browser: requests for an unknown
host name are refused (DNS rebinding), and so are large bodies and changes
from another origin. Every response forbids framing, sniffing and third-party
content.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 256 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Wraps the application.

    Args:
        app: the application.
        hosts: the allowed host names, or None for any.
        public: the address that browsers use, as ``https://host``, if a proxy passes requests on:
            changes come from there only, whatever host the proxy names.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] | None, public: str | None = None
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse invalid requests, and add the headers to every response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refuse(scope["method"], Headers(scope=scope))
        if refused:
            status, reason = refused
            await PlainTextResponse(reason + "\n", status)(scope, receive, with_headers)
            return
        await self._app(scope, _limited(receive), with_headers)

    def _refuse(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            return 421, "this server does not answer to that host name"
        if method in ("GET", "HEAD"):
            return None
        origin = headers.get("origin")
        theirs = (origin or "").partition("://")[2] != host
        if origin is not None and (origin != self._public if self._public else theirs):
            return 403, "the request comes from another site"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "the request comes from another site"
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > MOST_BYTES:
            return 413, f"more than {MOST_BYTES} bytes"
        return None


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _limited(receive: Receive) -> Receive:
    """Return a receiver that cuts off a body of unknown length once it is too long."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > MOST_BYTES else message

    return limited
