"""Replacing personal data in a dialogue as soon as it is read: nothing later ever sees it.

So it is in no request, no record, no export and no published file. The clip of an utterance that
holds such a thing holds it as well: it is neither sent nor kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from builders.record.types import Dialogue, Reject
from builders.safety.people import PeopleFinder
from builders.safety.personal import PersonalSpan, personal_data
from builders.safety.surrogates import Surrogates

# The quality flag of an utterance in which something was replaced.
REPLACED = "personal_data_replaced"


def without_personal_data(
    dialogue: Dialogue, name: str, people: PeopleFinder | None = None
) -> dict[str, str]:
    """Replace in place what is personal in a dialogue; return its names, by what stands there.

    Numbers and addresses are returned to nobody: they are kept nowhere.

    Args:
        dialogue: the dialogue.
        name: what tells it from others.
        people: finds names of people; None leaves them.
    """
    said = [utterance.text for utterance in dialogue.utterances]
    texts = [*said, dialogue.background or ""]
    speakers = [utterance.speaker or "" for utterance in dialogue.utterances]
    spans = spans_of(texts, speakers, people)
    if not any(spans):
        return {}
    surrogates = Surrogates(name, [*texts, *speakers])
    for utterance, found in zip(dialogue.utterances, spans, strict=False):
        if found:
            utterance.text = surrogates.replaced(utterance.text, found)
            utterance.findings = (*utterance.findings, REPLACED)
    if dialogue.background:
        dialogue.background = surrogates.replaced(dialogue.background, spans[-1])
    return surrogates.names


def spans_of(
    texts: list[str], speakers: list[str], people: PeopleFinder | None
) -> list[Sequence[PersonalSpan]]:
    """Return what is personal in each text, in order; where two overlap, the pattern's counts."""
    by_patterns = [personal_data(text) for text in texts]
    if people is None:
        return [*by_patterns]
    return [
        with_names(*both) for both in zip(by_patterns, people.spans(texts, speakers), strict=True)
    ]


def with_names(found: Sequence[PersonalSpan], names: Sequence[PersonalSpan]) -> list[PersonalSpan]:
    """Return spans and those names that overlap none of them, in order."""
    free = [n for n in names if not any(n.start < one.end and one.start < n.end for one in found)]
    return sorted([*found, *free])


def reject_without_personal_data(reject: Reject, people: PeopleFinder | None = None) -> Reject:
    """Replace in place what is personal in the texts of a reject, and return it."""
    keys = [key for key, text in reject.raw.items() if isinstance(text, str)]
    texts = [str(reject.raw[key]) for key in keys]
    spans = spans_of(texts, [str(reject.raw.get("speaker") or "")], people)
    if any(spans):
        surrogates = Surrogates(reject.id, texts)
        replaced = (surrogates.replaced(*both) for both in zip(texts, spans, strict=True))
        reject.raw = {**reject.raw, **dict(zip(keys, replaced, strict=True))}
    return reject
