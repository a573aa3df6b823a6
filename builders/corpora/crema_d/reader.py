"""CREMA-D as its owner distributes it: tables of votes, and a WAV file for each clip.

Source: https://github.com/CheyneyComputerScience/CREMA-D, a checkout with Git LFS for the clips.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from builders.corpora.clip_files import SOUND, clips_in
from builders.corpora.crema_d.mirror import clips_inside, rows_of
from builders.corpora.crema_d.votes import COLUMNS, Votes, read_votes, views
from builders.corpora.files import (
    AGAIN,
    BrokenRecord,
    CsvRow,
    archives,
    broken,
    csv_rows,
    in_dialogues,
    is_number,
    not_found,
    open_root,
    require_utf8,
)
from builders.corpora.hub_mirrors import find_mirror, without_votes
from builders.errors import SourceError
from builders.labels.tables import read_rows
from builders.record.manifest_views import ReaderNote
from builders.record.types import Annotation, Dialogue, Media, Reject, Utterance
from builders.record.views import LabelView

_TREE = "the folder of the CREMA-D repository"
_FILES = ("processedResults/summaryTable.csv", "processedResults/tabulatedVotes.csv")
_CLIPS = "AudioWAV"
_PEOPLE = "VideoDemographics.csv"
_CLIP = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_(LO|MD|HI|XX)", re.ASCII)
_LEVELS = {"LO": 1.0, "MD": 2.0, "HI": 3.0, "XX": None}
# The ending of one clip's name until October 2022: 1040_ITH_SAD_XX.
_OLD_ENDING = re.compile(r"_X$")


class Reader:
    """Reads the repository's folder, or the folder around it."""

    splits: tuple[str, ...] = ("all",)

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        clips_alone = source.name == _CLIPS and source.is_dir()
        source = source.parent if clips_alone else source
        self.root = open_root(source, _TREE, "CREMA-D", "CREMA-D-master")
        self._people = self.root / _PEOPLE
        self.files = (*(self.root / name for name in _FILES), self._people)
        self._mirror = find_mirror("crema_d", self.root, ())
        self.lacking_views = self._check_tables()
        self._counts: dict[str, int] = {}
        self._sentences = _read_sentences()
        # Without tables, the names of the clips are all there is.
        clips = self._find_clips() if with_media or self.lacking_views else {}
        self._named, self._clips = clips, clips if with_media else None
        self._films = self._find_films() if with_media else {}

    @property
    def notes(self) -> list[ReaderNote]:
        """Return counts of clips under an old name and of clips without a row."""
        counts = sorted(self._counts.items())
        return [{"note": note, "split": "all", "count": count} for note, count in counts if count]

    def read(self, split: str) -> Iterator[Dialogue | Reject | SourceError]:
        """Yield an actor's renderings of a sentence as a dialogue, in the order of the summary.

        All votes are kept in memory: those for one clip are far apart in their file. Raises
        SourceError if a file lacks a column, or if an actor's renderings of a sentence are
        not consecutive.
        """
        people, votes, rows = self._tables()
        named: set[str] = set()

        def parse(row: CsvRow) -> Utterance:
            named.add(row.fields.get("FileName", ""))
            return self._utterance(row, votes, people)

        for item in in_dialogues(split, _together(rows), parse, _reject, "its first column"):
            yield item if isinstance(item, Reject) else item[0]
        self._counts["clips_without_row"] = len((self._clips or {}).keys() - named)
        if lost := len({clip for clip, _ in votes} - named):
            what = f"{lost:,} clips have votes but no row"
            yield SourceError(what, where=self.files[0], do=AGAIN)

    def _utterance(
        self, row: CsvRow, votes: Votes, people: dict[str, tuple[str, int | None]]
    ) -> Utterance:
        fields = row.fields
        columns = ("FileName",) if self.lacking_views else ("FileName", *COLUMNS)
        if not all(fields.get(column) for column in columns):
            raise BrokenRecord(
                "broken_row", "there are too many or too few fields, or one is empty"
            )
        clip = require_utf8(fields["FileName"])
        actor, code, emotion, level = _parts(clip)
        if (text := self._sentences.get(code)) is None:
            known = ", ".join(self._sentences)
            raise BrokenRecord("unknown_sentence", f"{code} in {clip!r}; expected one of {known}")
        intended: LabelView = {
            "name": "intended",
            "label": emotion,
            "votes": None,
            "agreement": None,
            "level": _LEVELS[level],
        }
        heard = [] if self.lacking_views else views(clip, fields, votes)
        media = self._clips.get(clip) if self._clips is not None else None
        film = self._films.get(clip) if media else None
        sex, age = people.get(actor, (None, None))
        found = {
            "clip_missing": self._clips is not None and media is None,
            "demographics_missing": actor not in people,
        }
        return Utterance(
            dialogue=f"{actor}_{code}",
            utterance=f"{emotion}_{level}",
            order=row.number,
            speaker=actor,
            text=text,
            label=fields.get("VoiceVote"),
            media=media,
            video=Media(film) if film else None,
            sex=sex,
            age=age,
            annotation=Annotation(views=[intended, *heard]),
            findings=tuple(finding for finding, applies in found.items() if applies),
        )

    def _tables(self) -> tuple[dict[str, tuple[str, int | None]], Votes, Iterator[CsvRow]]:
        """Return the actors, the votes, and the rows of the summary."""
        people = _read_people(self._people) if self._people.is_file() else {}
        if self.lacking_views:
            self._counts["read_from_mirror"] = len(self._named)
            return people, {}, rows_of(self._named)
        votes, self._counts["votes_of_no_clip"] = read_votes(self.files[1])
        return people, votes, csv_rows(self.files[0], ("FileName", *COLUMNS))

    def _check_tables(self) -> dict[str, str]:
        """Return the label views that a mirror lacks; SourceError where a table is missing."""
        missing = [path for path in self.files if not path.is_file()]
        if missing and self._mirror:
            people = (self._people,) if self._people.is_file() else ()
            self.files = (*self._mirror.files, *people)
            return dict.fromkeys(("voice", "audio_visual"), without_votes(self._mirror))
        if missing:
            names = ", ".join(path.relative_to(self.root).as_posix() for path in missing)
            raise self._tables_missing(names)
        return {}

    def _tables_missing(self, names: str) -> SourceError:
        if not clips_in(self.root / _CLIPS, SOUND):
            return not_found(names, self.root, _TREE)
        return SourceError(
            f"{names} not found: there are only clips",
            where=self.root,
            expected=f"the tables of votes and actors beside {_CLIPS}",
            do="download them from https://github.com/CheyneyComputerScience/CREMA-D and put them "
            "there under these paths",
        )

    def _find_films(self) -> dict[str, Path]:
        """Return the videos by name, where they are there; a converted one goes first."""
        found = clips_in(self.root / "VideoFlash", (".mp4", ".flv"))
        return {_OLD_ENDING.sub("_XX", stem): path for stem, path in found.items()}

    def _find_clips(self) -> dict[str, Media]:
        """Return the clips by name, with the misnamed one under its current name."""
        clips: dict[str, Media] = {}
        # Sorted, X.wav comes before XX.wav, which wins.
        for stem, path in clips_in(self.root / _CLIPS, SOUND).items():
            clips[_OLD_ENDING.sub("_XX", stem)] = Media(path)
        used = [media.path.stem for media in clips.values()]
        self._counts["old_name_used"] = sum(bool(_OLD_ENDING.search(name)) for name in used)
        if not clips and self._mirror:
            return clips_inside(self._mirror, _clip_name)
        if not clips:
            packed = archives(self.root)
            fetch = f"unpack {packed} there" if packed else "run `git lfs pull` there"
            raise SourceError(
                "the media are missing: no clips",
                where=self.root / _CLIPS,
                expected="the WAV files (AudioMP3 is not read, as some of its files are wrong)",
                do=f"{fetch}, or use --text-only",
            )
        return clips


def _clip_name(stem: str) -> str | None:
    """Return the current name of a clip whose file is called so, None where it is no clip."""
    name = _OLD_ENDING.sub("_XX", stem)
    return name if _CLIP.fullmatch(name) else None


def _together(rows: Iterable[CsvRow]) -> Iterator[CsvRow]:
    """Yield an actor's renderings of a sentence together, wherever they are in the file.

    They are no turns that follow one another, and there are few thousand rows.
    """
    groups: dict[str, list[CsvRow]] = {}
    for row in rows:
        groups.setdefault(row.fields.get("FileName", "")[:8], []).append(row)
    return chain.from_iterable(groups.values())


def _parts(clip: str) -> tuple[str, str, str, str]:
    """Return the actor, sentence, emotion and level in the name of a clip."""
    if (match := _CLIP.fullmatch(clip)) is None:
        expected = "actor, sentence, emotion and level, as in 1001_DFA_ANG_XX"
        raise BrokenRecord("broken_id", f"the clip is named {clip!r}; expected {expected}")
    actor, code, emotion, level = match.groups()
    return actor, code, emotion, level


def _reject(row: CsvRow, error: BrokenRecord) -> Reject:
    match = _CLIP.fullmatch(row.fields.get("FileName", ""))
    ids = (f"{match[1]}_{match[2]}", f"{match[3]}_{match[4]}") if match else ("line", row.line)
    return broken("crema_d", "all", ids, row.place, ",".join(row.cells), error)


def _read_people(path: Path) -> dict[str, tuple[str, int | None]]:
    """Return sex and age by actor, of those whose row is whole."""
    people = {}
    for row in csv_rows(path, ("ActorID", "Age", "Sex")):
        if row.fields and (sex := row.fields["Sex"].lower()) in ("female", "male"):
            age = row.fields["Age"]
            people[row.fields["ActorID"]] = sex, int(age) if is_number(age) else None
    return people


def _read_sentences() -> dict[str, str]:
    """Return the text of each sentence by its code."""
    path = Path(__file__).with_name("sentences.tsv")
    rows = read_rows(path, ("code", "text"), key=("code",))
    return {row.text("code"): row.text("text") for row in rows}
