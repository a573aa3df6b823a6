"""Where the files of each of IEMOCAP's dialogues lie, and what a dialogue's name says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.corpora.clip_files import SOUND, clips_in
from builders.corpora.files import visible
from builders.corpora.iemocap.evaluations import rater_files

SESSIONS = ("1", "2", "3", "4", "5")

_NAME = re.compile(
    r"Ses0(?P<session>\d)[FM]_"
    r"(?:impro0*(?P<impro>\d+[a-z]?)|script0*(?P<script>\d+)_(?P<part>\d+[a-z]?))",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one dialogue; summary, transcript, clips and the film may not be there.

    `clips` is the folder of its clips; `flat` are those that lie directly in the folder above.
    """

    dialogue: str
    background: str
    folds: tuple[str, ...]
    summary: Path
    transcript: Path
    raters: list[Path]
    clips: Path
    flat: Mapping[str, Path]
    film: Path

    def clips_by_turn(self) -> dict[str, Path]:
        """Return the clips by the last part of the ids, such as F000."""
        own = {stem: path for stem, path in self.flat.items() if stem.startswith(self.dialogue)}
        found = {**own, **clips_in(self.clips, SOUND)}
        named = ((stem.rpartition("_"), path) for stem, path in found.items())
        return {turn: path for (dialogue, _, turn), path in named if dialogue == self.dialogue}


def session_folder(root: Path, number: str) -> Path:
    """Return the folder of a session; copies write its name in lower case, too."""
    wanted = f"session{number}"
    found = (path for path in visible(root) if path.name.lower() == wanted and path.is_dir())
    return next(found, root / f"Session{number}")


def has_clips(session: Path) -> bool:
    """Return whether a session has the folder of clips."""
    return (session / "sentences" / "wav").is_dir()


def dialogues(number: str, session: Path) -> tuple[list[Files], int]:
    """Return the files of each dialogue of a session, and how many files have no dialogue's name.

    Only the folders themselves are listed: those inside EmoEvaluation hold no summaries.
    """
    summaries = session / "dialog" / "EmoEvaluation"
    transcripts = session / "dialog" / "transcriptions"
    clips, raters = session / "sentences" / "wav", rater_files(summaries)
    flat = clips_in(clips, SOUND)
    names = sorted(
        {p.stem for folder in (summaries, transcripts) for p in visible(folder, "*.txt")}
    )
    matches = [found for name in names if (found := _NAME.fullmatch(name))]
    files = [
        Files(
            dialogue=found[0],
            background=_background(found),
            folds=tuple(f"session_{n}:{'test' if n == number else 'train'}" for n in SESSIONS),
            summary=summaries / f"{found[0]}.txt",
            transcript=transcripts / f"{found[0]}.txt",
            raters=raters.get(found[0], []),
            clips=clips / found[0],
            flat=flat,
            film=session / "dialog" / "avi" / "DivX" / f"{found[0]}.avi",
        )
        for found in matches
        if found["session"] == number
    ]
    return files, len(names) - len(files)


def _background(name: re.Match[str]) -> str:
    return "Two actors improvise a scene." if name["impro"] else "Two actors play a scripted scene."
