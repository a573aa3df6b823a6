"""Real servers at the level of bytes: one that answers as it is told to, with TLS or without, and a
forward proxy that notes what it sees."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

Answer = Callable[[str, bytes], bytes]


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a response with a status line, headers and a body, after which the server closes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def certificate(folder: Path, name: str = "IP:127.0.0.1", days: int = 2) -> Path:
    """Return a file with a new key and its certificate, signed by itself."""
    path = folder / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
    command += ["-days", str(days), "-addext", f"subjectAltName={name}"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    parts = [(folder / part).read_text() for part in ("key.pem", "cert.pem")]
    path.write_text("".join(parts))
    return path


class _Listening:
    """A server in a thread of its own; a context manager."""

    def __init__(self, pem: Path | None = None) -> None:
        self._pem = pem
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda *_: None)  # broken handshakes are what is tested
        tls = None
        if self._pem:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self._pem)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._handle, "127.0.0.1", 0, ssl=tls)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            start = await reader.readexactly(1)
            if start == b"\x16":  # the hello of TLS, which servers for HTTP refuse at once
                writer.write(http("400 Bad Request", b"Invalid HTTP request received."))
                return await writer.drain()
            head = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            await self.answer(head, body, reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def answer(
        self,
        head: str,
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Answer one request."""
        raise NotImplementedError


class Told(_Listening):
    """Answers each request with the bytes that `says` returns, and keeps heads and bodies."""

    def __init__(self, says: Answer | bytes, pem: Path | None = None) -> None:
        super().__init__(pem)
        self._says = says if callable(says) else lambda *_: says
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def address(self) -> str:
        """Return its address for an OpenAI client."""
        return f"{'https' if self._pem else 'http'}://127.0.0.1:{self.port}/v1"

    async def answer(
        self,
        head: str,
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Say what it was told to."""
        self.heads.append(head)
        self.bodies.append(body)
        writer.write(self._says(head, body))
        await writer.drain()


class Proxy(_Listening):
    """A forward proxy that leads every request to one port of this machine.

    Attributes:
        seen: the first line of each request, and its body.
        refuses: a status with which it refuses all of them.
    """

    def __init__(self, port: int = 0, refuses: str | None = None) -> None:
        super().__init__()
        self._to = port
        self.refuses = refuses
        self.seen: list[tuple[str, bytes]] = []
        self.heads: list[str] = []

    @property
    def address(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    async def answer(
        self,
        head: str,
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Pass a request on, or a tunnel's bytes in both directions."""
        first, _, rest = head.partition("\r\n")
        self.seen.append((first, body))
        self.heads.append(head)
        if self.refuses:
            writer.write(http(self.refuses))
            await writer.drain()
            return
        upstream, out = await asyncio.open_connection("127.0.0.1", self._to)
        if first.startswith("CONNECT"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(_pump(reader, out), _pump(upstream, writer))
            return
        method, url, version = first.split(" ")
        path = "/" + url.split("/", 3)[3]
        rest = re.sub(r"(?im)^(connection|proxy-[\w-]+): .*\r\n", "", rest)
        out.write(f"{method} {path} {version}\r\nConnection: close\r\n{rest}".encode() + body)
        while block := await upstream.read(65_536):
            writer.write(block)
        await writer.drain()
        out.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(65_536):
        writer.write(block)
        await writer.drain()
    writer.close()
