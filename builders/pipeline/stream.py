"""From a corpus on disk to targets: read, map labels, select, attach context, analyse audio.

Two passes over the annotations: `survey` counts the labels and turns the limits into thresholds,
`Stream` yields targets and rejects in corpus order, with a few dialogues in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builders.audio.clips import ClipError
from builders.audio.heads import ClipHeads
from builders.corpora import Reader, SameWords
from builders.corpora.files import as_context
from builders.corpora.reading import (
    Defects,
    ReadingRules,
    mark_holes,
    read_split,
    stopped_by,
)
from builders.errors import SourceError
from builders.labels.aggregation import Labelling
from builders.labels.vocabulary import unmapped_error
from builders.pipeline.context import Conversation, Persona
from builders.pipeline.minimal_pairs import Renderings
from builders.pipeline.planned_balance import PlannedBalance
from builders.pipeline.selection import Selection, Wanted, rank, select
from builders.pipeline.worth import WorthJudge
from builders.record.manifest import Ledger
from builders.record.types import Dialogue, Emotions, Reject, Target, Utterance
from builders.safety.replacing import REPLACED
from builders.tasks.reply.checks.recited import RunIndex

if TYPE_CHECKING:  # decoding takes its time to import
    from builders.audio.analysis import Hearing


@dataclass(frozen=True)
class Corpus:
    """A corpus being read: its reader, labelling, known defects and rules.

    `worth` judges which utterances are worth a reply, None where all are targets.
    `contrast` says where it has minimal pairs; `unfit` are the ids of clips
    that do not contain their words. `heads` looks at clips while the annotations are read.
    """

    slug: str
    reader: Reader
    labelling: Labelling
    defects: Defects
    rules: ReadingRules = ReadingRules()
    contrast: SameWords | None = None
    unfit: frozenset[str] = frozenset()
    worth: WorthJudge | None = None
    heads: ClipHeads | None = None

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
            for u in dialogue.utterances:
                if (label := self._unknown(u)) is None:
                    continue
                detail = f"the label {label!r} has no row in {self.labelling.map.path.name}"
                raw = {"text": u.text, "label": u.label, "speaker": u.speaker}
                yield Reject(u.id, dialogue.split, "map", "unmapped_label", detail, raw)
                mark_holes(dialogue, {as_context(u).order})

    def _unknown(self, utterance: Utterance) -> str | None:
        try:
            self.labelling.emotions(utterance)
        except KeyError as error:
            return str(error.args[0])
        return None


@dataclass(frozen=True)
class Survey:
    """The result of the first pass: the selection of targets, and the minimal pairs.

    `clips` counts the utterances that have one, chosen or not, `films` those with a picture.
    `languages` (BCP 47) are those that the corpus names for single utterances.
    """

    chosen: int
    selection: Selection
    renderings: Renderings | None = None
    clips: int = 0
    films: int = 0
    languages: frozenset[str] = frozenset()

    @property
    def document(self) -> dict[str, object]:
        """Return the part that does not depend on `--limit`; a `Fit`."""
        found: dict[str, object] = {
            "candidates": self.selection.candidates,
            "highest_rank": self.selection.per_emotion,
            "clips": self.clips,
        }
        balanced = self.selection.per_root
        return found | {"highest_rank_by_root": balanced} if balanced else found


def survey(
    corpus: Corpus,
    wanted: Wanted,
    recited: RunIndex | None = None,
    planned: PlannedBalance | None = None,
) -> Survey:
    """Read all annotations once: check that every label is mapped, and select the targets.

    What is said goes into `recited`, so that no reply recites it. Where `planned` is given, the
    targets are balanced over what is planned for them.

    Raises:
        LabelError: a label has no row in the mapping table.
    """
    unmapped: Counter[str] = Counter()
    renderings, has, languages = _renderings(corpus), Counter[str](), set[str]()
    left_out: dict[int, str] = {}
    groups: dict[int, str] | None = {} if planned else None
    every = _candidates(corpus, unmapped, renderings, has, languages, recited)
    if planned and groups is not None:
        every = _grouped(every, planned, groups)
    worthy = _worthy(corpus, every, renderings, left_out)
    selection, chosen = select(wanted, worthy, left_out, groups)
    if unmapped:
        raise unmapped_error(unmapped, corpus.labelling.map)
    if recited:
        recited.freeze()
    spoken = frozenset(languages)
    return Survey(chosen, selection, renderings, has["clip"], has["film"], spoken)


def _renderings(corpus: Corpus) -> Renderings | None:
    if corpus.contrast is None:
        return None
    return Renderings(corpus.contrast.within, corpus.contrast.least_words, corpus.unfit)


def _candidates(
    corpus: Corpus,
    unmapped: Counter[str],
    renderings: Renderings | None,
    has: Counter[str],
    languages: set[str],
    recited: RunIndex | None,
) -> Iterator[tuple[Dialogue, list[Emotions | None]]]:
    """Yield the dialogues of a corpus with the emotions of their utterances."""
    for split in corpus.reader.splits:
        for item in corpus.read(split):
            if isinstance(item, Reject):
                continue
            found = [_label(corpus, utterance, unmapped) for utterance in item.utterances]
            for utterance, emotions in zip(item.utterances, found, strict=True):
                has["clip"] += utterance.media is not None
                if corpus.heads:
                    corpus.heads.look(utterance.media)
                has["film"] += utterance.film is not None
                if utterance.language:
                    languages.add(utterance.language)
                if recited:
                    recited.add(utterance.text)
                if renderings and not utterance.rejected:
                    renderings.add(split, utterance, emotions)
            yield item, found
    if renderings:
        renderings.freeze()


def _label(corpus: Corpus, utterance: Utterance, unmapped: Counter[str]) -> Emotions | None:
    """Return what a label means; None if it is not mapped, which is counted, or a reject."""
    if utterance.rejected:
        return None
    try:
        return corpus.labelling.emotions(utterance)
    except KeyError as error:
        unmapped[str(error.args[0])] += 1
        return None


def _grouped(
    dialogues: Iterable[tuple[Dialogue, list[Emotions | None]]],
    planned: PlannedBalance,
    groups: dict[int, str],
) -> Iterator[tuple[Dialogue, list[Emotions | None]]]:
    """Yield dialogues; what is planned for their utterances goes into `groups`, by rank."""
    for dialogue, emotions in dialogues:
        names = planned.strategies(dialogue, emotions)
        for utterance, name in zip(dialogue.utterances, names, strict=True):
            if name:
                groups[rank(utterance.id)] = name
        yield dialogue, emotions


def _worthy(
    corpus: Corpus,
    dialogues: Iterable[tuple[Dialogue, list[Emotions | None]]],
    renderings: Renderings | None,
    left_out: dict[int, str],
) -> Iterator[tuple[Utterance, Emotions | None]]:
    """Yield the utterances that are worth a reply; the others go into `left_out`, by rank.

    Members of a minimal pair are always worth one; which they are is known after all dialogues.
    """
    later: list[tuple[str, Utterance, Emotions | None]] = []
    for dialogue, emotions in dialogues:
        found = dict(corpus.worth.unworthy(dialogue, emotions)) if corpus.worth else {}
        for place, (utterance, label) in enumerate(zip(dialogue.utterances, emotions, strict=True)):
            if place not in found:
                yield utterance, label
                continue
            left_out[rank(utterance.id)] = found[place]
            if renderings:
                later.append((dialogue.split, utterance, label))
    for split, utterance, label in later:
        if renderings and renderings.of(split, utterance).group:
            del left_out[rank(utterance.id)]
            yield utterance, label


class Stream:
    """Yields the targets and rejects of a corpus, and counts every utterance in the ledger.

    Args:
        corpus: the corpus to read.
        survey: the result of the first pass, with the selection.
        turns: how many earlier turns are attached.
        persona: the speaker of the replies.
        hearing: the audio analysis; None for text-only builds.
        ledger: where utterances are counted.
    """

    def __init__(
        self,
        corpus: Corpus,
        survey: Survey,
        turns: int,
        persona: Persona,
        hearing: Hearing | None,
        ledger: Ledger,
    ) -> None:
        self._corpus = corpus
        self._survey = survey
        self._turns = turns
        self._persona: Persona = persona
        self._hearing = hearing
        self._ledger = ledger

    def __iter__(self) -> Iterator[Target | Reject]:
        for split in self._corpus.reader.splits:
            for item in self._corpus.read(split):
                targets = self._targets(item)
                yield from self._heard(targets, self._hearing) if self._hearing else targets

    def _targets(self, item: Dialogue | Reject) -> list[Target | Reject]:
        if isinstance(item, Reject):
            self._ledger.read(item.split, 1)
            return [item]
        labelling = self._corpus.labelling
        emotions = [labelling.emotions(utterance) for utterance in item.utterances]
        own = sum(not utterance.rejected for utterance in item.utterances)
        self._ledger.read(item.split, own + item.excluded)
        if item.excluded:
            self._ledger.not_selected(item.split, "excluded", item.excluded)
        chosen = [index for index in range(len(emotions)) if self._takes(item, index, emotions)]
        conversation = Conversation(item, emotions, self._turns, self._persona)
        targets = [conversation.target(index) for index in chosen]
        if renderings := self._survey.renderings:
            self._note_same_audio(item)
            for target in targets:
                target.contrast = renderings.of(item.split, target.utterance)
        return list(targets)

    def _note_same_audio(self, dialogue: Dialogue) -> None:
        """Record that two clips have identical audio, so that the intended emotion is unclear."""
        for utterance in dialogue.utterances:
            if self._hearing and self._hearing.alike(utterance):
                found = (*utterance.findings, "same_audio_as")
                utterance.findings = tuple(dict.fromkeys(found))

    def _takes(self, dialogue: Dialogue, index: int, emotions: Sequence[Emotions | None]) -> bool:
        if dialogue.utterances[index].rejected:
            return False
        reason = self._survey.selection.against(dialogue.utterances[index], emotions[index])
        if reason:
            self._ledger.not_selected(dialogue.split, reason)
        return reason is None

    def _heard(
        self, targets: Sequence[Target | Reject], hearing: Hearing
    ) -> Iterator[Target | Reject]:
        """Yield a dialogue's targets with clip and voice; an unusable clip makes a reject."""
        digests: dict[str, str | None] = {}
        for target in targets:
            if isinstance(target, Reject):
                yield target
                continue
            try:
                heard = hearing.of(target.utterance, with_sound=True)
            except ClipError as error:
                yield self._reject(target.utterance, target.split, error.reason, error.detail)
                continue
            if refusal := hearing.refusal(heard):
                yield _audio_reject(target.utterance, target.split, *refusal)
                continue
            target.clip, target.voice = heard.clip, heard.voice
            silent = REPLACED in target.utterance.findings
            if silent:  # what was replaced in the words is still heard in the clip
                target.clip = None
            try:
                if hearing.seeing and not silent:
                    target.video = hearing.seeing.of(target.utterance, heard.clip)
            except ClipError as error:
                yield self._reject(target.utterance, target.split, error.reason, error.detail)
                continue
            for turn in target.turns:
                if turn.utterance.id not in digests:
                    digests[turn.utterance.id] = self._digest(turn.utterance, target.split, hearing)
                turn.audio_sha256 = digests[turn.utterance.id]
            yield target

    def _digest(self, utterance: Utterance, split: str, hearing: Hearing) -> str | None:
        """Return the digest of a turn's audio, or None if its clip cannot be used."""
        if REPLACED in utterance.findings:
            return None
        try:
            return hearing.of(utterance, with_sound=False).clip.sha256_pcm
        except ClipError as error:
            self._reject(utterance, split, error.reason, error.detail)
            return None

    def _reject(self, utterance: Utterance, split: str, reason: str, detail: str) -> Reject:
        """Return the reject for a broken clip, or raise if it stops the build."""
        reject = _audio_reject(utterance, split, reason, detail)
        if self._corpus.rules.on_error == "stop":
            raise stopped_by(reject)
        return reject


def _audio_reject(utterance: Utterance, split: str, reason: str, detail: str) -> Reject:
    raw = {"text": utterance.text, "label": utterance.label, "speaker": utterance.speaker}
    return Reject(utterance.id, split, "audio", reason, detail, raw)


def with_clips(corpus: Corpus, selection: Selection) -> Iterator[tuple[Utterance, bool]]:
    """Yield every utterance with a clip, and whether it is a target."""
    for split in corpus.reader.splits:
        for item in corpus.read(split):
            for utterance in item.utterances if isinstance(item, Dialogue) else ():
                if utterance.media is not None:
                    emotions = corpus.labelling.emotions(utterance)
                    yield utterance, selection.against(utterance, emotions) is None
