"""EmoryNLP's own JSON files, which hold the whole scenes: read for what others say in between.

The tables lack turns in nearly all scenes. Source: https://github.com/emorynlp/emotion-detection.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.corpora.files import AGAIN, visible
from builders.corpora.opening import read_whole
from builders.errors import SourceError
from builders.record.types import Dialogue, Utterance

_FILES = "emotion-detection-*.json"
_TURN = re.compile(r"s(\d{1,9})_e(\d{1,9})_c(\d{1,9})_u(\d{1,9})", re.ASCII)
_NO_WORD = re.compile(r"\W+")


@dataclass(frozen=True)
class Scenes:
    """The turns of whole scenes, by scene and number, and the files they are from."""

    files: tuple[Path, ...]
    turns: Mapping[str, Mapping[int, tuple[str, str]]]

    def complete(self, scene: Dialogue, counts: Counter[str]) -> None:
        """Add to a scene the turns that its table lacks, as context and no targets.

        A scene in which a turn of the same number has other words is left as it is.
        """
        if not (turns := self.turns.get(scene.id)):
            return
        known = {int(u.utterance): u.text for u in scene.utterances}
        if any(_plain(turns[n][1]) != _plain(text) for n, text in known.items() if n in turns):
            counts["scenes_unlike_the_json"] += 1
            return
        more = [_turn(scene.id, n, *said) for n, said in turns.items() if n not in known]
        scene.utterances += more
        counts["turns_from_whole_scenes"] += len(more)


def owners_files(root: Path) -> list[Path]:
    """Return the owner's JSON files in a folder."""
    return visible(root, _FILES)


def find_scenes(root: Path) -> Scenes:
    """Return the whole scenes that lie beside the tables; SourceError for a file that is none."""
    files, turns = owners_files(root), dict[str, dict[int, tuple[str, str]]]()
    for path in files:
        for scene, number, speaker, text in _read(path):
            turns.setdefault(scene, {})[number] = speaker, text
    return Scenes(tuple(files), turns)


def _read(path: Path) -> Iterator[tuple[str, int, str, str]]:
    try:
        document: Any = json.loads(read_whole(path))
        for episode in document["episodes"]:
            for scene in episode["scenes"]:
                for turn in scene["utterances"]:
                    if found := _TURN.fullmatch(turn["utterance_id"]):
                        season, number, part, spoken = map(int, found.groups())
                        speaker, text = " and ".join(turn["speakers"]), turn["transcript"].strip()
                        (speaker + text).encode()  # half a character is a ValueError
                        if text:
                            yield f"sea{season}_ep{number}_sc{part}", spoken, speaker, text
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SourceError(
            f"the file does not hold whole scenes ({type(error).__name__})",
            where=path,
            expected="episodes, in them scenes, in them utterances with utterance_id, speakers "
            "and transcript",
            do=f"{AGAIN}, or move it elsewhere: it is read for context only",
        ) from error


def _turn(scene: str, number: int, speaker: str, text: str) -> Utterance:
    return Utterance(
        dialogue=scene,
        utterance=str(number),
        order=number,
        speaker=speaker or None,
        text=text,
        label=None,
        targetable=False,
    )


def _plain(text: str) -> str:
    return _NO_WORD.sub("", text).lower()
