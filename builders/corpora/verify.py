"""Verifying: compare what was read with the published counts and the known defects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from builders.audio.clips import ClipError
from builders.audio.decode import decode
from builders.corpora import Reader, load_card, open_reader
from builders.corpora.clip_check import ClipInspection
from builders.corpora.damage import DAMAGED
from builders.corpora.published_counts import (
    TOTAL,
    Compared,
    FoundCounts,
    compare,
    read_counts,
    with_totals,
)
from builders.corpora.reading import Defect, Defects, read_split
from builders.corpora.releases import FileRelease, releases_of
from builders.errors import SourceError
from builders.labels.aggregation import Labelling, load_labelling
from builders.record.manifest_views import ReaderNote
from builders.record.types import Clip, Dialogue, Reject, Utterance

State = Literal["found", "missing", "not_checked"]
_LIST_UP_TO = 12


@dataclass(frozen=True)
class Fault:
    """One known defect and whether it is there; ``not_checked`` when that cannot be seen."""

    id: str
    defect: str
    value: str
    state: State


@dataclass
class Verification:
    """What verifying found.

    `rejects` counts the broken records by reason, `damaged` the texts that copying damaged by flag,
    `unusable` what is there in place of clips by reason. `sampled` says by split how many clips of
    a sample could be decoded, and how many could not by reason; `without_media` why there are none.
    `files` says of each annotation file which release it is of.
    """

    slug: str
    source: Path
    with_media: bool
    rows: list[Compared]
    faults: list[Fault]
    rejects: dict[str, int]
    damaged: dict[str, int]
    unusable: dict[str, int]
    sampled: dict[str, dict[str, int]]
    without_media: str
    files: list[FileRelease]
    notes: list[ReaderNote]

    @property
    def off(self) -> list[Compared]:
        """Return the counts that differ from the published ones."""
        return [count for count in self.rows if count.expected != count.found]

    @property
    def ok(self) -> bool:
        """Return whether all counts are as published and the clips can be used.

        Defects are reported but do not count.
        """
        return not self.off and not self.failed

    @property
    def failed(self) -> int:
        """Return how many clips cannot be used, and how many of the sample cannot be decoded."""
        sampled = (n for counts in self.sampled.values() for n in counts.values())
        decoded = sum(counts.get("decoded", 0) for counts in self.sampled.values())
        return sum(self.unusable.values()) + sum(sampled) - decoded

    def as_json(self) -> dict[str, object]:
        """Return everything in plain types, for JSON."""
        return {**asdict(self), "source": str(self.source), "ok": self.ok}

    def as_text(self) -> str:
        """Return everything as lines for a person."""
        media = "with media" if self.with_media else "annotation files only"
        result = f"{len(self.off)} not as published" if self.off else "as published"
        if self.damaged and not self.off:
            result += ", but texts are damaged"
        if any(file.verdict == "changed" for file in self.files):
            result += ", but not all files are the owner's"
        if self.failed:
            result += ", but clips cannot be used"
        counted = f"{len(self.rows)} counts, {result}" if self.rows else "no counts are published"
        lines = [f"{self.slug} in {self.source} ({media})"]
        lines += [_count_line(count) for count in self.rows]
        lines += [counted, *_file_lines(self.files)]
        lines += [f"rejected: {n} {reason}" for reason, n in self.rejects.items()]
        lines += [f"no clips: {self.without_media}"] if self.without_media else []
        lines += [f"clips that cannot be used: {n:,} {why}" for why, n in self.unusable.items()]
        lines += [_sampled_line(split, counts) for split, counts in self.sampled.items()]
        lines += [f"damaged texts: {n:,} {flag}" for flag, n in self.damaged.items()]
        lines += [_note_line(note) for note in self.notes]
        defects = ["known defects:", *_fault_lines(self.faults)] if self.faults else []
        return "\n".join([*lines, *defects])


def _count_line(count: Compared) -> str:
    name = f"{count.split} {count.what} {count.label}".rstrip()
    verdict = "" if count.expected == count.found else f"  differs: {count.expected:,} published"
    return f"  {name:<40}{count.found:>8,}{verdict}"


def _sampled_line(split: str, counts: dict[str, int]) -> str:
    good = counts.get("decoded", 0)
    others = [f"{n} {reason}" for reason, n in counts.items() if reason != "decoded"]
    failed = f"; {', '.join(others)}" if others else ""
    return f"sample of clips of {split}: {good} of {sum(counts.values())} decoded{failed}"


def _file_lines(files: list[FileRelease]) -> list[str]:
    """Return a line for each file of which something is known, and one for all others."""
    known = [str(file) for file in files if file.verdict != "unknown"]
    others = len(files) - len(known)
    what = "nothing is known of their releases"
    return [*known, f"{others:,} annotation files: {what}"] if others else known


def _note_line(note: ReaderNote) -> str:
    rest = (f"{name} {value}" for name, value in note.items() if name != "note")
    return f"{note['note']}: {', '.join(rest)}"


def _fault_lines(faults: list[Fault]) -> Iterator[str]:
    groups: dict[tuple[str, State], list[str]] = {}
    for fault in faults:
        shown = f"{fault.id} ({fault.value})" if fault.value else fault.id
        groups.setdefault((fault.defect, fault.state), []).append(shown)
    for (defect, state), ids in groups.items():
        more = f" and {len(ids) - _LIST_UP_TO} more" if len(ids) > _LIST_UP_TO else ""
        shown = ", ".join(ids[:_LIST_UP_TO])
        yield f"  {defect}, {len(ids)} {state.replace('_', ' ')}: {shown}{more}"


def verify(
    slug: str,
    source: Path,
    splits: tuple[str, ...] = (),
    *,
    text_only: bool = False,
    follow_links: bool = False,
) -> Verification:
    """Read a whole corpus, or some of its splits, and compare with `counts.tsv` and `defects.tsv`.

    Without media, or with `text_only`, checks that need media are skipped. Of each clip the first
    bytes are looked at, and a sample of each split is decoded; what is no clip does not count.
    With `follow_links`, clips may be links out of the folder.
    Raises SourceError as reading does.
    """
    reader, with_media, why_not = _open(slug, source, splits, text_only)
    read = {*reader.splits, TOTAL} if not splits else {*reader.splits}
    published = [count for count in read_counts(slug) if count.split in read]
    rows = [row for row in Defects.load(slug).rows if row.split in reader.splits]
    named = {_key(row) for row in rows}
    known = _Known(reader.root, with_media, named, follow_links)
    clips = ClipInspection(reader.root, named, follow_links)
    labelling, rejects, damaged = load_labelling(slug), Counter[str](), Counter[str]()
    seen = FoundCounts({count.what for count in published}, with_media, labelling.node)
    for split in reader.splits:
        # Without the table of defects: the published counts include the utterances it rejects.
        for item in read_split(reader, slug, split, Defects()):
            if isinstance(item, Reject):
                rejects[item.reason] += 1
                continue
            damaged.update(_settle(item, labelling))
            clips.look(item)
            known.add(item)
            seen.add(item)
    notes = list(reader.notes)
    faults = [Fault(_key(row), row.defect, row.value, known.state(row)) for row in rows]
    counts = compare(published, with_totals(published, seen.counts(notes)))
    return Verification(
        slug=slug,
        source=source,
        with_media=with_media,
        rows=counts,
        faults=faults,
        rejects=dict(rejects),
        damaged=dict(damaged.most_common()),
        unusable=dict(clips.unusable.most_common()),
        sampled=clips.decode(),
        without_media=why_not,
        files=releases_of(slug, reader.files),
        notes=notes,
    )


def _settle(dialogue: Dialogue, labelling: Labelling) -> list[str]:
    """Leave out rejects, settle the labels and return the flags of damaged texts."""
    dialogue.utterances = [u for u in dialogue.utterances if not u.rejected]
    for utterance in dialogue.utterances:
        labelling.settle(utterance)
    return [flag for u in dialogue.utterances for flag in DAMAGED.keys() & {*u.flags}]


def _open(
    slug: str, source: Path, splits: tuple[str, ...], text_only: bool
) -> tuple[Reader, bool, str]:
    """Return the reader, whether it reads media, and why not where they are missing."""
    why = ""
    if not text_only and load_card(slug).audio_origin != "none":
        try:
            return open_reader(slug, source, True, splits), True, why
        except SourceError as error:
            why = str(error)  # raised again by the next line, unless only the media are missing
    return open_reader(slug, source, False, splits), False, why


def _key(row: Defect) -> str:
    return f"{row.split}-{row.dialogue}-{row.utterance}"


class _Known:
    """The utterances that a defect names, each with the one before it."""

    def __init__(self, root: Path, with_media: bool, wanted: set[str], follow_links: bool) -> None:
        self._follow_links = follow_links
        self._root, self._with_media, self._wanted = root, with_media, wanted
        self._known: dict[str, tuple[Utterance, Utterance | None]] = {}

    def add(self, dialogue: Dialogue) -> None:
        """Take in a dialogue."""
        previous = None
        for u in dialogue.utterances:
            if (key := f"{dialogue.split}-{u.dialogue}-{u.utterance}") in self._wanted:
                self._known[key] = (u, previous)
            previous = u

    def state(self, row: Defect) -> State:
        """Return whether a known defect is there."""
        if row.defect == "row_missing":
            return "missing" if _key(row) in self._known else "found"
        if (known := self._known.get(_key(row))) is None:
            return "missing"
        verdict = self._verdict(row, *known)
        return "not_checked" if verdict is None else "found" if verdict else "missing"

    def _verdict(self, row: Defect, u: Utterance, previous: Utterance | None) -> bool | None:
        match row.defect:
            case "same_span_as" | "leak_across_splits":
                other = self._known.get(row.value)
                return other is not None and (u.start, u.end) == (other[0].start, other[0].end)
            case "zero_span":
                return u.start == u.end
            case "starts_before_previous":
                return previous is not None and (u.start or 0) < (previous.start or 0)
            case "overlong_clip":
                return (self._seconds(u) or 0) > float(row.value) - 1
        return self._verdict_on_clip(row, u) if self._with_media else None

    def _verdict_on_clip(self, row: Defect, u: Utterance) -> bool | None:
        match row.defect:
            case "same_audio_as":
                other = self._known.get(row.value)
                sound = self._sound(u)
                return sound is not None and other is not None and sound == self._sound(other[0])
            case "no_signal":
                clip = self._clip(u)
                return clip is not None and any(f.code == "clip_silent" for f in clip.findings)
            case "clip_missing":
                return u.media is None
            case "clip_corrupt":
                return self._seconds(u) is None
            case "very_short_clip":
                return (self._seconds(u) or 1) < float(row.value)
        return None

    def _seconds(self, utterance: Utterance) -> float | None:
        """Return the length of the clip, or of the annotation without media; None if broken."""
        if not self._with_media:
            return (utterance.end or 0) - (utterance.start or 0)
        return clip.duration if (clip := self._clip(utterance)) else None

    def _sound(self, utterance: Utterance) -> str | None:
        return clip.sha256_pcm if (clip := self._clip(utterance)) else None

    def _clip(self, utterance: Utterance) -> Clip | None:
        try:
            media, root = utterance.media, self._root
            return decode(media, root, self._follow_links) if media else None
        except ClipError:
            return None
