"""Verifying: what was read against the counts that were published, and the known defects."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from builders import assets
from builders.corpora import Reader, open_reader
from builders.corpora.reading import Defect, Defects, read_split
from builders.errors import ConfigError, SourceError
from builders.records import Dialogue, Reject, Utterance
from builders.voice.decode import ClipError, decode

State = Literal["found", "missing", "not_checked"]
_LIST_UP_TO = 12


@dataclass(frozen=True)
class Count:
    """One published count beside what was read: the utterances of train, its rows of joy."""

    split: str
    what: str
    label: str
    expected: int
    found: int


@dataclass(frozen=True)
class Fault:
    """One known defect and whether it is there; ``not_checked`` when that cannot be seen."""

    id: str
    defect: str
    value: str
    state: State


@dataclass
class Verification:
    """What verifying found. `rejects` counts the broken records by reason."""

    slug: str
    source: Path
    with_media: bool
    rows: list[Count]
    faults: list[Fault]
    rejects: dict[str, int]
    notes: list[dict[str, Any]]

    @property
    def off(self) -> list[Count]:
        """Return the counts that differ from the published ones."""
        return [count for count in self.rows if count.expected != count.found]

    @property
    def ok(self) -> bool:
        """Return whether every count is as published; defects are reported and do not matter."""
        return not self.off

    def as_json(self) -> dict[str, Any]:
        """Return everything in plain types, for JSON."""
        return {**asdict(self), "source": str(self.source), "ok": self.ok}

    def as_text(self) -> str:
        """Return everything as lines for a person."""
        media = "with media" if self.with_media else "annotation files only"
        result = "as published" if self.ok else f"{len(self.off)} not as published"
        lines = [f"{self.slug} in {self.source} ({media})"]
        lines += [_count_line(count) for count in self.rows]
        lines += [f"{len(self.rows)} counts, {result}"]
        lines += [f"rejected: {n} {reason}" for reason, n in self.rejects.items()]
        lines += [_note_line(note) for note in self.notes]
        return "\n".join([*lines, "known defects:", *_fault_lines(self.faults)])


def _count_line(count: Count) -> str:
    name = f"{count.split} {count.what} {count.label}".rstrip()
    verdict = "" if count.expected == count.found else f"  differs: {count.expected:,} published"
    return f"  {name:<28}{count.found:>8,}{verdict}"


def _note_line(note: dict[str, Any]) -> str:
    rest = (f"{name} {value}" for name, value in note.items() if name != "note")
    return f"{note['note']}: {', '.join(rest)}"


def _fault_lines(faults: list[Fault]) -> Iterator[str]:
    groups: dict[tuple[str, State], list[str]] = {}
    for fault in faults:
        shown = f"{fault.id} ({fault.value})" if fault.value else fault.id
        groups.setdefault((fault.defect, fault.state), []).append(shown)
    for (defect, state), ids in groups.items():
        more = f" and {len(ids) - _LIST_UP_TO} more" if len(ids) > _LIST_UP_TO else ""
        shown = ", ".join(ids[:_LIST_UP_TO])
        yield f"  {defect}, {len(ids)} {state.replace('_', ' ')}: {shown}{more}"


def verify(slug: str, source: Path, *, text_only: bool = False) -> Verification:
    """Read a whole corpus and compare it with its `counts.tsv` and `defects.tsv`.

    Where there are no media at all, or with `text_only`, what only media can show is not checked.
    Raises SourceError as reading does.
    """
    reader, with_media = _open(slug, source, text_only)
    defects = Defects.load(slug)
    seen = _Seen(reader.root, with_media, {_key(row) for row in defects.rows})
    for split in reader.splits:
        # Without the table of defects: what it rejects is among the published counts too.
        for item in read_split(reader, slug, split, Defects()):
            seen.add(item)
    counts = list(_compare(seen, _published(slug)))
    faults = [Fault(_key(row), row.defect, row.value, seen.state(row)) for row in defects.rows]
    notes = list(reader.notes)
    return Verification(slug, source, with_media, counts, faults, dict(seen.rejects), notes)


def _open(slug: str, source: Path, text_only: bool) -> tuple[Reader, bool]:
    if not text_only:
        try:
            return open_reader(slug, source, with_media=True), True
        except SourceError:
            pass  # said again by the next line, unless it was only the media that are missing
    return open_reader(slug, source, with_media=False), False


def _published(slug: str) -> Iterator[tuple[str, str, str, int]]:
    path = assets.corpora() / slug / "counts.tsv"
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            try:
                yield row["split"], row["what"], row["label"], int(row["count"])
            except (KeyError, ValueError) as error:
                raise ConfigError(
                    f"row is wrong: {row}", where=path, expected="split, what, label and a number"
                ) from error


def _key(row: Defect) -> str:
    return f"{row.split}-{row.dialogue}-{row.utterance}"


class _Seen:
    """What was read: a few columns of every utterance, and whole those that a defect names."""

    def __init__(self, root: Path, with_media: bool, wanted: set[str]) -> None:
        self._root, self.with_media, self._wanted = root, with_media, wanted
        self._rows: list[tuple[str, str, str | None, str | None, str | None, bool]] = []
        self._known: dict[str, tuple[Utterance, Utterance | None]] = {}
        self.rejects: Counter[str] = Counter()

    def add(self, item: Dialogue | Reject) -> None:
        """Take in a dialogue or a reject."""
        if isinstance(item, Reject):
            self.rejects[item.reason] += 1
            return
        previous = None
        for u in item.utterances:
            row = (item.split, item.id, u.speaker, u.label, u.sentiment, u.media is not None)
            self._rows.append(row)
            if (key := f"{item.split}-{u.dialogue}-{u.utterance}") in self._wanted:
                self._known[key] = (u, previous)
            previous = u

    def table(self) -> pl.DataFrame:
        """Return one row per utterance."""
        names = {n: pl.String for n in ("split", "dialogue", "speaker", "emotion", "sentiment")}
        return pl.DataFrame(self._rows, schema={**names, "clip": pl.Boolean}, orient="row")

    def state(self, row: Defect) -> State:
        """Return whether a known defect is there."""
        if row.defect == "row_missing":
            return "missing" if _key(row) in self._known else "found"
        if (known := self._known.get(_key(row))) is None:
            return "missing"
        verdict = self._verdict(row, *known)
        return "not_checked" if verdict is None else "found" if verdict else "missing"

    def _verdict(self, row: Defect, u: Utterance, previous: Utterance | None) -> bool | None:
        match row.defect:
            case "same_span_as" | "leak_across_splits":
                other = self._known.get(row.value)
                return other is not None and (u.start, u.end) == (other[0].start, other[0].end)
            case "zero_span":
                return u.start == u.end
            case "starts_before_previous":
                return previous is not None and (u.start or 0) < (previous.start or 0)
            case "clip_missing" if self.with_media:
                return u.media is None
            case "clip_corrupt" if self.with_media:
                return self._seconds(u) is None
            case "overlong_clip":
                return (self._seconds(u) or 0) > float(row.value) - 1
            case "very_short_clip" if self.with_media:
                return (self._seconds(u) or 1) < float(row.value)
        return None

    def _seconds(self, utterance: Utterance) -> float | None:
        """Return the length of the clip, or of the annotation without media; None if broken."""
        if not self.with_media:
            return (utterance.end or 0) - (utterance.start or 0)
        try:
            return decode(utterance.media, self._root).duration if utterance.media else None
        except ClipError:
            return None


def _compare(seen: _Seen, published: Iterator[tuple[str, str, str, int]]) -> Iterator[Count]:
    """Yield each published count beside the one found, then what was found and not published."""
    expected = {(split, what, label): count for split, what, label, count in published}
    parts = {(split, what) for split, what, _ in expected}
    found = _tally(seen.table())
    for key in (*expected, *(key for key in found if key not in expected and key[:2] in parts)):
        if key[1] != "clips" or seen.with_media:
            yield Count(*key, expected.get(key, 0), found.get(key, 0))


def _tally(table: pl.DataFrame) -> dict[tuple[str, str, str], int]:
    """Return the counts of a table of utterances by split, what is counted, and label."""
    found: dict[tuple[str, str, str], int] = {}
    sums = {
        "utterances": pl.len(),
        "dialogues": pl.col("dialogue").n_unique(),
        "speakers": pl.col("speaker").drop_nulls().n_unique(),
        "clips": pl.col("clip").sum(),
    }
    for row in table.group_by("split", maintain_order=True).agg(**sums).iter_rows(named=True):
        found |= {(row["split"], what, ""): row[what] for what in sums}
    for what in ("emotion", "sentiment"):
        groups = table.drop_nulls(what).group_by("split", what, maintain_order=True).len()
        found |= {(split, what, label): count for split, label, count in groups.iter_rows()}
    return found
