"""The members of one large JSON object, one at a time.

Each is decoded by itself. What is wrong inside one (bytes that are not UTF-8, numbers without
bounds, values nested too deeply) is left for whoever reads it; what is wrong between them ends it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import TextIO

from builders.corpora.files import AGAIN, BrokenRecord, unreadable
from builders.corpora.opening import LARGEST_WHOLE, open_text
from builders.errors import SourceError

_CHUNK = 1 << 18
_SPACE = re.compile(r"[ \t\n\r]*")
# A string or a bracket; the quotation mark alone begins a string that is cut off.
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|["\[\]{}]', re.DOTALL)
# So near to the end of what was read, an error may be one of a value that is cut off there.
_NEAR = 16


def json_items(path: Path) -> Iterator[tuple[str, object]]:
    """Yield the members of the one JSON object in a file, one at a time.

    A value that cannot be read for what is in it is a BrokenRecord. Numbers with more than 18
    digits are floats, NaN and Infinity None. Raises SourceError if the file cannot be read, is not
    such an object or is cut off; the members before the error have been yielded by then.
    """
    try:
        with open_text(path) as stream:
            yield from _Members(stream).read(path)
    except OSError as error:
        raise unreadable(path, error) from error
    except JSONDecodeError as error:
        what = f"the file is not a complete JSON object ({error.msg})"
        raise SourceError(what, where=path, do=AGAIN) from error


def _whole(written: str) -> int | float:
    return int(written) if len(written) <= 18 else float(written)


def _no_number(_: str) -> None:
    return None


_decode = json.JSONDecoder(strict=False, parse_int=_whole, parse_constant=_no_number).raw_decode


class _Members:
    """Reads an object; of its file only the member that is being read is kept."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._at = 0

    def read(self, path: Path) -> Iterator[tuple[str, object]]:
        """Yield the members; JSONDecodeError where the object is none, or not whole."""
        self._more()
        if self._next() != "{":
            raise SourceError("the file is not a JSON object", where=path, do=AGAIN)
        self._at += 1
        mark = self._next()
        while mark != "}":
            if mark != '"':
                raise self._error("a name in quotation marks is missing")
            key = self._value()
            self._take(":", "a colon is missing after a name")
            self._next()
            yield str(key), self._value()
            if (mark := self._next()) == ",":
                self._at += 1
                mark = self._next()
                continue
            if mark != "}":
                raise self._error("a comma is missing" if mark else "it ends in the middle")
        self._at += 1
        if self._next():
            raise self._error("something follows its end")

    def _take(self, wanted: str, otherwise: str) -> None:
        if self._next() != wanted:
            raise self._error(otherwise)
        self._at += 1

    def _error(self, what: str) -> JSONDecodeError:
        return JSONDecodeError(what, "", 0)

    def _next(self) -> str:
        """Return the next character that is no space, without taking it; empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, at least as much again as is kept; return whether there was anything."""
        kept = self._text[self._at :]
        if len(kept) > LARGEST_WHOLE:
            raise self._error(f"a member is larger than {LARGEST_WHOLE >> 20} MB")
        more = self._stream.read(max(_CHUNK, len(kept)))
        self._text, self._at = kept + more, 0
        return bool(more)

    def _value(self) -> object:
        """Return the value that begins here; a BrokenRecord where it is nested too deeply."""
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except RecursionError:
                self._skip()
                return BrokenRecord("nested_too_deeply", "its values are nested too deeply")
            except JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos > len(self._text) - _NEAR
                if not cut or not self._more():
                    raise
                continue
            # A number may go on in what comes next.
            if end < len(self._text) or self._text[end - 1] in '"]}' or not self._more():
                self._at = end
                return value

    def _skip(self) -> None:
        """Go to the end of a value of brackets."""
        depth = 0
        while True:
            for found in _BRACKET.finditer(self._text, self._at):
                mark = found[0]
                if mark == '"':
                    break
                self._at = found.end()
                depth += (mark in "[{") - (mark in "]}")
                if depth == 0:
                    return
            else:
                self._at = len(self._text)
            if not self._more():
                raise self._error("it ends in the middle")
