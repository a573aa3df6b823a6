"""The tables of corpora whose labels are in the names of their files: `names.toml`.

Such a corpus needs no reader of its own: its table says what a name is made of, and what each part
of it means. `named_clips.py` reads all of them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from builders.errors import ConfigError

_GROUP = re.compile(r"\{(\w+)\}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Actor(_Part):
    """What is known of a speaker; `age` in years at the time of recording.

    `language` (BCP 47) is what the speaker speaks, where it is not that of the corpus's card.
    """

    sex: Literal["female", "male"] | None = None
    language: str | None = None
    age: int | None = Field(default=None, ge=1, le=120)


class Numbered(_Part):
    """Where a running number tells the sentence: that of each `every` files is the same again."""

    group: str
    every: int = Field(ge=1)


class SentenceFiles(_Part):
    """The files with the sentences: `pattern` below the corpus folder, as ``*/*.txt``.

    A line has the key, a tab and the words; `key` makes the key from the parts of a name.
    `missing` says what to do where there is no such file.
    """

    pattern: str = Field(min_length=1)
    key: str = Field(min_length=1)
    missing: str = Field(min_length=1)


class NameTable(_Part):
    """What the path of a clip says.

    `tree` describes the folder in messages, `inside` names folders that it may be in. `name` is a
    regular expression for the path below that folder, without its ending; its groups `actor` and
    `emotion` say who speaks and which feeling, `sentence` which words, `intensity` how strongly.
    `left_out` are expressions for files of the corpus that are not read, by the note that counts
    them. `dialogue` and `utterance` make the ids. `codes` say what the codes of a group stand for;
    a group without codes stands for itself. The words are `says` with the parts of a name in it,
    or come from `sentences`, or from files. `splits` are by sentence number, as ``[1, 20]``.
    """

    tree: str = Field(min_length=1)
    inside: tuple[str, ...] = ()
    name: re.Pattern[str]
    example: str = Field(min_length=1)
    left_out: dict[str, re.Pattern[str]] = {}
    dialogue: str = Field(min_length=1)
    utterance: str = Field(min_length=1)
    numbered: Numbered | None = None
    codes: dict[str, dict[str, str]] = {}
    levels: dict[str, float] = {}
    says: str | None = None
    sentences: dict[str, str] = {}
    texts: SentenceFiles | None = None
    actors: dict[str, Actor] = {}
    splits: dict[Literal["train", "dev", "test"], tuple[int, int]] = {}

    @model_validator(mode="after")
    def _whole(self) -> NameTable:
        groups = {*self.name.groupindex, *(("sentence",) if self.numbered else ())}
        if missing := {"actor", "emotion"} - groups:
            raise ValueError(f"name has no group {', '.join(sorted(missing))}")
        texts = (
            self.dialogue,
            self.utterance,
            self.says or "",
            self.texts.key if self.texts else "",
        )
        if unknown := {group for text in texts for group in _GROUP.findall(text)} - groups:
            raise ValueError(f"there is no group {', '.join(sorted(unknown))} in name")
        if sum(map(bool, (self.says, self.sentences, self.texts))) != 1:
            raise ValueError("exactly one of says, sentences and texts is expected")
        if (self.splits or self.sentences) and "sentence" not in groups:
            raise ValueError("splits and sentences need a group sentence in name")
        return self


def read_table(path: Path) -> NameTable:
    """Return the table in a `names.toml`; ConfigError names the fields that are wrong."""
    try:
        return NameTable(**_read(path))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(
            f"the table of file names is not valid: {wrong}", where=path, do="fix these fields"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", where=path, do="fix that line") from error
