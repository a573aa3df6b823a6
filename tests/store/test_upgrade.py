"""`hearten store` as it is typed, on the store that the release without numbers left."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa
from builds import Ended, hearten, one_line_error
from net.release import unpacked, what

from builders.store import migrations
from builders.store.database import Store

# What an upgrade keeps row by row, but for what later steps make of it.
_PAID = ("answers", "requests", "attempts", "endpoints", "review_annotators", "review_settings")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The builds and the store that the release left."""
    return unpacked(tmp_path)


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def _taken(attempts: list[tuple], key: str) -> tuple[int | None, int | None]:
    """Return the tokens of prompt and answer that the attempts at a request took."""
    known = [row[9:11] for row in attempts if row[1] == key and row[9] is not None]
    return known[0] if known else (None, None)


def backups(output: Path) -> list[Path]:
    return sorted(output.glob("*.backup"))


def fails(ended: Ended) -> str:
    assert ended.code == 1, ended.out
    return one_line_error(ended)


def test_every_command_says_one_line_about_a_store_of_the_release(output):
    build = output / "meld"
    for told in (
        ("report", build),
        ("review-status", build),
        ("export", build, "--format", "llama-factory", "--to", output / "x"),
        ("build", "--corpus", "meld", "--sample", "--output", output, "--name", "other"),
    ):
        line = fails(hearten(*told))
        assert f"the store has version 1 in sqlite:///{output}/hearten.sqlite" in line
        assert f"expected version {migrations.NEWEST}" in line
        assert f"hearten store upgrade sqlite:///{output}/hearten.sqlite" in line
    assert count(output / "hearten.sqlite", "answers") == what()["rows"]["answers"]


def test_an_upgrade_makes_a_copy_and_loses_nothing(output):
    store = output / "hearten.sqlite"
    before = {table: rows(store, table) for table in _PAID}
    counts = what()["rows"]
    ended = hearten("store", "upgrade", store)
    assert ended.code == 0, ended.err
    after = {table: rows(store, table) for table in _PAID}
    assert after.pop("answers") == [
        (*row, *_taken(before["attempts"], row[0])) for row in before.pop("answers")
    ], "each answer has the tokens that the attempts know of"
    assert after == before
    for table, now in (("review_events", "review_events"), ("judge_events", "judgements")):
        assert count(store, now) == counts[table]
    [copy] = backups(output)
    assert copy.name.startswith("hearten.sqlite.v1-")
    assert ended.out.startswith(f"backup: {copy}\n1: ")
    for table, number in counts.items():
        assert count(copy, table) == number, table
    again = hearten("store", "upgrade", store)
    assert again.code == 0 and f"already at the newest version, {migrations.NEWEST}" in again.out
    assert backups(output) == [copy]


def test_status_counts_what_is_there_before_and_after(output):
    found = json.loads(hearten("store", "status", "--output", output, "--json").out)
    counts = what()["rows"]
    assert (found["version"], found["newest"]) == (1, migrations.NEWEST)
    assert found["counts"]["answers"] == counts["answers"]
    assert found["counts"]["review_events"] == counts["review_events"]
    assert found["bytes"] > 100_000
    told = hearten("store", "status", "--output", output).out
    assert "version 1" in told and "next:\n  hearten store upgrade" in told
    hearten("store", "upgrade", "--output", output)
    found = json.loads(hearten("store", "status", "--json", HEARTEN_OUTPUT=str(output)).out)
    assert found["version"] == migrations.NEWEST
    assert found["counts"]["answers"] == counts["answers"]
    assert found["counts"]["judgements"] == counts["judge_events"]


def test_a_backup_is_a_store_and_never_takes_the_place_of_a_file(output, tmp_path):
    store = output / "hearten.sqlite"
    hearten("store", "upgrade", store)
    to = tmp_path / "copies" / "one.sqlite"
    ended = hearten("store", "backup", store, "--to", to)
    assert ended.code == 0 and str(to) in ended.out
    copy = Store(str(to))
    assert [*copy.held(what()["answers"])] and copy.name.endswith("one.sqlite")
    copy.close()
    line = fails(hearten("store", "backup", store, "--to", to))
    assert f"the file {to} already exists" in line and "--to" in line


def test_the_address_may_stand_in_the_settings(output):
    (output.parent / "hearten.toml").write_text('[build]\noutput = "output"\n')
    assert "output/hearten.sqlite" in hearten("store", "status", cwd=output.parent).out
    (output.parent / "hearten.toml").write_text('[build]\nstore = "else.sqlite"\n')
    line = fails(hearten("store", "status", cwd=output.parent))
    assert "there is no store in else.sqlite" in line


@pytest.mark.parametrize("told", [("upgrade",), ("status",), ("backup", "--to", "x")])
def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path, told):
    line = fails(hearten("store", *told, "--store", tmp_path / "no.sqlite", cwd=tmp_path))
    assert f"there is no store in {tmp_path}/no.sqlite" in line
    assert list(tmp_path.iterdir()) == []


def test_a_newer_store_is_left_alone(output):
    store = output / "hearten.sqlite"
    hearten("store", "upgrade", store, "--backed-up")
    assert backups(output) == []
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE hearten_meta SET value = '77' WHERE name = 'store_version'")
    for told in (("store", "upgrade", store), ("report", output / "meld")):
        line = fails(hearten(*told))
        assert "the store has version 77" in line and "newer Hearten" in line


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of its own, to be filled or to be made read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))


def test_a_full_disk_under_an_upgrade_is_one_line_and_leaves_the_store_as_it_was(small_disk):
    output = unpacked(small_disk)
    store = output / "hearten.sqlite"
    fill(small_disk)
    line = fails(hearten("store", "upgrade", store))
    assert str(store) in line and "free some space" in line and "kept" in line
    os.truncate(small_disk / "filler", (small_disk / "filler").stat().st_size - 100_000)
    line = fails(hearten("store", "upgrade", store))
    assert "the copy cannot be written" in line and "the store is unchanged" in line
    assert backups(output) == [] and not [*output.glob("*.partial")]
    assert count(store, "answers") == what()["rows"]["answers"]
    (small_disk / "filler").unlink()
    assert hearten("store", "upgrade", store).code == 0
    assert count(store, "answers") == what()["rows"]["answers"]


@pytest.mark.slow
def test_a_build_is_exported_beside_a_store_that_cannot_be_written(small_disk, tmp_path):
    output = unpacked(small_disk)
    hearten("store", "upgrade", output / "hearten.sqlite")
    hearten("report", output / "meld")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    to = tmp_path / "exported"
    ended = hearten("export", output / "meld", "--format", "llama-factory", "--to", to)
    assert ended.code == 0, ended.err
    assert [*to.rglob("*.json*")]
    for told in (("review-status", output / "meld"), ("store", "status", "--output", output)):
        ended = hearten(*told)
        assert ended.code == 0, ended.err
    copied = hearten("store", "backup", "--output", output, "--to", tmp_path / "copy.sqlite")
    assert copied.code == 0, copied.err
    told = ("build", "--corpus", "meld", "--sample", "--output", tmp_path / "out")
    line = fails(hearten(*told, "--store", output / "hearten.sqlite"))
    assert "the store cannot be opened or written" in line and "--store" in line


def test_a_damaged_store_is_called_damaged(output, tmp_path):
    store = output / "hearten.sqlite"
    hearten("store", "upgrade", store, "--backed-up")
    content = bytearray(store.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    store.write_bytes(content)
    for told in (
        ("report", output / "crema_d"),
        ("store", "backup", store, "--to", tmp_path / "copy"),
    ):
        line = fails(hearten(*told))
        assert "the file is damaged or is not a store" in line and str(store) in line
        assert "hearten store backup" in line and "free some space" not in line
    assert not (tmp_path / "copy").exists()


def test_a_store_in_postgresql_asks_for_a_copy_of_its_own(postgresql, output):
    name = "upgraded_on_a_server"
    postgresql.psql(f'CREATE DATABASE "{name}"')
    address = postgresql.get_uri(database=name, driver="psycopg")
    _move(output / "hearten.sqlite", address)
    line = fails(hearten("store", "upgrade", address))
    assert "not backed up automatically" in line
    assert "pg_dump --format=custom" in line and "--backed-up" in line
    ended = hearten("store", "upgrade", address, "--backed-up")
    assert ended.code == 0, ended.err
    store = Store(address)
    assert len(store.held(what()["answers"])) == what()["rows"]["answers"]
    with store.engine.connect() as connection:
        for table, now in (("review_events", "review_events"), ("judge_events", "judgements")):
            found = connection.scalar(sa.text(f"SELECT count(*) FROM {now}"))
            assert found == what()["rows"][table]
    store.close()
    found = json.loads(hearten("store", "status", address, "--json").out)
    assert found["version"] == migrations.NEWEST and found["bytes"] > 10_000
    line = fails(hearten("store", "backup", address, "--to", output / "x"))
    assert "pg_dump" in line


def _move(source: Path, address: str) -> None:
    """Put the rows of a store of the release into PostgreSQL, as that release keeps them there."""
    tables = sa.MetaData()
    old, new = sa.create_engine(f"sqlite:///{source}"), sa.create_engine(address)
    tables.reflect(old)
    with old.connect() as reading, new.begin() as writing:
        import_module("builders.store.migrations.m0001_tables").upgrade(writing)
        tables.create_all(writing, [tables.tables["hearten_meta"]])
        for table in tables.sorted_tables:
            if found := [dict(row) for row in reading.execute(sa.select(table)).mappings()]:
                writing.execute(sa.insert(table), found)
    old.dispose()
    new.dispose()
