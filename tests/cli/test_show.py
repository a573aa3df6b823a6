"""`hearten show`: a few lines a sample, of every corpus, and good errors; the demo in 40 lines."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from builds import ROOT, command, environment, hearten, manifest, one_line_error, rejected, samples

from builders.cli.cautions import cautions
from builders.corpora import slugs
from builders.record.dataset import Build

BUILT = [*slugs()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The samples of all corpora, built once, and what that printed."""
    here = tmp_path_factory.mktemp("made")
    ended = hearten("build", "--corpus", "all", "--sample", cwd=here)
    assert ended.code == 0, ended.err
    return here, ended


def looks(out: str) -> list[list[str]]:
    """Return the lines of each sample that was printed."""
    return [part.splitlines() for part in out.strip("\n").split("\n\n")]


def test_the_demonstration_takes_at_most_40_lines_of_80_columns(tmp_path):
    """With the longest way in which a person calls it: by the program's path."""
    recipe = (ROOT / "Makefile").read_text("utf-8").split("\ndemo:")[1].splitlines()[1]
    assert recipe.startswith("\t@") and recipe.endswith("build --corpus meld --sample")
    ended = hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path, COLUMNS="80")
    lines = (ended.out + ended.err).splitlines()
    assert ended.code == 0 and len(lines) <= 40
    assert max(map(len, lines)) <= 80
    for words in (
        *("  says ", "  sounds ", "  emotion ", "  reply ", "  strategies ", "next:"),
        *("32 read = 31 kept", "  rejected: 1 broken_time", "dataset: ", "report:  "),
        *("  flagged: 31 of 31 clips narrow_band", "  ambiguous: unknown"),
    ):
        assert words in ended.out, words


def test_the_end_of_a_build_can_be_copied_as_it_stands(tmp_path):
    ended = hearten("build", "--corpus", "meld", "--sample", "--text-only", cwd=tmp_path)
    following = ended.out.split("next:\n")[1].rsplit("\n", 2)[0]
    look, _, again = following.partition("\n")
    assert look.split() == ["hearten", "show", "output/meld-sample"]
    words = again.replace("\\\n", " ").split()
    assert words[:4] == ["hearten", "build", "--corpus", "meld"] and words[-2] == "--base-url"
    assert not [
        line
        for line in again.splitlines()
        if line.rstrip(" \\").split()[-1][:2] == "--"
        and not line.rstrip(" \\").endswith("--text-only")
    ]


@pytest.mark.parametrize("slug", BUILT)
def test_every_corpus_can_be_looked_at(made, slug):
    here, _ = made
    folder = here / "output" / f"{slug}-sample"
    ended = hearten("show", folder, "--sample", 5, COLUMNS="80")
    assert ended.code == 0, ended.err
    known = {record["id"]: record for record in samples(folder)}
    shown = looks(ended.out)
    assert len(shown) == min(5, len(known))
    for lines in shown:
        record = known[lines[0].split(" (")[0]]
        assert max(map(len, lines)) <= 80 and len(lines) <= 14
        words = " ".join(" ".join(lines[1:]).split())
        assert " ".join(record["target_utterance"]["text"].split()) in words
        assert " ".join(record["desired_response"]["text"].split()) in words
        assert f"emotion {record['target_utterance']['emotions']['primary']}" in words
        assert ", then ".join(record["desired_response"]["strategies"]).replace("_", " ") in words
        assert (" sounds " in words) == bool(record["voice"] and record["voice"]["words"])


@pytest.mark.parametrize("slug", BUILT)
def test_rejects_say_why(made, slug):
    folder = made[0] / "output" / f"{slug}-sample"
    rows = rejected(folder)
    ended = hearten("show", folder, "--rejected", "--sample", len(rows), COLUMNS="80")
    assert ended.code == 0
    for lines, row in zip(looks(ended.out), rows, strict=True):
        assert lines[0] == f"{row['id']} ({row['split']}, rejected: {row['reason']})"
        assert " ".join(row["detail"].split())[:40] in " ".join(" ".join(lines).split())
        assert max(map(len, lines)) <= 80


def test_the_set_of_all_can_be_looked_at(made):
    ended = hearten("show", made[0] / "output/all-sample", "--sample", 2)
    assert ended.code == 0 and len(looks(ended.out)) == 2


def test_one_sample_is_shown_whole(made):
    folder = made[0] / "output/meld-sample"
    (lines,) = looks(hearten("show", folder, "meld-train-0-4").out)
    words = " ".join(" ".join(lines).split())
    for said in (
        "scene Season 2, episode 3.",
        "Marta: Nobody move. I just dropped my grandmother’s ring down the sink.",
        "Jonas: Wait, the one with the green stone?",
        "against how the other speakers sound",
        "next turn Jonas: I’ve got it!",
        "drafted by phrasebook",
    ):
        assert said in words, said


def test_for_machines_there_are_whole_records_without_clips(made):
    folder = made[0] / "output/meld-sample"
    found = json.loads(hearten("show", folder, "meld-train-0-4", "--json").out)
    (record,) = found["samples"]
    (built,) = [row for row in samples(folder) if row["id"] == "meld-train-0-4"]
    assert record == {**built, "audio": None}
    refused = json.loads(hearten("show", folder, "--rejected", "--json").out)["rejects"]
    assert refused == rejected(folder)


def test_the_same_samples_are_shown_each_time_and_more_contain_fewer(made):
    folder = made[0] / "output/meld-sample"
    few, more = (hearten("show", folder, "--sample", n).out for n in (3, 6))
    assert few == hearten("show", folder).out
    titles = [{lines[0] for lines in looks(out)} for out in (few, more)]
    assert titles[0] < titles[1] and len(titles[1]) == 6


def test_a_terminal_and_a_pipe_get_the_same_words(made):
    folder = made[0] / "output/meld-sample"
    plain = hearten("show", folder).out
    assert "\x1b" not in plain
    for env in ({"COLUMNS": "60"}, {"COLUMNS": "200", "NO_COLOR": "1"}):
        out = hearten("show", folder, **env).out
        assert max(map(len, out.splitlines())) <= min(100, int(env["COLUMNS"]))
        assert out.split()[:1] == plain.split()[:1]


WRONG = {
    "no build": (("show", "output/meld-smple"), 1, "did you mean output/meld-sample?"),
    "no build, by its name alone": (("show", "meld-sample"), 1, "mean output/meld-sample?"),
    "no id": (
        ("show", "output/meld-sample", "meld-train-0-44"),
        2,
        "there is no meld-train-0-44 in output/meld-sample; expected the id of one that it has; "
        "did you mean meld-train-0-4?",
    ),
    "no id like it": (("show", "output/meld-sample", "xyz"), 2, "leave the id out to see some"),
    "a reject": (("show", "output/meld-sample", "meld-train-2-2"), 2, "add --rejected"),
    "both": (
        ("show", "output/meld-sample", "meld-train-0-4", "--sample", 2),
        2,
        "an ID and --sample exclude each other",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_there_is_one_line_with_the_nearest(made, what):
    line, code, words = WRONG[what]
    ended = hearten(*line, cwd=made[0])
    assert words in one_line_error(ended) and ended.code == code


def test_a_damaged_build_is_one_line(made, tmp_path):
    folder = tmp_path / "output/meld-sample"
    shutil.copytree(made[0] / "output/meld-sample", folder)
    shard = next((folder / "data").glob("train*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-100])
    ended = hearten("show", folder)
    assert ended.code == 4 and "train-00000" in one_line_error(ended)


def test_what_a_careful_user_must_know_is_what_the_samples_say(made):
    here, ended = made
    for slug in BUILT:
        folder = here / "output" / f"{slug}-sample"
        found, rows = cautions(Build(folder)), samples(folder)
        clips = [row["audio_info"] for row in rows if row["audio"]]
        assert found.samples == len(rows) and found.clips == len(clips)
        for code, count in found.flags.items():
            assert count == sum(code in [f["code"] for f in c["findings"]] for c in clips)
        part = ended.out.split(f"{slug}: output/{slug}-sample\n")[1].split(" read = ")[1]
        for reason, count in manifest(folder)["result"]["rejected"].items():
            assert f"  rejected: {count:,} {reason}\n" in part
        for code, count in found.flags.items():
            told = f"  flagged: {count:,} of {len(clips):,} clips {code}\n" in part
            assert told == (count > len(clips) / 10), code
        assert "  ambiguous: " in part


def test_a_flag_that_rejects_nothing_is_told(tmp_path):
    ended = hearten(
        *("build", "--corpus", "meld", "--sample", "--split", "dev"),
        *("--reject-finding", "clip_cliped", "--output", tmp_path),
    )
    assert ended.code == 0 and "  rejected: 0 clip_cliped, which no chosen clip has\n" in ended.out


def test_ambiguous_labels_are_counted(made):
    rows = samples(made[0] / "output/crema_d-sample")
    emotions = [row["target_utterance"]["emotions"] for row in rows]
    count = sum(e["primary"] == "ambiguous" or bool(e["alternatives"]) for e in emotions)
    assert count
    assert f"  ambiguous: {count} of {len(rows)} labels\n" in made[1].out


def test_a_reader_that_stops_early_is_no_error(made):
    folder = Path(made[0]) / "output/meld-sample"
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {' '.join(command('show', folder, '--sample', 30))} | head -1",
        ],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.stdout.startswith("meld-") and not done.stderr
