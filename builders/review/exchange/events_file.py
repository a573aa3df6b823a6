"""Events as JSON Lines, for version control and for other stores.

One event per line, in the order they were made, keys in alphabetical order: a file written
again later has the same lines with new ones appended. Annotators appear as pseudonyms; names and
tokens never leave the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import Field, ValidationError

from builders.errors import SourceError
from builders.record.dataset import Build
from builders.record.folder import writable
from builders.review.data.bodies import FORMAT, Checked, Hash, Name, sentences
from builders.review.data.checked import Elsewhere
from builders.review.data.events import Event, Reviews
from builders.review.outcome.merge import Merged
from builders.store.database import Store

# Assigned by each store.
_LOCAL = ("number", "version")
# A line in format 1 does not have it.
_FIRST = 1


class _Line(Checked):
    """The fields of one line."""

    id: str = Field(pattern=r"^[!-~]{1,64}$")
    build: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$")
    item: Name
    seen: Hash
    annotator: str = Field(pattern=r"^a-[0-9a-f]{10}$")
    kind: str = Field(pattern=r"^(decision|adjudication|audit|comparison|gold|undo)$")
    verdict: str = Field(pattern=r"^(accept|edit|reject|skip|undo|a|b|equal)$")
    undoes: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")] | None
    surplus: bool
    body: dict[str, Any]
    at: float
    format: Annotated[int, Field(ge=_FIRST, le=FORMAT)] = _FIRST


def event_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """Yield events as JSON Lines, each with a line feed."""
    for event in sorted(events, key=lambda event: (event.at, event.id)):
        left = (*_LOCAL, "format") if event.format == _FIRST else _LOCAL
        document = {name: value for name, value in asdict(event).items() if name not in left}
        yield json_line(document)


def merged_lines(views: Iterable[Merged]) -> Iterator[bytes]:
    """Yield the outcome for each item: its `review`, the chosen reply, and the single decisions."""
    for view in views:
        decision = view.decisive.decision if view.decisive else None
        yield json_line(
            {
                "id": view.item.item,
                "build": view.item.build,
                "seen": view.item.seen,
                **view.review,
                "reasons": list(view.reasons),
                "reply": decision and decision.reply,
                "strategies": decision and decision.strategies,
                "decided_by": {event.annotator: event.verdict for event in view.decisions},
            }
        )


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Write lines to a file, replacing its content, and return their number."""
    count = 0
    with writable(path, "--to"):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        with temporary.open("wb") as stream:
            for line in lines:
                stream.write(line)
                count += 1
        temporary.replace(path)
    return count


class Imported(NamedTuple):
    """The number of events in a file, of new ones, and of undos of events already undone."""

    read: int
    new: int
    undone: int


def import_events(store: Store, build: Build, path: Path) -> Imported:
    """Append the events of a file that are not stored yet.

    Args:
        store: the store that gets them.
        build: the build under review, registered in the store.
        path: a file written by `event_lines`.

    Raises:
        SourceError: a line is not in that format, or the page would reject its content;
            nothing is appended.
    """
    found, wrong = _read(path)
    numbers = list(found)
    elsewhere = Elsewhere(store, build, [*found.values()])
    wrong |= {numbers[place]: fault for place, fault in elsewhere.faults()}
    if wrong:
        raise _refused(path, wrong)
    added = Reviews(store).add(found.values())
    return Imported(len(found), added.new, added.undone)


def _read(path: Path) -> tuple[dict[int, Event], dict[int, str]]:
    """Return the events of a file, and the errors in other lines, by line number."""
    found: dict[int, Event] = {}
    wrong: dict[int, str] = {}
    for number, line in _lines(path):
        try:
            found[number] = _event(line)
        except ValueError as error:
            wrong[number] = str(error)
    return found, wrong


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the non-empty lines of a file, with their numbers from 1."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"cannot read events ({error.strerror})",
            where=path,
            expected="a file that `hearten review-export` wrote",
            do="check the file name",
        ) from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _event(line: bytes) -> Event:
    """Return the event in a line; ValueError gives the reason if it is not valid."""
    if line.lstrip()[:1] != b"{":
        raise ValueError("not a JSON object")
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not a JSON object ({error})") from error
    try:
        read = _Line.model_validate(document)
    except ValidationError as error:
        raise ValueError(sentences(error)[0]) from error
    return Event(number=0, version=0, **read.model_dump())


def _refused(path: Path, wrong: Mapping[int, str]) -> SourceError:
    first, further = min(wrong), len(wrong) - 1
    also = f"; {further:,} further lines are wrong" if further > 1 else ""
    also = "; 1 further line is wrong" if further == 1 else also
    return SourceError(
        f"not a valid review event: {wrong[first]}",
        where=f"{path}:{first}",
        expected="a line written by `hearten review-export`, with choices that the review page "
        "offers",
        do=f"fix or remove the line; nothing was imported{also}",
    )


def json_line(document: object) -> bytes:
    """Return a document as one line of JSON, its keys in alphabetical order."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
