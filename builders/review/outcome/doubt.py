"""The doubt score of a sample: signs of problems, weighted by a table.

The signs are in the record, from reading, audio analysis, drafting and checking, so nothing
is measured again. The weights are in ``label_maps/review/_doubt.tsv``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from builders import resources
from builders.evaluation.dimensions import dimension
from builders.labels.tables import TableRow, read_rows
from builders.record.views import SampleRecord


def _judged_low(record: SampleRecord) -> float:
    """Return how far the judges' scores are from the best, each on its own scale, from 0 to 1.

    Scores of a judge that is not fit in the dimension, or not measured, count for nothing.

    Raises LabelError for a dimension without a scale.
    """
    given = record["judgements"] or ()
    short = [dimension(one["dimension"]).shortfall(one["value"]) for one in given if one["fit"]]
    return sum(short) / len(short) if short else 0


def _votes_apart(record: SampleRecord) -> float:
    """Return the share of votes that were not for the label."""
    agreement = record["annotation"]["agreement"]
    return 0 if agreement is None else 1 - agreement


def _codes(record: SampleRecord) -> list[str]:
    return [found["code"] for found in record["audio_info"]["findings"]]


_MISMATCH = "text_audio_mismatch"
_MARKS: dict[str, Callable[[SampleRecord], float]] = {
    "coercions": lambda record: len(record["drafting"]["coercions"]),
    "attempts": lambda record: record["drafting"]["attempts"] - 1,
    "audio_findings": lambda record: sum(code != _MISMATCH for code in _codes(record)),
    _MISMATCH: lambda record: _MISMATCH in _codes(record),
    "failed_checks": lambda record: len(record["checks"]["results"] if record["checks"] else ()),
    "judged_low": _judged_low,
    "ambiguous_label": lambda record: (
        len(record["target_utterance"]["emotions"]["alternatives"]) > 0
        or record["target_utterance"]["emotions"]["valence"] in ("ambiguous", "mixed", "unknown")
    ),
    "votes_apart": _votes_apart,
    "unsupported": lambda record: (
        record["audio_contribution"] is not None
        and record["audio_contribution"]["class"] == "unsupported"
    ),
    "loose_match": lambda record: record["annotation"]["match_leaf"] in ("broad", "none"),
    "sensitive": lambda record: (
        record["safety"] is not None and record["safety"]["route"] in ("sensitive", "crisis")
    ),
}


def marks_of(record: SampleRecord) -> dict[str, float]:
    """Return the signs of problems in a sample."""
    found = {name: float(measure(record)) for name, measure in _MARKS.items()}
    return {name: value for name, value in found.items() if value}


def doubt_of(record: SampleRecord) -> float:
    """Return the weighted sum of a sample's signs, each at most 3 times its weight; 0 is none."""
    return sum(
        _weights().get(name, 0.0) * min(value, 3) for name, value in marks_of(record).items()
    )


@cache
def _weights() -> dict[str, float]:
    rows = read_rows(
        resources.label_maps() / "review" / "_doubt.tsv",
        ("mark", "weight", "reason"),
        key=("mark",),
    )
    return {row.choice("mark", _MARKS): _weight(row) for row in rows}


def _weight(row: TableRow) -> float:
    try:
        return float(row.text("weight"))
    except ValueError as error:
        raise row.error("weight", "a number") from error
