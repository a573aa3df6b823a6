"""What no utterance of any corpus can be: looked for in whatever a reader yields.

Readers say what is wrong with their own columns and lines. This is what they share: text that is no
text, names too long to name anything, numbers that are none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from builders.corpora.files import (
    LONGEST_ID,
    LONGEST_TEXT,
    BrokenRecord,
    id_part,
    printable,
    require_utf8,
    shortened,
)
from builders.record.types import Annotation, Dialogue, Reject, Utterance, sample_id


def without_unusable(dialogue: Dialogue, slug: str) -> list[Reject]:
    """Take out of a dialogue the utterances that cannot be used, and return them as rejects.

    Their places are noted in `missing`. What a reject has left of itself goes without a word.
    """
    wrong = list(_wrong(dialogue))
    if wrong:
        gone = {id(utterance) for utterance, _ in wrong}
        dialogue.utterances = [u for u in dialogue.utterances if id(u) not in gone]
        orders = (utterance.order for utterance, _ in wrong)
        dialogue.missing = [*dialogue.missing, *filter(math.isfinite, orders)]
    return [_reject(u, dialogue, slug, error) for u, error in wrong if not u.rejected]


def _wrong(dialogue: Dialogue) -> Iterator[tuple[Utterance, BrokenRecord]]:
    try:
        _check_text("background", dialogue.background or "")
        _check_name(dialogue.id)
    except BrokenRecord as error:
        for utterance in dialogue.utterances:
            yield utterance, error
        return
    for utterance in dialogue.utterances:
        if _is_plain(utterance):
            continue
        try:
            _check(utterance)
        except BrokenRecord as error:
            yield utterance, error


def _is_plain(said: Utterance) -> bool:
    """Return whether nothing can be wrong with an utterance, as with nearly all: told at once."""
    written = f"{said.text}{said.speaker}{said.label}{said.utterance}"
    return (
        written.isascii()
        and len(written) <= LONGEST_TEXT
        and len(said.utterance) <= LONGEST_ID
        and not (said.text.isspace() or said.annotation or said.text == "")
        and math.isfinite(said.order + (said.start or 0.0) + (said.end or 0.0))
    )


def _check(said: Utterance) -> None:
    _check_name(said.utterance)
    _check_text("text", said.text)
    if not said.text.strip():
        raise BrokenRecord("empty_text", "it has no text")
    _check_text("speaker", said.speaker or "")
    _check_text("label", said.label or "")
    for name in ("order", "start", "end"):
        _check_number(name, getattr(said, name))
    if said.annotation:
        _check_annotation(said.annotation)


def _check_name(name: str) -> None:
    if len(name) > LONGEST_ID:
        detail = f"an id has {len(name):,} characters; expected {LONGEST_ID} at most"
        raise BrokenRecord("broken_id", detail)
    require_utf8(name)


def _check_text(name: str, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        detail = f"its {name} has {len(text):,} characters; expected {LONGEST_TEXT:,} at most"
        raise BrokenRecord("text_too_long", detail)
    require_utf8(text)


def _check_number(name: str, value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        raise BrokenRecord("broken_number", f"its {name} is {value}; expected a number")


def _check_annotation(said: Annotation) -> None:
    views = said.views or ()
    _check_number("intensity", said.intensity)
    for dimension in said.dimensions or ():
        _check_number(dimension["name"], dimension["value"])
    for view in views:
        _check_number(f"level of {view['name']}", view["level"])
        _check_text("label", view["label"] or "")
    for votes in (said.votes, *(view["votes"] for view in views)):
        for vote in votes or ():
            _check_text("rater", vote["rater"] or "")
            _check_text("vote", vote["label"])


def _reject(said: Utterance, dialogue: Dialogue, slug: str, error: BrokenRecord) -> Reject:
    name = sample_id(slug, dialogue.split, id_part(said.dialogue), id_part(said.utterance))
    cells = {"speaker": said.speaker, "text": said.text, "label": said.label}
    raw = {key: shortened(printable(cell)) if cell else cell for key, cell in cells.items()}
    return Reject(name, dialogue.split, "read", error.reason, error.detail, raw)
