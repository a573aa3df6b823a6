"""Values by key in the store: batches, two builds at once, kills, and what is forgotten."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest
from builds import environment

from builders.errors import StoreError
from builders.store import key_value
from builders.store.database import Answer, Attempt, RequestRow, Store
from builders.store.key_value import Kept, KeyValue, forget, key_of


@pytest.fixture
def values(store):
    opened = KeyValue(store)
    yield opened
    opened.close()


@pytest.fixture
def other(url, store):
    """The same values, as another build sees them."""
    second = Store(url)
    opened = KeyValue(second)
    yield opened
    opened.close()
    second.close()


def test_what_was_put_is_there_at_once_and_replaced(values, other):
    for number in range(200):
        values.put("measured", f"k{number}", Kept(b"old"))
        values.put("measured", f"k{number}", Kept(b"%d" % number))
    assert values.get("measured", "k7") == Kept(b"7") and values.get("measured", "k199")
    assert values.get("measured", "no") is None and values.get("checked", "k7") is None
    assert other.get("measured", "k7") == Kept(b"7")
    values.put("clip", "k7", Kept(b"", "a" * 64))
    values.commit()
    assert other.get("clip", "k7") == Kept(b"", "a" * 64)


def test_a_batch_is_committed_when_it_is_full_large_or_old(values, other, monkeypatch):
    values.put("measured", "a", Kept(b"1"))
    assert other.get("measured", "a") is None
    values.put("measured", "b", Kept(bytes(9_000_000)))
    assert other.get("measured", "a") == Kept(b"1")
    monkeypatch.setattr(key_value, "_SECONDS", -1.0)
    values.put("measured", "c", Kept(b"3"))
    assert other.get("measured", "c") == Kept(b"3")


def test_bytes_of_any_kind_come_back(values, other):
    every = bytes(range(256))
    values.put("measured", "a", Kept(every))
    values.commit()
    assert other.get("measured", "a") == Kept(every)


def test_two_builds_and_their_threads_put_at_once_while_answers_are_saved(values, other, store):
    def put(to: KeyValue, name: str) -> None:
        for number in range(300):
            to.put("measured", f"{name}{number}", Kept(b"1"), f"{name}{number}")
            # Both know this one.
            to.put("checked", f"{number % 40}", Kept(b"2"), f"{name}{number}")

    def save() -> None:
        for number in range(60):
            asked = RequestRow(f"{number:064}", "r", 1, "m", "1")
            tried = ("b", Attempt(asked.key, "m", "", "ok"))
            store.save([asked], {asked.key: Answer("ok", "text")}, [tried])

    works = [(put, to, name) for to, name in ((values, "a"), (values, "b"), (other, "c"))]
    threads = [threading.Thread(target=work, args=more) for work, *more in [*works, (save,)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values.commit()
    other.commit()
    for name in "abc":
        assert all(other.get("measured", f"{name}{number}") for number in range(300))
    assert len(store.held([f"{number:064}" for number in range(60)])) == 60


KEEPER = """
import sys
from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue
values = KeyValue(Store(sys.argv[1]))
for number in range(100_000):
    values.put("measured", str(number), Kept(b"%d" % number * 100), "r")
    print(number, flush=True)
"""


def test_a_kill_loses_at_most_the_last_batch(url, store):
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, url], stdout=subprocess.PIPE, text=True, env=environment()
    )
    for told in keeper.stdout:
        if int(told) == 500:
            break
    os.kill(keeper.pid, signal.SIGKILL)
    rest = [int(told) for told in keeper.stdout.read().split()[:-1]]
    keeper.wait()
    values = KeyValue(store)
    held = [
        number for number in range(max([500, *rest]) + 1) if values.get("measured", str(number))
    ]
    assert held == list(range(len(held))) and len(held) > max([500, *rest]) - 64
    values.close()


def test_a_store_that_is_full_is_one_line_that_names_it(tmp_path):
    store = Store(str(tmp_path / "hearten.sqlite"))
    values = KeyValue(store)
    with sqlite3.connect(tmp_path / "hearten.sqlite") as writer:
        writer.execute("CREATE TRIGGER full BEFORE INSERT ON key_values "
                       "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")  # fmt: skip
    values.put("measured", "a", Kept(b"1"))
    with pytest.raises(StoreError, match="cannot be used .database or disk is full. in sqlite"):
        values.commit()
    store.close()


# Who is forgotten


def test_only_what_nobody_else_needs_goes_with_a_record(values, store):
    one, both, said = "1" * 64, "2" * 64, "3" * 64
    values.put("measured", "one", Kept(b"1"), "r1")
    values.put("clip", "one", Kept(b"", one), "r1")
    values.put("checked", "both", Kept(b"2"), "r1")
    values.get("checked", "both", "r2")
    values.put("clip", "two", Kept(b"", both), "r1")
    # Another key stands for the same content.
    values.put("clip", "three", Kept(b"", both), "r2")
    values.put("speech", "said", Kept(b"{}", said), "r1")
    values.put("heard", "said", Kept(b"words"), "r1")
    values.put("measured", "other", Kept(b"3"), "r2")
    values.commit()
    with store.engine.begin() as connection:
        assert forget(connection, ["r1", "r9"]) == {one, said}
    gone = (("measured", "one"), ("clip", "one"), ("clip", "two"), ("speech", "said"))
    assert [values.get(*key) for key in (*gone, ("heard", "said"))] == [None] * 5
    assert values.get("checked", "both") and values.get("clip", "three")
    assert values.get("measured", "other")
    with store.engine.begin() as connection:
        assert forget(connection, ["r2"]) == {both}
        assert forget(connection, ["r1", "r2"]) == set()
    assert values.get("checked", "both") is None


def test_what_belongs_to_no_record_goes_with_whoever_is_forgotten_first(values, store):
    values.put("measured", "a", Kept(b"1"))
    values.put("speech", "b", Kept(b"{}", "2" * 64))
    values.put("speech", "c", Kept(b"{}", "3" * 64))
    values.get("speech", "c", "r2")
    values.commit()
    with store.engine.begin() as connection:
        assert forget(connection, ["r1"]) == {"2" * 64}
    assert values.get("measured", "a") is None and values.get("speech", "b") is None
    assert values.get("speech", "c")


def test_more_is_forgotten_than_one_statement_takes(values, store):
    for number in range(1200):
        values.put("clip", str(number), Kept(b"", key_of(number)), f"r{number}")
    values.commit()
    with store.engine.begin() as connection:
        found = forget(connection, [f"r{number}" for number in range(1, 1200)])
    assert found == {key_of(number) for number in range(1, 1200)}
    assert values.get("clip", "0") and values.get("clip", "1") is None
