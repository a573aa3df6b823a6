"""IEMOCAP trees made for tests: five sessions on disk, as the owner lays them out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
IN_SUMMARIES = ("val", "act", "dom")
IN_RATERS_FILES = ("act", "val", "dom")


@dataclass
class Turn:
    """One turn; without a label it stands in the transcript alone.

    `votes` and `values` go by rater: ``E2:Sadness,Frustration F1:Neutral`` and ``E2:2,3,-``
    (valence, activation, dominance; a hyphen where one is left out). `clip` is at 16 kHz.
    """

    name: str
    text: str = "This is what is said."
    label: str | None = "neu"
    votes: str = "E2:Neutral E3:Neutral E4:Sadness"
    values: str = "E2:2,3,2 E3:3,3,3"
    start: float = 1.0
    end: float = 2.5
    clip: NDArray[np.float32] | None = None


def by_rater(written: str) -> dict[str, list[str]]:
    """Return votes or values by rater."""
    return {part[:2]: part[3:].split(",") for part in written.split()}


def block(dialogue: str, turn: Turn) -> str:
    """Return what a summary says of a turn."""
    lines = [f"C-{rater}:\t{'; '.join(said)};\t()" for rater, said in by_rater(turn.votes).items()]
    given = {r: dict(zip(IN_SUMMARIES, v, strict=True)) for r, v in by_rater(turn.values).items()}
    lines += [f"A-{rater}:\t{_values(said, IN_SUMMARIES)}\t()" for rater, said in given.items()]
    outside = [said for rater, said in given.items() if rater.startswith("E")]
    means = ", ".join(f"{_mean(said[name] for said in outside):.4f}" for name in IN_SUMMARIES)
    head = f"[{turn.start:.4f} - {turn.end:.4f}]\t{dialogue}_{turn.name}\t{turn.label}\t[{means}]"
    return "\n".join([head, *lines]) + "\n\n"


def _values(said: Mapping[str, str], order: Iterable[str]) -> str:
    return " ".join(f"{name} {said[name].replace('-', ' ')};" for name in order)


def _mean(values: Iterable[str]) -> float:
    return fmean(float(value) for value in values if value != "-")


def line(dialogue: str, turn: Turn) -> str:
    """Return a turn as a transcript has it."""
    return f"{dialogue}_{turn.name} [{turn.start:08.4f}-{turn.end:08.4f}]: {turn.text}\n"


def write_dialogue(
    root: Path, dialogue: str, turns: Iterable[Turn], *, raters: bool = True
) -> Path:
    """Write the files of a dialogue, those of each outside rater among them, and its clips.

    Returns the folder ``dialog`` of its session.
    """
    turns, session = list(turns), root / f"Session{dialogue[4]}"
    evaluated = [turn for turn in turns if turn.label is not None]
    folder = session / "dialog"
    blocks = "".join(block(dialogue, turn) for turn in evaluated)
    write(folder / "EmoEvaluation" / f"{dialogue}.txt", HEADER + blocks)
    lines = "".join(line(dialogue, turn) for turn in turns)
    write(folder / "transcriptions" / f"{dialogue}.txt", lines)
    if raters:
        write_raters(folder / "EmoEvaluation", dialogue, evaluated)
    clips = session / "sentences" / "wav" / dialogue
    for turn in turns:
        if turn.clip is not None:
            clips.mkdir(parents=True, exist_ok=True)
            path = clips / f"{dialogue}_{turn.name}.wav"
            soundfile.write(path, turn.clip, RATE, subtype="PCM_16")
    return folder


def write_raters(folder: Path, dialogue: str, turns: Iterable[Turn]) -> None:
    """Write what each outside rater said of a dialogue into files of its own."""
    files: dict[Path, str] = {}
    for turn in turns:
        for rater, said in by_rater(turn.votes).items():
            chosen = "; :".join(said).replace("Neutral", "Neutral state")
            path = folder / "Categorical" / f"{dialogue}_{rater.lower()}_cat.txt"
            files[path] = files.get(path, "") + f"{dialogue}_{turn.name} :{chosen}; ()\n"
        for rater, said in by_rater(turn.values).items():
            values = _values(dict(zip(IN_SUMMARIES, said, strict=True)), IN_RATERS_FILES)
            path = folder / "Attribute" / f"{dialogue}_{rater.lower()}_atr.txt"
            files[path] = files.get(path, "") + f"{dialogue}_{turn.name} :{values} ()\n"
    for path, text in files.items():
        if "_e" in path.name:
            write(path, text)


def write(path: Path, text: str) -> Path:
    """Write a text file and the folders it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def make_tree(root: Path, dialogues: Mapping[str, Iterable[Turn]] | None = None) -> Path:
    """Write a tree and return its root; a session without a dialogue gets ``Ses0nF_impro08``."""
    given = dict(dialogues or {})
    for session in "12345":
        if not any(name[4] == session for name in given):
            given[f"Ses0{session}F_impro08"] = [Turn("F000"), Turn("M000", start=3.0, end=4.0)]
    for dialogue, turns in given.items():
        write_dialogue(root, dialogue, turns)
    return root
