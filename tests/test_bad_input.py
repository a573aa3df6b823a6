"""Bad input ends in one clear line or a reject with a reason; nothing is lost."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from builds import (
    command,
    environment,
    hearten,
    manifest,
    one_line_error,
    rejected,
    result_bytes,
    samples,
)
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row, stereo, write_mp4

from builders.pipeline.selection import rank


def noise(seconds: float) -> np.ndarray:
    """Return a sound that does not compress, so that a small disk fills up."""
    return np.random.default_rng(7).uniform(-0.3, 0.3, int(seconds * 48000)).astype(np.float32)


def text_build(source: Path, output: Path, *more: object):
    return hearten(
        "build", "--corpus", "meld", "--source", source, "--text-only", "--output", output, *more
    )


def with_model(endpoint: TestEndpoint, *more: object) -> tuple[object, ...]:
    return ("--model", "test-model", "--base-url", endpoint.base_url, *more)


@pytest.fixture
def source(tmp_path):
    return make_meld_tree(tmp_path / "meld")


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


def test_no_source_says_how_to_get_the_corpus(output):
    ended = hearten("build", "--corpus", "meld", "--output", output)
    line = one_line_error(ended)
    assert ended.code == 1
    for words in ("MELD.Raw.tar.gz", "--source", "--sample"):
        assert words in line


def test_source_comes_from_the_settings_file_then_from_the_environment(source, tmp_path):
    ended = hearten(
        "build", "--corpus", "meld", "--text-only", cwd=tmp_path, HEARTEN_SOURCE_MELD=str(source)
    )
    assert ended.code == 0, ended.err
    (tmp_path / "hearten.toml").write_text(f'[corpora.meld]\nsource = "{tmp_path}/nowhere"\n')
    ended = hearten(
        "build", "--corpus", "meld", "--text-only", cwd=tmp_path, HEARTEN_SOURCE_MELD=str(source)
    )
    assert "nowhere" in one_line_error(ended)


def test_unknown_corpus_is_a_usage_error_that_lists_the_known(output):
    ended = hearten("build", "--corpus", "melt", "--sample", "--output", output)
    assert ended.code == 2
    assert "meld" in one_line_error(ended)


def test_unknown_option_is_one_line_and_exit_2(output):
    ended = hearten("build", "--corpus", "meld", "--smaple")
    assert ended.code == 2
    assert "--smaple" in one_line_error(ended)


def test_missing_and_wrong_folders_are_named(tmp_path, output):
    line = one_line_error(text_build(tmp_path / "absent", output))
    assert f"no folder {tmp_path / 'absent'}" in line and "--source" in line
    (tmp_path / "wrong").mkdir()
    line = one_line_error(text_build(tmp_path / "wrong", output))
    assert "train_sent_emo.csv" in line and str(tmp_path / "wrong") in line


def test_a_csv_without_a_column_names_file_and_column(source, output):
    path = source / "dev_sent_emo.csv"
    path.write_text(path.read_text().replace("Sentiment", "Mood", 1))
    ended = text_build(source, output)
    line = one_line_error(ended)
    assert ended.code == 1 and "dev_sent_emo.csv" in line and "Sentiment" in line


def test_a_broken_time_is_a_reject_with_file_and_line(tmp_path, output):
    rows = {"train": [meld_row(0, 0), meld_row(0, 1, StartTime="00:61:00,000"), meld_row(0, 2)]}
    ended = text_build(make_meld_tree(tmp_path / "meld", rows), output)
    assert ended.code == 0, ended.err
    row = rejected(output / "meld")[0]
    assert (row["id"], row["reason"]) == ("meld-train-0-1", "broken_time")
    assert "train_sent_emo.csv:3" in row["detail"] and "00:61:00,000" in row["raw"]


def test_an_unmapped_label_stops_the_build_before_anything_is_asked(tmp_path, output):
    rows = {"train": [meld_row(0, n, Emotion="boredom") for n in range(3)]}
    source = make_meld_tree(tmp_path / "meld", rows)
    with TestEndpoint() as endpoint:
        ended = text_build(source, output, *with_model(endpoint))
        assert endpoint.log()["count"] == 0
    line = one_line_error(ended)
    assert ended.code == 1
    for words in ("boredom", "3", "surprise", "meld.sssom.tsv"):
        assert words in line


def test_clips_without_audio_are_rejects_and_nothing_kept_is_exit_1(tmp_path, output):
    source = make_meld_tree(tmp_path / "meld", {"train": [meld_row(0, 0)]})
    (source / "train_splits").mkdir()
    write_mp4(source / "train_splits/dia0_utt0.mp4", None)
    ended = hearten(
        "build", "--corpus", "meld", "--source", source, "--split", "train", "--output", output
    )
    line = one_line_error(ended)
    assert ended.code == 1
    assert "nothing was kept" in line and "1 no_audio_stream" in line and "rejected.parquet" in line
    assert "for example, meld-train-0-0: dia0_utt0.mp4 has no audio stream" in line
    assert [row["reason"] for row in rejected(output / "meld")] == ["no_audio_stream"]
    assert not (output / "meld" / "manifest.json").exists()


def test_an_output_that_is_a_file_is_one_line(source, tmp_path):
    (tmp_path / "file").write_text("")
    ended = text_build(source, tmp_path / "file")
    line = one_line_error(ended)
    assert ended.code == 1 and "cannot write" in line and "--output" in line


def test_an_output_that_may_not_be_written_is_one_line(source):
    ended = text_build(source, Path("/proc/hearten"))
    line = one_line_error(ended)
    assert ended.code == 1 and "/proc/hearten" in line


@pytest.fixture
def tiny_disk(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, tiny_disk):
    names = [f"dia0_utt{n}" for n in range(12)]
    rows = {split: [meld_row(0, n) for n in range(12)] for split in ("train", "dev", "test")}
    clips = {f"{split}/{name}": stereo(noise(2.0)) for split in rows for name in names}
    source = make_meld_tree(tmp_path / "meld", rows, clips)
    store = tmp_path / "answers.sqlite"
    arguments = ("build", "--corpus", "meld", "--source", source, "--store", store)
    ended = hearten(*arguments, "--output", tiny_disk)
    line = one_line_error(ended)
    assert ended.code == 1 and "disk is full" in line and "kept" in line
    assert not (tiny_disk / "meld" / "manifest.json").exists()
    assert sqlite3.connect(store).execute("select count(*) from answers").fetchone()[0] > 0


def test_a_full_disk_under_a_corpus_of_ones_own_is_one_line_and_leaves_nothing(tmp_path, tiny_disk):
    (tiny_disk / "filler").write_bytes(b"0" * 280_000)
    records = tmp_path / "records.jsonl"
    told = {"speaker": "a", "text": "It rained on my guitar. " * 40, "emotion": "sadness"}
    records.write_text("".join(f"{json.dumps(told | {'id': f'u{n}'})}\n" for n in range(90)))
    columns = tmp_path / "map.toml"
    columns.write_text('[columns]\nid = "id"\ntext = "text"\nemotion = "emotion"\n')
    line = one_line_error(
        hearten(
            *("import", records, "--corpus", "mine", "--map", columns, "--text-only"),
            HEARTEN_CORPORA=str(tiny_disk),
        )
    )
    assert "disk is full" in line and str(tiny_disk / "mine") in line
    assert not [path for path in (tiny_disk / "mine").rglob("*") if path.is_file()]


def test_a_full_disk_under_the_store_is_one_line(source, tiny_disk, tmp_path):
    (tiny_disk / "filler").write_bytes(b"0" * 280_000)
    ended = text_build(source, tmp_path / "out", "--store", tiny_disk / "answers.sqlite")
    line = one_line_error(ended)
    assert ended.code == 1 and "answers.sqlite" in line and "--store" in line


def test_a_full_disk_under_the_clips_is_one_line_and_the_next_run_makes_them(tmp_path, tiny_disk):
    flags = ("build", "--corpus", "crema_d", "--sample", "--show", 0, "--output", tmp_path / "out")
    ended = hearten(*flags, "--clips", tiny_disk / "clips")
    line = one_line_error(ended)
    assert ended.code == 1 and "the disk is full" in line and "clips" in line
    assert not list((tiny_disk / "clips").rglob("*.partial"))
    assert hearten(*flags).code == 0


def test_a_second_build_of_the_same_name_is_told(source, output):
    with TestEndpoint(latency=30.0) as endpoint:
        flags = ("build", "--corpus", "meld", "--source", source, "--text-only", "--output", output)
        first = subprocess.Popen(
            command(*flags, *with_model(endpoint)), env=environment(), stderr=subprocess.DEVNULL
        )
        until(lambda: endpoint.log()["count"] > 0)
        second = hearten(*flags, *with_model(endpoint))
        first.kill()
        first.wait()
    line = one_line_error(second)
    assert second.code == 1 and "another build named meld is running" in line and "--name" in line


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_wrong_key_is_named_but_never_shown(source, output):
    with TestEndpoint(api_key="right") as endpoint:
        ended = hearten(
            *("build", "--corpus", "meld", "--source", source, "--text-only", "--output", output),
            *with_model(endpoint),
            OPENAI_API_KEY="sk-secret-and-wrong",
        )
    line = one_line_error(ended)
    assert ended.code == 1
    assert "401" in line and "OPENAI_API_KEY" in line and "sk-secret" not in ended.err + ended.out
    written = [p for p in output.rglob("*") if p.is_file()]
    assert not [p for p in written if b"sk-secret" in p.read_bytes()]


def test_a_model_that_does_not_exist_lists_those_that_do(source, output):
    with TestEndpoint(models=["small-one", "large-one"]) as endpoint:
        ended = text_build(source, output, *with_model(endpoint))
    line = one_line_error(ended)
    assert ended.code == 1 and "test-model" in line and "small-one" in line


def test_an_endpoint_that_is_down_is_named(source, output):
    ended = text_build(source, output, "--model", "m", "--base-url", "http://127.0.0.1:9/v1")
    line = one_line_error(ended)
    assert ended.code == 1
    assert "http://127.0.0.1:9/v1" in line and "is the server running" in line


def test_a_store_of_another_version_is_left_alone(source, output):
    text_build(source, output)
    store = output / "hearten.sqlite"
    with sqlite3.connect(store) as connection:
        connection.execute("update hearten_meta set value = '99' where name = 'store_version'")
    ended = text_build(source, output, "--name", "other")
    line = one_line_error(ended)
    assert ended.code == 1 and "version 99" in line and "--store" in line


def test_a_store_that_is_no_database_is_one_line(source, output, tmp_path):
    (tmp_path / "store.txt").write_text("this is not a database " * 50)
    ended = text_build(source, output, "--store", tmp_path / "store.txt")
    assert ended.code == 1 and "store.txt" in one_line_error(ended)


def test_changed_settings_name_the_field_and_the_two_ways_out(source, output):
    text_build(source, output)
    ended = text_build(source, output, "--context-turns", 3)
    line = one_line_error(ended)
    assert ended.code == 1
    for words in ("context_turns changed from 8 to 3", "--name", "or delete"):
        assert words in line


def test_changed_settings_of_an_unfinished_build_offer_to_start_over(source, output):
    text_build(source, output)
    (output / "meld" / "manifest.json").unlink()
    ended = text_build(source, output, "--min-words", 2)
    assert "--resume never" in one_line_error(ended)
    ended = text_build(source, output, "--min-words", 2, "--resume", "never")
    assert ended.code == 0, ended.err


def test_resume_always_needs_something_to_resume(source, output):
    ended = text_build(source, output, "--resume", "always")
    assert ended.code == 1 and "there is no build named meld to resume" in one_line_error(ended)


def test_an_unknown_setting_in_the_settings_file_is_named(source, output, tmp_path):
    (tmp_path / "hearten.toml").write_text('[build]\nmodle = "x"\n')
    ended = hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path)
    assert ended.code == 1 and "build.modle" in one_line_error(ended)


def test_the_settings_file_chooses_the_model_and_the_flag_wins(source, tmp_path):
    with TestEndpoint(models=["from-file", "from-flag"]) as endpoint:
        (tmp_path / "hearten.toml").write_text(
            f'[build]\nmodel = "from-file"\nbase_url = ["{endpoint.base_url}"]\ntext_only = true\n'
        )
        flags = ("build", "--corpus", "meld", "--source", source)
        assert hearten(*flags, "--name", "a", cwd=tmp_path).code == 0
        assert hearten(*flags, "--name", "b", "--model", "from-flag", cwd=tmp_path).code == 0
    for name, model in (("a", "from-file"), ("b", "from-flag")):
        assert manifest(tmp_path / "output" / name)["result"]["config"]["model"] == model


def test_a_key_alone_spends_nothing(source, output):
    with TestEndpoint() as endpoint:
        ended = hearten(
            *("build", "--corpus", "meld", "--source", source, "--text-only", "--output", output),
            OPENAI_API_KEY="sk-present",
            OPENAI_BASE_URL=endpoint.base_url,
        )
        assert endpoint.log()["count"] == 0
    assert ended.code == 0
    assert {r["drafting"]["provider"] for r in samples(output / "meld")} == {"phrasebook"}


def test_one_address_in_the_settings_file_needs_no_brackets(source, tmp_path):
    with TestEndpoint() as endpoint:
        (tmp_path / "hearten.toml").write_text(
            f'[build]\nmodel = "test-model"\nbase_url = "{endpoint.base_url}"\n'
        )
        flags = ("build", "--corpus", "meld", "--source", source, "--text-only", "--limit", 1)
        assert hearten(*flags, cwd=tmp_path).code == 0
        assert endpoint.log()["count"]


def test_a_value_that_is_no_choice_is_a_usage_error(output):
    ended = hearten("build", "--corpus", "meld", "--sample", "--persona", "friend")
    line = one_line_error(ended)
    assert ended.code == 2 and "expected one of assistant, addressee" in line


def test_nothing_kept_leaves_a_finished_build_as_it_was(tmp_path, output):
    source = make_meld_tree(tmp_path / "meld", {"train": [meld_row(0, u) for u in range(6)]})
    first, *rest = sorted(range(6), key=lambda u: rank(f"meld-train-0-{u}"))
    (source / "train_splits").mkdir()
    for number in (first, *rest):
        write_mp4(
            source / f"train_splits/dia0_utt{number}.mp4",
            None if number == first else stereo(noise(1)),
        )
    flags = ("build", "--corpus", "meld", "--source", source, "--split", "train")
    assert hearten(*flags, "--output", output).code == 0
    before = result_bytes(output / "meld")
    ended = hearten(*flags, "--output", output, "--limit", 1)
    line = one_line_error(ended)
    assert (
        ended.code == 1 and "nothing was kept" in line and "the finished build is unchanged" in line
    )
    assert result_bytes(output / "meld") == before


def test_a_limit_in_dollars_does_not_hinder_the_phrasebook(source, output):
    ended = text_build(source, output, "--max-usd", 1)
    assert ended.code == 0, ended.err
    assert manifest(output / "meld")["run"]["cost"]["usd"] == 0


def test_a_store_that_may_not_be_written_names_its_option(source, output):
    ended = text_build(source, output, "--store", "/proc/hearten/store.sqlite")
    line = one_line_error(ended)
    assert ended.code == 1 and "cannot write" in line and "choose another --store" in line


def test_status_of_an_unfinished_build_is_looked_up_in_its_store(source, output, tmp_path):
    store = tmp_path / "elsewhere.sqlite"
    with TestEndpoint(faults=[{"kind": "quota", "at": [4]}]) as endpoint:
        assert text_build(source, output, *with_model(endpoint), "--store", store).code == 3
    line = one_line_error(hearten("status", output / "meld"))
    assert "does not exist; name it with --store" in line
    ended = hearten("status", output / "meld", "--store", store)
    assert ended.code == 0 and "stopped; run the same command to continue" in ended.out
    assert " 0 requests" not in ended.out and "requests so far" in ended.out


def test_without_a_command_the_help_is_shown():
    ended = hearten()
    assert ended.code == 0 and "verify" in ended.out and not ended.err


def test_a_file_where_the_clips_should_be_is_missing_media(source):
    (source / "train_splits").write_text("")
    line = one_line_error(hearten("build", "--corpus", "meld", "--source", source))
    assert "the media are missing: no clips of train" in line and "train_splits" in line


def test_an_address_without_a_model_is_a_usage_error(source, output):
    ended = text_build(source, output, "--base-url", "http://127.0.0.1:9/v1")
    assert ended.code == 2 and "without --model" in one_line_error(ended)


def test_a_model_without_address_and_key_is_one_line(source, output):
    ended = text_build(source, output, "--model", "some-model")
    line = one_line_error(ended)
    assert ended.code == 1
    for words in ("no address for the model some-model", "--base-url", "OPENAI_API_KEY"):
        assert words in line


def test_targets_that_do_not_exist_say_what_chooses_them(source, output):
    ended = text_build(source, output, "--emotion", "grief")
    line = one_line_error(ended)
    assert ended.code == 1 and "nothing was kept" in line and "--emotion" in line


def test_an_unknown_split_is_a_usage_error(source, output):
    ended = text_build(source, output, "--split", "valid")
    assert ended.code == 2 and "expected one of train, dev, test" in one_line_error(ended)
