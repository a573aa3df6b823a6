"""What every corpus must bring. They are found by their folder: there is no list to extend."""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import soundfile
from builds import hearten, manifest, one_line_error, rejected, samples

from builders import resources
from builders.corpora import Reader, load_card, open_reader, slugs
from builders.corpora.published_counts import TOTAL, read_counts
from builders.corpora.reading import Defects, read_split
from builders.corpora.verify import verify
from builders.errors import SourceError
from builders.labels.aggregation import RULES, load_labelling
from builders.labels.tables import read_rows
from builders.labels.vocabulary import label_map
from builders.record.schema import validator, violations
from builders.record.types import Dialogue, Reject, Utterance
from builders.tasks.reply.checks.language import can_check

EVERY = pytest.mark.parametrize("slug", slugs())
DRAFTED = pytest.mark.parametrize("slug", [s for s in slugs() if can_check(load_card(s).language)])
OTHERS = pytest.mark.parametrize(
    "slug", [s for s in slugs() if not can_check(load_card(s).language)]
)


def sample(slug: str) -> Path:
    return resources.corpora() / slug / "sample"


def has_audio(slug: str) -> bool:
    return load_card(slug).audio_origin != "none"


def opened(slug: str, source: Path | None = None) -> Reader:
    return open_reader(slug, source or sample(slug), has_audio(slug))


def read(slug: str, reader: Reader) -> list[Dialogue | Reject]:
    known = Defects.load(slug)
    return [item for split in reader.splits for item in read_split(reader, slug, split, known)]


def utterances(items: list[Dialogue | Reject]) -> list[Utterance]:
    return [u for item in items if isinstance(item, Dialogue) for u in item.utterances]


def plain(value: Any, root: Path) -> Any:
    """Return a record in plain types, its paths relative to the root."""
    if isinstance(value, Path):
        return value.relative_to(root).as_posix()
    if isinstance(value, dict):
        return {name: plain(one, root) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one, root) for one in value]
    return value


@EVERY
def test_its_folder_is_complete_and_its_reader_small(slug):
    folder = resources.corpora() / slug
    card = load_card(slug)
    assert card.how_to_get and card.layout and card.known_faults and card.changes
    assert (folder / "counts.tsv").read_text().startswith("split\twhat\tlabel\tcount\n")
    assert all(row.split for row in Defects.load(slug).rows)
    for path in folder.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 250, path


@EVERY
def test_its_sample_is_read_as_the_golden_output_says(slug, golden):
    reader = opened(slug)
    items = [plain(asdict(item), reader.root) for item in read(slug, reader)]
    golden(f"{slug}_sample", {"items": items, "notes": [dict(note) for note in reader.notes]})


@EVERY
def test_its_sample_is_small_and_has_one_malformed_record(slug):
    assert sum(p.stat().st_size for p in sample(slug).rglob("*") if p.is_file()) < 1_500_000
    items = read(slug, opened(slug))
    assert sum(isinstance(item, Reject) for item in items) == 1
    ids = [u.id for u in utterances(items)]
    assert len(ids) == len(set(ids)) >= 12


@EVERY
def test_its_sample_does_not_depend_on_the_order_of_the_file_system(slug, monkeypatch):
    before = read(slug, opened(slug))
    listdir, scandir, glob, rglob = os.listdir, os.scandir, Path.glob, Path.rglob
    mixed = random.Random(7)

    def shuffled(found):
        found = list(found)
        mixed.shuffle(found)
        return found

    class Shuffled:
        """What `os.scandir` gives: a context, closed at its end."""

        def __init__(self, found):
            self._found = iter(found)

        def __iter__(self):
            return self

        def __next__(self):
            return next(self._found)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def close(self):
            """Nothing is open."""

    monkeypatch.setattr(os, "listdir", lambda *a: shuffled(listdir(*a)))
    monkeypatch.setattr(os, "scandir", lambda *a: Shuffled(shuffled(scandir(*a))))
    monkeypatch.setattr(Path, "glob", lambda self, *a: iter(shuffled(glob(self, *a))))
    monkeypatch.setattr(Path, "rglob", lambda self, *a: iter(shuffled(rglob(self, *a))))
    assert read(slug, opened(slug)) == before


@EVERY
def test_its_labels_and_votes_are_mapped(slug):
    labelling = load_labelling(slug, _default_view(slug))
    seen = 0
    for utterance in utterances(read(slug, opened(slug))):
        labelling.settle(utterance)
        meaning = labelling.emotions(utterance)
        seen += meaning is not None
        assert utterance.targetable or meaning is None
        for vote in (utterance.annotation and utterance.annotation.votes) or ():
            assert vote["label"] in labelling.map.labels
    assert seen >= 8


def _default_view(slug: str) -> str | None:
    card = load_card(slug)
    return card.label_source if card.label_views else None


@EVERY
def test_its_rules_are_known_and_give_reasons(slug):
    path = resources.label_maps() / "emotion" / f"{slug}.rules.tsv"
    rows = read_rows(path, ("rule", "value", "reason"), key=()) if path.is_file() else []
    assert {row.cells["rule"] for row in rows} == set(load_labelling(slug).rules)
    assert {row.cells["rule"] for row in rows} <= set(RULES)
    assert all(len(row.cells["reason"]) > 20 for row in rows)


@EVERY
def test_its_counts_are_of_splits_that_it_has_and_no_row_comes_twice(slug):
    counts = list(read_counts(slug))
    keys = [(count.split, count.what, count.label) for count in counts]
    assert len(keys) == len(set(keys))
    assert {count.split for count in counts} <= {*opened(slug).splits, TOTAL}


@EVERY
def test_every_published_emotion_has_a_row_in_its_map(slug):
    published = {count.label for count in read_counts(slug) if count.what == "emotion"}
    assert published <= set(label_map(slug).labels)


@OTHERS
def test_a_corpus_in_another_language_stops_before_drafting_in_one_line(slug, tmp_path):
    ended = hearten("build", "--corpus", slug, "--sample", "--show", 0, cwd=tmp_path)
    language = load_card(slug).language
    assert ended.code == 1
    (line,) = ended.err.strip().splitlines()
    assert f"replies in {language!r} cannot be checked" in line
    assert not [*tmp_path.rglob("*.parquet")]


@DRAFTED
def test_its_sample_builds_end_to_end(slug, tmp_path):
    ended = hearten("build", "--corpus", slug, "--sample", "--show", 0, cwd=tmp_path)
    assert ended.code == 0, ended.err
    folder = tmp_path / "output" / f"{slug}-sample"
    counts = manifest(folder)["result"]["counts"]
    kept = samples(folder)
    assert counts["read"] == len(kept) + len(rejected(folder)) + counts["not_selected"]
    assert len(kept) == counts["kept"] >= 8
    for row in kept:
        if has_audio(slug):
            _check_sound(row, tmp_path)
        assert row["source"]["evaluation_overlap"] == list(
            load_card(slug).evaluation_overlap.get(row["source"]["split"], ())
        )
        row["audio"] = row["audio"] and {"path": row["audio"]["path"], "bytes": None}
        assert not violations(validator("sample"), row)


def _check_sound(row: dict[str, Any], folder: Path) -> None:
    """Assert that a sample's audio is speech-like sound of the length that it says."""
    path = folder / "clip.flac"
    path.write_bytes(row["audio"]["bytes"])
    sound, rate = soundfile.read(path)
    assert rate == 16_000 and sound.ndim == 1
    assert len(sound) == row["audio_info"]["samples"] > 1_600
    assert sound.std() > 0.001


@EVERY
def test_verifying_its_sample_prints_every_count_and_says_that_it_is_not_the_corpus(slug):
    found = verify(slug, sample(slug))
    counts = list(read_counts(slug))
    assert found.ok == (not counts)
    assert len(found.rows) >= len({(c.split, c.what, c.label) for c in counts})


def test_verify_ends_with_4_where_counts_differ(tmp_path):
    ended = hearten("verify", "--corpus", "ravdess", "--source", sample("ravdess"), "--json")
    assert ended.code == 4
    assert json.loads(ended.out)["rows"] == verify("ravdess", sample("ravdess")).as_json()["rows"]


@EVERY
def test_a_folder_of_another_corpus_is_refused_in_one_line(slug, tmp_path):
    (tmp_path / "holiday.txt").write_text("no corpus")
    for source in (tmp_path, tmp_path / "gone", tmp_path / "holiday.txt"):
        with pytest.raises(SourceError) as caught:
            open_reader(slug, source, has_audio(slug))
        line = str(caught.value)
        assert len(line.splitlines()) == 1
        assert str(source) in line and "; expected " in line


@pytest.mark.parametrize("command", ["build", "verify"])
def test_a_command_prints_that_line_and_ends_with_1(command, tmp_path):
    with pytest.raises(SourceError) as caught:
        open_reader("meld", tmp_path, True)
    ended = hearten(command, "--corpus", "meld", "--source", tmp_path, cwd=tmp_path)
    assert (ended.code, one_line_error(ended)) == (1, f"error: {caught.value}")
