"""EmoWOZ as its owner distributes it: two JSON files of dialogues, and the ids of each split.

Source: https://zenodo.org/record/6506504. Turns have no speaker field: the user begins, and the
system has every other turn.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from builders.corpora.damage import repaired
from builders.corpora.emowoz.emotions import annotate
from builders.corpora.emowoz.mirror import checked, dialogues
from builders.corpora.files import (
    AGAIN,
    BrokenRecord,
    as_context,
    as_json,
    broken,
    not_found,
    notes_of,
    open_root,
    require_utf8,
    unreadable,
    visible,
)
from builders.corpora.hub_mirrors import Mirror, find_mirror
from builders.corpora.json_members import json_items
from builders.corpora.opening import open_bytes
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue, Reject, Utterance

_TREE = "the folder that holds emowoz-multiwoz.json, emowoz-dialmage.json and data-split.json"
_FILES = {"multiwoz": "emowoz-multiwoz.json", "dialmage": "emowoz-dialmage.json"}
_SPLIT_FILES = ("data-split.json", "data_split.json")
_POINTER, _TAG = b"version https://git-lfs.github.com/", re.compile(r"<[^<>]*>")


class Reader:
    """Reads the folder of the three files, or the one around it."""

    splits: tuple[str, ...] = ("train", "dev", "test")
    _mirror: Mirror | None = None

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        top = open_root(source, _TREE)
        folders = (top, *(path for path in visible(top) if path.is_dir()))
        self._counts: dict[str, Counter[str]] = {}
        self._strays: dict[str, int] = {}
        if (mirror := find_mirror("emowoz", top, splits)) is not None:
            self.root, self._mirror = mirror.root, mirror
            return
        held = (f for f in folders if any((f / name).is_file() for name in _FILES.values()))
        if (root := next(held, None)) is None:
            raise not_found(" and ".join(_FILES.values()), top, _TREE)
        self.root = root
        self._parts = {part: root / name for part, name in _FILES.items()}
        lists = (root / name for name in _SPLIT_FILES)
        if (split_file := next((path for path in lists if path.is_file()), None)) is None:
            raise not_found(_SPLIT_FILES[0], root, _TREE)
        self._split_file = split_file
        self._ids = _read_ids(split_file)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files of dialogues, and the one that splits them."""
        if self._mirror is not None:
            return self._mirror.files
        return (*(path for path in self._parts.values() if path.is_file()), self._split_file)

    @property
    def notes(self) -> list[ReaderNote]:
        """Return the sizes of the two parts, then the ids without a counterpart."""
        strays = Counter(dialogues_in_no_split=sum(self._strays.values()))
        return notes_of({**self._counts, "all": strays})

    def read(self, split: str) -> Iterator[Dialogue | Reject | SourceError]:
        """Yield the dialogues of a split in the order of the files, a reject per broken turn.

        A file of dialogues that is missing or not complete JSON is yielded as a SourceError.
        """
        self._counts[split] = Counter()
        if self._mirror is not None:
            yield from self._read_mirror(self._mirror, split)
            return
        for part in self._parts:
            left = set(self._ids[split][part])
            try:
                yield from self._read_part(split, part, left)
            except SourceError as error:
                yield error
            self._counts[split]["ids_without_dialogue"] += len(left)

    def _read_mirror(self, mirror: Mirror, split: str) -> Iterator[Dialogue | Reject]:
        counts, seen = self._counts[split], set[str]()
        counts["read_from_mirror"] += 1
        for part, name, value in dialogues(mirror, split):
            try:
                yield from _read_dialogue(split, checked(name, seen), value, counts, part)
            except BrokenRecord as error:
                yield _broken(split, (name, "log"), part, value, error)

    def _read_part(self, split: str, part: str, left: set[str]) -> Iterator[Dialogue | Reject]:
        """Yield the dialogues of a part, and remove their ids from `left`."""
        path, counts = self._parts[part], self._counts[split]
        if not path.is_file():
            raise not_found(path.name, self.root, _TREE)
        _refuse_pointer(path)
        listed, strays = [self._ids[name][part] for name in self._ids], 0
        for key, value in json_items(path):
            name = key.removesuffix(".json")
            if name not in self._ids[split][part]:
                strays += not any(name in ids for ids in listed)
                continue
            try:
                if name not in left:
                    raise BrokenRecord(
                        "duplicate_id", "the dialogue appears twice; the first one is used"
                    )
                left.remove(name)
                yield from _read_dialogue(split, name, value, counts, part)
            except BrokenRecord as error:
                yield _broken(split, (name, "log"), part, value, error)
        self._strays[part] = strays


def _read_ids(path: Path) -> dict[str, dict[str, set[str]]]:
    """Return the ids of the dialogues by split and part."""
    _refuse_pointer(path)
    listed = dict(json_items(path))
    ids: dict[str, dict[str, set[str]]] = {}
    for split in Reader.splits:
        parts = listed.get(split)
        for part in _FILES:
            names = parts.get(part) if isinstance(parts, dict) else None
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise SourceError(
                    f"no list of {part} ids under {split}",
                    where=path,
                    expected=f"{', '.join(Reader.splits)}, each with {' and '.join(_FILES)}",
                    do="use the file as originally distributed",
                )
            ids.setdefault(split, {})[part] = {name.removesuffix(".json") for name in names}
    for one, other in combinations(ids, 2):
        for part in _FILES:
            if shared := sorted(ids[one][part] & ids[other][part]):
                what = f"{', '.join(shared[:3])} is in both {one} and {other}"
                raise SourceError(
                    what, where=path, expected="each dialogue in one split only", do=AGAIN
                )
    return ids


def _refuse_pointer(path: Path) -> None:
    try:
        with open_bytes(path) as stream:
            start = stream.read(len(_POINTER))
    except OSError as error:
        raise unreadable(path, error) from error
    if start == _POINTER:
        raise SourceError(
            "the file is a Git LFS pointer",
            where=path,
            expected="the JSON file itself",
            do="fetch it with git lfs pull, or download it from https://zenodo.org/record/6506504",
        )


def _read_dialogue(
    split: str, name: str, value: object, counts: Counter[str], part: str
) -> Iterator[Dialogue | Reject]:
    if isinstance(value, BrokenRecord):
        raise value
    require_utf8(name)
    log = value.get("log") if isinstance(value, dict) else None
    if not log or not isinstance(log, list):
        raise BrokenRecord("broken_dialogue", "it has no list of turns under log")
    dialogue = Dialogue(split, name, [], assistant="system", first_number=0)
    if background := _goal(value["goal"] if isinstance(value, dict) and "goal" in value else None):
        dialogue.background, dialogue.background_origin = background, "goal"
    for index, turn in enumerate(log):
        try:
            dialogue.utterances.append(_utterance(name, index, turn, counts))
        except BrokenRecord as error:
            if error.readable:
                dialogue.utterances.append(as_context(error.readable))
            else:
                dialogue.missing.append(index)
            yield _broken(split, (name, str(index)), part, turn, error)
    counts[f"dialogues_of_{part}"] += 1
    counts[f"user_turns_of_{part}"] += (len(log) + 1) // 2
    yield dialogue


def _broken(
    split: str, ids: tuple[str, str], part: str, value: object, error: BrokenRecord
) -> Reject:
    return broken("emowoz", split, ids, f"{_FILES[part]}:{ids[0]}", as_json(value), error)


def _goal(goal: object) -> str | None:
    """Return what the user was told to do, without the markup that marks places and times."""
    message = goal.get("message") if isinstance(goal, dict) else None
    lines = message if isinstance(message, list) else [message]
    plain = (_unescaped(_TAG.sub("", line)) for line in lines if isinstance(line, str))
    sentences = (" ".join(line.split()) for line in plain)
    told = " ".join(s if s.endswith((".", "!", "?")) else f"{s}." for s in sentences if s)
    return require_utf8(told) or None


def _unescaped(line: str) -> str:
    try:
        return html.unescape(line)
    except ValueError:  # the number of a character that has thousands of digits
        return line


def _utterance(dialogue: str, index: int, turn: object, counts: Counter[str]) -> Utterance:
    text, emotion = (turn.get("text"), turn.get("emotion")) if isinstance(turn, dict) else (0, 0)
    if not isinstance(text, str) or not text.strip():
        raise BrokenRecord("broken_turn", "it has no text")
    user = index % 2 == 0
    (text,) = repaired((text,), counts)
    utterance = Utterance(
        dialogue=dialogue,
        utterance=str(index),
        order=index,
        # The corpus does not say which crowd worker spoke as the user.
        speaker=None if user else "system",
        text=" ".join(filter(None, map(str.strip, require_utf8(text).splitlines()))),
        label=None,
        targetable=user,
    )
    try:
        if user:
            counts["votes_without_emotion"] += annotate(utterance, emotion)
        elif emotion:
            detail = "it has an emotion, but by its position it is a system turn"
            raise BrokenRecord("broken_turn", detail)
    except BrokenRecord as error:
        error.readable = utterance
        raise
    return utterance
