"""Whoever asks to be left out is taken out of the store, and stays out of all that comes after."""

import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa
from builds import Ended, hearten, one_line_error, samples
from net.release import unpacked

from builders.corpora.exclusions import Exclusions
from builders.errors import StoreError
from builders.record.folder import BuildFolder
from builders.store import forget
from builders.store.clips import ClipFiles
from builders.store.database import Answer, Attempt, RequestRow, Spent, Store, forgotten_by
from builders.store.forgotten import forgotten_ids
from builders.store.key_value import Kept, KeyValue
from builders.store.tables import metadata

WORDS = "nobody else ever said zanzibarquartz"
MINE, OTHER, APART = "meld-train-1-0", "meld-train-1-1", "meld-train-2-0"
# Tables of the store in which nothing is about a sample or an answer to it.
_ABOUT_NOBODY = {
    *("endpoints", "forgotten", "hearten_meta", "review_annotators", "review_builds"),
    *("review_sessions", "review_settings", "claim_holders"),
}
# Those whose rows go with the rows of requests, or lose what leads to one.
_BY_KEY = {"answers", "attempts", "key_values", "request_messages", "message_parts", "claims"}


@pytest.fixture
def clips(tmp_path: Path) -> ClipFiles:
    return ClipFiles(tmp_path / "clips")


@pytest.fixture
def filled(store: Store, clips: ClipFiles) -> Store:
    """A store with answers, values and clips about three utterances."""
    for name in (MINE, OTHER, APART):
        said = WORDS if name == MINE else f"words of {name}"
        store.save(
            [RequestRow(f"key-{name}", name, 0, "a-model", "draft 1")],
            {f"key-{name}": Answer("ok", said)},
            [("a-build", Attempt(f"key-{name}", "a-model", "http://x", "ok", detail=said,
                                 prompt_tokens=10, completion_tokens=1))],
        )  # fmt: skip
        with closing(KeyValue(store)) as values:
            digest = clips.put(f"sound of {said}".encode())
            values.put("clip", f"clip-{name}", Kept(said.encode(), digest), name)
    return store


def bytes_of(*places: Path) -> bytes:
    files = [path for place in places for path in [place, *place.rglob("*")] if path.is_file()]
    return b"".join(path.read_bytes() for path in files)


def fails(ended: Ended, code: int = 1) -> str:
    assert ended.code == code, ended.out
    return one_line_error(ended)


def test_every_table_is_forgotten_from_or_about_nobody(store):
    for name in (
        *("review.data.tables", "review.data.first_answers", "review.data.pairs"),
        *("review.server.sessions", "evaluation.judgements"),
    ):
        import_module(f"builders.{name}")
    every = {*metadata.tables} | {"hearten_meta"}
    assert every == _ABOUT_NOBODY | _BY_KEY | {*forget.ABOUT_SAMPLES}
    for table, columns in forget.ABOUT_SAMPLES.items():
        assert {*columns} <= {*metadata.tables[table].c.keys()}


def test_one_utterance_goes_and_the_others_stay(filled, clips):
    taken = forget.forget(filled, [MINE], clips, dry_run=False)
    assert (taken.rows["requests"], taken.rows["answers"], taken.clips) == (1, 1, 1)
    assert taken.beside == 1
    assert filled.held([f"key-{name}" for name in (MINE, OTHER, APART)]).keys() == {
        f"key-{OTHER}",
        f"key-{APART}",
    }
    assert filled.forgotten() == {MINE}
    # What was spent is still known, and nothing else of it.
    assert filled.spent("a-build") == [Spent("a-model", 3, 30, 3)]
    with filled.engine.connect() as connection:
        details = [*connection.scalars(sa.text("SELECT detail FROM attempts WHERE key = ''"))]
    assert details == [None]
    assert len([path for path in clips.folder.rglob("*") if path.is_file()]) == 2


def test_a_dialogue_takes_all_of_its_utterances(filled, clips):
    taken = forget.forget(filled, ["meld-train-1"], clips, dry_run=False)
    assert (taken.rows["answers"], taken.beside) == (2, 0)
    assert filled.held([f"key-{APART}"]) and not filled.held([f"key-{OTHER}"])
    assert filled.forgotten() == {"meld-train-1"}


def test_a_dry_run_counts_the_same_and_changes_nothing(filled, clips):
    counted = forget.forget(filled, [MINE], clips, dry_run=True)
    assert filled.held([f"key-{MINE}"]) and filled.forgotten() == frozenset()
    assert len([path for path in clips.folder.rglob("*") if path.is_file()]) == 3
    assert forget.forget(filled, [MINE], clips, dry_run=False) == counted


def test_not_a_byte_of_the_words_is_left(tmp_path, clips):
    path = tmp_path / "made" / "hearten.sqlite"
    store = Store(str(path))
    save = [RequestRow("k", MINE, 0, "a-model", "draft 1")], {"k": Answer("ok", WORDS * 500)}
    store.save(*save, [("b", Attempt("k", "a-model", "http://x", "ok", detail=WORDS))])
    with closing(KeyValue(store)) as values:
        values.put("speech", "k", Kept(b"{}", clips.put(WORDS.encode())), MINE)
    assert WORDS.encode() in bytes_of(path.parent) and WORDS.encode() in bytes_of(clips.folder)
    forget.forget(store, [MINE], clips, dry_run=False)
    assert b"zanzibar" not in bytes_of(path.parent) + bytes_of(clips.folder)
    store.close()
    assert b"zanzibar" not in bytes_of(path.parent)


def test_a_program_that_holds_the_file_is_named_and_the_same_call_ends_it(tmp_path, clips):
    path = tmp_path / "made" / "hearten.sqlite"
    store = Store(str(path))
    store.save([RequestRow("k", MINE, 0, "m", "draft 1")], {"k": Answer("ok", WORDS)}, [])
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM answers").fetchone()
        with pytest.raises(
            StoreError, match=r"the records are deleted, but .* run the same command again"
        ):
            forget.forget(store, [MINE], clips, dry_run=False)
    assert forget.known(store, [MINE]) == {MINE}
    forget.forget(store, [MINE], clips, dry_run=False)
    assert b"zanzibar" not in bytes_of(path.parent)
    store.close()


def test_a_key_that_another_utterance_has_too_does_not_hide_what_is_beside(filled, clips):
    forget.forget(filled, [MINE], clips, dry_run=False)
    assert forget.known(filled, [MINE, OTHER, "meld-train-9"]) == {MINE, OTHER}


def test_exclusions_take_in_what_a_store_forgot(filled, clips, url, tmp_path):
    forget.forget(filled, ["meld-train-1"], clips, dry_run=False)
    table = tmp_path / "exclusions.tsv"
    table.write_text("id\treason\nmeld-dev-3\tasked\n")
    excluded = Exclusions.load(table, forgotten_by(url)).of("meld")
    assert excluded.covers(MINE) and excluded.covers("meld-dev-3-1") and not excluded.covers(APART)
    assert Exclusions.load(tmp_path / "none.tsv", forgotten_by(url)).ids == {"meld-train-1"}
    assert Exclusions.load(table).ids == {"meld-dev-3"}
    assert Exclusions.load(table, forgotten_by(str(tmp_path / "no.sqlite"))).ids == {"meld-dev-3"}
    # An owner may have taken the recording out of the corpus by now; a misspelt row is still told.
    Exclusions.load(tmp_path / "none.tsv", forgotten_by(url)).check_matched(["train"], table)


def test_a_look_at_a_build_reads_the_forgotten_ids_without_opening_the_store(
    filled, clips, url, tmp_path, monkeypatch
):
    forget.forget(filled, ["meld-train-1"], clips, dry_run=False)
    assert forgotten_ids(url) == {"meld-train-1"}
    assert forgotten_ids(str(tmp_path / "no.sqlite")) == frozenset()
    older = tmp_path / "older.sqlite"
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("CREATE TABLE hearten_meta (name, value)")
        connection.execute("INSERT INTO hearten_meta VALUES ('store_version', '5')")
        connection.commit()
    with pytest.raises(StoreError, match="the store has version 5"):
        forgotten_ids(str(older))
    if url.startswith("postgresql"):
        return
    monkeypatch.setattr("builders.store.database.forgotten_by", None)
    assert forgotten_ids(url) == {"meld-train-1"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Builds and store of the release, the store upgraded."""
    folder = unpacked(tmp_path)
    assert hearten("store", "upgrade", folder / "hearten.sqlite").code == 0
    return folder


def test_the_command_takes_out_what_people_said_and_says_what_is_left(output):
    there = {row["id"]: row for row in samples(output / "meld")}
    name = "meld-train-0-1"
    reply = "It is good that you brought this up"
    assert name in there and reply.encode() in (output / "hearten.sqlite").read_bytes()
    for copy in ("mine.db", "others.db"):
        ended = hearten("store", "backup", "--output", output, "--to", output / copy)
        assert ended.code == 0, ended.err
    with closing(sqlite3.connect(output / "others.db")) as connection:
        connection.execute("DELETE FROM requests")
        connection.commit()
    told = ("store", "forget", name, "--output", output)
    dry = hearten(*told, "--dry-run")
    assert dry.code == 0 and "would be removed from" in dry.out
    assert reply.encode() in (output / "hearten.sqlite").read_bytes()
    ended = hearten(*told)
    assert ended.code == 0, ended.err
    for words in (
        "1 ids removed from",
        f"{output}/meld still contains 1 of these ids: finished builds are not changed",
        "forget the whole dialogue",
        ".backup is an older copy that still contains everything: delete it",
        f"{output}/mine.db is an older copy that still contains everything: delete it",
        "export and publish again",
    ):
        assert words in ended.out
    assert "others.db" not in ended.out, "it has nothing about these ids"
    assert not (output / ".reviewed" / "meld").exists(), "it is made anew, without them"
    content = (output / "hearten.sqlite").read_bytes()
    with closing(sqlite3.connect(output / "hearten.sqlite")) as connection:
        for table, columns in forget.ABOUT_SAMPLES.items():
            for column in columns:
                query = f"SELECT count(*) FROM {table} WHERE {column} = ?"
                assert connection.execute(query, (name,)).fetchone() == (0,)
    assert content.count(name.encode()) == 2  # the table `forgotten` and its index
    build = ("build", "--corpus", "meld", "--sample", "--text-only", "--output", output)
    ended = hearten(*build, "--name", "later", "--show", "0")
    assert ended.code == 0, ended.err
    later = {row["id"]: row for row in samples(output / "later")}
    assert name not in later and "meld-train-0-0" in later
    turns = {turn["id"] for row in later.values() for turn in row["text_context"]}
    assert name not in turns


def test_a_build_that_cannot_be_read_is_told_and_stops_nothing(output):
    shard = next((output / "meld@2" / "data").glob("train-*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-100])
    ended = hearten("store", "forget", "meld-train-0-1", "--output", output)
    assert ended.code == 0 and "1 ids removed" in ended.out
    assert f"warning: {output}/meld@2 may contain them: " in ended.err


def test_ids_may_come_from_a_file(output, tmp_path):
    (tmp_path / "ids.txt").write_text("meld-train-0-1\n\nmeld-dev-0\n")
    ended = hearten("store", "forget", f"@{tmp_path}/ids.txt", "--output", output)
    assert ended.code == 0 and "2 ids removed" in ended.out
    with closing(Store(str(output / "hearten.sqlite"))) as store:
        assert store.forgotten() == {"meld-train-0-1", "meld-dev-0"}


@pytest.mark.parametrize(
    ("ids", "code", "words"),
    [
        ("meld-train-99", 1, "there is nothing about meld-train-99"),
        ("meld-train-0-1,meld-train-99", 1, "nothing was removed"),
        ("meld", 2, "not a valid id: meld; expected ids"),
        (",", 2, "no id is given"),
        ("@nowhere.txt", 1, "the ids cannot be read"),
    ],
)
def test_an_id_that_nobody_knows_is_one_line_and_nothing_is_taken_out(output, ids, code, words):
    with closing(sqlite3.connect(output / "hearten.sqlite")) as connection:
        before = connection.execute("SELECT count(*) FROM requests").fetchone()
        line = fails(hearten("store", "forget", ids, "--output", output), code)
        assert words in line
        assert connection.execute("SELECT count(*) FROM requests").fetchone() == before


def test_nothing_is_taken_out_while_a_build_runs_that_could_put_it_back(output):
    with BuildFolder(output / "meld").hold():
        ended = hearten("store", "forget", "meld-train-0-0", "--output", output)
    assert ended.code == 1
    line = one_line_error(ended)
    assert "a build is running: meld" in line and "nothing was removed" in line
