"""What copying did to a text: what can be undone is undone and counted, what cannot is flagged.

Files are saved again by programs that take them for something else: as Windows-1252, through a
spreadsheet, by way of a Chinese code page. What decodes is then not yet what its owner wrote.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from builders.corpora.files import BrokenRecord
from builders.record.types import Utterance

# Windows-1252 as the control characters with the same numbers: five of these are undefined there
# and stay as they are.
_C1 = re.compile("[\x80-\x9f]")
_CP1252 = {n: bytes([n]).decode("cp1252", "ignore") or chr(n) for n in range(0x80, 0xA0)}
_BYTES = {chr(0xDC00 + n): bytes([n]).decode("cp1252", "ignore") for n in range(0x80, 0x100)}
# A byte that is no UTF-8 may be Windows-1252 where it stands alone, as in can\x92t, or is one of
# its marks. Two letters in a row are another code page's.
_STRAY = re.compile("[\udc80-\udcff]+")
_MARKS = frozenset("‘’“”–—…\xa0«»")
# The bytes of UTF-8 read as Windows-1252: a first byte and those that continue it.
_AFTER = "".join(bytes([n]).decode("cp1252", "ignore") or chr(n) for n in range(0x80, 0xC0))
_MISREAD = re.compile(f"[\xc2-\xf4][{re.escape(_AFTER)}]{{1,3}}")
_NUMBERS = {ord(char): n for n, char in enumerate(_AFTER, start=0x80)}

# What a text shows that was damaged for good, by the code of its flag.
DAMAGED = {
    "text_question_mark_in_word": re.compile(r"[^\W\d_]\?[^\W\d_]"),
    "text_spreadsheet_error": re.compile(r"#(?:NAME\?|REF!|VALUE!|DIV/0!|N/A|NUM!|NULL!)"),
    "text_is_a_date": re.compile(
        r"\A\s*(?:\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
        r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d\d)\s*\Z"
    ),
    "text_misread": re.compile(f"\ufffd|[\xc2\xc3][{re.escape(_AFTER)}]|â€|ï»¿"),
    "text_other_code_page": re.compile("[A-Za-z][\u3400-\u9fff]|[\u3400-\u9fff][a-z]"),
}


def flag_damage(utterance: Utterance) -> None:
    """Add the flags of what was done to an utterance's text."""
    text = utterance.text
    if "?" not in text and "-" not in text and "#" not in text and text.isascii():
        return
    found = (code for code, pattern in DAMAGED.items() if pattern.search(text))
    utterance.flags = tuple(dict.fromkeys((*utterance.flags, *found)))


def repaired(texts: Iterable[str], counts: Counter[str]) -> list[str]:
    """Return the texts of a record as they were before they were saved wrongly.

    What was done is counted in `counts` once: ``windows_1252_repaired``, ``c1_controls_repaired``,
    ``misread_utf8_repaired``. Raises BrokenRecord where bytes are of no encoding that is known.
    """
    done: set[str] = set()
    found = [text if text.isascii() else _repaired(text, done) for text in texts]
    counts.update(sorted(done))
    return found


def _repaired(text: str, done: set[str]) -> str:
    for name, pattern, mend in (
        ("windows_1252_repaired", _STRAY, _from_bytes),
        ("misread_utf8_repaired", _MISREAD, _from_misread),
        ("c1_controls_repaired", _C1, _from_control),
    ):
        mended = pattern.sub(mend, text)
        if mended != text:
            done.add(name)
            text = mended
    return text


def _from_bytes(run: re.Match[str]) -> str:
    chars = [_BYTES[char] for char in run[0]]
    if not all(chars) or (len(chars) > 1 and not _MARKS.issuperset(chars)):
        raise BrokenRecord("not_utf8", "it contains bytes that are neither UTF-8 nor Windows-1252")
    return "".join(chars)


def _from_control(char: re.Match[str]) -> str:
    return _CP1252[ord(char[0])]


def _from_misread(run: re.Match[str]) -> str:
    """Return what a run of characters was in UTF-8, or the run where it was none."""
    numbers = [_NUMBERS.get(ord(char), ord(char)) for char in run[0]]
    try:
        return bytes(numbers).decode("utf-8")
    except (UnicodeDecodeError, ValueError):
        return run[0]
