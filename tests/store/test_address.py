"""An address that was named and holds no store is an error, not a store without decisions."""

from __future__ import annotations

import sqlite3

import pytest
from builds import hearten, one_line_error


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    here = tmp_path_factory.mktemp("built")
    ended = hearten("build", "--corpus", "meld", "--sample", "--text-only", cwd=here)
    assert ended.code == 0, ended.err
    (here / "empty.sqlite").touch()
    with sqlite3.connect(here / "other.sqlite") as connection:
        connection.execute("create table songs (title text)")
    return here


READING = {
    "export": ("--format", "trl", "--to", "out"),
    "report": (),
    "publish": ("--repo", "org/name", "--dry-run", "--allow-phrasebook"),
    "review-status": (),
    "review-export": ("--to", "events.jsonl"),
}


@pytest.mark.parametrize("address", ["typo.sqlite", "empty.sqlite", "other.sqlite"])
@pytest.mark.parametrize("command", READING)
def test_a_command_that_reads_decisions_wants_the_store_that_was_named(built, command, address):
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": ""}
    told = ("output/meld-sample", *READING[command], "--store", address)
    ended = hearten(command, *told, cwd=built, **env)
    line = one_line_error(ended)
    said = {
        "other.sqlite": "it has a table songs",
        "empty.sqlite": "empty.sqlite is not a store",
        "typo.sqlite": "there is no ",
    }[address]
    assert ended.code == 1 and said in line and address in line
    assert not (built / "typo.sqlite").exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [("typo.sqlite", "there is no store"), ("other.sqlite", "it has a table songs")],
)
def test_nobody_who_was_forgotten_is_sent_to_a_judge_for_a_slip_of_the_pen(built, address, said):
    where = ("--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--store", address)
    ended = hearten("judge", "output/meld-sample", *where, cwd=built)
    assert ended.code == 1 and said in one_line_error(ended)
    assert not (built / "typo.sqlite").exists()


def test_a_build_leaves_another_programs_database_alone(built):
    told = ("--corpus", "meld", "--sample", "--name", "b", "--store", "other.sqlite")
    ended = hearten("build", *told, cwd=built)
    assert ended.code == 1
    assert "it has a table songs" in one_line_error(ended)
    with sqlite3.connect(built / "other.sqlite") as connection:
        assert connection.execute("select name from sqlite_master").fetchall() == [("songs",)]


def test_a_build_makes_a_store_of_an_empty_file(built):
    told = ("--corpus", "meld", "--sample", "--text-only", "--name", "c", "--store", "new.sqlite")
    (built / "new.sqlite").touch()
    assert hearten("build", *told, cwd=built).code == 0
