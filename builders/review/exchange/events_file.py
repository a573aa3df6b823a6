"""Events as JSON Lines: for version control, for another store, for a colleague's.

One event a line, in the order in which they were made, keys in alphabetical order: a file written
again later has the same lines and more after them. Annotators are their pseudonyms; names and
tokens never leave the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builders.errors import SourceError
from builders.record.folder import writable
from builders.record.schema import validator, violations
from builders.review.data.events import VERDICTS, Event, Reviews
from builders.review.outcome.merge import Merged

# Given anew by each store.
_LOCAL = ("number", "version")
_VERDICTS: dict[str, tuple[str, ...]] = {"undo": ("undo",), "comparison": ("a", "b", "equal")}
_SHA256 = r"^[0-9a-f]{64}$"


class _Line(BaseModel):
    """What one line must hold."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(min_length=1, max_length=64)
    build: str = Field(min_length=1, max_length=200)
    item: str = Field(min_length=1, max_length=500)
    seen: str = Field(pattern=_SHA256)
    annotator: str = Field(pattern=r"^a-[0-9a-f]{10}$")
    kind: str = Field(pattern=r"^(decision|adjudication|comparison|gold|undo)$")
    verdict: str = Field(pattern=r"^(accept|edit|reject|skip|undo|a|b|equal)$")
    undoes: str | None
    surplus: bool
    body: dict[str, Any]
    at: float


def event_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """Yield events as JSON Lines, each with its line feed."""
    for event in sorted(events, key=lambda event: (event.at, event.id)):
        document = {name: value for name, value in asdict(event).items() if name not in _LOCAL}
        yield json_line(document)


def merged_lines(views: Iterable[Merged]) -> Iterator[bytes]:
    """Yield what was decided about each item: its `review`, the reply wanted, who decided what."""
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
    """Write lines to a file in place of what it held, and return how many there are."""
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


def import_events(reviews: Reviews, path: Path) -> tuple[int, int]:
    """Append the events of a file that are not held yet; return how many it has, how many are new.

    Raises:
        SourceError: the file or a line of it is not what `event_lines` writes; nothing is appended.
    """
    found = list(_read(path))
    return len(found), reviews.add(found)


def _read(path: Path) -> Iterator[Event]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"cannot read events ({error.strerror})",
            where=path,
            expected="a file that `hearten review-export` wrote",
            do="correct the name",
        ) from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield _event(line, f"{path}:{number}")


def _event(line: bytes, where: str) -> Event:
    try:
        read = _Line(**orjson.loads(line))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise _not_an_event("not a JSON object", where) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise _not_an_event(f"{field}: {first['msg']}", where) from error
    event = Event(number=0, version=0, **read.model_dump())
    wrong = _body_fault(event)
    if wrong:
        raise _not_an_event(wrong, where)
    return event


def _body_fault(event: Event) -> str | None:
    """Return what is wrong with an event's verdict and body for its kind, or None."""
    verdicts = _VERDICTS.get(event.kind, VERDICTS)
    if event.verdict not in verdicts:
        return f"verdict: {event.verdict!r} is not one of {', '.join(verdicts)}"
    if event.kind == "undo":
        return None if event.undoes else "undoes: an undo names an event"
    if event.kind == "comparison":
        return None if isinstance(event.body.get("other"), str) else "body: there is no other"
    try:
        decision = event.decision
    except TypeError as error:
        return f"body: {error}"
    if event.verdict == "edit":
        wrong = violations(validator("reply"), decision.reply)
        return f"body.reply: {wrong[0]}" if wrong else None
    return None


def _not_an_event(what: str, where: str) -> SourceError:
    return SourceError(
        f"no event of review: {what}",
        where=where,
        expected="a line that `hearten review-export` wrote",
        do="restore the file; nothing was imported",
    )


def json_line(document: Any) -> bytes:
    """Return a document as one line of JSON, its keys in alphabetical order."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
