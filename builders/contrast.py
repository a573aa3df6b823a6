"""Contrast groups: the same words by the same speaker, heard as different emotions.

They show that a reply must answer how something was said. Where a card says `same_words`, each
dialogue holds one speaker's renderings of the same words, so that a group lies inside one split by
construction. The same words by another speaker are a link only: another voice, another recording.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Sequence

from builders.records import Contrast, Dialogue, Emotions, Utterance
from builders.selection import rank

MAX_TWINS = 8
# The known defects of a clip that cannot stand for its words.
NO_MEMBER = frozenset({"same_audio_as", "no_signal"})


class Twins:
    """The utterances of a corpus by what is said in them, kept as ids: a pass over all of it."""

    def __init__(self) -> None:
        self._by_words: dict[str, list[tuple[int, str, str | None]]] = {}

    def add(self, utterance: Utterance) -> None:
        """Take in an utterance; `of` may be asked once all are in."""
        said = self._by_words.setdefault(utterance.text, [])
        said.append((rank(utterance.id), utterance.id, utterance.speaker))

    def freeze(self) -> None:
        """Sort what was taken in."""
        for said in self._by_words.values():
            said.sort()

    def of(self, utterance: Utterance) -> tuple[str, ...]:
        """Return ids of the same words by other speakers: the next few by the hash of their id."""
        said = self._by_words.get(utterance.text, [])
        at = bisect(said, (rank(utterance.id), utterance.id, utterance.speaker))
        others = (one for one in (*said[at:], *said[:at]) if one[2] != utterance.speaker)
        return tuple(
            sorted(name for _, (_, name, _) in zip(range(MAX_TWINS), others, strict=False))
        )


def contrasts(
    dialogue: Dialogue,
    emotions: Sequence[Emotions | None],
    twins: Twins,
    unfit: Collection[str] = (),
) -> list[Contrast]:
    """Return the place of each utterance of a dialogue among the same words said otherwise.

    Args:
        dialogue: one speaker's renderings of the same words.
        emotions: the mapped label of each, in the same order; an unknown one is in no group.
        twins: the corpus's utterances by their words.
        unfit: ids of clips that cannot stand for their words, by `NO_MEMBER`.
    """
    pairs = list(zip(dialogue.utterances, emotions, strict=True))
    roles = [None if said.id in unfit else _role(emotion) for said, emotion in pairs]
    group = dialogue.utterances[0].id.rpartition("-")[0] if dialogue.utterances else None
    together = group if len({role for role in roles if role}) > 1 else None
    return [
        Contrast(together if role else None, role if together else None, twins.of(utterance))
        for (utterance, _), role in zip(pairs, roles, strict=True)
    ]


def _role(emotion: Emotions | None) -> str | None:
    return None if emotion is None or emotion.root == "unknown" else emotion.primary
