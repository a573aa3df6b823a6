"""The class sets the field reports on (IEMOCAP's four and six, the seven) as views of emotions.

Read from ``label_maps/emotion/views``, one SSSOM table for each: an emotion without a row is what
its root is.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import read_rows
from builders.labels.vocabulary import UNMAPPED, Vocabulary, vocabulary
from builders.record.views import LabelView

_COLUMNS = ("subject_label", "predicate_id", "object_id", "object_label", "comment")


def _read(path: Path, words: Vocabulary) -> dict[str, str | None]:
    """Return the class of every emotion, None for those that the class set leaves out."""
    rows: dict[str, str | None] = {}
    for row in read_rows(path, _COLUMNS, key=("subject_label",)):
        node = row.choice("subject_label", words.nodes)
        row.text("comment")
        unmapped = row.cells["object_id"] == UNMAPPED
        rows[node] = None if unmapped else row.text("object_label")
    if missing := [root for root in words.roots if root not in rows]:
        raise LabelError(
            f"no row for {', '.join(missing)}",
            where=path,
            expected="a row for each coarse label",
            do=f"add it ({UNMAPPED} if the class set does not have this emotion)",
        )
    return {node: rows.get(node, rows[words.root_of(node)]) for node in words.nodes}


@cache
def class_views() -> dict[str, dict[str, str | None]]:
    """Return each class set by name: the class of every emotion, None where it has none."""
    folder = resources.label_maps() / "emotion" / "views"
    names = {path.name.removesuffix(".sssom.tsv"): path for path in folder.glob("*.sssom.tsv")}
    return {name: _read(path, vocabulary()) for name, path in sorted(names.items())}


@cache
def views_version() -> str:
    """Return the first 12 hex digits of the SHA-256 over the tables."""
    paths = sorted((resources.label_maps() / "emotion" / "views").glob("*.sssom.tsv"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:12]


@cache
def views_of(emotion: str, match_root: str) -> tuple[LabelView, ...]:
    """Return a label under each class set, in the shape of `annotation.views` of a sample.

    It has no class if it does not match its coarse label well (`match_root` is broad or none): an
    apology is not what papers count as sad, and labels without agreement have no class.
    """
    fits = match_root in ("exact", "close")
    return tuple(
        LabelView(
            name=name,
            label=classes[emotion] if fits else None,
            votes=None,
            agreement=None,
            level=None,
        )
        for name, classes in class_views().items()
    )
