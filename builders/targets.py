"""From a corpus on disk to targets: read, map labels, choose, attach context, hear.

Two passes over the annotations: `survey` counts the labels and turns the limits into thresholds,
`Stream` yields targets and rejects in the order of the corpus, holding a few dialogues at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.context import Conversation, Persona
from builders.contrast import Twins, contrasts
from builders.corpora import Reader
from builders.corpora.reading import Defects, Rules, read_split, stopped_by
from builders.engines.local import ordered
from builders.errors import SourceError
from builders.labelling import Labelling
from builders.labels import unmapped_error
from builders.manifest import Ledger
from builders.records import Clip, Dialogue, Emotions, Reject, Target, Utterance
from builders.selection import Selection, Wanted, select
from builders.voice.decode import ClipError, decode, duration_findings


@dataclass(frozen=True)
class Corpus:
    """A corpus that is being read: by whom, with which labelling, known defects and rules.

    Where `same_words` is true, its dialogues hold the same words said in several ways; `unfit` are
    the ids of clips that cannot stand for their words.
    """

    slug: str
    reader: Reader
    labelling: Labelling
    defects: Defects
    rules: Rules = Rules()
    same_words: bool = False
    unfit: frozenset[str] = frozenset()

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield the dialogues and rejects of a split, their labels settled."""
        try:
            for item in read_split(self.reader, self.slug, split, self.defects, self.rules):
                if isinstance(item, Dialogue):
                    yield from self._settled(item)
                yield item
        except SourceError as error:
            if self.rules.on_error is None:
                raise SourceError(
                    str(error), do="or set it aside with --on-error quarantine"
                ) from error
            raise

    def _settled(self, dialogue: Dialogue) -> Iterator[Reject]:
        """Settle the labels of a dialogue; with quarantine, those without a row become rejects."""
        for utterance in dialogue.utterances:
            self.labelling.settle(utterance)
        if self.rules.on_error == "quarantine":
            unknown = {u.id: label for u in dialogue.utterances if (label := self._unknown(u))}
            for u in (u for u in dialogue.utterances if u.id in unknown):
                detail = f"the label {unknown[u.id]!r} has no row in {self.labelling.map.path.name}"
                raw = {"text": u.text, "label": u.label, "speaker": u.speaker}
                yield Reject(u.id, dialogue.split, "map", "unmapped_label", detail, raw)
            if unknown:
                dialogue.utterances = [u for u in dialogue.utterances if u.id not in unknown]

    def _unknown(self, utterance: Utterance) -> str | None:
        try:
            self.labelling.emotions(utterance)
        except KeyError as error:
            return str(error.args[0])
        return None


@dataclass(frozen=True)
class Survey:
    """What the first pass found: how many targets are chosen, and how; who says the same words."""

    chosen: int
    selection: Selection
    twins: Twins


def survey(corpus: Corpus, wanted: Wanted) -> Survey:
    """Read all annotations once: check that every label is mapped, and choose the targets.

    Raises:
        LabelError: a label has no row in the mapping table.
    """
    unmapped: Counter[str] = Counter()
    twins = Twins()
    selection, chosen = select(wanted, _candidates(corpus, unmapped, twins))
    if unmapped:
        raise unmapped_error(unmapped, corpus.labelling.map)
    twins.freeze()
    return Survey(chosen, selection, twins)


def _candidates(
    corpus: Corpus, unmapped: Counter[str], twins: Twins
) -> Iterator[tuple[Utterance, Emotions | None]]:
    for split in corpus.reader.splits:
        for item in corpus.read(split):
            if isinstance(item, Reject):
                continue
            for utterance in item.utterances:
                if corpus.same_words:
                    twins.add(utterance)
                try:
                    yield utterance, corpus.labelling.emotions(utterance)
                except KeyError as error:
                    unmapped[str(error.args[0])] += 1


class Stream:
    """Yields the targets and rejects of a corpus, and counts every utterance in the ledger.

    Args:
        corpus: what is read.
        survey: what the first pass found, which utterances are targets among it.
        turns: how many earlier turns are attached.
        persona: whom the replies speak for.
        workers: how many threads decode clips; none for text only.
        ledger: where utterances are counted.
    """

    def __init__(
        self,
        corpus: Corpus,
        survey: Survey,
        turns: int,
        persona: Persona,
        workers: int,
        ledger: Ledger,
    ) -> None:
        self._corpus = corpus
        self._survey = survey
        self._turns = turns
        self._persona: Persona = persona
        self._workers = workers
        self._ledger = ledger

    def __iter__(self) -> Iterator[Target | Reject]:
        for split in self._corpus.reader.splits:
            # Utterances are counted here, in one thread; only hearing is spread over several.
            found = map(self._targets, self._corpus.read(split))
            heard = ordered(self._heard, found, self._workers) if self._workers else found
            for items in heard:
                yield from items

    def _targets(self, item: Dialogue | Reject) -> list[Target | Reject]:
        if isinstance(item, Reject):
            self._ledger.read(item.split, 1)
            return [item]
        labelling = self._corpus.labelling
        emotions = [labelling.emotions(utterance) for utterance in item.utterances]
        self._ledger.read(item.split, len(emotions) + item.excluded)
        if item.excluded:
            self._ledger.not_selected(item.split, "excluded", item.excluded)
        chosen = [index for index in range(len(emotions)) if self._takes(item, index, emotions)]
        conversation = Conversation(item, emotions, self._turns, self._persona)
        targets = [conversation.target(index) for index in chosen]
        if self._corpus.same_words:
            found = contrasts(item, emotions, self._survey.twins, self._corpus.unfit)
            for index, target in zip(chosen, targets, strict=True):
                target.contrast = found[index]
        return list(targets)

    def _takes(self, dialogue: Dialogue, index: int, emotions: Sequence[Emotions | None]) -> bool:
        reason = self._survey.selection.against(dialogue.utterances[index], emotions[index])
        if reason:
            self._ledger.not_selected(dialogue.split, reason)
        return reason is None

    def _heard(self, targets: Sequence[Target | Reject]) -> list[Target | Reject]:
        """Return a dialogue's targets with their clips; a clip that fails makes a reject."""
        clips: dict[str, Clip | Reject] = {}
        heard: list[Target | Reject] = []
        for target in targets:
            if isinstance(target, Reject):
                heard.append(target)
                continue
            clip = self._clip(target.utterance, target.split, clips)
            if isinstance(clip, Reject):
                heard.append(clip)
                continue
            target.clip = clip
            for turn in target.turns:
                earlier = self._clip(turn.utterance, target.split, clips)
                turn.audio_sha256 = earlier.sha256_pcm if isinstance(earlier, Clip) else None
            heard.append(target)
        return heard

    def _clip(
        self, utterance: Utterance, split: str, clips: dict[str, Clip | Reject]
    ) -> Clip | Reject:
        """Return an utterance's clip, decoded once however many turns and targets refer to it."""
        if utterance.id not in clips:
            clip = _decode(utterance, split, self._corpus.reader.root)
            if isinstance(clip, Reject) and self._corpus.rules.on_error == "stop":
                raise stopped_by(clip)
            clips[utterance.id] = clip
        return clips[utterance.id]


def _decode(utterance: Utterance, split: str, root: Path) -> Clip | Reject:
    try:
        if utterance.media is None:
            raise ClipError("clip_missing", "the corpus has no clip for this utterance")
        clip = decode(utterance.media, root)
    except ClipError as error:
        raw = {"text": utterance.text, "label": utterance.label, "speaker": utterance.speaker}
        return Reject(utterance.id, split, "audio", error.reason, error.detail, raw)
    clip.findings = (*clip.findings, *duration_findings(clip, utterance.start, utterance.end))
    return clip
