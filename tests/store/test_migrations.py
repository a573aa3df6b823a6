import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders.errors import StoreError
from builders.store import migrations
from builders.store.database import Store
from builders.store.tables import metadata

ROOT = Path(__file__).parent.parent.parent
# Modules that have tables of the store.
for _name in (
    *("review.data.tables", "review.data.first_answers", "review.data.pairs"),
    *("review.server.sessions", "evaluation.judgements"),
):
    import_module(f"builders.{_name}")

# What the release without numbers made when it was first needed.
_LATER = {
    "review_version": ("review_events", "review_items", "review_leases", "review_annotators"),
    "judge_version": ("judge_events",),
}


def engine_of(url: str) -> Engine:
    if "://" in url:
        return sa.create_engine(url)
    Path(url).parent.mkdir(parents=True, exist_ok=True)
    return sa.create_engine(f"sqlite:///{url}")


@pytest.fixture(params=[(), ("judge_version",), ("review_version", "judge_version")])
def old(request: pytest.FixtureRequest, url: str) -> str:
    """A store of the release without numbers, with the tables that were needed so far."""
    engine = engine_of(url)
    with engine.begin() as connection:
        import_module("builders.store.migrations.m0001_tables").upgrade(connection)
        for name, tables in _LATER.items():
            for table in tables if name not in request.param else ():
                connection.exec_driver_sql(f"DROP TABLE {table}")
        migrations.meta.create(connection)
        rows = [{"name": name, "value": "1"} for name in ("version", *request.param)]
        connection.execute(sa.insert(migrations.meta), rows)
        connection.exec_driver_sql(
            "INSERT INTO requests VALUES ('k', 'meld-dev-1-1', 0, 'a-model', 'draft 1')"
        )
        connection.exec_driver_sql(
            "INSERT INTO answers VALUES ('k', 'ok', 'text', 'stop', 'a-model', 1.5)"
        )
    engine.dispose()
    return url


def laid_out(engine: Engine) -> dict[str, object]:
    """Return tables with their columns, keys and indexes, as the database tells them."""
    inspector = sa.inspect(engine)
    found = {}
    for table in sorted(inspector.get_table_names()):
        columns = [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)]
        indexes = {
            i["name"]: (i["column_names"], i["unique"]) for i in inspector.get_indexes(table)
        }
        unique = sorted(u["column_names"] for u in inspector.get_unique_constraints(table))
        keys = inspector.get_pk_constraint(table)["constrained_columns"]
        found[table] = columns, indexes, unique, keys
    return found


def upgraded(url: str) -> list[str]:
    engine = engine_of(url)
    said = list(migrations.upgrade(engine))
    engine.dispose()
    return said


def test_a_store_without_numbers_is_left_alone_and_one_line_says_what_to_do(old):
    with pytest.raises(StoreError) as raised:
        Store(old)
    line = str(raised.value)
    for words in ("the store has version 1 in ", f"expected version {migrations.NEWEST}"):
        assert words in line
    assert "hearten store upgrade " in line and "\n" not in line


def test_an_upgraded_store_has_the_tables_of_a_new_one_and_keeps_its_answers(
    old, tmp_path, request
):
    said = upgraded(old)
    assert [line.partition(":")[0] for line in said] == [str(n) for n in sorted(migrations.STEPS)]
    store = Store(old)
    assert store.held(["k"])["k"].text == "text"
    if store.engine.dialect.name == "sqlite":
        other = str(tmp_path / "new.sqlite")
    else:
        running = request.getfixturevalue("postgresql")
        name = f"new_{abs(hash(request.node.nodeid))}"
        running.psql(f'CREATE DATABASE "{name}"')
        other = running.get_uri(database=name, driver="psycopg")
    new = Store(other)
    assert laid_out(store.engine) == laid_out(new.engine)
    store.close()
    new.close()


def test_upgrading_again_changes_nothing(old):
    upgraded(old)
    assert upgraded(old) == []


def test_the_tables_of_the_code_are_those_that_the_steps_make(store):
    made = laid_out(store.engine)
    memory = sa.create_engine("sqlite://")
    metadata.create_all(memory)
    coded = laid_out(memory)
    assert {*made} - {*coded} == {"hearten_meta"}
    for table, (columns, indexes, unique, keys) in coded.items():
        found = made[table]
        assert [c[0] for c in found[0]] == [c[0] for c in columns], table
        assert [c[2] for c in found[0]] == [c[2] for c in columns], table
        assert {*found[1]} >= {*indexes}, table
        assert (found[2], found[3]) == (unique, keys), table


def test_a_release_without_numbers_stays_away_from_an_upgraded_store(old):
    upgraded(old)
    with engine_of(old).connect() as connection:
        row = sa.select(migrations.meta.c.value).where(migrations.meta.c.name == "version")
        assert connection.scalar(row) == "2 or newer"


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from builders.store import migrations
from builders.store.migrations import m0007_claims as step
made = step.upgrade
def upgrade(connection):
    made(connection)
    os.kill(os.getpid(), signal.SIGKILL)
step.upgrade = upgrade
url = sys.argv[1] if "://" in sys.argv[1] else "sqlite:///" + sys.argv[1]
for said in migrations.upgrade(sa.create_engine(url)):
    print(said, flush=True)
"""


def test_an_upgrade_that_was_killed_in_the_middle_goes_on_where_it_stopped(old):
    command = [sys.executable, "-c", KILLED, old]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout.startswith("1: ")
    with pytest.raises(StoreError, match=r"the store has version [1-6] .*hearten store upgrade"):
        Store(old)
    assert [line[:2] for line in upgraded(old)][0] == "7:"
    store = Store(old)
    assert store.held(["k"])["k"].text == "text"
    store.close()


def test_a_new_store_is_made_whole_or_not_at_all(url, monkeypatch):
    step = import_module("builders.store.migrations.m0007_claims")
    monkeypatch.setattr(step, "upgrade", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        Store(url)
    with engine_of(url).connect() as connection:
        assert sa.inspect(connection).get_table_names() == []
    monkeypatch.undo()
    Store(url).close()
