"""The emotion of a user's turn: what three annotators chose, and the label made of it.

The label is what two of the three chose, or was decided manually where all differ. Elicitor and
conduct follow from it by the owner's definitions of the labels, in `definitions.tsv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from builders.corpora.files import LONGEST_ID, BrokenRecord, as_json, printable, shortened
from builders.labels.tables import read_rows
from builders.record.types import Annotation, Sentiment, Utterance
from builders.record.views import VoteCount

_SENTIMENTS: dict[int, Sentiment] = {0: "neutral", 1: "negative", 2: "positive"}
_ANNOTATORS = 3


def annotate(utterance: Utterance, emotion: object) -> int:
    """Fill in the final label, its sentiment and what each annotator chose.

    Returns the number of annotators without a readable answer. BrokenRecord if the final label is
    missing.
    """
    final, said = _taken_apart(emotion)
    code, sentiment = (final.get("emotion"), final.get("sentiment")) if final else (None, None)
    if not isinstance(code, int) or not isinstance(sentiment, int):
        raise BrokenRecord(
            "broken_emotion",
            f"emotion is {_shown(emotion)}; expected {_ANNOTATORS} annotations and the final one, "
            "with emotion and sentiment",
        )
    if sentiment not in _SENTIMENTS:
        known = ", ".join(map(str, _SENTIMENTS))
        raise BrokenRecord("unknown_sentiment", f"{sentiment}; expected one of {known}")
    votes = _votes(said)
    utterance.label, utterance.sentiment = str(code), _SENTIMENTS[sentiment]
    elicitor, conduct = _definitions().get(utterance.label, (None, None))
    utterance.annotation = Annotation(votes=votes or None, elicitor=elicitor, conduct=conduct)
    return len(said) - len(votes)


def _votes(said: list[tuple[str | None, object]]) -> list[VoteCount]:
    """Return the votes of annotators with a readable answer."""
    return [
        {"rater": rater, "label": str(one["emotion"]), "count": 1}
        for rater, one in said
        if isinstance(one, dict) and isinstance(one.get("emotion"), int)
    ]


def _taken_apart(
    emotion: object,
) -> tuple[Mapping[str, object] | None, list[tuple[str | None, object]]]:
    """Return the final annotation, and the others by annotator."""
    final: object = None
    said: list[tuple[str | None, object]] = []
    if isinstance(emotion, dict):  # as in an older description of the files
        final = emotion.get("final")
        said = [(_named(rater), one) for rater, one in emotion.items() if rater != "final"]
    elif isinstance(emotion, list) and len(emotion) > _ANNOTATORS:
        *others, final = emotion
        said = [(_rater(one), one) for one in others]
    return (final if isinstance(final, dict) else None), said


def _rater(annotation: object) -> str | None:
    """Return the annotator: the only text in an annotation, whatever its field is called."""
    values = annotation.values() if isinstance(annotation, dict) else ()
    name = next((value for value in values if isinstance(value, str)), None)
    return _named(name) if name else None


def _named(rater: str) -> str:
    return shortened(printable(rater), LONGEST_ID)


def _shown(value: object) -> str:
    return shortened(as_json(value), 200)


@cache
def _definitions() -> dict[str, tuple[str | None, str | None]]:
    """Return elicitor and conduct of each label."""
    path = Path(__file__).with_name("definitions.tsv")
    rows = read_rows(path, ("label", "elicitor", "conduct"), key=("label",))
    cells = [row.cells for row in rows]
    return {c["label"]: (c["elicitor"] or None, c["conduct"] or None) for c in cells}
