"""Connecting to servers: certificates, and in one true line why no answer came of a connection.

What both clients raise is read from the whole chain of causes, since each wraps the same faults of
sockets, TLS and HTTP in classes of its own.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

from builders.llm.failures import Failure
from builders.masking import mask

# Bytes of one line of a response's headers: some gateways send cookies and policies of 10 KB.
LONGEST_HEADER = 65_536
_STORES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
# How OpenSSL calls it when what answers speaks no TLS.
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
# How servers for TLS answer to what is none.
_WANTS_TLS = ("plain HTTP request", "HTTP request to an HTTPS server", "speaking plain HTTP to")
_TLS_ALERT = re.compile(r"\\x15\\x03|\x15\x03")
_ENCODING = re.compile(r"\((\w+)\)|content-encoding: ?'?(\w+)", re.IGNORECASE)
# What the openai library says of every one of them.
_OF_OPENAI = "Connection error."
_PAGE = re.compile(r"[\ufeff\s]*<(!doctype|html|head|body|\?xml)", re.IGNORECASE)
_WRITE_HTTPS = "write https:// in --base-url"

# By words of the client's error: what it means, and what to do. The first that applies is taken.
_SAID: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("too long", "more than", "too large"),
        f"a line of its headers is longer than {LONGEST_HEADER:,} bytes",
        "see what it, or a proxy before it, puts into its headers",
    ),
    (
        ("not completed", "not enough data", "complete message body", "incomplete", "payload"),
        "its answer breaks off in the middle",
        "see its log, or that of a proxy before it",
    ),
    (
        ("disconnected", "reset", "without sending"),
        "it closes the connection without an answer",
        "see its log, and whether it is a server for OTHER:// instead of OWN://",
    ),
    (
        ("bad status line", "invalid", "illegal", "expected http"),
        "what answers there does not speak HTTP",
        "correct the port in --base-url",
    ),
)


class LeftOwnNetworkError(OSError):
    """A name that was of one's own network, for which a public address now comes."""


def tls_context() -> ssl.SSLContext:
    """Return whose certificates are trusted: the machine's and certifi's, or SSL_CERT_FILE's."""
    context = ssl.create_default_context()
    if not any(os.environ.get(name) for name in _STORES):
        with suppress(ImportError):
            import certifi

            context.load_verify_locations(certifi.where())
    return context


def failure_of(error: BaseException, url: str, proxy: str | None) -> Failure:
    """Return the failure that an error of a client means; `proxy` is what it was sent through."""
    causes = list(_causes(error))
    for cause in causes:
        # A client's own error may be of this class too, without the reason.
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_message"):
            return _not_trusted(cause)
        if isinstance(cause, LeftOwnNetworkError):
            do = "see why, before anything is sent there; or write its IP address"
            return Failure("wrong_address", one_line(cause), do=do)
    if proxy and (failure := _of_proxy(causes, url, proxy)):
        return failure
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and hasattr(cause, "reason"):
            return _no_tls(cause)
        if isinstance(cause, socket.gaierror):
            host = urlsplit(url).hostname
            return Failure("connection", f"no machine of the name {host} is known", do=_CORRECT)
    said = " ".join(f"{type(cause).__name__} {cause}" for cause in causes)
    words = (one_line(cause) for cause in causes)
    detail = next((one for one in words if one != _OF_OPENAI), _OF_OPENAI)
    return _of_words(said, url) or Failure("connection", detail)


_CORRECT = "correct --base-url, or see whether this machine can look names up"


def _of_words(said: str, url: str) -> Failure | None:
    lowered = said.lower()
    if any(word in lowered for word in ("content-encoding", "contentencoding", "decodingerror")):
        named = _ENCODING.search(said)
        return unreadable(named[1] or named[2] if named else "something else than it says")
    if _TLS_ALERT.search(said):
        return Failure("wrong_address", "it speaks TLS there", do=_WRITE_HTTPS)
    if "connect call failed" in lowered or "connection attempts failed" in lowered:
        return None  # the plain truth: nothing answers
    for words, detail, do in _SAID:
        if any(word in lowered for word in words):
            own = urlsplit(url).scheme
            other = "http" if own == "https" else "https"
            do = do.replace("OTHER", other).replace("OWN", own)
            return Failure("connection", detail, do=do)
    return None


def unreadable(encoding: str) -> Failure:
    """Return the failure of an answer in an encoding for which nothing is installed."""
    brotli = "pip install Brotli"
    names = {"br": brotli, "brotli": brotli, "zstd": "pip install zstandard"}
    return Failure(
        "wrong_address",
        f"its answer is compressed as {encoding}, and cannot be read here",
        do=f"{names.get(encoding, 'see what compresses it')}, or turn that off at the server or a "
        "proxy before it",
    )


def check_response(
    url: str, path: str, status: int, headers: Mapping[str, str], content: bytes
) -> None:
    """Raise Failure where a response is none of the server that was meant.

    Args:
        url: the address that was asked.
        path: the last part of it, as ``/chat/completions``.
        status: the response's.
        headers: likewise.
        content: likewise.
    """
    start = content[:400].decode("utf-8", "replace")
    if 300 <= status < 400:
        raise _moved(url, path, status, headers.get("Location"))
    if status == 407:
        raise Failure("wrong_address", "the proxy wants a name and a password", 407, do=_OF_PROXY)
    if status in (400, 426) and any(words in start for words in _WANTS_TLS):
        raise Failure("wrong_address", "it speaks TLS there", status, do=_WRITE_HTTPS)
    if status == 200 and _PAGE.match(start):
        do = (
            "correct --base-url, mostly ending in /v1; a page to sign in on comes from a proxy "
            "or guest network too"
        )
        raise Failure("bad_response", "a web page came in place of an answer", 200, do=do)


_OF_PROXY = "put them into HTTP_PROXY or HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT"


def _moved(url: str, path: str, status: int, location: str | None) -> Failure:
    """Return the failure of a redirect: it is not followed, as it could lead to a third party."""
    if not location:
        detail, do = "it redirects, and does not say where to", "ask who runs it for its address"
        return Failure("wrong_address", f"{detail} (HTTP {status})", status, do=do)
    parts = urlsplit(urljoin(url, location))
    host = parts.netloc.rpartition("@")[2]
    where = f"{parts.scheme}://{host}{parts.path.removesuffix(path)}"
    detail = f"it redirects to {where} (HTTP {status}), which is not followed"
    return Failure("wrong_address", detail, status, do="write that into --base-url if it is right")


def _not_trusted(error: ssl.SSLCertVerificationError) -> Failure:
    why = error.verify_message.rstrip(".")
    if "expired" in why or "not yet valid" in why:
        do = "have it renewed, and see whether the clock of this machine is right"
    elif "mismatch" in why or "not valid for" in why:
        do = "write the name that the certificate is for into --base-url"
    else:
        do = f"name the file with the certificate of who signed it in SSL_CERT_FILE{_named()}"
    return Failure("wrong_address", f"its certificate is not trusted ({why})", do=do)


def _named() -> str:
    path = os.environ.get("SSL_CERT_FILE")
    if not path:
        return ""
    there = "" if os.path.isfile(path) else ", where no file is"
    return f" (now {path}{there})"


def _no_tls(error: ssl.SSLError) -> Failure:
    reason = (error.reason or one_line(error)).replace(" ", "_").upper()
    if reason in _NO_TLS:
        do = "write http:// in --base-url"
        return Failure("wrong_address", "it speaks no TLS there, but maybe plain HTTP", do=do)
    words = reason.replace("_", " ").lower()
    do = "see which versions of TLS it takes, and whether it asks for a certificate of yours"
    return Failure("connection", f"TLS cannot be agreed upon ({words})", do=do)


def _of_proxy(causes: list[BaseException], url: str, proxy: str) -> Failure | None:
    """Return the failure of a proxy, where it is one of its own."""
    parts = urlsplit(proxy)
    shown = f"the proxy {parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    host, variable = urlsplit(url).hostname, f"{urlsplit(url).scheme.upper()}_PROXY"
    do = f"correct {variable}, or name {host} in NO_PROXY"
    for cause in causes:
        said = one_line(cause)
        if "407" in said or getattr(cause, "status", None) == 407:
            return Failure("wrong_address", f"{shown} wants a name and a password", do=_OF_PROXY)
        if type(cause).__name__ in ("ClientHttpProxyError", "ProxyError"):
            status = getattr(cause, "status", None)
            why = f"HTTP {status}" if status else said
            return Failure("connection", f"{shown} does not let it through ({why})", do=do)
    if any(isinstance(cause, ConnectionRefusedError | socket.gaierror) for cause in causes):
        return Failure("connection", f"{shown} does not answer", do=do)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what it was raised from, and the errors that a group of them holds."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "os_error", None))
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def one_line(error: BaseException) -> str:
    """Return what an error says, on one line, without keys."""
    return mask(" ".join(str(error).split())) or type(error).__name__
