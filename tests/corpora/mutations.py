"""Ways to damage the files of a corpus: bytes, cells, numbers, JSON, HDF5, names of clips."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

HUGE = (2_000, 20_001, 140_000, 1_100_000)
DEPTHS = (40, 900, 3_000, 100_000)
# Pieces that readers take for something: ends of lines and cells, numbers, codes, markup, escapes.
PIECES = (
    *(b"", b" ", b"\0", b'"', b'""', b"'", b"\n", b"\r", b"\r\n", b"\t", b",", b";", b":", b"::"),
    *(b"\xff", b"\xed\xa0\x80", b"\xff\xfe", b"\xef\xbb\xbf", b"\x85", b"\xc2\x85", b"\x1c"),
    *(b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xc2\x92", b"\xd9\xa3", b"\xc2\xb2", b"caf\xe9"),
    *(b"nan", b"inf", b"-inf", b"NaN", b"Infinity", b"1e400", b"1e308", b"-1", b"0", b"1_000"),
    *(b"9" * 9, b"9" * 18, b"9" * 400, b"9" * 5_000, b"0x10", b"1.5", b"2.0", b"-0.0", b"007"),
    *(b"null", b"true", b"[]", b"{}", b"[1]", b"\\u0000", b"\\ud800", b"\\", b"&#" + b"9" * 5_000),
    *(b"_comma_", b"__eou__", b"___", b"___-5___9e99___", b"A:A", b"A:D", b"~", b"%00", b"%s"),
    *(b"<" * 300, b"{{ 7*7 }}", b"../../x", b"/etc/passwd", b"=cmd()", b"#NAME?", b"['a']"),
    *(b"{[]: 1}", b"happiness", b"joy", b"xxx", b"(tie)", b"neutral;", b"99:99:99,999"),
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
TOKEN = re.compile(rb'"(?:[^"\\]|\\.){0,200}"|[\[\]{}:,]|-?\d+')
BETWEEN = (b",", b"\t", b" ", b":", b'"', b"___", b";", b"|", b"__eou__")


def _bits(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def _inserted(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice(PIECES) * rng.choice((1, 1, 1, 30)) + content[at:]


def _cut(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + content[at + rng.choice((1, 2, 8, 64, 512, len(content))) :]


def _lines(rng: random.Random, content: bytes) -> bytes:
    """Exchange two lines, or repeat one elsewhere, or leave one out."""
    lines = content.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(3):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            lines.insert(other, lines[one])
        case 2:
            del lines[one]
    return b"\n".join(lines)


def _cell(rng: random.Random, content: bytes) -> bytes:
    """Put something else into a cell, whatever stands between cells; or more of them, or fewer."""
    lines = content.split(b"\n")
    at, between = rng.randrange(len(lines)), rng.choice(BETWEEN)
    cells = lines[at].split(between)
    place = rng.randrange(len(cells))
    match rng.randrange(6):
        case 0:
            cells.insert(place, rng.choice(PIECES))
        case 1:
            del cells[place]
        case 2:
            cells[place] = b"word, " * rng.choice(HUGE) if rng.random() < 0.3 else b"\xe2\x80\x99"
        case 3:
            cells[place] = rng.choice((b"a", b" ", b"1", b"<", b"\xff")) * rng.choice(HUGE)
        case _:
            cells[place] = rng.choice(PIECES)
    lines[at] = between.join(cells)
    return b"\n".join(lines)


def _number(rng: random.Random, content: bytes) -> bytes:
    if not (found := [*NUMBER.finditer(content)]):
        return _inserted(rng, content)
    one = rng.choice(found)
    return content[: one.start()] + rng.choice(PIECES) + content[one.end() :]


def _token(rng: random.Random, content: bytes) -> bytes:
    """Exchange a value or a mark of JSON for another one of the file, or for a piece."""
    if not (found := [*TOKEN.finditer(content)]):
        return _inserted(rng, content)
    one, other = rng.choice(found), rng.choice(found)
    instead = other[0] if rng.random() < 0.5 else rng.choice(PIECES)
    return content[: one.start()] + instead + content[one.end() :]


def _deep(rng: random.Random, content: bytes) -> bytes:
    """Nest values deeply, in place of one where there is one, closed or not."""
    depth = rng.choice(DEPTHS)
    begin, end = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"-", b"")))
    nested = begin * depth + b"1" + (end * depth if rng.random() < 0.7 else b"")
    found = [*TOKEN.finditer(content)]
    if not found or rng.random() < 0.3:
        at = rng.randrange(len(content) + 1)
        return content[:at] + nested + content[at:]
    one = rng.choice(found)
    return content[: one.start()] + nested + content[one.end() :]


def _encoded(rng: random.Random, content: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    other = rng.choice(("utf-16", "utf-8-sig", "cp1252", "cp1251", "gbk", "latin-1", "utf-32"))
    return text.encode(other, "replace")


BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(_bits, _inserted, _cut, _lines, _cell, _cell, _cell, _number, _number, _token, _deep),
    _encoded,
)


def damaged(rng: random.Random, content: bytes) -> bytes:
    """Return the content of a file with one to six damages."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if len(content) > 4_000_000:
            break
        content = rng.choice(BYTES)(rng, content) if content else rng.choice(PIECES)
    return content


def damage_hdf5(rng: random.Random, path: Path) -> None:
    """Change a dataset or the name of a group of an HDF5 file in place."""
    import h5py
    import numpy as np

    with h5py.File(path, "r+") as file:
        datasets: list[Any] = []
        file.visititems(lambda _, one: datasets.append(one) if hasattr(one, "shape") else None)
        one = rng.choice(datasets)
        group, name = one.parent, one.name.rpartition("/")[2]
        match rng.randrange(8):
            case 0:
                del group[name]
            case 1:
                shape = rng.choice(((10**9, 7), (10**12,), (0, 7), (3,), (2, 2, 2), ()))
                del group[name]
                chunks = None if 0 in shape or shape == () else tuple(min(n, 64) for n in shape)
                group.create_dataset(name, shape=shape, dtype="f4", chunks=chunks)
            case 2:
                values = rng.choice((np.nan, np.inf, -np.inf, 1e30, 1e308, -1.0, 0.0))
                data = np.full(one.shape, values, "f8")
                del group[name]
                group[name] = data
            case 3:
                del group[name]
                group[name] = rng.choice((b"\xff", "text", "[" * 3_000, "9" * 5_000, '{"a": 1}'))
            case 4:
                kind = rng.choice(("i8", "S4", "c16", "?", "O"))
                data = np.ones(one.shape, kind if kind != "O" else "S1")
                del group[name]
                group[name] = data
            case 5:
                parent = group.parent if group.name != "/" else group
                there = [key for key in parent if key]
                new = rng.choice(
                    (b"\xff\xfe", b"x" * 300, b"x" * 5_000, b"a[1]", b"\xc3\xa9", b"a\\b")
                )
                parent.move(rng.choice(there), new) if there else None
            case 6:
                del group[name]
                group.create_group(name)
            case 7:
                del group[name]
                group[name] = h5py.SoftLink(rng.choice(("/", "/nowhere", one.name)))


def other_name(rng: random.Random, name: str) -> bytes:
    """Return another name for a file, as bytes: parts exchanged, numbers changed, no text."""
    stem, dot, ending = name.encode().rpartition(b".")
    match rng.randrange(5):
        case 0:
            stem = damaged(rng, stem)
        case 1:
            stem += rng.choice((b"\xff", b"\n", b" ", b"\xc3\xa9", b"-", b"_", b"\xd9\xa3"))
        case 2:
            parts = re.split(rb"([-_ ])", stem)
            rng.shuffle(parts)
            stem = b"".join(parts)
        case 3:
            stem = NUMBER.sub(b"9" * rng.choice((1, 2, 30, 200)), stem, 1)
        case 4:
            ending = rng.choice((b"WAV", b"wave", b"mp3", b"txt", b""))
    usable = (stem + dot + ending).replace(b"/", b"").replace(b"\0", b"")[:250]
    return usable if usable.strip(b".") else b"x.wav"
