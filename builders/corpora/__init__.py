"""The corpora: one folder each, found by its `card.toml`; no list of them is kept anywhere."""

from __future__ import annotations

import difflib
import importlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builders import resources
from builders.errors import ConfigError, SourceError, UsageError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue, Reject

Permission = Literal["yes", "no", "unknown"]
Split = Literal["train", "dev", "test", "all"]
LabelSource = Literal["intended", "voice", "audio_visual", "text", "self"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rights(_Part):
    """What of a corpus may be published, and under which licence; unknown counts as no."""

    licence: str = Field(min_length=1)
    audio: Permission
    text: Permission
    labels: Permission
    derived: Permission


class ThirdParty(_Part):
    """What of a corpus may be sent to a third party; unknown counts as no."""

    text: Permission
    audio: Permission


class SameWords(_Part):
    """Where a corpus has the same words by the same speaker, said in several ways, and why there.

    `within` says whether they lie in one dialogue, which then holds nothing else, or anywhere in a
    split; with fewer than `least_words` words an utterance is not looked for.
    """

    within: Literal["dialogue", "split"]
    least_words: int = Field(ge=1)
    reason: str = Field(min_length=1)


class VoiceEvidence(_Part):
    """What people heard in the voice alone: the view of the label with their votes, and a note.

    Without a `view` nobody was asked about the voice alone, and `note` says what is there instead.
    """

    view: str | None = None
    note: str = Field(min_length=1)


class Card(_Part):
    """What a corpus is, as `card.toml` says it.

    `names` are other spellings of the slug, `how_to_get` is the sentence that error messages end
    with, `label_source` what the annotators had before them, `label_views` what else `--label-view`
    may choose, `video` where its pictures lie, None where it has none, `context` what earlier turns
    are, `speakers_have_names` whether a prompt may call them as the corpus does (a number is no
    name), `evaluation_overlap` the benchmarks made from a split. `contrast` says where the same
    words are said in several ways, `voice_evidence` who judged the voice alone. `combined_folds`
    says which folds of a corpus without splits of its own become which split of a combined set.
    """

    slug: str
    names: tuple[str, ...] = ()
    title: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    homepage: str | None = None
    how_to_get: str = Field(min_length=1)
    citation: str = Field(min_length=1)
    language: str = Field(min_length=1)
    corpus_version: str | None = None
    label_source: LabelSource
    label_views: tuple[LabelSource, ...] = ()
    audio_origin: Literal["acted", "natural", "synthetic", "none"]
    video: str | None = None
    context: Literal["dialogue", "same_speaker", "none"]
    speakers_have_names: bool = False
    combined_folds: dict[Split, tuple[str, ...]] = {}
    layout: str = Field(min_length=1)
    known_faults: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    evaluation_overlap: dict[Split, tuple[str, ...]] = {}
    rights: Rights
    send_to_third_party: ThirdParty
    contrast: SameWords | None = None
    voice_evidence: VoiceEvidence | None = None

    @property
    def licence(self) -> str:
        """Return the licence that what may be published is under."""
        return self.rights.licence


class Reader(Protocol):
    """What `builders.corpora.<slug>.reader.Reader(source, with_media, splits)` is.

    The class names all `splits` of the corpus, an object those that it was opened for; only their
    files need to be there. `root` is the folder that clip paths are relative to, `files` are the
    annotation files, `notes` the choices made while reading:
    ``{"note": "recut_twin_used", "split": "test", "count": 132}``.
    """

    @property
    def splits(self) -> tuple[str, ...]:
        """Return the splits in the order in which they are read."""

    @property
    def root(self) -> Path:
        """Return the folder that clip paths are relative to."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the annotation files."""

    @property
    def notes(self) -> Sequence[ReaderNote]:
        """Return the choices made so far; complete when every split was read to its end."""

    def read(self, split: str) -> Iterator[Dialogue | Reject | SourceError]:
        """Yield each dialogue of a split once, and a reject for each record that is broken.

        A fault of the corpus's own structure that leaves the rest readable (one file of many) is
        yielded as the error that it is; one that does not is raised.
        """


# What a corpus's folder holds beside its card; its table of labels lies in label_maps/.
_PARTS = ("reader.py", "counts.tsv", "defects.tsv", "sample")


@cache
def slugs() -> tuple[str, ...]:
    """Return the slugs of all corpora, sorted."""
    return tuple(sorted(card.parent.name for card in resources.corpora().glob("*/card.toml")))


@cache
def load_card(slug: str) -> Card:
    """Return the card of a corpus; ConfigError names the fields that are wrong."""
    path = resources.corpora() / slug / "card.toml"
    try:
        return Card(slug=slug, **tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}", where=path, do="correct the line") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(
            f"card is wrong: {wrong}", where=path, do="correct these fields"
        ) from error


def resolve_slug(name: str) -> str:
    """Return the slug that a spelling such as ``CMU-MOSEI`` means; UsageError lists the known."""
    known = {_plain(word): slug for slug in slugs() for word in (slug, *load_card(slug).names)}
    if (slug := known.get(_plain(name))) is not None:
        return slug
    near = difflib.get_close_matches(_plain(name), known, n=1)
    raise UsageError(
        f'there is no corpus "{name}"',
        expected=f"one of {', '.join(slugs())}",
        do=f"did you mean {known[near[0]]}?" if near else "hearten corpora lists them",
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def open_reader(slug: str, source: Path, with_media: bool, splits: Sequence[str] = ()) -> Reader:
    """Return the reader of a corpus that lies in `source`, for some of its splits or for all.

    Raises UsageError when there is no such split, SourceError when `source` is not that corpus, or
    when media are wanted and missing.
    """
    known = splits_of(slug)
    for split in splits:
        if split not in known:
            raise UsageError(
                f"{slug} has no split {split!r}",
                expected=f"one of {', '.join(known)}",
                do="correct --split",
            )
    wanted = tuple(split for split in known if not splits or split in splits)
    # Absolute, as the paths of clips are looked up below it.
    return cast(Reader, _reader_class(slug)(source.absolute(), with_media, wanted))


def splits_of(slug: str) -> tuple[str, ...]:
    """Return the splits of a corpus in the order in which they are read."""
    return cast("tuple[str, ...]", _reader_class(slug).splits)


def check_whole(slug: str) -> None:
    """Raise ConfigError where a part of a corpus's folder, or its table of labels, is missing."""
    folder, tables = resources.corpora() / slug, resources.label_maps() / "emotion"
    parts = [folder / name for name in _PARTS] + [tables / f"{slug}.sssom.tsv"]
    gone = [str(path.relative_to(path.parents[1])) for path in parts if not path.exists()]
    if gone:
        raise ConfigError(
            f"the corpus {slug} is not whole: {', '.join(gone)} missing",
            where=folder,
            do="add what is missing; CONTRIBUTING.md says what each part is",
        )


def _reader_class(slug: str) -> Any:
    check_whole(slug)
    return importlib.import_module(f"builders.corpora.{slug}.reader").Reader
