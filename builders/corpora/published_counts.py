"""Counting what was read, as the published counts of a corpus count it.

`counts.tsv` has a row for each published number: split, what, label, count. *What* is a measure
(utterances, targets, dialogues, speakers, clips, or the votes of a view such as ``voice_votes``),
a measure by columns (``speakers by sex``), or columns alone, which count utterances (``emotion``,
``intended+voice``); *label* holds the values of the columns, joined by ``+``. It may also be the
name of a note that the reader makes. The split `total` is the sum over all splits.

Columns: emotion, sentiment, fold, sex, text, and of each label view its label (``voice``), how it
compares with the intended one (``voice_vs_intended``), whether more than half of the votes agree
(``voice_majority``), its level (``intended_level``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from builders import resources
from builders.labels.tables import read_rows
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue
from builders.record.views import LabelView

_MEASURES = {
    "utterances": pl.len(),
    "targets": pl.col("target").sum(),
    "dialogues": pl.col("dialogue").n_unique(),
    "speakers": pl.col("speaker").drop_nulls().n_unique(),
    "clips": pl.col("clip").sum(),
}
_PLAIN = {"emotion": "label", "sentiment": "sentiment", "sex": "sex", "text": "text"}
_OF_VIEW = re.compile(r"(?P<view>\w+?)(?P<kind>_vs_intended|_majority|_level)?")
_Key = tuple[str, str, str]
TOTAL = "total"


@dataclass(frozen=True)
class Count:
    """One published number: the utterances of train, its rows of joy."""

    split: str
    what: str
    label: str
    count: int


@dataclass(frozen=True)
class Compared:
    """One published count beside what was read."""

    split: str
    what: str
    label: str
    expected: int
    found: int


def read_counts(slug: str) -> Iterator[Count]:
    """Yield the published counts of a corpus; LabelError names a row that is wrong."""
    path = resources.corpus_folder(slug) / "counts.tsv"
    key = ("split", "what", "label")
    for row in read_rows(path, (*key, "count"), key):
        if not row.cells["count"].isdecimal():
            raise row.error("count", "a whole number")
        yield Count(
            row.text("split"), row.text("what"), row.cells["label"], int(row.cells["count"])
        )


def with_totals(published: Sequence[Count], found: Mapping[_Key, int]) -> dict[_Key, int]:
    """Return what was found, and the sums over all splits that the published counts ask for."""
    wanted = {count.what for count in published if count.split == TOTAL}
    sums: dict[_Key, int] = {}
    for (_, what, label), count in found.items():
        if what in wanted:
            sums[TOTAL, what, label] = sums.get((TOTAL, what, label), 0) + count
    return {**found, **sums}


def compare(published: Sequence[Count], found: Mapping[_Key, int]) -> list[Compared]:
    """Return each published count beside the one found, then what was found and not published."""
    expected = {(count.split, count.what, count.label): count.count for count in published}
    parts = {key[:2] for key in expected}
    parts_found = {key[:2] for key in found}
    more = [key for key in found if key not in expected and key[:2] in parts]
    # A part that cannot be counted, such as clips without media, is not compared.
    rest = [key for key in expected if key[:2] in parts_found or not _needs_media(key[1])]
    return [Compared(*key, expected.get(key, 0), found.get(key, 0)) for key in (*rest, *more)]


def _needs_media(what: str) -> bool:
    return what.split(" by ")[0] == "clips"


class FoundCounts:
    """Holds of every utterance the columns that the published counts ask for.

    Args:
        wanted: the *what* of the published counts.
        with_media: whether clips can be counted.
        node: the emotion that a label stands for, to compare labels of different spelling.
    """

    def __init__(self, wanted: Iterable[str], with_media: bool, node: Callable[[str], str]) -> None:
        self._node = node
        wanted = [what for what in sorted(wanted) if with_media or not _needs_media(what)]
        self._wanted = {what: _parsed(what) for what in wanted}
        self._columns = sorted({c for _, columns in self._wanted.values() for c in columns})
        votes = {measure for measure, _ in self._wanted.values() if measure.endswith("_votes")}
        self._votes = sorted(votes)
        self._rows: list[tuple[Any, ...]] = []

    def add(self, dialogue: Dialogue) -> None:
        """Take in a dialogue whose labels are settled."""
        fold = next((f.partition(":")[0] for f in dialogue.folds if f.endswith(":test")), None)
        for u in dialogue.utterances:
            views = {view["name"]: view for view in (u.annotation and u.annotation.views) or ()}
            row = (dialogue.split, dialogue.id, u.speaker, u.targetable, u.media is not None)
            plain = {name: getattr(u, field) for name, field in _PLAIN.items()} | {"fold": fold}
            cells = [plain.get(c) or _view_cell(views, c, self._node) for c in self._columns]
            votes = [_votes(views.get(m.removesuffix("_votes"))) for m in self._votes]
            self._rows.append((*row, *cells, *votes))

    def counts(self, notes: Sequence[ReaderNote]) -> dict[_Key, int]:
        """Return what was found, by split, what and label; of the notes, those that are wanted."""
        table = self._table()
        named = (note for note in notes if note["note"] in self._wanted)
        found = {(note["split"], note["note"], ""): note["count"] for note in named}
        for what, (measure, columns) in self._wanted.items():
            summed = _MEASURES[measure] if measure in _MEASURES else pl.col(measure).sum()
            kept = table.drop_nulls(columns) if columns else table
            groups = kept.group_by("split", *columns, maintain_order=True).agg(n=summed)
            for split, *values, count in groups.iter_rows():
                found[split, what, "+".join(values)] = count
        return found

    def _table(self) -> pl.DataFrame:
        names = {name: pl.String for name in ("split", "dialogue", "speaker")}
        flags = {"target": pl.Boolean, "clip": pl.Boolean}
        columns = dict.fromkeys(self._columns, pl.String)
        votes = dict.fromkeys(self._votes, pl.Int64)
        schema: dict[str, Any] = {**names, **flags, **columns, **votes}
        return pl.DataFrame(self._rows, schema=schema, orient="row")


def _parsed(what: str) -> tuple[str, list[str]]:
    """Return the measure of a *what* and its columns."""
    measure, by, columns = what.partition(" by ")
    if by:
        return measure, columns.split("+")
    if measure in _MEASURES or measure.endswith("_votes"):
        return measure, []
    return "utterances", measure.split("+")


def _view_cell(
    views: Mapping[str, LabelView], column: str, node: Callable[[str], str]
) -> str | None:
    """Return what a column says of a label view, as text; None where there is no such view."""
    found = _OF_VIEW.fullmatch(column)
    if found is None or (view := views.get(found["view"])) is None:
        return None
    winners = _winners(view)
    match found["kind"]:
        case "_level":
            return "none" if view["level"] is None else f"{view['level']:g}"
        case "_majority":
            most = max(vote["count"] for vote in view["votes"] or ())
            return "yes" if 2 * most > _votes(view) else "no"
        case "_vs_intended":
            intended = views["intended"]["label"] or ""
            agrees = node(intended) in {node(label) for label in winners if label}
            if len(winners) > 1:
                return "tie_with" if agrees else "tie_without"
            return "same" if agrees else "other"
    return "tie" if len(winners) > 1 else winners[0]


def _winners(view: LabelView) -> list[str | None]:
    """Return the labels with most votes; without votes, the label."""
    votes = view["votes"]
    if not votes:
        return [view["label"]]
    most = max(vote["count"] for vote in votes)
    return [vote["label"] for vote in votes if vote["count"] == most]


def _votes(view: LabelView | None) -> int:
    return sum(vote["count"] for vote in (view and view["votes"]) or ())
