"""Reading shared by all corpora: order, ids, duplicate ids, defects, exclusions, errors."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from builders import resources
from builders.corpora import Reader
from builders.corpora.damage import flag_damage
from builders.corpora.exclusions import Exclusions
from builders.corpora.usable import without_unusable
from builders.errors import ConfigError, SourceError
from builders.labels.tables import tab_rows
from builders.record.types import (
    MISSING_AFTER,
    MISSING_BEFORE,
    Dialogue,
    Reject,
    Utterance,
    dialogue_prefix,
    sample_id,
    utterance_id,
)
from builders.safety.people import PeopleFinder
from builders.safety.replacing import reject_without_personal_data, without_personal_data

OnError = Literal["quarantine", "stop"]

_EFFECTS = ("note", "note_audio", "reject_audio", "reject")
_by_order = attrgetter("order")


@dataclass(slots=True, frozen=True)
class Defect:
    """One known defect of a corpus: a row of `defects.tsv`.

    `effect` is ``note`` (carried as a finding), ``note_audio`` (a finding about the clip),
    ``reject_audio`` (the same: the clip is known to be unusable, and decoding it decides) or
    ``reject`` (the utterance is not used). `value` is a number of seconds or the
    ``split-dialogue-utterance`` of another utterance, where one belongs.
    """

    split: str
    dialogue: str
    utterance: str
    defect: str
    effect: str
    value: str
    note: str


class Defects:
    """The known defects of one corpus, by utterance."""

    def __init__(self, rows: Iterable[Defect] = ()) -> None:
        self.rows = tuple(rows)
        self._known: dict[tuple[str, str], dict[str, tuple[Defect, ...]]] = {}
        for row in self.rows:
            dialogue = self._known.setdefault((row.split, row.dialogue), {})
            dialogue[row.utterance] = (*dialogue.get(row.utterance, ()), row)

    @classmethod
    def load(cls, slug: str) -> Defects:
        """Read `builders/corpora/<slug>/defects.tsv`; ConfigError names a wrong line."""
        return cls(_read_table(resources.corpus_folder(slug) / "defects.tsv"))

    def without_clips(self) -> Defects:
        """Return the defects that do not concern clips: the ones text-only builds see."""
        return Defects(row for row in self.rows if not row.effect.endswith("_audio"))

    def ids(self, slug: str, kinds: Collection[str]) -> frozenset[str]:
        """Return the sample ids that have a defect of these kinds."""
        rows = (row for row in self.rows if row.defect in kinds)
        return frozenset(sample_id(slug, row.split, row.dialogue, row.utterance) for row in rows)

    def of(self, split: str, dialogue: str) -> Mapping[str, tuple[Defect, ...]]:
        """Return the defects of a dialogue by utterance."""
        return self._known.get((split, dialogue), {})


def _read_table(path: Path) -> Iterator[Defect]:
    columns = list(Defect.__slots__)
    known: set[tuple[str, ...]] = set()
    for where, row in tab_rows(path, columns):
        whole = len(row) == len(columns) and row[4] in _EFFECTS
        if not whole or (key := tuple(row[:4])) in known:
            raise ConfigError(
                f"invalid row: {row}",
                where=where,
                expected=f"{len(columns)} columns, effect one of {', '.join(_EFFECTS)}, and "
                "no defect of an utterance twice",
                do="fix or remove the row",
            )
        known.add(key)
        yield Defect(*row)


@dataclass(frozen=True)
class ReadingRules:
    """A build's settings for reading: ids to exclude, and what to do about broken items.

    `on_error` is ``quarantine`` (a broken file becomes a reject as a broken record does), ``stop``
    (both stop the build) or None (a record becomes a reject, a file stops the build). `people`
    finds names of people to be replaced; None leaves them. What was replaced is noted in
    `replaced`, by the id of the utterance and what stands there now.
    """

    exclusions: Exclusions = Exclusions()
    on_error: OnError | None = None
    people: PeopleFinder | None = None
    replaced: dict[str, dict[str, str]] = field(default_factory=dict)


def read_split(
    reader: Reader, slug: str, split: str, defects: Defects, rules: ReadingRules = ReadingRules()
) -> Iterator[Dialogue | Reject]:
    """Yield the dialogues of a split as the rest of a build uses them, and its rejects.

    The utterances of a dialogue are in order and carry their sample id and the findings of the
    table of defects; what is personal in their words has surrogates from here on. An id that comes
    twice, and a defect whose effect is ``reject``, are rejects. Excluded utterances are only
    counted. Streams: one dialogue is in memory at a time. A dialogue of which nothing is left is
    not yielded. Raises SourceError as `rules` say.
    """
    for item in _without_faults(reader, slug, split, rules.on_error):
        if isinstance(item, Reject):
            yield from _unless_excluded(reject_without_personal_data(item, rules.people), rules)
            continue
        for reject in without_unusable(item, slug):
            yield from _unless_excluded(reject, rules)
        prefix = dialogue_prefix(slug, split, item.id)
        replaced = without_personal_data(item, prefix, rules.people)
        rejects = _settle(item, slug, defects.of(split, item.id), rules.exclusions)
        for reject in rejects:
            yield from _unless_excluded(reject, rules)
        if replaced:
            rules.replaced.update(_replaced(item, replaced))
        if item.utterances or item.excluded:
            yield item


def _replaced(dialogue: Dialogue, every: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what was replaced in each utterance that is left, by its id."""
    found = {
        one.id: {made: said for made, said in every.items() if made in one.text}
        for one in dialogue.utterances
    }
    return {name: made for name, made in found.items() if made}


def _without_faults(
    reader: Reader, slug: str, split: str, on_error: OnError | None
) -> Iterator[Dialogue | Reject]:
    """Yield what a reader yields, the faults of its files turned into rejects where asked for."""
    faults = 0
    items = reader.read(split)
    while True:
        try:
            item = next(items, None)
        except SourceError as error:
            item, items = error, iter(())
        if item is None:
            return
        if isinstance(item, SourceError):
            if on_error != "quarantine":
                raise item
            faults += 1
            name = sample_id(slug, split, "file", str(faults))
            item = Reject(name, split, "read", "broken_file", str(item))
        yield item


def _unless_excluded(reject: Reject, rules: ReadingRules) -> Iterator[Dialogue | Reject]:
    if rules.exclusions.covers(reject.id):
        yield Dialogue(reject.split, "", [], excluded=1)
    elif rules.on_error == "stop":
        raise stopped_by(reject)
    else:
        yield reject


def stopped_by(reject: Reject) -> SourceError:
    """Return the error for a reject, where the first one stops the build."""
    return SourceError(
        f"{reject.id} is broken ({reject.reason}): {reject.detail}",
        do="fix it in the source, or skip it as a reject with --on-error quarantine",
    )


def _settle(
    dialogue: Dialogue,
    slug: str,
    known: Mapping[str, tuple[Defect, ...]],
    exclusions: Exclusions,
) -> list[Reject]:
    """Order and identify the utterances in place; take out and return those that are not used."""
    kept: dict[str, Utterance] = {}
    rejects, missing = [], set(dialogue.missing)
    prefix = dialogue_prefix(slug, dialogue.split, dialogue.id)
    for utterance in sorted(dialogue.utterances, key=_by_order):
        utterance.id = utterance_id(prefix, utterance.utterance)
        flag_damage(utterance)
        if exclusions.ids and exclusions.covers(utterance.id):
            dialogue.excluded += not utterance.rejected
            missing.add(utterance.order)
            continue
        defects = known.get(utterance.utterance, ()) if known else ()
        if defects:
            codes = (*utterance.findings, *(defect.defect for defect in defects))
            utterance.findings = tuple(dict.fromkeys(codes))
        if utterance.rejected:
            missing.add(utterance.order)
            kept.setdefault(utterance.id, utterance)
            continue
        if utterance.id in kept:
            detail = "another utterance of the split has the same id; the first is used"
            rejects.append(_reject(utterance, dialogue.split, "duplicate_id", detail))
        elif fatal := next((d for d in defects if d.effect == "reject"), None):
            rejects.append(_reject(utterance, dialogue.split, fatal.defect, fatal.note))
            # Its words may be what is wrong with it.
            missing.add(utterance.order)
        else:
            kept[utterance.id] = utterance
    dialogue.utterances = list(kept.values())
    mark_holes(dialogue, missing)
    return rejects


def mark_holes(dialogue: Dialogue, missing: set[float]) -> None:
    """Flag the turns on both sides of one that is not there, or was rejected.

    `missing` are the orders of such turns; where turns are numbered, gaps are found here.
    """
    whole = [utterance for utterance in dialogue.utterances if not utterance.rejected]
    orders = [utterance.order for utterance in whole]
    if (expected := dialogue.first_number) is not None:
        for order in orders:
            if order > expected:  # one stands for all of a gap, which may be a thousand million
                missing.add(expected)
            expected = max(expected, int(order) + 1)
    for order in missing:
        after = bisect_left(orders, order)
        if after:
            _flag(whole[after - 1], MISSING_AFTER)
        if after < len(orders):
            _flag(whole[after], MISSING_BEFORE)


def _flag(utterance: Utterance, code: str) -> None:
    if code not in utterance.flags:
        utterance.flags = (*utterance.flags, code)


def _reject(utterance: Utterance, split: str, reason: str, detail: str) -> Reject:
    names = ("dialogue", "utterance", "speaker", "text", "label", "start", "end")
    raw: dict[str, Any] = {name: getattr(utterance, name) for name in names}
    return Reject(utterance.id, split, "read", reason, detail, raw)
