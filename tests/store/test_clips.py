"""Clips as files by digest: whole or not there, whatever is killed, cut or full."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from builds import environment

from builders.errors import OutputError
from builders.store import clips as module
from builders.store.clips import ClipFiles


@pytest.fixture
def clips(tmp_path):
    return ClipFiles(tmp_path / "clips")


def files(clips: ClipFiles) -> list[Path]:
    return sorted(path for path in clips.folder.rglob("*") if path.is_file())


def test_a_file_is_named_by_its_digest_in_two_levels_and_written_once(clips):
    digest = clips.put(b"sound")
    assert digest == hashlib.sha256(b"sound").hexdigest()
    (path,) = files(clips)
    assert path == clips.folder / digest[:2] / digest[2:4] / f"{digest}.flac"
    before = path.stat().st_ino
    assert clips.put(b"sound") == digest and path.stat().st_ino == before
    assert clips.get(digest) == b"sound" and clips.get("0" * 64) is None


@pytest.mark.parametrize("fault", [b"", b"soun", b"sounD", b"sound and more"])
def test_a_file_that_was_cut_or_changed_is_missing_until_it_is_written_again(clips, fault):
    digest = clips.put(b"sound")
    clips.path(digest).write_bytes(fault)
    assert clips.get(digest) is None
    clips.put(b"sound")
    assert clips.get(digest) == b"sound"


def test_a_file_that_may_not_be_read_is_not_taken_for_missing(clips, monkeypatch):
    digest = clips.put(b"paid for")
    clips.path(digest).unlink()
    clips.path(digest).mkdir()
    with pytest.raises(OutputError, match="cannot read a clip .*choose another --clips"):
        clips.get(digest)


def test_a_disk_that_fills_up_leaves_no_half_file_and_is_one_line(clips, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module.os, "fsync", full)
        with pytest.raises(OutputError, match="the disk is full in .*clips; free some space"):
            clips.put(b"sound")
    assert files(clips) == []
    assert clips.get(clips.put(b"sound")) == b"sound"


def test_many_write_the_same_clips_at_once(clips):
    contents = [bytes([number]) * 5000 for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(ClipFiles(clips.folder).put, contents * 5))
    assert digests == [hashlib.sha256(content).hexdigest() for content in contents] * 5
    assert [clips.get(digest) for digest in digests[:40]] == contents
    assert len(files(clips)) == 40


WRITER = """
import sys
from pathlib import Path
from builders.store.clips import ClipFiles
clips = ClipFiles(Path(sys.argv[1]))
for number in range(100_000):
    print(clips.put(b"%d" % number * 100_000), flush=True)
"""


def test_a_kill_leaves_whole_files_and_what_was_said_to_be_written(clips):
    for written in (3, 7, 12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, clips.folder],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        told = [writer.stdout.readline().strip() for _ in range(written)]
        os.kill(writer.pid, signal.SIGKILL)
        told += writer.stdout.read().split()
        writer.wait()
        assert all(clips.get(digest) for digest in told if len(digest) == 64)
        for path in clips.folder.rglob("*.flac"):
            assert clips.get(path.stem) is not None


def test_removing_takes_files_and_what_killed_writers_left(clips):
    kept, gone = clips.put(b"kept"), clips.put(b"gone")
    old, young = (clips.path(kept).with_name(f"{name}.partial") for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    clips.remove([gone, "0" * 64])
    assert clips.get(gone) is None and clips.get(kept) == b"kept"
    assert not old.exists() and young.exists()
