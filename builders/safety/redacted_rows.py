"""Rows of a file with the personal data of their utterance, beside what was expected.

A row is as `hearten check` takes it. `gold` is a list of {start, end, kind}, in characters of the
utterance. A span counts as found where one of the same kind covers at least half of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from builders.safety.people import PeopleFinder
from builders.safety.personal import PersonalSpan, personal_kinds
from builders.safety.replacing import spans_of
from builders.safety.surrogates import Surrogates
from builders.stats import share
from builders.tasks.reply.checks.rows import BadRow, document_of, read_lines
from builders.tasks.reply.checks.scoring import shown

_SPAN = "a list of {start, end, kind}"


@dataclass(frozen=True, slots=True)
class RedactedRow:
    """A row of a file, what is personal in its utterance, and the texts with surrogates."""

    fields: dict[str, object]
    spans: tuple[PersonalSpan, ...]
    redacted: str
    context: list[object]
    surrogates: tuple[str, ...]
    gold: tuple[PersonalSpan, ...] | None

    @property
    def document(self) -> dict[str, object]:
        """Return the row with what was found; `redacted` is its utterance with surrogates."""
        spans = [
            {**asdict(span), "surrogate": surrogate}
            for span, surrogate in zip(self.spans, self.surrogates, strict=True)
        ]
        found: dict[str, object] = {"spans": spans, "redacted": self.redacted}
        if self.context:
            found["redacted_context"] = self.context
        return {**self.fields, **found}


def redacted_rows(path: Path, people: PeopleFinder | None = None) -> Iterator[RedactedRow | str]:
    """Yield each row with its spans; for one that cannot be read a line that says why.

    Args:
        path: the file.
        people: finds names of people; None leaves them. The names in `speakers` of a row stay.
    """
    return read_lines(path, lambda _, line: _redacted_row(line, people))


def _redacted_row(line: bytes, people: PeopleFinder | None) -> RedactedRow:
    fields = document_of(line, (), _all_spans, _SPAN)
    said = str(fields.get("utterance") or "")
    turns = cast("list[dict[str, object]]", fields.get("context") or [])
    texts = [str(turn["text"]) for turn in turns]
    speakers = _speakers(fields.get("speakers"))
    made = Surrogates(str(fields["id"]), [*texts, said, *speakers])
    *before, spans = spans_of([*texts, said], speakers, people)
    return RedactedRow(
        fields,
        tuple(spans),
        made.replaced(said, spans),
        [
            {**turn, "text": made.replaced(text, found)}
            for turn, text, found in zip(turns, texts, before, strict=True)
        ],
        tuple(made.of(span.kind, said[span.start : span.end]) for span in spans),
        _gold(fields.get("gold"), said),
    )


def _speakers(given: object) -> list[str]:
    """Return who speaks, as the row says it."""
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise BadRow(f"speakers is {given!r}; expected a list of names")
    return [str(one) for one in given]


def _all_spans(given: object) -> bool:
    return isinstance(given, list) and all(
        isinstance(one, dict)
        and isinstance(one.get("start"), int)
        and isinstance(one.get("end"), int)
        and isinstance(one.get("kind"), str)
        for one in given
    )


def _gold(given: object, said: str) -> tuple[PersonalSpan, ...] | None:
    if given is None:
        return None
    kinds = personal_kinds()
    spans = []
    for one in cast("list[dict[str, object]]", given):
        start, end, kind = cast(int, one["start"]), cast(int, one["end"]), str(one["kind"])
        if not 0 <= start < end <= len(said):
            raise BadRow(f"gold is {one!r}; expected a place in the utterance, 0 to {len(said)}")
        spans.append(PersonalSpan(start, end, kinds.get(kind.lower(), kind.lower())))
    return tuple(spans)


def _same(one: PersonalSpan, other: PersonalSpan) -> bool:
    shared = min(one.end, other.end) - max(one.start, other.start)
    longest = max(one.end - one.start, other.end - other.start)
    return one.kind == other.kind and 2 * shared >= longest


def redact_scores(rows: Sequence[RedactedRow]) -> dict[str, object]:
    """Return counts of spans by kind, and precision and recall of each where gold is given."""
    kinds = sorted({span.kind for row in rows for span in row.spans})
    found: dict[str, object] = {
        "rows": len(rows),
        "kinds": {kind: sum(s.kind == kind for row in rows for s in row.spans) for kind in kinds},
    }
    known = [(row.spans, row.gold) for row in rows if row.gold is not None]
    if known:
        asked = {span.kind for _, gold in known for span in gold}
        found["by_kind"] = {kind: _agreement(known, kind) for kind in sorted({*kinds, *asked})}
        found["all_kinds"] = _agreement(known, None)
    return found


def _agreement(
    known: Sequence[tuple[tuple[PersonalSpan, ...], tuple[PersonalSpan, ...]]], kind: str | None
) -> dict[str, object]:
    right = [
        any(_same(one, other) for other in gold)
        for spans, gold in known
        for one in spans
        if kind in (None, one.kind)
    ]
    hit = [
        any(_same(one, other) for other in spans)
        for spans, gold in known
        for one in gold
        if kind in (None, one.kind)
    ]
    return {"precision": asdict(share(right)), "recall": asdict(share(hit))}


def redact_lines(found: dict[str, object]) -> list[str]:
    """Return the scores as lines for a person."""
    kinds = found["kinds"]
    counts = kinds.items() if isinstance(kinds, dict) else ()
    told = ", ".join(f"{count} {kind}" for kind, count in counts) or "nothing personal"
    said = [f"{found['rows']} rows: {told}"]
    by_kind = found.get("by_kind")
    tables = {**by_kind, "all kinds": found["all_kinds"]} if isinstance(by_kind, dict) else {}
    for kind, cells in tables.items():
        parts = (f"{part} {shown(cells[part])}" for part in ("precision", "recall"))
        said.append(f"{kind}: {', '.join(parts)}")
    return said
