"""Writing a corpus of one's own: records, clips, labels, and a card for its owner to fill in."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import BinaryIO

import orjson

from builders import resources
from builders.corpora.exclusions import Exclusions
from builders.corpora.given_files import Refuse, given_rows, refused
from builders.corpora.own_records import RECORDS, OwnDialogue
from builders.errors import ConfigError, HeartenError, LabelError, SourceError, UsageError
from builders.labels.vocabulary import UNMAPPED, vocabulary
from builders.pipeline.importing.column_map import ColumnMap
from builders.pipeline.importing.forms import Given, given
from builders.record.folder import writable

_HERE = Path(__file__).parent
_MADE = (RECORDS, "audio", "samples.jsonl", "labels.sssom.tsv")
_SHOWN = 10


@dataclass
class TakenIn:
    """What was taken in: records by split, clips, samples with a reply, labels."""

    folder: Path
    records: Counter[str] = field(default_factory=Counter)
    clips: int = 0
    samples: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    excluded: int = 0
    nothing: frozenset[str] = frozenset()


def checked(
    source: Path, how: ColumnMap, audio: Path | None, refuse: Refuse = refused
) -> Iterator[Given]:
    """Yield the records of a file, each checked, its clip with it where `audio` is its folder.

    `refuse` is called with what is wrong with a record, and may pass over it. By default it raises:

    Raises:
        SourceError: a file, or a clip, is not there or cannot be read.
        ConfigError: a record is not valid, or comes twice; names it.
    """
    seen: dict[tuple[str, str, str], str] = {}
    empty = True
    for where, row in given_rows(source, refuse):
        empty = False
        try:
            one = given(row, where, how.columns)
            target = one.dialogue["utterances"][-1]
            first = seen.setdefault((one.split, one.dialogue["id"], target["id"]), where)
            if first != where:
                raise _twice(row, how, where, first)
            if one.audio and audio:
                _clip(audio, one)
        except HeartenError as error:
            refuse(error)
            continue
        yield one
    if empty:
        raise SourceError(f"there are no records in {source}", expected="at least one record")


def _twice(row: object, how: ColumnMap, where: str, first: str) -> ConfigError:
    name = row.get(how.columns.id if how.columns else "id") if isinstance(row, dict) else None
    return ConfigError(
        f"record {name!r} comes twice",
        where=where,
        expected=f"each id once; the first is in {first}",
    )


def _clip(folder: Path, one: Given) -> Path:
    """Return where the clip of a record is; SourceError where it is outside, or not there."""
    root = folder.resolve()
    path = (root / str(one.audio)).resolve()
    name = one.dialogue["id"]
    if not path.is_relative_to(root):
        raise SourceError(
            f"record {name!r}: audio.path is {one.audio!r}, outside",
            where=one.where,
            expected=f"a file below {folder}",
            do="name the folder of all clips with --audio DIR",
        )
    if not path.is_file():
        raise SourceError(
            f"record {name!r}: audio.path is {one.audio!r}, which is not there",
            where=one.where,
            expected=f"a file below {folder}",
            do="name the folder of the clips with --audio DIR, or pass --text-only",
        )
    return path


def take_in(
    source: Path, name: str, how: ColumnMap, audio: Path | None, exclusions: Exclusions
) -> TakenIn:
    """Write the corpus `name` from records, and return what it has.

    A corpus of that name is written again, but its card is kept.

    Args:
        source: a file of records, or a folder of such files.
        name: what the corpus is called.
        how: the map.
        audio: the folder of the clips; None leaves clips out.
        exclusions: who asked to be left out.

    Raises:
        UsageError: the name cannot be used.
        LabelError: a label has no emotion.
        OutputError: the disk is full, or the folder cannot be written.
        HeartenError: as `checked` raises them.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or (resources.corpora() / name).exists():
        raise UsageError(
            f"a corpus of one's own cannot be called {name!r}",
            expected="small letters, digits and _, and no name of a built-in corpus",
        )
    done = TakenIn(resources.own_corpora() / name)
    partial = done.folder / ".partial"
    with writable(done.folder, "folder with HEARTEN_CORPORA"):
        shutil.rmtree(partial, ignore_errors=True)
        (partial / RECORDS).mkdir(parents=True)
        try:
            _write(partial, _left(checked(source, how, audio), exclusions, done), done, audio)
            _write_labels(partial / "labels.sssom.tsv", name, done, how)
            _put_in_place(partial, done.folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        _write_card(done, name)
    return done


def _put_in_place(partial: Path, folder: Path) -> None:
    """Move what was made over what an earlier import made."""
    for part in _MADE:
        old = folder / part
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
        if (partial / part).exists():
            (partial / part).rename(old)


def _left(records: Iterator[Given], exclusions: Exclusions, done: TakenIn) -> Iterator[Given]:
    """Yield the records that say nothing of who asked to be left out; count the others."""
    for one in records:
        told = one.sample
        names = [told["id"], *(turn["id"] for turn in told["text_context"])] if told else []
        after = told["reference_response"] if told else None
        if any(map(exclusions.covers, [*names, *([after["id"]] if after else [])])):
            done.excluded += 1
        else:
            yield one


def _write(partial: Path, records: Iterator[Given], done: TakenIn, audio: Path | None) -> None:
    """Write the records, rows of one dialogue as one line, and their clips."""
    with ExitStack() as files:
        open_: dict[str, BinaryIO] = {}
        last: tuple[str, OwnDialogue] | None = None
        ended: set[tuple[str, str]] = set()

        def write(split: str, dialogue: OwnDialogue) -> None:
            if split not in open_:
                open_[split] = files.enter_context(
                    (partial / RECORDS / f"{split}.jsonl").open("wb")
                )
            open_[split].write(orjson.dumps(dialogue) + b"\n")
            ended.add((split, dialogue["id"]))

        for one in records:
            _count(one, partial, done, audio)
            if last and last[0] == one.split and last[1]["id"] == one.dialogue["id"]:
                last[1]["utterances"] += one.dialogue["utterances"]
                continue
            if last:
                write(*last)
            if (one.split, one.dialogue["id"]) in ended:
                raise ConfigError(
                    f"dialogue {one.dialogue['id']!r} goes on here after another one",
                    where=one.where,
                    expected="the rows of a dialogue together",
                    do="sort the records by dialogue",
                )
            last = one.split, one.dialogue
        if last:
            write(*last)


def _count(one: Given, partial: Path, done: TakenIn, audio: Path | None) -> None:
    target = one.dialogue["utterances"][-1]
    done.records[one.split] += 1
    done.turns += len(one.dialogue["utterances"]) - 1
    done.labels.update(labels_of(one))
    done.nothing |= one.nothing
    if audio and (one.clip or one.audio):
        done.clips += 1
        ending = ".flac" if one.clip else Path(str(one.audio)).suffix
        target["audio"] = f"audio/{done.clips:08d}{ending}"
        path = partial / target["audio"]
        path.parent.mkdir(exist_ok=True)
        if one.clip:
            path.write_bytes(one.clip)
        else:
            shutil.copyfile(_clip(audio, one), path)
    if one.sample:
        done.samples += 1
        with (partial / "samples.jsonl").open("ab") as stream:
            stream.write(orjson.dumps(one.sample) + b"\n")


def labels_of(one: Given) -> Iterator[str]:
    """Yield the labels of a record: its own, a second one, and those of votes but for the last."""
    target = one.dialogue["utterances"][-1]
    voted = {vote["label"] for vote in target.get("votes", ())} - one.nothing
    own = [label for label in (target["label"], target.get("second")) if label]
    yield from own
    yield from sorted(voted - {*own})


def _emotion_of(label: str, how: ColumnMap) -> str | None:
    """Return the emotion of a label: empty for none on purpose, None where nobody says."""
    return how.emotions[label] if label in how.emotions else vocabulary().resolve(label)


def unmapped(labels: Counter[str], how: ColumnMap) -> LabelError | None:
    """Return the error for labels that stand for no emotion; None if all do."""
    open_ = [
        f"{label!r} ({count:,} seen)"
        for label, count in labels.most_common()
        if _emotion_of(label, how) is None
    ]
    if not open_:
        return None
    more = f" and {len(open_) - _SHOWN} more" if len(open_) > _SHOWN else ""
    return LabelError(
        f"emotion labels without an emotion: {', '.join(open_[:_SHOWN])}{more}",
        expected=f"one of {', '.join(vocabulary().nodes)}, or a word that stands for one",
        do='write "LABEL" = "EMOTION" under [emotions] of a file, and pass it with --map',
    )


def _write_labels(path: Path, name: str, done: TakenIn, how: ColumnMap) -> None:
    """Write one row for each label; LabelError where one stands for no emotion."""
    if wrong := unmapped(done.labels, how):
        raise wrong
    rows = []
    for label, _ in done.labels.most_common():
        node = _emotion_of(label, how)
        why = "as the map says" if label in how.emotions else "the same word"
        if not node:
            rows.append(_no_row(label, why))
            continue
        leaf = "skos:exactMatch"
        rows.append(f"{label}\t{leaf}\temotion:{node}\t{node}\t{why}\texact\n")
    rows += [_no_row(label, "as its corpus says") for label in sorted(done.nothing)]
    text = Template((_HERE / "labels.sssom.tsv").read_text("utf-8")).substitute(name=name)
    path.write_text(text + "".join(rows), "utf-8")


def _no_row(label: str, why: str) -> str:
    return f"{label}\tskos:exactMatch\t{UNMAPPED}\t\t{why}\tnone\n"


def _write_card(done: TakenIn, name: str) -> None:
    """Write the card for its owner to fill in, and empty tables, unless they are there."""
    about = {
        "name": name,
        "context": "dialogue" if done.turns else "none",
        "audio": "natural" if done.clips else "none",
        "label_source": "audio_visual" if done.clips else "text",
    }
    card = Template((_HERE / "card.toml").read_text("utf-8")).substitute(about)
    for file, text in {
        "card.toml": card,
        "counts.tsv": "split\twhat\tlabel\tcount\n",
        "defects.tsv": "split\tdialogue\tutterance\tdefect\teffect\tvalue\tnote\n",
    }.items():
        if not (done.folder / file).exists():
            (done.folder / file).write_text(text, "utf-8")
