"""What release 0.1 kept beside its store is taken in whole, once, and never paid for again."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import orjson
import pytest
from builds import environment, hearten, samples
from net.release import unpacked
from tts.speech_server import SpeechServer

from builders.audio.decode import as_flac
from builders.errors import StoreError
from builders.store.clips import ClipFiles
from builders.store.database import Attempt, RequestRow, Store
from builders.store.key_value import KeyValue, forget, key_of
from builders.store.side_files import take_in
from builders.store.upgrade import upgraded
from builders.tts.request import Spoken, Unspoken

SPOKEN = (
    *("build", "--corpus", "emowoz", "--sample", "--name", "again", "--output", "output"),
    *("--speak", "--tts", "loud-1", "--no-read-back", "--limit", "2", "--tts-base-url"),
)


def sound(number: int) -> bytes:
    return as_flac(np.arange(number, 4000 + number, dtype=np.int16))


def write_side_file(path, entries):
    """Write a side file as release 0.1 did, and leave its write-ahead log as a kill does."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("CREATE TABLE known (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
        file.executemany("INSERT INTO known VALUES (?, ?)", entries.items())
        file.commit()


def speech_entries(count):
    return {f"flac {number:064}": sound(number) for number in range(count)}


@pytest.fixture
def old(tmp_path, store):
    """A folder with speech of a store: two lines, a refusal, and what was heard of a line."""
    entries = {
        **speech_entries(2),
        f"refused {7:064}": orjson.dumps(["nothing_to_say", "no words"]),
        f"heard {0:064} 0123456789ab": b"the ferry",
    }
    folder = tmp_path / "old"
    folder.mkdir()
    write_side_file(folder / "speech.sqlite", entries)
    asked = [RequestRow(f"{0:064}", "r0", 0, "loud-1", "speech")]
    store.save(asked, {}, [("b", Attempt(asked[0].key, "loud-1", "", "ok"))])
    return folder


def test_speech_refusals_and_what_was_heard_are_in_the_store_and_the_file_stays(
    old, store, tmp_path
):
    clips = ClipFiles(tmp_path / "clips")
    (line,) = take_in(store, old, clips)
    assert (
        line == f"{old}/speech.sqlite: entries imported: 4; the file is now speech.sqlite.taken-in"
    )
    assert [path.name for path in old.iterdir()] == ["speech.sqlite.taken-in"]
    spoken = Spoken(store, clips)
    assert [spoken.take(f"{n:064}", f"r{n}").flac for n in range(2)] == [sound(0), sound(1)]
    assert spoken.take(f"{7:064}", "r7") == Unspoken("nothing_to_say", "no words")
    assert spoken.heard(key_of(f"{0:064}", "0123456789ab"), "r0") == "the ferry"
    spoken.close()
    assert [*take_in(store, old, clips)] == []


def test_speech_comes_with_the_record_that_was_asked_for(old, store, tmp_path):
    clips = ClipFiles(tmp_path / "clips")
    [*take_in(store, old, clips)]
    values = KeyValue(store)
    assert values.get("speech", f"{1:064}", "r1")
    values.commit()
    with store.engine.begin() as connection:
        digests = forget(connection, ["r0"])
    assert [clips.get(digest) for digest in digests] == [sound(0)]
    assert values.get("speech", f"{0:064}") is None and values.get("speech", f"{1:064}")
    values.close()


def test_what_the_store_has_stays_and_another_file_gets_a_name_of_its_own(old, store, tmp_path):
    clips = ClipFiles(tmp_path / "clips")
    spoken = Spoken(store, clips)
    spoken.keep(f"{1:064}", sound(900), "r1")
    [*take_in(store, old, clips)]
    assert spoken.take(f"{1:064}", "r1").flac == sound(900)
    write_side_file(old / "speech.sqlite", {f"flac {5:064}": sound(5), f"flac {6:064}": b"no"})
    (line,) = take_in(store, old, clips)
    assert line.endswith(": entries imported: 1; the file is now speech.sqlite.taken-in1")
    assert spoken.take(f"{5:064}", "r5").flac == sound(5)
    spoken.close()


TAKER = """
import sys
from pathlib import Path
from builders.store import side_files
from builders.store.clips import ClipFiles
from builders.store.database import Store
put = ClipFiles.put
def told(self, content):
    digest = put(self, content)
    print(digest, flush=True)
    return digest
ClipFiles.put = told
url, folder, clips = sys.argv[1:]
for line in side_files.take_in(Store(url), Path(folder), ClipFiles(Path(clips))):
    print(line, flush=True)
"""


def test_a_kill_in_the_middle_loses_nothing_and_the_same_call_goes_on(store, url, tmp_path):
    old, clips = tmp_path / "old", ClipFiles(tmp_path / "clips")
    old.mkdir()
    write_side_file(old / "speech.sqlite", speech_entries(300))
    for told in (10, 90):
        run = subprocess.Popen(
            [sys.executable, "-c", TAKER, url, old, clips.folder],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert all(run.stdout.readline() for _ in range(told))
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        assert (old / "speech.sqlite").is_file()
    (line,) = take_in(store, old, clips)
    assert "entries imported: 300" in line
    spoken = Spoken(store, clips)
    assert all(spoken.take(f"{n:064}", "r").flac == sound(n) for n in range(300))
    spoken.close()


@pytest.mark.parametrize("fault", ["damaged", "in use"])
def test_a_file_that_cannot_be_read_or_is_in_use_stays_and_is_one_line(old, store, fault):
    path = old / "speech.sqlite"
    with closing(sqlite3.connect(path)) as user:
        if fault == "damaged":
            path.write_bytes(b"spoilt" * 1000)
        else:
            user.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StoreError, match="the files of release 0.1 cannot be read .*speech.sqlite"
        ):
            [*take_in(store, old, ClipFiles(old / "clips"))]
    assert path.is_file()


@pytest.fixture
def output(tmp_path):
    """The folder of builds that release 0.1 left, its store upgraded."""
    output = unpacked(tmp_path)
    assert [*upgraded(str(output / "hearten.sqlite"), backed_up=True)]
    store = Store(str(output / "hearten.sqlite"))
    assert len([*take_in(store, output, ClipFiles(output / "clips"))]) == 2
    store.close()
    assert not [*output.glob("*/.clips.sqlite*")]
    return output


def test_a_build_with_speech_asks_for_none_of_what_the_release_paid_for(output):
    with SpeechServer() as server:
        ended = hearten(*SPOKEN, server.base_url, cwd=output.parent)
        assert ended.code == 0, ended.err
        assert server.bodies == []
    again, once = samples(output / "again"), samples(output / "spoken")
    assert [row["audio"] for row in again] == [row["audio"] for row in once]


def test_what_the_release_measured_is_not_measured_again(output):
    with closing(sqlite3.connect(output / ".voice.sqlite.taken-in")) as file:
        old = [row[0] for row in file.execute("SELECT key FROM known")]
    store = Store(str(output / "hearten.sqlite"))
    values = KeyValue(store)
    assert old and all(values.get("measured", key_of(*key.split(" "))) for key in old)
    values.close()
    store.close()
