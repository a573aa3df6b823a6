"""Finding the JSON object in what a model wrote around it.

Models think aloud, wrap an answer in a code fence or in one more key, write it twice, or write it
as Python does. What is meant is plain in each of these, so it is read, and what was done is said.
Nothing is completed: an object without its end is none.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

# Stands before what was thought where no answer followed.
THINK = "<think>"
# What stands for a character that no database holds; the checks of replies refuse it.
REPLACEMENT = "\ufffd"

# The end of what was thought, in the tags of the models that think.
_THOUGHT = re.compile(r"</(?:think|thinking|thought|reasoning|reflection)>", re.IGNORECASE)
# Strings in either kind of quotes, and the brackets outside of them.
_PARTS = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|([{}])""", re.DOTALL)
_BEGUN = re.compile(r"""\{\s*["']""")
_TRAILING_COMMA = re.compile(r"""("(?:\\.|[^"\\])*")|,(?=\s*[}\]])""", re.DOTALL)
_NOT_STORED = re.compile("[\ud800-\udfff\0]")
# An answer is a few hundred characters. What is far longer is searched as far as this.
_LONGEST = 50_000
_MOST_OBJECTS = 40
_MOST_WRAPPINGS = 3


class Found(NamedTuple):
    """An object, and what was left out or rewritten to read it ({field, from, to} each)."""

    document: dict[str, Any]
    coercions: list[dict[str, str]]


def find_object(text: str, schema: Mapping[str, Any]) -> Found | None:
    """Return the object of an answer, by preference one with the names that a schema requires.

    Args:
        text: what the model wrote.
        schema: a JSON Schema of an object; only its names are looked at.

    Returns:
        The first object with all the names, else the first one; None where there is none.
    """
    first: Found | None = None
    for document, how in _candidates(text):
        found = _named_as_in(schema, document, how)
        if set(schema.get("required", ())) <= found.document.keys():
            return found
        first = first or found
    return first


def has_object(text: str) -> bool:
    """Return whether an answer holds a whole JSON object."""
    return next(_candidates(text), None) is not None


def loads_anyhow(content: bytes) -> object:
    """Return what a body of JSON says: with a byte order mark, in UTF-16, with half a character.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(content.decode(json.detect_encoding(content), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise ValueError(str(error)) from error


def storable(text: str) -> str:
    """Return a text without what databases do not hold: NUL, and halves of characters."""
    return _NOT_STORED.sub(REPLACEMENT, text)


def _candidates(text: str) -> Iterator[tuple[dict[str, Any], list[dict[str, str]]]]:
    """Yield the objects of a text, each with how it was found: what was answered, then thought."""
    whole = _read(text.strip())
    if isinstance(whole, dict):
        yield whole, []
        return
    how: list[dict[str, str]] = []
    if isinstance(whole, str):
        text, how = whole, [_coerced("JSON in a JSON string")]
    *thought, said = _THOUGHT.split(text)
    if thought:
        how.append(_coerced("thoughts before the answer"))
    elif said.lstrip().startswith(THINK):
        # Only what was thought is there: the last object of it is the one that was settled on.
        said = said.lstrip().removeprefix(THINK)[-_LONGEST:].strip()
        yield from reversed([*_inside(said, [*how, _coerced("the thoughts alone")])])
        return
    yield from _inside(said[:_LONGEST], how)


def _inside(
    text: str, how: list[dict[str, str]]
) -> Iterator[tuple[dict[str, Any], list[dict[str, str]]]]:
    rest, found = text, []
    for piece in _pieces(text):
        rest = rest.replace(piece, "", 1)
        document = _read(piece)
        mended = ""
        if not isinstance(document, dict):
            document, mended = _mended(piece)
        if document is not None:
            found.append((document, mended))
    around = [_coerced("a code fence or text around the object")] if rest.strip() else []
    several = [_coerced("several objects")] if len(found) > 1 else []
    for document, mended in found:
        yield document, [*how, *around, *several, *([_coerced(mended)] if mended else [])]


def _pieces(text: str) -> Iterator[str]:
    """Yield each part from a bracket before a name to the one that closes it."""
    at = 0
    for _ in range(_MOST_OBJECTS):
        begun = _BEGUN.search(text, at)
        # What is in an object without its end is no object of its own.
        end = _end_of(text, begun.start()) if begun else None
        if begun is None or end is None:
            return
        yield text[begun.start() : end]
        at = end


def _end_of(text: str, start: int) -> int | None:
    depth = 0
    for part in _PARTS.finditer(text, start):
        if part[2]:
            depth += 1 if part[2] == "{" else -1
            if depth == 0:
                return part.end()
    return None


def _read(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _mended(piece: str) -> tuple[dict[str, Any] | None, str]:
    """Return an object that is no JSON yet, and what was wrong with it."""
    document = _read(_TRAILING_COMMA.sub(lambda part: part[1] or "", piece))
    if isinstance(document, dict):
        return document, "a comma before a closing bracket"
    for read, wrong in (
        (_with_line_breaks, "a line break in a string"),
        (_python, "a Python dict"),
    ):
        try:
            # Through JSON, so that what JSON does not have is refused.
            document = orjson.loads(orjson.dumps(read(piece)))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(document, dict):
            return document, wrong
    return None, ""


def _with_line_breaks(piece: str) -> object:
    return json.loads(piece, strict=False)


def _python(piece: str) -> object:
    return ast.literal_eval(piece)


def _named_as_in(
    schema: Mapping[str, Any], document: dict[str, Any], how: list[dict[str, str]]
) -> Found:
    """Return an object out of what wraps it, with its names in the schema's case."""
    how, names = [*how], frozenset(schema.get("properties", {}))
    for _ in range(_MOST_WRAPPINGS):
        if _has_names(document, names):
            break
        inner = [(key, _unwrapped(value)) for key, value in document.items()]
        replies = [(key, value) for key, value in inner if _has_names(value, names)]
        if len(replies) != 1 and len(inner) != 1:
            break
        key, value = (replies or inner)[0]
        if not isinstance(value, dict):
            break
        document = value
        how.append(_coerced(f"inside {key[:40]!r}"))
    return Found(_renamed(schema, document, "", how), how)


def _unwrapped(value: object) -> object:
    """Return what a list of one holds, or what a string says that is JSON."""
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return _read(value) if isinstance(value, str) else value


def _has_names(value: object, names: frozenset[str]) -> bool:
    """Return whether something is an object with one of these names, in any case."""
    return isinstance(value, dict) and any(_plain(name) in names for name in value)


def _renamed(
    schema: Mapping[str, Any], document: dict[str, Any], at: str, how: list[dict[str, str]]
) -> dict[str, Any]:
    properties = schema.get("properties", {})
    renamed: dict[str, Any] = {}
    for given, value in document.items():
        name = given
        if given not in properties and _plain(given) in properties.keys() - document.keys():
            name = _plain(given)
            how.append({"field": f"{at}{name}", "from": given, "to": name})
        inner = properties.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            value = _renamed(inner, value, f"{at}{name}.", how)
        renamed[name] = value
    return renamed


def _plain(name: object) -> str:
    return str(name).strip().lower()


def _coerced(was: str) -> dict[str, str]:
    return {"field": "answer", "from": was, "to": "the object"}
