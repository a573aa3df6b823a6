import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from builders.errors import OutputError, StoreError
from builders.llm.cache import BATCH, ResponseCache
from builders.store.address import store_exists
from builders.store.database import Answer, Attempt, KeptVerdict, RequestRow, Spent, Store
from builders.store.steps import NEWEST
from builders.store.tables import attempts, requests

ROOT = Path(__file__).parent.parent.parent
SECRET = "s3cr3t"


def asked(name: str) -> RequestRow:
    return RequestRow(name, f"meld-dev-1-{name}", 0, "a-model", "draft 1+abc")


def attempt(name: str, outcome: str = "ok", **fields) -> Attempt:
    return Attempt(
        **{"key": name, "model": "a-model", "endpoint": "http://x", **fields}, outcome=outcome
    )


def save(store: Store, *names: str, text: str = "some text") -> None:
    store.save(
        [asked(name) for name in names],
        {name: Answer("ok", text, "stop", "a-model") for name in names},
        [("a-build", attempt(name)) for name in names],
    )


def rows(store: Store, table: sa.Table) -> list[sa.Row]:
    with store.engine.connect() as connection:
        return list(connection.execute(sa.select(table)))


def test_a_saved_answer_is_held_and_others_are_not(store):
    save(store, "a", "b", text="naïve 李雷 🙂 \u2028 '; DROP")
    assert store.held(["a", "c"]) == {
        "a": Answer("ok", "naïve 李雷 🙂 \u2028 '; DROP", "stop", "a-model")
    }


def test_an_answer_is_held_after_the_store_was_closed(store, url):
    save(store, "a")
    store.close()
    again = Store(url)
    assert again.held(["a"]).keys() == {"a"}
    again.close()


def test_an_answer_is_seen_by_a_store_that_was_open_before(store, url):
    other = Store(url)
    assert other.held(["a"]) == {}
    save(store, "a")
    assert other.held(["a"]).keys() == {"a"}
    other.close()


def test_the_first_answer_to_a_request_stays_and_is_never_doubled(store):
    save(store, "a", text="first")
    save(store, "a", "b", text="second")
    held = store.held(["a", "b"])
    assert {key: answer.text for key, answer in held.items()} == {"a": "first", "b": "second"}
    assert sorted(row.key for row in rows(store, requests)) == ["a", "b"]
    assert sorted(row.key for row in rows(store, attempts)) == ["a", "a", "b"]


def test_an_attempt_without_an_answer_holds_nothing(store):
    store.save([asked("a")], {}, [("a-build", attempt("a", "timeout"))])
    assert store.held(["a"]) == {}
    assert [row.outcome for row in rows(store, attempts)] == ["timeout"]


def test_what_was_spent_is_counted_by_build_and_model(store):
    tried = [
        ("one", attempt("a", prompt_tokens=10, completion_tokens=1)),
        ("one", attempt("b", "refusal", prompt_tokens=20, completion_tokens=2)),
        ("one", attempt("c")),
        ("one", attempt("d", "connection")),
        ("one", attempt("e", model="phrasebook-x", endpoint="phrasebook")),
        ("one", attempt("f", model="b-model", prompt_tokens=5, completion_tokens=5)),
        ("two", attempt("g", prompt_tokens=1000, completion_tokens=1000)),
    ]
    store.save([], {}, tried)
    assert store.spent("one") == [
        Spent("a-model", 3, 30, 3),
        Spent("b-model", 1, 5, 5),
        Spent("phrasebook-x", 1, 0, 0),
    ]
    assert store.spent("three") == []


def test_what_was_learnt_of_an_endpoint_is_remembered_by_address_and_model(store):
    assert store.remembered_dialect("http://x", "a-model") is None
    store.remember_dialect("http://x", "a-model", "json_schema")
    store.remember_dialect("http://x", "b-model", "tool")
    store.remember_dialect("http://x", "a-model", "prompt")
    assert store.remembered_dialect("http://x", "a-model") == "prompt"
    assert store.remembered_dialect("http://x", "b-model") == "tool"
    assert store.remembered_dialect("http://y", "a-model") is None


def test_a_store_of_another_version_is_left_alone(store, url):
    with store.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE hearten_meta SET value = '99' WHERE name = 'store_version'")
        )
        connection.execute(sa.text("DROP TABLE endpoints"))
    with pytest.raises(StoreError) as raised:
        Store(url)
    wanted = f"expected version {NEWEST}"
    for words in ("the store has version 99", store.name, wanted, "newer Hearten", "--store"):
        assert words in str(raised.value)
    assert not sa.inspect(store.engine).has_table("endpoints")


def test_many_builds_may_open_a_new_store_at_once(url):
    code = (
        "import sys; from builders.store.database import Store; "
        "print(flush=True); sys.stdin.readline(); Store(sys.argv[1]).close()"
    )
    command = [sys.executable, "-c", code, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    opening = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(4)]
    for process in opening:
        process.stdout.readline()
    for process in opening:
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate()[1] for process in opening]
    assert [process.returncode for process in opening] == [0] * 4, errors


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("oracle+nothing://host/db", "the store's address cannot be used"),
        ("://x", "the store's address cannot be used"),
        (f"postgresql+psycopg://me:{SECRET}@host:port/db", "the store's address cannot be used"),
        (f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/db", "the store cannot be used"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_line_without_its_password(address, words):
    with pytest.raises(StoreError) as raised:
        Store(address)
    assert words in str(raised.value)
    assert "--store" in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_file_that_cannot_be_a_store_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at twice")
    for place, words in ((tmp_path / "notes.txt", "not a database"), (tmp_path, "unable to open")):
        with pytest.raises(StoreError) as raised:
            Store(str(place))
        assert words in str(raised.value) and str(place) in str(raised.value)
    with pytest.raises(OutputError, match="cannot write .*notes.txt"):
        Store(str(tmp_path / "notes.txt" / "below.sqlite"))


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql+psycopg://me:{SECRET}@host/db",
        f"postgresql+psycopg://me@host/db?password={SECRET}&application_name=x",
    ],
)
def test_the_password_is_never_in_the_name(address, monkeypatch):
    monkeypatch.setattr(Store, "_check", lambda _: None)  # no such server
    store = Store(address)
    assert SECRET not in store.name
    assert "host/db" in store.name
    assert SECRET in store.engine.url.render_as_string(hide_password=False)


def test_only_a_file_that_is_there_is_an_existing_store(tmp_path):
    path = tmp_path / "hearten.sqlite"
    assert not store_exists(str(path))
    Store(str(path)).close()
    assert store_exists(str(path)) and store_exists(f"sqlite:///{path}")
    assert not store_exists(f"sqlite:///{path}2")
    assert store_exists("postgresql+psycopg://host/db")


def test_sqlite_survives_a_kill_and_a_power_cut(tmp_path):
    store = Store(str(tmp_path / "hearten.sqlite"))
    with store.engine.connect() as connection:
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(sa.text("PRAGMA synchronous")) == 2
    store.close()


class Recording(Store):
    """A store that notes the size of each commit and, until told to go on, commits nothing."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sizes: list[int] = []
        self.go_on = threading.Event()

    def save(self, asked, answered, tried, judged=None, drafted=None):
        assert self.go_on.wait(30)
        self.sizes.append(len(asked))
        super().save(asked, answered, tried, judged, drafted)


async def commit(committer: ResponseCache, name: str, text: str = "some text") -> None:
    done = await committer.put(asked(name), Answer("ok", text), attempt(name))
    await done


async def commit_all(store: Recording, names: list[str]) -> int:
    """Commit answers; return how many found a place before the first of them was committed."""
    placed = []

    async def enqueue(name: str) -> None:
        done = await committer.put(asked(name), Answer("ok", "some text"), attempt(name))
        placed.append(name)
        await done

    async with ResponseCache(store, "a-build") as committer:
        tasks = [asyncio.create_task(enqueue(name)) for name in names]
        await asyncio.sleep(0.3)
        before = len(placed)
        store.go_on.set()
        await asyncio.gather(*tasks)
    return before


def test_at_most_64_answers_wait_and_at_most_64_are_committed_together(url):
    store = Recording(url)
    names = [f"{number:03d}" for number in range(500)]
    assert asyncio.run(commit_all(store, names)) == BATCH == 64
    assert sum(store.sizes) == 500 and max(store.sizes) <= 64
    # Answers are put together: far fewer commits than answers.
    assert len(store.sizes) < 50
    assert store.held(names).keys() == set(names)
    assert len(rows(store, attempts)) == 500
    store.close()


def test_one_answer_does_not_wait_for_others(store):
    async def run() -> None:
        async with ResponseCache(store, "a-build") as committer:
            await asyncio.wait_for(commit(committer, "a"), 5)
            assert store.held(["a"])

    asyncio.run(run())


def test_what_waits_at_the_end_is_committed(store):
    async def run() -> None:
        async with ResponseCache(store, "a-build") as committer:
            for name in "abc":
                await committer.put(asked(name), Answer("ok", "text"), attempt(name))

    asyncio.run(run())
    assert store.held(list("abc")).keys() == set("abc")


def test_a_commit_that_fails_reaches_those_who_wait_for_it(store):
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE answers"))

    async def run() -> list[BaseException | None]:
        async with ResponseCache(store, "a-build") as committer:
            waiting = [commit(committer, name) for name in "abc"]
            return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 20)

    errors = asyncio.run(run())
    assert [type(error) for error in errors] == [StoreError] * 3
    assert store.name in str(errors[0]) and "what is committed is kept" in str(errors[0])
    assert rows(store, requests) == []


def test_an_answer_that_no_database_can_hold_leaves_nobody_waiting(store):
    async def run() -> None:
        async with ResponseCache(store, "a-build") as committer:
            with pytest.raises(UnicodeEncodeError):
                await asyncio.wait_for(commit(committer, "a", "half a pair: \ud83d"), 20)
            await asyncio.wait_for(commit(committer, "b"), 20)

    asyncio.run(run())
    assert store.held(["a", "b"]).keys() == {"b"}


@pytest.mark.parametrize("broken", [0, 20, 39])
def test_one_answer_that_cannot_be_committed_takes_none_of_its_batch_along(url, broken):
    store = Recording(url)
    names = [f"{number:02d}" for number in range(40)]

    async def run() -> list[BaseException | None]:
        async with ResponseCache(store, "a-build") as committer:
            texts = ["half a pair: \ud83d" if at == broken else "text" for at in range(40)]
            waiting = [
                asyncio.create_task(commit(committer, *pair))
                for pair in zip(names, texts, strict=True)
            ]
            committer.judge("00", KeptVerdict(b"d" * 16, b"[]"))
            await asyncio.sleep(0.1)  # all of them are in one batch, which waits
            store.go_on.set()
            return await asyncio.gather(*waiting, return_exceptions=True)

    errors = asyncio.run(run())
    assert [at for at, error in enumerate(errors) if error] == [broken]
    kept = {name for at, name in enumerate(names) if at != broken}
    assert store.sizes[0] == 40 and store.sizes[1:] == [1] * 40
    assert store.held(names).keys() == kept
    assert {row.key for row in rows(store, attempts)} == kept
    store.close()


WRITER = """
import asyncio, sys
from builders.llm.cache import ResponseCache
from builders.store.database import Answer, RequestRow, Attempt, Store

async def one(committer, name):
    asked = RequestRow(name, name, 0, "a-model", "draft 1")
    attempt = Attempt(name, "a-model", "http://x", "ok")
    done = await committer.put(asked, Answer("ok", "text of " + name), attempt)
    await done
    print(name, flush=True)

async def run(store):
    async with ResponseCache(store, "a-build") as committer:
        for start in range(0, 10**6, 100):
            await asyncio.gather(*(one(committer, str(n)) for n in range(start, start + 100)))

asyncio.run(run(Store(sys.argv[1])))
"""


def test_a_kill_loses_nothing_that_was_committed(url):
    command = [sys.executable, "-c", WRITER, url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        first = [writer.stdout.readline().strip() for _ in range(400)]
        writer.send_signal(signal.SIGKILL)
        names = first + writer.stdout.read().split("\n")[:-1]
    assert writer.returncode == -signal.SIGKILL
    store = Store(url)
    held = {
        name: answer
        for n in range(0, len(names), 50)
        for name, answer in store.held(names[n : n + 50]).items()
    }
    assert {name: answer.text for name, answer in held.items()} == {
        name: f"text of {name}" for name in names
    }
    tried = [row.key for row in rows(store, attempts)]
    assert len(tried) == len(set(tried)) and set(tried) >= set(names)
    store.close()


def test_the_pace_of_a_model_is_that_of_its_last_run(store):
    assert store.pace("a-model") is None
    moments = [float(n) for n in range(30)] + [5000 + n / 4 for n in range(41)]
    row = {"key": "k", "build": "b", "model": "a-model", "endpoint": "e", "outcome": "ok"}
    with store.engine.begin() as connection:
        connection.execute(sa.insert(attempts), [{**row, "at": at} for at in moments])
    assert store.pace("a-model") == 4.0
    assert store.pace("another") is None
