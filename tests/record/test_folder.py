import errno
import subprocess
import sys
from pathlib import Path

import pytest

from builders.errors import ConfigError, OutputError
from builders.record.folder import BuildFolder, read_json, writable, write_json
from builders.settings import make_config

ROOT = Path(__file__).parent.parent
HOLDER = """
import sys
from pathlib import Path
from builders.record.folder import BuildFolder, read_json
with BuildFolder(Path(sys.argv[1])).hold():
    print("held", flush=True)
    sys.stdin.readline()
"""
IDENTITY = {"corpus": "meld", "model": "a-model", "persona": "assistant"}


def config(**settings):
    return make_config(corpus="meld", source=Path("meld"), name="tried", **settings)


@pytest.fixture
def folder(tmp_path):
    return BuildFolder(tmp_path / "tried")


@pytest.fixture
def held(folder):
    with folder.hold():
        yield folder


def test_a_second_holder_is_told_of_the_first(folder):
    command = [sys.executable, "-c", HOLDER, str(folder.path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError) as raised, folder.hold():
            pass
        holder.kill()
    line = str(raised.value)
    assert "another build named tried is running" in line
    assert str(folder.path) in line
    assert "wait for it, stop it, or choose another --name" in line
    with folder.hold():
        assert folder.path.is_dir()


def test_the_same_settings_go_on(held):
    held.admit(IDENTITY, config())
    held.admit(IDENTITY, config(limit=3, resume="always"))
    assert read_json(held.path / "config.json") == IDENTITY


def test_a_changed_setting_is_named_with_the_two_ways_out(held):
    held.admit(IDENTITY, config())
    with pytest.raises(ConfigError) as raised:
        held.admit({**IDENTITY, "persona": "addressee"}, config())
    assert str(raised.value) == (
        'persona changed from "assistant" to "addressee" since this build was started '
        f"in {held.path}; choose another --name, or start this one over with --resume never"
    )


def test_all_changed_settings_are_named_the_prompt_first(held):
    held.admit({**IDENTITY, "prompt_version": "draft 1"}, config())
    changed = {**IDENTITY, "persona": "addressee", "voice": "calm", "prompt_version": "draft 2"}
    with pytest.raises(ConfigError) as raised:
        held.admit(changed, config())
    assert str(raised.value).startswith(
        'prompt_version changed from "draft 1" to "draft 2", persona from "assistant" to '
        '"addressee", voice from null to "calm" since this build was started in '
    )


def test_a_complete_build_with_a_changed_setting_is_only_removed_by_its_owner(held):
    held.admit(IDENTITY, config())
    write_json(held.manifest, {})
    for resume in ("if-possible", "always", "never"):
        with pytest.raises(ConfigError, match=f"choose another --name, or delete {held.path}"):
            held.admit({**IDENTITY, "model": "another"}, config(resume=resume))


def test_a_setting_that_is_new_or_gone_is_a_change_too(held):
    held.admit(IDENTITY, config())
    with pytest.raises(ConfigError, match='voice changed from null to "calm"'):
        held.admit({**IDENTITY, "voice": "calm"}, config())
    with pytest.raises(ConfigError, match='persona changed from "assistant" to null'):
        held.admit({"corpus": "meld", "model": "a-model"}, config())


def test_a_build_that_is_not_complete_starts_over_when_asked_to(held):
    held.admit(IDENTITY, config())
    other = {**IDENTITY, "model": "another"}
    held.admit(other, config(resume="never"))
    assert read_json(held.path / "config.json") == other


def test_there_must_be_something_to_resume(held):
    with pytest.raises(
        ConfigError, match="there is no build named tried to resume .*leave out --resume"
    ):
        held.admit(IDENTITY, config(resume="always"))


def finish(folder: BuildFolder, text: str) -> None:
    partial = folder.start()
    (partial / "data" / "dev-00000-of-00001.parquet").write_text(text)
    for name in ("rejected.parquet", "held_for_people.parquet"):
        (partial / name).write_text(text)
    (partial / "report.html").write_text(text)
    folder.finish({"result": text})


def test_results_take_the_place_of_earlier_ones(held):
    finish(held, "first")
    (held.path / "data" / "dev-00001-of-00002.parquet").write_text("first")
    finish(held, "second")
    texts = {
        p.name: p.read_text() for p in held.path.rglob("*") if p.is_file() and p.stat().st_size
    }
    assert texts.keys() == {
        "dev-00000-of-00001.parquet",
        "rejected.parquet",
        "held_for_people.parquet",
        "report.html",
        "manifest.json",
    }
    assert all("second" in text for text in texts.values())
    assert not held.partial.exists()


def test_a_build_is_complete_only_once_everything_is_in_place(held):
    finish(held, "first")
    held.start()
    (held.partial / "rejected.parquet").write_text("second")
    with pytest.raises(FileNotFoundError):
        held.finish({"result": "second"})
    assert not held.manifest.exists()


def test_what_a_killed_build_left_is_cleared_before_the_next(held):
    (held.start() / "data" / "dev-00000.partial").write_text("half")
    assert list((held.start() / "data").iterdir()) == []


def test_an_output_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    below = BuildFolder(tmp_path / "file" / "tried")
    with pytest.raises(OutputError) as raised, below.hold():
        pass
    assert str(raised.value) == (
        f"cannot write (Not a directory) in {below.path}; choose another --output; "
        "cached responses are kept"
    )


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_not_be_written_is_named(tmp_path, number):
    inside = tmp_path / "data" / "x"
    with pytest.raises(OutputError, match=rf"cannot write .* in {tmp_path}; choose another"):
        with writable(tmp_path):
            raise OSError(number, "refused", str(inside))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_says_what_to_do():
    with pytest.raises(OutputError) as raised, writable(Path("/dev")), open("/dev/full", "w") as f:
        f.write("x")
        f.flush()
    assert "the disk is full in /dev; free some space and run the same command again" in str(
        raised.value
    )


def test_a_source_that_cannot_be_read_is_not_taken_for_the_output(tmp_path):
    with pytest.raises(PermissionError), writable(tmp_path / "output"):
        raise PermissionError(errno.EACCES, "refused", str(tmp_path / "source" / "x.csv"))


@pytest.mark.parametrize("text", ["", "[]", '{"name": '])
def test_a_file_of_ours_that_was_broken_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(OutputError) as raised:
        read_json(tmp_path / "config.json")
    assert "the file is damaged: it is not a JSON object" in str(raised.value)
    assert f"{tmp_path / 'config.json'}; restore it" in str(raised.value)
