"""The reader of every corpus whose labels are in the names of its files, as its table says.

Which files there are, what their names look like and what each part means is data: `names.toml` in
the folder of the corpus. No corpus is named here.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from builders import resources
from builders.corpora.clip_files import SOUND
from builders.corpora.files import (
    AGAIN,
    BrokenRecord,
    archives,
    broken,
    not_found,
    notes_of,
    open_root,
    require_utf8,
    visible,
)
from builders.corpora.name_tables import Actor, NameTable, read_table
from builders.corpora.opening import read_whole
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Annotation, Dialogue, Media, Reject, Utterance

TABLE = "names.toml"
_ALL = "all"
_UNKNOWN = Actor()


class NamedCorpus:
    """A corpus by its table: called as the class `Reader` of other corpora is."""

    def __init__(self, slug: str) -> None:
        self._slug = slug
        self._table = read_table(resources.corpora() / slug / TABLE)
        self.splits: tuple[str, ...] = tuple(self._table.splits) or (_ALL,)

    def __call__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> NamedClips:
        """Return the reader of the corpus that lies in `source`."""
        return NamedClips(self._slug, self._table, source, with_media, splits)


class NamedClips:
    """Reads the names of all files of sound below a folder; none is opened."""

    def __init__(
        self, slug: str, table: NameTable, source: Path, with_media: bool, splits: tuple[str, ...]
    ) -> None:
        self.splits = splits
        self.root = open_root(source, table.tree, *table.inside)
        self._slug, self._table, self._with_media = slug, table, with_media
        self._paths = sorted(_sound_files(self.root), key=_preferred)
        if not any(table.name.fullmatch(_stem(path)) for path in self._paths):
            raise self._no_clips()
        self.files = self._text_files()
        self._counts: dict[str, Counter[str]] = {}
        self._found: dict[str, list[Dialogue | Reject]] | None = None

    @property
    def notes(self) -> list[ReaderNote]:
        """Return the numbers of files that are not read, and of copies of clips."""
        return notes_of(self._counts)

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield a speaker's renderings of a sentence as a dialogue, by name, and broken names.

        The names of all clips are kept in memory, since those of one sentence may be in many
        folders. Raises SourceError if a file of sentences cannot be read.
        """
        if self._found is None:
            self._found = self._gather()
        yield from self._found.get(split, ())

    def _gather(self) -> dict[str, list[Dialogue | Reject]]:
        """Return rejects and dialogues by split."""
        texts = self._texts()
        dialogues: dict[tuple[str, str], Dialogue] = {}
        items: dict[str, list[Dialogue | Reject]] = {}
        seen: set[tuple[str, str, str]] = set()
        for number, path in enumerate(self._paths):
            try:
                found = self._utterance(path, number, texts)
            except BrokenRecord as error:
                found = self._reject(path, error)
            if found is None:
                continue
            split, item = found
            ids = ("file", item.id) if isinstance(item, Reject) else (item.dialogue, item.utterance)
            if (name := (split, *ids)) in seen:
                self._count(split, "copies_of_clips")
                continue
            seen.add(name)
            if isinstance(item, Reject):
                items.setdefault(split, []).append(item)
                continue
            dialogue = dialogues.setdefault(name[:2], Dialogue(split, item.dialogue, []))
            dialogue.utterances.append(item)
        for (split, _), dialogue in dialogues.items():
            items.setdefault(split, []).append(dialogue)
        return items

    def _reject(self, path: str, error: BrokenRecord) -> tuple[str, Reject]:
        """Return what a broken name becomes; since its split cannot be told, it is of the first."""
        # Hyphens would be encoded.
        name = _stem(path).rpartition("/")[2].replace("-", "_")
        split = self.splits[0]
        return split, broken(self._slug, split, ("file", name), path, path, error)

    def _utterance(
        self, path: str, number: int, texts: dict[str, str]
    ) -> tuple[str, Utterance | Reject] | None:
        """Return a clip's split and utterance; None where it is left out or of no wanted split."""
        if (parts := self._parts(path)) is None:
            return None
        table = self._table
        if (split := self._split_of(parts)) not in self.splits:
            return None
        parts["actor"] = self._meaning("actor", parts)
        label, actor = self._meaning("emotion", parts), table.actors.get(parts["actor"], _UNKNOWN)
        level = table.levels.get(parts.get("intensity", ""))
        return split, Utterance(
            dialogue=table.dialogue.format_map(parts),
            utterance=table.utterance.format_map(parts),
            order=number,
            speaker=parts["actor"],
            text=self._words(parts, texts),
            label=label,
            media=Media(self.root / path) if self._with_media else None,
            sex=actor.sex,
            age=actor.age,
            language=actor.language,
            annotation=_as_intended(label, level),
        )

    def _parts(self, path: str) -> dict[str, str] | None:
        """Return the parts of a name by group; None where the file is left out."""
        table, stem = self._table, _stem(path)
        if (match := table.name.fullmatch(stem)) is None:
            for note, pattern in table.left_out.items():
                if pattern.fullmatch(stem):
                    self._count(self.splits[0], note)
                    return None
            require_utf8(path)
            raise BrokenRecord("broken_id", f"the clip is named {path!r}; expected {table.example}")
        parts = {group: code or "" for group, code in match.groupdict().items()}
        if table.numbered:
            at = (int(parts[table.numbered.group]) - 1) % table.numbered.every + 1
            parts["sentence"] = f"{at:0{len(str(table.numbered.every))}d}"
        return parts

    def _meaning(self, group: str, parts: dict[str, str]) -> str:
        """Return what the code of a group stands for."""
        codes = self._table.codes.get(group)
        if codes is None:
            return parts[group]
        if (meaning := codes.get(parts[group])) is None:
            known = ", ".join(codes)
            detail = f"{parts[group]!r} is no {group}; expected one of {known}"
            raise BrokenRecord(f"unknown_{group}", detail)
        return meaning

    def _words(self, parts: dict[str, str], texts: dict[str, str]) -> str:
        if self._table.says is not None:
            return self._table.says.format_map(parts)
        source = self._table.texts
        key = parts["sentence"] if source is None else source.key.format_map(parts)
        if not (text := (self._table.sentences if source is None else texts).get(key)):
            raise BrokenRecord("unknown_sentence", f"there are no words for {key!r}")
        return require_utf8(text)

    def _split_of(self, parts: dict[str, str]) -> str:
        for split, (first, last) in self._table.splits.items():
            if first <= int(parts["sentence"]) <= last:
                return split
        return _ALL

    def _text_files(self) -> tuple[Path, ...]:
        """Return the files with sentences; SourceError where there are none."""
        if self._table.texts is None:
            return ()
        if not (found := visible(self.root, self._table.texts.pattern)):
            raise SourceError(
                f"the sentences are missing: no {self._table.texts.pattern}",
                where=self.root,
                expected=self._table.tree,
                do=self._table.texts.missing,
            )
        return tuple(found)

    def _texts(self) -> dict[str, str]:
        """Return the words by their key, of all files with sentences."""
        texts: dict[str, str] = {}
        for path in self.files:
            for line in _decoded(path).splitlines():
                key, _, rest = line.partition("\t")
                texts[key.strip()] = rest.partition("\t")[0].strip()
        return texts

    def _count(self, split: str, note: str) -> None:
        self._counts.setdefault(split, Counter())[note] += 1

    def _no_clips(self) -> SourceError:
        what, packed = f"clips named like {self._table.example}", archives(self.root)
        if packed or not self._paths:
            return not_found(what, self.root, self._table.tree)
        detail = f"{what} not found among {len(self._paths):,} files of sound"
        do = "use the files under the names that their owner gave them"
        return SourceError(detail, where=self.root, expected=self._table.tree, do=do)


def _as_intended(label: str, level: float | None) -> Annotation:
    return Annotation(
        views=[
            {
                "name": "intended",
                "label": label,
                "votes": None,
                "agreement": None,
                "level": level,
            }
        ]
    )


def _stem(path: str) -> str:
    return path.rpartition(".")[0]


def _preferred(path: str) -> tuple[str, int]:
    """Return what sorts a clip before its copies in other formats."""
    stem, _, ending = path.rpartition(".")
    return stem, SOUND.index(f".{ending.lower()}")


def _sound_files(root: Path) -> Iterator[str]:
    """Yield the paths of all files of sound below a folder, relative to it, with ``/``."""
    start = len(str(root)) + 1
    for folder, _, names in os.walk(root):
        below = folder[start:].replace(os.sep, "/")
        if below.startswith(".") or "/." in below:
            continue
        for name in names:
            if name.lower().endswith(SOUND) and name[0] != ".":
                yield f"{below}/{name}" if below else name


def _decoded(path: Path) -> str:
    """Return a file of sentences as text; releases have them in UTF-8 and in UTF-16."""
    try:
        raw = read_whole(path)
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        return raw.decode("utf-16") if wide else raw.decode("utf-8-sig", "surrogateescape")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"the file cannot be read ({error})", where=path, do=AGAIN) from error
