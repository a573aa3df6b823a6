"""Masking keys: whatever is stored, shown or written says ``***`` where a key would stand.

Servers repeat a key in what they complain of, as they like to write it: as JSON with ``\\/`` and
``\\u002B``, percent-encoded, with HTML entities, in hexadecimal, or in base64 inside a header. All
ways out ask this module: failures, the store, files of settings and the terminal.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from html.entities import html5
from typing import Any, TextIO, cast
from urllib.parse import unquote, urlsplit

from builders.errors import OutputError

MASK = "***"
# Variables that hold a key, whichever command reads them; ours are all called alike.
_VARIABLES = ("OPENAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_OURS = re.compile(r"HEARTEN_(\w+_)?API_KEY")
# Addresses that may hold a user and a password.
_ADDRESSES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HEARTEN_STORE")
# What is given to a server that asks for no key.
NO_KEY = "none"
# A shorter key, and one that is like a word, is looked for as a word of its own.
_WORD = 6
# Letters or digits alone, below this length, are a word in place of a key ("ollama", "1234"): a
# reply may use it, and a count of tokens may be it.
_LIKE_A_WORD = 12
# So many characters of base64, or digits of hexadecimal, do not come about by chance.
_RUN, _DIGITS = 6, 8
_HEADERS = ("", "Bearer ", ":", "api-key:", "api-key: ")
# Without one of these no character of a key is written otherwise than it is.
_ESCAPED = re.compile(r"\\(?:u0*[2-7][0-9a-f](?![0-9a-f])|x|[^\w\s\"'\\])|[%=][0-9a-f]{2}|&[#a-z]")

# Where a word begins, be it behind an escape.
_BEGINS = r"(?:(?<![a-z0-9])|(?<=\\u[0-9a-f]{4})|(?<=%[0-9a-f]{2})|(?<=\\[nrt]))"

_known: set[str] = set()


def learn(*secrets: str | None) -> None:
    """Mask these from now on; `NO_KEY` and nothing are no secrets."""
    _known.update(s for secret in secrets if secret and (s := secret.strip()) and s != NO_KEY)


def learn_environment() -> None:
    """Mask what the variables of the environment hold that keys and passwords stand in."""
    learn(*map(os.environ.get, (*_VARIABLES, *filter(_OURS.fullmatch, os.environ))))
    for name in _ADDRESSES:
        for spelling in (name, name.lower()):
            learn_address(os.environ.get(spelling) or "")


def learn_address(address: str) -> None:
    """Mask the password in an address, if it has one."""
    try:
        password = urlsplit(address).password
    except ValueError:
        return
    if password:
        learn(password, unquote(password))


def mask(text: str) -> str:
    """Return a message without any key, however short and however written."""
    return _masked(text, _known)


def mask_answer(text: str) -> str:
    """Return a model's answer without keys, leaving words that merely stand in place of one."""
    return _masked(text, (key for key in _known if not _is_word(key)))


def mask_bytes(content: bytes) -> bytes:
    """Return the body of a response without keys, leaving words as `mask_answer` does."""
    keys = tuple(key for key in _known if not _is_word(key))
    if not keys:
        return content
    # Every byte is one character, so that a broken body stays what it is.
    text = content.decode("latin-1")
    masked = _masked(text, [key.encode().decode("latin-1") for key in keys])
    return content if masked is text else masked.encode("latin-1")


@contextmanager
def _room() -> Iterator[None]:
    """Turn what hinders a write into one line; whoever stopped reading is no hindrance."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"what is printed cannot be written ({error.strerror})",
            do="make room there, or print to another place",
        ) from error


class MaskingStream:
    """A stream of text whose writes are masked; all else is that of the stream behind it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text without keys; return the length of what was given.

        Raises OutputError where there is no room for it.
        """
        with _room():
            self._stream.write(mask(text))
        return len(text)

    def flush(self) -> None:
        """Write what is kept back; OutputError where there is no room for it."""
        with _room():
            self._stream.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts without keys."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def masking(stream: TextIO) -> TextIO:
    """Return a stream that masks what is written to it."""
    return cast("TextIO", MaskingStream(stream))


def _is_word(key: str) -> bool:
    return len(key) < _LIKE_A_WORD and (key.isalpha() or key.isdigit())


def _masked(text: str, keys: Iterable[str]) -> str:
    lowered = None
    for key in sorted(keys, key=len, reverse=True):
        if lowered is None:
            lowered = text.lower()
            escaped = any(mark in lowered for mark in "\\%&=") and _ESCAPED.search(lowered)
        if escaped or any(form in lowered for form in _plain_forms(key)):
            changed = _pattern(key).sub(MASK, text)
            if changed != text:
                text, lowered = changed, changed.lower()
    return text


@cache
def _plain_forms(key: str) -> tuple[str, ...]:
    """Return the key and its encodings in lower case, as they stand where nothing is escaped."""
    return tuple(dict.fromkeys(form.lower() for form in (key, *_encodings(key))))


def _encodings(key: str) -> Iterator[str]:
    """Yield the key in hexadecimal and in base64, alone, in a header, and amid other bytes."""
    raw = key.encode()
    if len(raw) * 2 >= _DIGITS:
        yield raw.hex()
    for header in _HEADERS:
        yield from _in_base64(f"{header}{key}".encode())
    yield from _in_base64(f"{key}:".encode())
    for before in range(3):
        # The first and the last character also depend on what is beside the key.
        encoded = b64encode(b"\0" * before + raw).decode().rstrip("=")
        core = encoded[-(-before * 4 // 3) :]
        core = core if (before + len(raw)) % 3 == 0 else core[:-1]
        if len(core) >= _RUN:
            yield core
            yield core.translate(_URL_SAFE)


_URL_SAFE = str.maketrans("+/", "-_")


def _in_base64(raw: bytes) -> Iterator[str]:
    encoded = b64encode(raw).decode().rstrip("=")
    if len(encoded) >= 4:
        yield encoded
        yield encoded.translate(_URL_SAFE)


@cache
def _pattern(key: str) -> re.Pattern[str]:
    """Return what matches a key and its encodings, each character written in any way."""
    # Base64 is filled up with one or two of these.
    ends = f"(?:{_any_writing('=')}){{0,2}}"
    encoded = sorted({*_encodings(key)} - {key}, key=len, reverse=True)
    forms = [_written(form, len(form) < _WORD) + ends for form in encoded]
    forms.append(_written(key, len(key) < _WORD or _is_word(key)))
    return re.compile("|".join(forms), re.IGNORECASE)


def _written(form: str, alone: bool) -> str:
    """Return what matches a form of a key, or only where it is a word of its own."""
    written = "".join(map(_any_writing, form))
    return f"{_BEGINS}{written}(?![a-z0-9])" if alone else written


@cache
def _any_writing(char: str) -> str:
    """Return what matches a character: itself, or an escape of JSON, an address, HTML or mail."""
    code = ord(char)
    octets = char.encode()
    forms = [
        rf"\\*{re.escape(char)}",
        rf"\\+u0*{code:x}",
        "".join(rf"\\+x0*{octet:x}" for octet in octets),
        "".join(f"%(?:25)*{octet:02x}" for octet in octets),
        "".join(f"={octet:02x}" for octet in octets),
        rf"&(?:amp;)*\#0*{code};?",
        rf"&(?:amp;)*\#x0*{code:x};?",
        *(f"&(?:amp;)*{name.rstrip(';')};?" for name in _entities().get(char, ())),
    ]
    return f"(?:{'|'.join(forms)})"


@cache
def _entities() -> dict[str, list[str]]:
    """Return the names that HTML has for each character."""
    names: dict[str, list[str]] = {}
    for name, char in html5.items():
        names.setdefault(char, []).append(name)
    return names
