import io
import json
import random
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
import soundfile
from datasets import Audio, load_dataset
from invented import clip, flac, full_record, record

from builders.record import parquet
from builders.record.parquet import (
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    TEXT_GROUP_ROWS,
    RejectWriter,
    SplitWriter,
    file_digest,
    sample_schema,
)
from builders.record.schema import load_schema


def write(folder: Path, rows: list[tuple], split: str = "train") -> list[Path]:
    """Write samples, each with its clip and, if there is one, its spoken reply."""
    writer = SplitWriter(folder, split)
    for sample, *sounds in rows:
        writer.add(orjson.dumps(sample), *sounds)
    return writer.close()


def row_groups(path: Path) -> list[tuple[int, int]]:
    """Return rows and uncompressed bytes of each row group."""
    metadata = pq.read_metadata(path)
    groups = (metadata.row_group(n) for n in range(metadata.num_row_groups))
    return [(group.num_rows, group.total_byte_size) for group in groups]


def leaves(value: object, path: str = "") -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in leaves(part, f"{path}.{key}")]
    if isinstance(value, list) and value:
        return [leaf for part in value for leaf in leaves(part, f"{path}[]")]
    return [(path, value)]


def test_a_record_with_every_field_filled_comes_back_as_it_was(tmp_path):
    sample = full_record()
    empty = {path for path, value in leaves(sample) if value in (None, [])}
    assert empty == {".audio.bytes", ".reply_audio.bytes"}
    heard, reply = flac(0.2), flac(0.1)
    (path,) = write(tmp_path, [(sample, heard, reply)])
    sample["audio"]["bytes"] = heard
    sample["reply_audio"]["bytes"] = reply
    assert pq.read_table(path).to_pylist() == [sample]


def test_a_record_with_every_optional_field_null_comes_back_as_it_was(tmp_path):
    (path,) = write(tmp_path, [(record(1), None), (record(2), None)])
    assert pq.read_table(path).to_pylist() == [record(1), record(2)]


def test_clips_stay_with_their_own_records(tmp_path):
    rows = [
        (record(n, clip() if n % 3 else None), flac(0.1, n) if n % 3 else None) for n in range(9)
    ]
    (path,) = write(tmp_path, rows)
    for (sample, audio), read in zip(rows, pq.read_table(path).to_pylist(), strict=True):
        assert read["id"] == sample["id"]
        assert read["audio"] == (sample["audio"] and {**sample["audio"], "bytes": audio})


def test_spoken_replies_stay_with_their_own_records_whether_there_are_clips_or_not(tmp_path):
    rows = []
    for n in range(9):
        sample, reply = record(n), flac(0.1, n) if n % 4 else None
        sample["reply_audio"] = reply and {"path": f"{n}.flac", "bytes": None}
        rows.append((sample, None, reply))
    (path,) = write(tmp_path, rows)
    for (sample, _, reply), read in zip(rows, pq.read_table(path).to_pylist(), strict=True):
        assert read["id"] == sample["id"] and read["audio"] is None
        named = sample["reply_audio"]
        heard = named and {**named, "bytes": reply}
        assert read["reply_audio"] == heard


def test_words_of_any_script_and_lines_come_back_as_they_were(tmp_path):
    sample = record()
    sample["target_utterance"]["text"] = 'Zoë said:\n"naïve, \\ 李雷 \u2028 \x7f 🙂"'
    (path,) = write(tmp_path, [(sample, None)])
    assert pq.read_table(path).to_pylist() == [sample]


def test_a_field_that_the_schema_does_not_know_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unexpected field"):
        write(tmp_path, [({**record(), "mood": "good"}, None)])


def test_a_row_group_of_clips_has_at_most_100_rows_and_one_of_text_500(tmp_path):
    (path,) = write(tmp_path, [(record(n, clip()), b"fLaC") for n in range(250)])
    assert [rows for rows, _ in row_groups(path)] == [100, 100, 50]
    (tmp_path / "text").mkdir()
    (path,) = write(tmp_path / "text", [(record(n), None) for n in range(1100)])
    assert [rows for rows, _ in row_groups(path)] == [500, 500, 100]
    assert (ROW_GROUP_ROWS, TEXT_GROUP_ROWS) == (100, 500)


def test_a_clip_ends_a_row_group_that_is_longer_than_one_of_clips(tmp_path):
    rows = [(record(n, clip()), b"fLaC") if n == 300 else (record(n), None) for n in range(350)]
    (path,) = write(tmp_path, rows)
    assert [rows for rows, _ in row_groups(path)] == [301, 49]


def test_a_row_group_has_at_most_32_megabytes(tmp_path):
    # Ten rows fill a group to the last few bytes.
    line = len(orjson.dumps(record(11, clip())))
    size, noise = ROW_GROUP_BYTES // 10 - line, random.Random(1)
    rows = [(record(n, clip()), noise.randbytes(size)) for n in range(10, 35)]
    (path,) = write(tmp_path, rows)
    groups = row_groups(path)
    assert [rows for rows, _ in groups] == [10, 10, 5]
    assert 31 * 2**20 < max(size for _, size in groups) <= 32 * 2**20


def test_a_split_is_cut_into_numbered_shards_in_order(tmp_path, monkeypatch):
    rows = [(record(n), None) for n in range(450)]
    group = 100 * len(orjson.dumps(record(1)))
    monkeypatch.setattr(parquet, "SHARD_BYTES", int(2.1 * group))
    monkeypatch.setattr(parquet, "TEXT_GROUP_ROWS", 100)
    paths = write(tmp_path, rows)
    assert [path.name for path in paths] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    assert sorted(tmp_path.iterdir()) == paths
    assert [pq.read_metadata(path).num_rows for path in paths] == [200, 200, 50]
    read = [row["id"] for path in paths for row in pq.read_table(path, columns=["id"]).to_pylist()]
    assert read == [sample["id"] for sample, _ in rows]


def test_a_shard_may_hold_500_megabytes():
    assert parquet.SHARD_BYTES == 500 * 2**20


def test_the_same_rows_make_the_same_bytes(tmp_path):
    rows = [(record(n, clip()), flac(0.1, n)) for n in range(120)]
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        digests += [file_digest(path) for path in write(tmp_path / name, rows)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("heard", [True, False], ids=["with audio", "all audio null"])
def test_datasets_loads_the_files_and_their_audio(tmp_path, heard):
    rows = [
        (record(n, clip() if heard else None), flac(0.5, n) if heard else None) for n in range(3)
    ]
    (path,) = write(tmp_path, rows)
    loaded = load_dataset(
        "parquet", data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train"
    )
    assert loaded.features["audio"] == Audio(sampling_rate=16000)
    loaded = loaded.cast_column("audio", Audio(decode=False))
    assert loaded.column_names == list(load_schema("sample")["properties"])
    assert [row["id"] for row in loaded] == [sample["id"] for sample, _ in rows]
    for row, (_, audio) in zip(loaded, rows, strict=True):
        assert (row["audio"] and row["audio"]["bytes"]) == audio
        if heard:
            samples, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
            assert (rate, samples.shape) == (16000, (8000,))


def test_the_hub_metadata_spells_lists_as_every_version_of_datasets_reads_them():
    features = json.loads(sample_schema().metadata[b"huggingface"])["info"]["features"]
    kinds = {value for path, value in leaves(features) if path.endswith("._type")}
    assert kinds == {"Value", "Audio"}
    assert isinstance(features["text_context"], list)
    assert list(features) == sample_schema().names


def test_rejects_are_a_table_of_text_that_exists_even_when_empty(tmp_path):
    columns = ["id", "split", "stage", "reason", "detail", "raw"]
    rows = [dict.fromkeys(columns, str(n)) for n in range(1500)]
    for name, given in (("some", rows), ("none", [])):
        writer = RejectWriter(tmp_path / f"{name}.parquet")
        for row in given:
            writer.add(row)
        writer.close()
        table = pq.read_table(tmp_path / f"{name}.parquet")
        assert table.column_names == columns
        assert table.to_pylist() == given
