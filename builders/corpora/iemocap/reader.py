"""IEMOCAP as its owner distributes it: five sessions, each with small files for each dialogue.

Source: `IEMOCAP_full_release.tar.gz`. The F or M in a dialogue's name says who wore the markers for
motion capture; who speaks is said by the F or M in the last part of an utterance's id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from builders.corpora.damage import repaired
from builders.corpora.files import (
    BrokenRecord,
    archives,
    as_context,
    broken,
    not_found,
    open_root,
)
from builders.corpora.iemocap.evaluations import (
    Block,
    Evaluation,
    evaluation,
    read_rater,
    seconds,
    summary,
)
from builders.corpora.iemocap.layout import SESSIONS, Files, dialogues, has_clips, session_folder
from builders.corpora.iemocap.ratings import Ratings, annotation, follows, merge
from builders.corpora.iemocap.transcripts import Line, transcript
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue, Media, Reject, Utterance

_TREE = "the folder that IEMOCAP_full_release.tar.gz unpacks to"
_RELEASE = "IEMOCAP_full_release"
_SEXES = {"F": "female", "M": "male"}
_ONLY_TAGS = re.compile(r"(?:\s*\[[A-Z]+\])+")


@dataclass(slots=True)
class _Scene:
    """What the files of one dialogue hold, by the last part of the ids; `clips` where wanted.

    `film` is its video, where that is there.
    """

    dialogue: str
    clips: dict[str, Path] | None
    counts: Counter[str]
    film: Path | None = None
    lines: dict[str, Line] = field(default_factory=dict)
    ratings: dict[str, Ratings] = field(default_factory=dict)
    missing: list[float] = field(default_factory=list)

    def turns(self, blocks: list[Block], lines: list[Line]) -> Iterator[Utterance | Reject]:
        """Yield the turns that were evaluated, then the others; a reject for each broken one."""
        for line in lines:
            self.lines.setdefault(line.name, line)
        evaluated = set()
        for block in blocks:
            evaluated.add(name := self._name_in(block))
            try:
                yield self._evaluated(evaluation(block, self.dialogue))
            except BrokenRecord as error:
                yield self._broken(name, block.place, "\n".join(block.lines), error)
                yield from self._left_of(name)
        for line in lines:
            try:
                if line is not self.lines[line.name]:
                    raise BrokenRecord("duplicate_id", "the transcript has the id twice")
                if line.name not in evaluated:
                    yield self._not_evaluated(line)
            except BrokenRecord as error:
                yield self._broken(line.name, line.place, line.raw, error)
                if error.reason != "duplicate_id":
                    self._is_missing(line)
        self.counts["ratings_without_evaluation"] += len(self.ratings.keys() - evaluated)
        known = evaluated | self.lines.keys()
        self.counts["clips_without_turn"] += len((self.clips or {}).keys() - known)

    def _left_of(self, name: str) -> Iterator[Utterance]:
        """Yield a turn whose evaluation is broken as context, where the transcript has its words.

        Where it has not, what is known is when something was said.
        """
        if (line := self.lines.get(name)) is None:
            return
        try:
            yield as_context(self._utterance(line, seconds(line.start), seconds(line.end)))
        except BrokenRecord:
            self._is_missing(line)

    def _is_missing(self, line: Line) -> None:
        """Note that a turn is not there, at the time of its line, if that can be read."""
        with suppress(BrokenRecord):
            self.missing.append(seconds(line.start))

    def _name_in(self, block: Block) -> str:
        found = re.search(rf"\b{self.dialogue}_([FM][\dX]+)", block.lines[0], re.ASCII)
        return found[1] if found else ""

    def _broken(self, name: str, place: str, raw: str, error: BrokenRecord) -> Reject:
        ids = (self.dialogue, name or f"line{place.rpartition(':')[2]}")
        return broken("iemocap", "all", ids, place, raw, error)

    def _evaluated(self, found: Evaluation) -> Utterance:
        if (line := self.lines.get(found.name)) is None:
            self.missing.append(found.start)
            raise BrokenRecord("no_transcript", "the transcript has no line for this turn")
        utterance = self._utterance(line, found.start, found.end)
        self.counts["rating_lines_skipped"] += found.skipped
        checks = {
            "clip_missing": self.clips is not None and utterance.media is None,
            "only_tags": _ONLY_TAGS.fullmatch(utterance.text) is not None,
            "ratings_differ": merge(found.ratings, self.ratings.get(found.name, {})),
            "label_against_votes": not follows(found.label, found.ratings),
        }
        findings = [finding for finding, applies in checks.items() if applies]
        self.counts.update(findings)
        utterance.label = found.label
        utterance.annotation = annotation(found.means, found.ratings)
        utterance.findings = (*utterance.findings, *findings)
        return utterance

    def _not_evaluated(self, line: Line) -> Utterance:
        utterance = self._utterance(line, seconds(line.start), seconds(line.end))
        utterance.targetable = False
        self.counts["xx_turns" if "X" in line.name else "turns_without_evaluation"] += 1
        return utterance

    def _utterance(self, line: Line, start: float, end: float) -> Utterance:
        (text,) = repaired((line.text.strip(),), self.counts)
        if not text:
            raise BrokenRecord("empty_text", "the transcript has no text for this turn")
        clip = self.clips.get(line.name) if self.clips else None
        return Utterance(
            dialogue=self.dialogue,
            utterance=line.name,
            order=start,
            speaker=f"{self.dialogue[:5]}_{line.name[0]}",
            text=text,
            label=None,
            start=start,
            end=end,
            media=Media(clip) if clip else None,
            video=Media(self.film, start, end) if self.film and clip and end > start else None,
            sex=_SEXES[line.name[0]],
            findings=("end_before_start",) if end < start else (),
        )


class Reader:
    """Reads the extracted `IEMOCAP_full_release`, or the folder around it."""

    splits: tuple[str, ...] = ("all",)

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        self.root = open_root(source, _TREE, f"{_RELEASE}/{_RELEASE}", _RELEASE)
        self._with_media = with_media
        sessions = {number: session_folder(self.root, number) for number in SESSIONS}
        if not any(folder.is_dir() for folder in sessions.values()):
            raise not_found("Session1 to Session5", self.root, _TREE)
        if with_media and not any(map(has_clips, sessions.values())):
            raise self._media_missing("Session1 to Session5")
        self._sessions = {folder: dialogues(n, folder) for n, folder in sessions.items()}
        self._counts: Counter[str] = Counter()

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the annotation files."""
        listed = (files for found, _ in self._sessions.values() for files in found)
        paths = (path for f in listed for path in (f.summary, f.transcript, *f.raters))
        return tuple(path for path in paths if path.is_file())

    @property
    def notes(self) -> list[ReaderNote]:
        """Return what did not fit together, and how often."""
        counted = sorted(self._counts.items())
        return [{"note": note, "split": "all", "count": n} for note, n in counted if n]

    def read(self, split: str) -> Iterator[Dialogue | Reject | SourceError]:
        """Yield the dialogues of each session by name, and a reject for each broken turn.

        The error of a session that is missing, or of a file that cannot be used, is yielded; a
        dialogue without summary or transcript is left out.
        """
        self._counts = Counter()
        for folder, (listed, others) in self._sessions.items():
            self._counts["files_of_no_dialogue"] += others
            if not listed:
                yield not_found(f"the dialogues of {folder.name}", self.root, _TREE)
            elif self._with_media and not has_clips(folder):
                yield self._media_missing(folder.name)
            for files in listed:
                try:
                    yield from self._dialogue(split, files)
                except SourceError as error:
                    yield error

    def _dialogue(self, split: str, files: Files) -> Iterator[Dialogue | Reject | SourceError]:
        blocks, (lines, skipped) = summary(files.summary), transcript(files.transcript)
        self._counts["transcript_lines_skipped"] += skipped
        clips = files.clips_by_turn() if self._with_media else None
        film = files.film if self._with_media and files.film.is_file() else None
        scene = _Scene(files.dialogue, clips, self._counts, film)
        for path in files.raters:
            try:
                skipped = read_rater(path, files.dialogue, scene.ratings)
                self._counts["rating_lines_skipped"] += skipped
            except SourceError as error:
                yield error
        utterances = []
        for item in scene.turns(blocks, lines):
            if isinstance(item, Reject):
                yield item
            else:
                utterances.append(item)
        utterances.sort(key=lambda u: (u.order, u.utterance))
        dialogue = Dialogue(split, files.dialogue, utterances, files.background, "scenario")
        dialogue.folds, dialogue.missing = files.folds, scene.missing
        yield dialogue

    def _media_missing(self, what: str) -> SourceError:
        packed = archives(self.root) or "IEMOCAP_full_release.tar.gz"
        return SourceError(
            f"the media are missing: no sentences/wav in {what}",
            where=self.root,
            do=f"unpack {packed} there, or use --text-only",
        )
