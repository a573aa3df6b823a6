"""Replacing personal data in a dialogue as soon as it is read: nothing later ever sees it.

So it is in no request, no record, no export and no published file. The clip of an utterance that
holds such a thing holds it as well: it is neither sent nor kept.
"""

from __future__ import annotations

from builders.record.types import Dialogue, Reject
from builders.safety.personal import personal_data
from builders.safety.surrogates import Surrogates

# The quality flag of an utterance in which something was replaced.
REPLACED = "personal_data_replaced"


def without_personal_data(dialogue: Dialogue, name: str) -> Dialogue:
    """Replace in place what is personal in the texts of a dialogue, and return it.

    Args:
        dialogue: the dialogue.
        name: what tells it from others.
    """
    said = [utterance.text for utterance in dialogue.utterances]
    texts = [*said, dialogue.background or ""]
    if not any(map(personal_data, texts)):
        return dialogue
    surrogates = Surrogates(name, texts)
    for utterance in dialogue.utterances:
        if spans := personal_data(utterance.text):
            utterance.text = surrogates.replaced(utterance.text, spans)
            utterance.findings = (*utterance.findings, REPLACED)
    if dialogue.background:
        dialogue.background = surrogates.replaced(dialogue.background)
    return dialogue


def reject_without_personal_data(reject: Reject) -> Reject:
    """Replace in place what is personal in the texts of a reject, and return it."""
    texts = [text for text in reject.raw.values() if isinstance(text, str)]
    if any(map(personal_data, texts)):
        surrogates = Surrogates(reject.id, texts)
        reject.raw = {
            key: surrogates.replaced(text) if isinstance(text, str) else text
            for key, text in reject.raw.items()
        }
    return reject
