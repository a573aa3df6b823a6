"""Published pairs come back beside a hydrated build, without those whose other half is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exporting import small_build
from minimal_pairs import member

from builders.record.dataset import Build
from builders.release.hub import pairs_again


class _Hub:
    """What a repository has, from a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def digests(self, _revision):
        return {"README.md": "", "data/sft/train.parquet": "", "data/preference_ai/t.parquet": ""}

    def download(self, path, _revision, _work):
        return self.folder / path


def said(text):
    return [{"role": "assistant", "content": text}]


@pytest.fixture
def made(tmp_path):
    """A hydrated build, and the published pairs of its three minimal pairs, both ways round."""
    rows = [
        member(group * 10 + number, group, root)
        for group in range(3)
        for number, root in enumerate(("sadness", "anger"))
    ]
    folder = small_build(tmp_path / "output" / "b", rows)
    groups: dict[str, list] = {}
    for row in Build(folder).rows():
        groups.setdefault(row["contrast"]["group"], []).append(row)
    pairs = [
        {
            **{"id": one["id"], "language": "en", "split": "train", "prompt": said("withheld")},
            "chosen": said(one["desired_response"]["text"]),
            "rejected": said(other["desired_response"]["text"]),
            **{"origin": "contrast", "kind": "heard", "by": "a-judge"},
        }
        for two in groups.values()
        for one, other in (two, two[::-1])
    ]
    return folder, pairs


def published(tmp_path, pairs):
    place = tmp_path / "hub" / "data" / "preference_ai"
    place.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(pairs), place / "t.parquet")
    return pairs_again.published(_Hub(tmp_path / "hub"), "v1", tmp_path)


def test_pairs_are_written_with_the_talk_before_them(made, tmp_path):
    folder, pairs = made
    found = published(tmp_path, pairs)
    assert pairs_again.restore(folder, found) == (6, [])
    path = folder / "pairs" / "preference_ai.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [pair["id"] for pair in pairs]
    for row in rows:
        assert row["prompt"][-1]["role"] == "user" and "<audio>" in row["prompt"][-1]["content"]
        assert "withheld" not in json.dumps(row) and row["by"] == "a-judge"


def test_a_pair_whose_other_half_is_gone_stays_away_too(made, tmp_path):
    folder, pairs = made
    found = published(tmp_path, pairs[1:])
    count, missing = pairs_again.restore(folder, found)
    assert count == 4 and missing == ["1 preference pairs, whose utterance or twin is not here"]


def test_a_pair_of_an_utterance_that_is_not_here_is_said_to_be_missing(made, tmp_path):
    folder, pairs = made
    found = published(tmp_path, [*pairs, {**pairs[0], "id": "meld-train-9-9"}])
    count, missing = pairs_again.restore(folder, found)
    assert count == 6 and len(missing) == 1
    assert pairs_again.restore(folder, {}) == (None, [])
