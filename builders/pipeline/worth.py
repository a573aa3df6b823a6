"""Which utterances of a dialogue are not worth a reply, in the passes over a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builders.record.types import Dialogue, Emotions
from builders.tasks.reply.worthy import Before, Worth, judged, judged_by_label

# Turns before an utterance that are looked at; `worthy` looks at fewer.
_BEFORE = 4


@dataclass(frozen=True)
class WorthJudge:
    """Judges the utterances of a corpus.

    `fixed_words` says that speakers were given their words, so that the label tells; `connected`
    that earlier turns of a dialogue were said before.
    """

    language: str
    fixed_words: bool
    connected: bool

    def unworthy(
        self, dialogue: Dialogue, emotions: Sequence[Emotions | None]
    ) -> Iterator[tuple[int, str]]:
        """Yield the places of the utterances that are not worth a reply, each with the reason."""
        said = dialogue.utterances
        for place, (utterance, label) in enumerate(zip(said, emotions, strict=True)):
            if label is None or not utterance.targetable:
                continue
            worth = judged_by_label(label) if self.fixed_words else self._by_words(dialogue, place)
            if not worth.worthy:
                yield place, worth.reasons[0]

    def _by_words(self, dialogue: Dialogue, place: int) -> Worth:
        said = dialogue.utterances
        own = said[place].speaker
        start = max(0, place - _BEFORE) if self.connected else place
        before = [Before(turn.text, turn.speaker == own) for turn in said[start:place]]
        return judged(said[place].text, before, self.language)
