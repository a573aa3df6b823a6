"""Builds of record version 1: read, gone on with, and written anew in version 2."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builds import hearten, one_line_error, samples
from endpoints import TestEndpoint
from net.release import unpacked, what

from builders import load
from builders.errors import VerificationError
from builders.record.data_file import DataFile
from builders.record.sample import SCHEMA_VERSION
from builders.record.schema import validator, violations


def upgraded_store(folder):
    """Unpack what release 0.1 left, and upgrade its store; return the folder of builds."""
    output = unpacked(folder)
    assert hearten("store", "upgrade", output / "hearten.sqlite").code == 0
    return output


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return upgraded_store(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def anew(release):
    ended = hearten("upgrade", release / "meld")
    assert ended.code == 0, ended.err
    return release / "meld@3", ended


def version(folder):
    return json.loads((folder / "config.json").read_text())["schema_version"]


def named(row):
    clips = {name: row[name] and {**row[name], "bytes": None} for name in ("audio", "reply_audio")}
    return {**row, **clips}


@pytest.mark.parametrize("name", ["meld", "crema_d", "spoken"])
def test_a_build_of_version_1_is_read_as_version_2(release, name):
    build = load(release / name)
    assert "labels" in pq.ParquetFile(build.shards()[0]).schema_arrow.names
    for row in build.rows():
        assert violations(validator("sample"), named(row)) == []
        assert row["plan"] is row["checks"] is row["judgements"] is None
    assert build.count == sum(1 for _ in build.rows(["plan"]))


def test_only_the_parts_that_are_asked_for_are_read(release):
    columns = ["annotation.match_root", "text_context.flags", "safety.route", "desired_response"]
    row = next(load(release / "spoken").rows(columns))
    assert row["annotation"].keys() == {"match_root"} and "reply_audio" not in row
    assert "audio" not in row["desired_response"]
    assert all(turn == {"flags": None} for turn in row["text_context"])


def changed(shard, folder, column, change):
    """Write a shard with the first value of a column changed; return a reader of it."""
    table = pq.read_table(shard)
    values = table[column].to_pylist()
    values[0] = change(values[0])
    place, field = table.schema.get_field_index(column), table.schema.field(column)
    table = table.set_column(place, field, pa.array(values, field.type))
    pq.write_table(table, folder / shard.name)
    return DataFile(folder / shard.name)


def test_a_crisis_line_of_version_1_stays_one(release, tmp_path):
    (shard,) = load(release / "crema_d").shards()
    said = {"route": "crisis", "flags": ["x"], "pii_text": True, "pii_in_audio": None}
    with changed(shard, tmp_path, "safety", lambda _: said) as file:
        first, second = file.group(0, ["safety"]).slice(0, 2).to_pylist()
    pii = {"text": True, "sound": None}
    assert first["safety"] == {"route": "crisis", "codes": ["x"], "by": "unknown", "pii": pii}
    assert second["safety"] is None


def test_a_spoken_reply_of_version_1_lies_at_the_top(release, tmp_path):
    (shard,) = load(release / "crema_d").shards()
    clip = {"bytes": b"fLaC", "path": "x.reply.flac"}
    with changed(shard, tmp_path, "desired_response", lambda r: r | {"audio": clip}) as file:
        (first,) = file.group(0, ["reply_audio"]).slice(0, 1).to_pylist()
        (whole, second) = file.group(0).slice(0, 2).to_pylist()
        (reply,) = file.group(0, ["desired_response"]).slice(0, 1).to_pylist()
    assert first == {"reply_audio": clip} and second["reply_audio"] is None
    assert whole["reply_audio"] == clip
    assert "audio" not in whole["desired_response"].keys() | reply["desired_response"].keys()


def test_upgrade_writes_every_sample_and_reject_anew_and_leaves_the_old_build(release, anew):
    folder, ended = anew
    assert "12 samples" in ended.out and "nothing was asked" in ended.out
    assert (version(folder), version(release / "meld")) == (SCHEMA_VERSION, "1")
    new, old = load(folder).verify(), load(release / "meld").verify()
    assert list(new.rows()) == list(old.rows())
    assert list(new.rejects()) == list(old.rejects())
    assert new.manifest["result"]["counts"] == old.manifest["result"]["counts"] | {"held": 0}
    assert new.manifest["run"]["upgraded_from"] == "meld"
    assert "annotation" in pq.ParquetFile(new.shards()[0]).schema_arrow.names
    assert (folder / "report.html").is_file()


def test_what_people_decided_counts_for_the_build_written_anew(release, anew):
    told = [
        json.loads(hearten("review-status", release / name, "--json").out)["statuses"]
        for name in ("meld", "meld@3")
    ]
    assert told[0] == told[1] != {}


def test_a_byte_that_flips_within_a_page_is_found_by_whoever_reads_it(anew):
    (shard, *_) = load(anew[0]).shards()
    whole = shard.read_bytes()
    at = whole.index(b"meld-train-")
    shard.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    try:
        ended = hearten("status", anew[0])
        assert ended.code == 4 and shard.name in one_line_error(ended)
        with pytest.raises(VerificationError, match="cannot be read"):
            list(load(anew[0]).rows())
    finally:
        shard.write_bytes(whole)


def test_a_build_of_the_newest_version_is_left_as_it_is(anew):
    ended = hearten("upgrade", anew[0])
    assert ended.code == 1
    assert "already has record version 2" in one_line_error(ended)


def told_to(name, url):
    """Return the command of a build of the release, under the prompt that the release had."""
    told = [part.replace("{url}", url) for part in what()["builds"][name]]
    return [*told, "--prompt-version", "1"]


def test_a_finished_build_of_the_release_stays_as_it_is_when_it_is_built_again(release):
    with TestEndpoint(any_model=True) as endpoint:
        ended = hearten(*told_to("meld", endpoint.base_url), cwd=release.parent)
        assert endpoint.log()["count"] == 0
    # Its voters never qualified: what would be another build is not made in its place.
    assert "qualification_version changed from null" in one_line_error(ended)
    assert "choose another --name" in ended.err and version(release / "meld") == "1"


def test_an_unfinished_build_of_the_release_is_finished_in_the_newest_version(tmp_path):
    output = upgraded_store(tmp_path)
    with TestEndpoint(any_model=True) as endpoint:
        ended = hearten(*told_to("unfinished", endpoint.base_url), cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert endpoint.log()["count"] <= what()["made_again"]["unfinished"]["sent"]
    assert version(output / "unfinished") == SCHEMA_VERSION
    assert all(row["checks"] for row in samples(output / "unfinished"))


def test_who_asked_to_be_left_out_since_is_not_in_the_build_written_anew(tmp_path):
    output = upgraded_store(tmp_path)
    who = next(load(output / "meld").rows(["id", "target_utterance"]))
    (tmp_path / "exclusions.tsv").write_text(f"id\treason\n{who['id']}\tasked\n")
    ended = hearten("upgrade", "output/meld", cwd=tmp_path)
    assert ended.code == 0, ended.err
    folder = output / "meld@3"
    rows = list(load(folder).verify().rows())
    named = [row["id"] for row in rows] + [t["id"] for row in rows for t in row["text_context"]]
    assert rows and who["id"] not in named
    counts = load(folder).manifest["result"]["counts"]
    assert counts["kept"] == len(rows) < 12
    assert counts["read"] == load(output / "meld").manifest["result"]["counts"]["read"]
    assert who["target_utterance"]["text"] not in (folder / "report.html").read_text()


def test_a_redraft_written_anew_keeps_what_was_told_of_its_replies(tmp_path):
    output = upgraded_store(tmp_path)
    (output / "meld@2" / "redraft.json").write_text('{"of": "meld"}')
    ended = hearten("upgrade", output / "meld@2")
    assert ended.code == 0, ended.err
    assert (output / "meld@3" / "redraft.json").read_text() == '{"of": "meld"}'


def test_drafting_again_does_not_take_a_build_written_anew_for_a_redraft(tmp_path):
    output = upgraded_store(tmp_path)
    assert hearten("upgrade", output / "crema_d").code == 0
    told = [part.replace("{url}", "http://127.0.0.1:9/v1") for part in what()["builds"]["crema_d"]]
    ended = hearten(*told, "--redraft", "rejected", cwd=tmp_path)
    line = one_line_error(ended)
    assert ended.code == 1 and "crema_d@2 already exists and is not a redraft of crema_d" in line


def test_what_a_killed_upgrade_left_is_in_nobodys_way(tmp_path):
    output = upgraded_store(tmp_path)
    left = output / ".upgrading" / "crema_d" / ".partial" / "data"
    left.mkdir(parents=True)
    (left / "all-00000.partial").write_bytes(b"half")
    assert hearten("upgrade", output / "crema_d").code == 0
    assert load(output / "crema_d@2").verify().count == 20
    assert not (output / ".upgrading" / "crema_d").exists()


def test_a_build_is_written_anew_once(anew, release):
    ended = hearten("upgrade", release / "meld")
    assert ended.code == 1 and "meld@3 is already the upgrade of meld" in one_line_error(ended)
