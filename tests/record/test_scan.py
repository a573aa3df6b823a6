"""The flat columns of a build: what they say, what is read for them, and conditions on them."""

from __future__ import annotations

import polars as pl
import pytest
from builds import hearten, samples
from net.release import unpacked

from builders import Build
from builders.errors import UsageError, VerificationError
from builders.record.conditions import condition, translated
from builders.record.data_file import DataFile
from builders.record.flat import REJECT, flat_columns
from builders.record.parquet import REJECTED, sample_schema
from builders.record.places import by_id, near_ids, some
from builders.record.scan import scan, scan_rejects


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The build of a sample with its voices: three files, of which each is a split."""
    here = tmp_path_factory.mktemp("scanned")
    ended = hearten("build", "--corpus", "meld", "--sample", "--name", "meld", cwd=here)
    assert ended.code == 0, ended.err
    return here / "output/meld"


@pytest.fixture(scope="module")
def table(folder):
    return scan(Build(folder)).collect()


def ids(folder, text):
    found = scan(Build(folder)).filter(condition(text)).select("id").collect()
    return set(found["id"])


def test_every_flat_column_is_what_the_record_says(folder, table):
    rows = [*Build(folder).rows()]
    assert table["id"].to_list() == [row["id"] for row in rows] and len(rows) > 20
    for flat, row in zip(table.iter_rows(named=True), rows, strict=True):
        target, reply = row["target_utterance"], row["desired_response"]
        assert flat["text"] == target["text"] and flat["words"] == len(target["text"].split())
        assert flat["emotion"] == target["emotions"]["primary"]
        assert flat["strategies"] == reply["strategies"] and flat["reply"] == reply["text"]
        assert flat["before"] == [turn["text"] for turn in row["text_context"]]
        assert flat["turns"] == len(row["text_context"])
        found = [one["code"] for one in row["audio_info"]["findings"]]
        assert flat["flags"] == [*found, *(target["flags"] or ())]
        assert flat["voice"] == (row["voice"] and row["voice"]["words"])
        assert flat["checks"] == [one["code"] for one in row["checks"]["results"]]
        assert flat["agreement"] is None and flat["reviewed"] is False
        assert flat["duration"] == row["audio_info"]["duration"]


def test_columns_are_made_of_fields_that_there_are():
    kinds = {
        "samples": (flat_columns(), sample_schema()),
        "rejects": (flat_columns(REJECT), REJECTED),
    }
    for columns, schema in kinds.values():
        nested = pl.DataFrame(schema.empty_table()).schema
        for column in columns.values():
            made = pl.DataFrame(schema.empty_table()).select(column.of(nested))
            assert made.schema == {column.name: column.dtype}, column.name
            assert "literal" not in str(column.of(nested)), column.name
            assert not str(column.of(nested)).startswith("lit("), column.name


def test_only_the_fields_that_are_asked_for_are_read(folder, monkeypatch):
    read = []
    whole = DataFile.table
    monkeypatch.setattr(
        DataFile, "table", lambda s, c=None, *g: (read.append([*c]), whole(s, c, *g))[1]
    )
    scan(Build(folder)).filter(condition("words > 3")).select("reply").collect()
    # First what the condition is about, then the rest of the rows that meet it.
    assert read[:2] == [["target_utterance.text"], ["desired_response.text"]]
    assert {field for fields in read for field in fields} == {*read[0], *read[1]}
    read.clear()
    scan(Build(folder)).select("row").collect()
    assert all(columns == ["id"] for columns in read)


def test_no_file_is_read_behind_the_first_that_is_enough(folder, monkeypatch):
    opened = []
    whole = Build.opened
    monkeypatch.setattr(Build, "opened", lambda s, p: (opened.append(p), whole(s, p))[1])
    scan(Build(folder)).select("id").head(2).collect()
    assert len(opened) == 1 < len(Build(folder).shards())


def test_a_condition_is_met_by_the_samples_that_meet_it(folder):
    rows = samples(folder)
    anger = {r["id"] for r in rows if r["target_utterance"]["emotions"]["primary"] == "anger"}
    assert anger and ids(folder, "emotion = 'anger'") == anger
    valid = {r["id"] for r in rows if "validation" in r["desired_response"]["strategies"]}
    assert valid and ids(folder, "array_contains(strategies, 'validation')") == valid
    assert ids(folder, "emotion = 'anger' and not emotion = 'anger'") == set()
    longest = max(len(r["target_utterance"]["text"].split()) for r in rows)
    of_all = {r["id"] for r in rows if len(r["target_utterance"]["text"].split()) == longest}
    assert ids(folder, "words = max(words)") == of_all
    assert ids(folder, "agreement < 1") == set() and len(ids(folder, "agreement is null")) == len(
        rows
    )


WRONG = {
    "emotoin = 'anger'": "there is no column 'emotoin'; did you mean emotion",
    'emotion = "anger"': "'anger' is no column; expected texts in single quotes",
    "xyzzy = 1": "there is no column 'xyzzy'; expected one of id, corpus, split",
    "emotion = 3": "cannot compare string with numeric type",
    "agreement < 'x'": "cannot compare string with numeric type",
    "emotion": "that is a text, and no condition",
    "emotion in (select emotion from read_csv('/etc/passwd'))": "asks no other table",
    "emotion in (FROM read_csv('/etc/passwd') SELECT *)": "asks no other table",
    "$$'$$ in (select a from read_csv('/etc/passwd')) or ''=''": "asks no other table",
    "/*'*/ emotion in (select a from read_csv('/etc/passwd')) /*'*/": "asks no other table",
    "E'\\'' in (select a from read_csv('/etc/passwd')) or ''=''": "asks no other table",
    "sum(words) > 3": "met by all samples or by none",
    "quantile_cont(words, 0.5) > 3": "met by all samples or by none",
    "count(*) > 2": "met by all samples or by none",
    "words + 1": "that is a number, and no condition",
    "strategies": "that is a list, to be asked by array_contains(COLUMN, 'VALUE')",
    "strategies = 'validation'": "a list is asked by array_contains(COLUMN, 'VALUE')",
    "emotion = 'a'; drop table samples": "asks no other table",
    "emotion = 'a'; delete all": "invalid expression",
    "select * from samples": "asks no other table",
    "emotion in (select id from self)": "asks no other table",
    "emotion = 'a' union select 1": "asks no other table",
    "read_csv('/etc/passwd') = 'x'": "unsupported function 'read_csv'",
    "exists(select 1)": "asks no other table",
    "text ~ '('": "regex",
    "": "unable to parse '' as Expr",
    "emotion =": "unable to parse",
    "(" * 3000 + "words = 1" + ")" * 3000: "unable to parse",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:30] or "empty")
def test_what_is_no_condition_is_one_line(folder, text):
    with pytest.raises(UsageError) as raised, translated(text):
        scan(Build(folder)).filter(condition(text)).select("id").collect()
    line = str(raised.value)
    assert WRONG[text] in line and "\n" not in line and line.startswith(f"--where is {text!r}"[:80])


def test_rejects_have_their_own_columns(folder):
    found = (
        scan_rejects(Build(folder)).filter(condition("reason = 'broken_time'", REJECT)).collect()
    )
    assert len(found) == 1 and found["split"].to_list() == ["train"]
    with pytest.raises(UsageError, match="no column 'emotion'"):
        condition("emotion = 'anger'", REJECT)


def test_a_sample_is_found_by_id_and_by_an_order(folder):
    build = Build(folder)
    for row in samples(folder):
        place = by_id(build, row["id"])
        assert place and build.row(place.shard, place.row)["id"] == row["id"]
    assert by_id(build, "meld-train-0") is None
    assert "meld-train-0-4" in near_ids(build, "meld-train-0-44")
    places = [*some(build, len)]
    assert [len(one.id) for one in places] == sorted(len(one.id) for one in places)
    assert {one.id for one in places} == {row["id"] for row in samples(folder)}


def test_of_many_files_those_spread_over_the_build_come_first(folder, monkeypatch):
    monkeypatch.setattr("builders.record.places._FILES", 1)
    places = [*some(Build(folder), hash)]
    shards = [shard.name for shard in Build(folder).shards()]
    assert [*dict.fromkeys(one.shard for one in places)] == shards
    assert len(places) == len(samples(folder))


def test_a_footer_that_is_read_late_is_still_compared(folder, tmp_path):
    build = Build(folder, footers=False)
    build.files[0]["rows"] += 1
    with pytest.raises(VerificationError, match="as manifest.json says"):
        scan(build).select("id").collect()


def test_a_build_of_the_first_record_version_has_the_same_columns(tmp_path):
    old = scan(Build(unpacked(tmp_path) / "meld")).collect()
    assert old.columns == [*flat_columns(), "file", "row"] and len(old) > 10
    assert (
        old["emotion"].null_count() == old["reply"].null_count() == old["label"].null_count() == 0
    )
    assert old["planned"].null_count() == old["checks"].null_count() == len(old)
