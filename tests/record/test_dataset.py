"""Reading a build back: typed rows, flat batches, and every damage one line in every command."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builds import describe, manifest, samples

from builders import Build, cli, load, resources
from builders.errors import ConfigError, OutputError, VerificationError
from builders.record.data_file import DataFile
from builders.record.folder import write_json

NAME = "meld"
DAMAGED = "damaged"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sources of two corpora, the build of each, and one set of both."""
    root = tmp_path_factory.mktemp("built")
    for slug in (NAME, "crema_d"):
        shutil.copytree(resources.corpora() / slug / "sample", root / "source" / slug)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert (
            called(patch, "build", "--corpus", "all", "--no-reply-worthy", "--source", "source")
            == 0
        )
    return root


@pytest.fixture
def place(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that may be damaged, the current folder too."""
    shutil.copytree(built, tmp_path / DAMAGED)
    monkeypatch.chdir(tmp_path / DAMAGED)
    return tmp_path / DAMAGED


@pytest.fixture
def folder(place: Path) -> Path:
    return place / "output" / NAME


def called(patch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `hearten` in this process and return its exit code."""
    patch.setattr(sys, "argv", ["hearten", *arguments])
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def first_shard(folder: Path) -> Path:
    return Build(folder).shards()[0]


# ---- reading --------------------------------------------------------------------------------


def test_rows_are_the_samples_in_the_order_of_the_manifest(folder):
    build = load(folder)
    expected = [row for shard in build.shards() for row in pq.read_table(shard).to_pylist()]
    assert list(build.rows()) == expected
    assert len(expected) == build.count == manifest(folder)["result"]["counts"]["kept"]
    assert build.name == NAME and build.files == manifest(folder)["result"]["files"]
    assert [place.record for place in build.places()] == expected


def test_only_the_columns_that_are_asked_for_are_read(folder):
    build = Build(folder)
    (row, *_) = build.rows(["id", "text_context.role", "source.split"])
    assert row.keys() == {"id", "text_context", "source"}
    assert row["source"].keys() == {"split"}
    turns = [turn for one in build.rows(["text_context.role"]) for turn in one["text_context"]]
    assert turns and all(turn.keys() == {"role"} for turn in turns)
    assert [r["id"] for r in build.rows(["id"], "dev")] == [
        r["id"] for r in samples(folder) if r["source"]["split"] == "dev"
    ]


def test_a_column_that_no_record_has_is_named(folder):
    with pytest.raises(ConfigError, match="there is no column 'lables'"):
        list(Build(folder).rows(["lables"]))


def test_a_column_from_after_a_file_was_written_is_left_out(folder):
    shard = first_shard(folder)
    table = pq.read_table(shard)
    pq.write_table(table.drop_columns(["judgements"]), shard)
    describe(folder)
    assert next(Build(folder).rows(["id", "judgements"])).keys() == {"id"}


def test_batches_hold_so_many_rows_and_the_bytes_of_clips(place):
    build = Build(place / "output" / "crema_d")
    found = list(build.batches(["id", "audio"], batch=7))
    assert [len(batch) for batch in found][:-1] == [7] * (len(found) - 1)
    clips = pa.concat_arrays([batch.column("audio").field("bytes") for batch in found])
    assert clips.to_pylist() == [row["audio"]["bytes"] for row in build.rows(["audio"])]


def test_row_groups_are_those_that_were_written(folder):
    build = Build(folder)
    sizes = [
        file.row_group(n).num_rows
        for file in map(pq.read_metadata, build.shards())
        for n in range(file.num_row_groups)
    ]
    assert [len(table) for table in build.groups(["id"])] == sizes


def test_a_row_is_found_by_its_place(place):
    build = Build(place / "output" / "crema_d")
    for found in build.places():
        row = build.row(found.shard, found.row)
        assert row == {**found.record, "audio": None}
        assert build.clip(found.shard, found.row) == found.record["audio"]["bytes"]
    with pytest.raises(OutputError, match="no longer in the build"):
        build.row(found.shard, found.row + 1)
    with pytest.raises(OutputError, match="no longer in the build"):
        build.clip("../rejected.parquet", 0)


def test_rejects_are_rows_and_nothing_where_none_are_listed(folder):
    assert {row["reason"] for row in Build(folder).rejects()} == {"broken_time"}
    told = manifest(folder)
    told["result"]["files"] = [f for f in told["result"]["files"] if f["path"].startswith("data/")]
    write_json(folder / "manifest.json", told)
    assert list(Build(folder).rejects()) == []


def test_first_is_no_more_than_there_is(folder):
    build = Build(folder)
    assert build.first(3) == list(build.rows())[:3]
    assert build.first(0) == [] and len(build.first(10**6)) == build.count


def test_a_changed_page_with_a_checksum_is_noticed_while_it_is_read(folder):
    shard = first_shard(folder)
    pq.write_table(pq.read_table(shard), shard, write_page_checksum=True, use_dictionary=False)
    describe(folder)
    build = Build(folder)
    flip_a_page(folder)
    with pytest.raises(VerificationError, match=f"{shard.name} cannot be read .*CRC"):
        list(build.rows(["desired_response.text"]))
    with pytest.raises(VerificationError, match="CRC"):
        list(build.batches())
    with pytest.raises(VerificationError, match="CRC"):
        build.row(shard.name, 0)
    assert list(build.rows(["id"])), "the other columns are whole"


def test_a_manifest_without_sizes_is_compared_by_digest(folder):
    told = manifest(folder)
    for file in told["result"]["files"]:
        del file["bytes"]
    write_json(folder / "manifest.json", told)
    Build(folder)
    flip_a_page(folder)
    with pytest.raises(VerificationError, match="has the SHA-256"):
        Build(folder)


def test_what_came_back_from_the_hub_may_hold_fewer_than_were_built(folder):
    told = manifest(folder)
    told["result"]["counts"]["kept"] += 1
    write_json(folder / "manifest.json", told)
    with pytest.raises(VerificationError, match="files with 31 samples .* files with all 32"):
        Build(folder)
    write_json(folder / "manifest.json", told | {"hydrated": {}})
    assert Build(folder).verify().count == 31


# ---- damage ---------------------------------------------------------------------------------


def flip_a_page(folder: Path, path: str = "") -> None:
    """Change one bit in the middle of the page that holds the replies; no size changes."""
    file = folder / path if path else sorted((folder / "data").glob("train*.parquet"))[0]
    group = pq.read_metadata(file).row_group(0)
    wanted = "reason" if path else "desired_response.text"
    columns = map(group.column, range(group.num_columns))
    chunk = next(c for c in columns if c.path_in_schema == wanted)
    held = bytearray(file.read_bytes())
    held[chunk.data_page_offset + chunk.total_compressed_size - 3] ^= 1
    file.write_bytes(held)


def edit_a_reply(folder: Path) -> None:
    shard = first_shard(folder)
    rows = pq.read_table(shard)
    changed = rows.to_pylist()
    changed[0]["desired_response"]["text"] += " And a word more."
    pq.write_table(pa.Table.from_pylist(changed, rows.schema), shard)


def cut(folder: Path) -> None:
    shard = first_shard(folder)
    shard.write_bytes(shard.read_bytes()[:-9])


def empty(folder: Path) -> None:
    first_shard(folder).write_bytes(b"")


def remove(folder: Path) -> None:
    first_shard(folder).unlink()


def swap(folder: Path) -> None:
    one, other, *_ = Build(folder).shards()
    one.rename(folder / "hold")
    other.rename(one)
    (folder / "hold").rename(other)


def flip_a_reject(folder: Path) -> None:
    flip_a_page(folder, "rejected.parquet")


def tell(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Return a damage that changes what the manifest says."""

    def damage(folder: Path) -> None:
        told = manifest(folder)
        made = change(told)
        text = made if isinstance(made, str) else json.dumps(told if made is None else made)
        (folder / "manifest.json").write_text(text)

    return damage


DAMAGES = {
    "edited": (edit_a_reply, "train-00000-of-00001.parquet has "),
    "cut": (cut, "train-00000-of-00001.parquet has "),
    "empty": (empty, "train-00000-of-00001.parquet has 0 bytes"),
    "missing": (remove, "train-00000-of-00001.parquet is missing"),
    "swapped": (swap, ".parquet has "),
    "flipped": (flip_a_page, "train-00000-of-00001.parquet has the SHA-256 "),
    "flipped reject": (flip_a_reject, "rejected.parquet has the SHA-256 "),
    "{}": (
        tell(lambda told: {}),
        "manifest.json is not the manifest of a build (result: Field required)",
    ),
    "list": (
        tell(lambda told: [told]),
        "manifest.json is not the manifest of a build (the whole: ",
    ),
    "half": (tell(lambda told: json.dumps(told)[:300]), "manifest.json cannot be read ("),
    "no key files": (
        tell(lambda told: told["result"].pop("files") and None),
        "manifest.json is not the manifest of a build (result.files: Field required)",
    ),
    "no files": (
        tell(lambda told: told["result"]["files"].clear()),
        "manifest.json lists files with 0 samples",
    ),
    "no cost": (
        tell(lambda told: told["run"].pop("cost") and None),
        "manifest.json is not the manifest of a build (run.cost: Field required)",
    ),
    "other rows": (
        tell(lambda told: told["result"]["files"][0].update(rows=3)),
        "rows in ",
    ),
    "elsewhere": (
        tell(lambda told: told["result"]["files"][0].update(path="../data/x.parquet")),
        "manifest.json lists ../data/x.parquet",
    ),
}
BUILD = f"output/{NAME}"
AGAIN = ("build", "--corpus", NAME, "--no-reply-worthy", "--source", f"source/{NAME}")
COMMANDS = {
    "status": ("status", BUILD),
    "status --json": ("status", BUILD, "--json"),
    "report": ("report", BUILD),
    "review": ("review", BUILD),
    "review --against": ("review", "output/crema_d", "--against", BUILD),
    "review-status": ("review-status", BUILD),
    "review-export": ("review-export", BUILD, "--to", "events.jsonl"),
    "review-import": ("review-import", BUILD, "events.jsonl"),
    "judge": ("judge", BUILD, "--model", "m", "--base-url", "http://127.0.0.1:9/v1"),
    "export": ("export", BUILD, "--format", "trl", "--to", "exported"),
    "publish": ("publish", BUILD, "--repo", "a/b", "--dry-run"),
    "build": AGAIN,
    "build --redraft": (*AGAIN, "--redraft", "stale"),
    "build all": ("build", "--corpus", "all", "--no-reply-worthy", "--source", "source"),
}


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A review that does not notice fails instead of waiting for reviewers."""

    def listen(*_: object) -> None:
        raise AssertionError("a damaged build was opened to reviewers")

    monkeypatch.setattr("builders.review.server.listen.listen", listen)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", COMMANDS)
def test_damage_is_one_line_in_every_command(
    folder, monkeypatch, capsys, no_server, command, damage
):
    hurt, said = DAMAGES[damage]
    hurt(folder)
    (folder.parents[1] / "events.jsonl").write_text("")
    code = called(monkeypatch, *COMMANDS[command])
    out, err = capsys.readouterr()
    assert (code, err.count("\n")) == (4, 1), err
    assert err.startswith("error: ") and said in err and f"in {BUILD}" in err
    assert "; expected " in err and "; restore it, or delete that folder and build again" in err


@pytest.mark.parametrize("command", [name for name in COMMANDS if not name.startswith("build")])
def test_where_there_is_no_build_the_line_says_so(place, monkeypatch, capsys, no_server, command):
    shutil.rmtree(place / BUILD)
    code = called(monkeypatch, *COMMANDS[command])
    _, err = capsys.readouterr()
    assert code == 1 and err.count("\n") == 1 and "there is no build in " in err


def test_a_whole_build_passes(place, monkeypatch, capsys):
    for command in ("status", "report", "export", "build", "build all"):
        assert called(monkeypatch, *COMMANDS[command]) == 0, capsys.readouterr().err


def test_a_file_is_closed_when_its_reader_stops(folder):
    with DataFile(first_shard(folder)) as file:
        assert next(file.batches(["id"])).num_rows
    assert file._file.closed
