"""A command line that is wrong: one line that names the right word, exit code 2, nothing done."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from builds import command, environment, hearten, one_line_error

SAMPLE = ("build", "--corpus", "meld", "--sample")
WRONG = {
    "unknown option": ((*SAMPLE, "--modle", "x"), "no option --modle; did you mean --model?"),
    "unknown option, nothing like it": (
        (*SAMPLE, "--frobnicate"),
        "no option --frobnicate; hearten build --help lists the options",
    ),
    "unknown command": (("pubish", "x"), "no command 'pubish'; did you mean hearten publish?"),
    "unknown command of a group": (
        ("store", "bakup"),
        "no command 'bakup'; did you mean hearten store backup?",
    ),
    "unknown command, nothing like it": (("xyzzy",), "expected one of build, import, validate"),
    "no command of a group": (("store",), "expected one of upgrade, backup, status, forget"),
    "unknown choice": (
        (*SAMPLE, "--persona", "asistant"),
        "--persona is 'asistant'; expected one of assistant, addressee; did you mean assistant?",
    ),
    "unknown corpus": (("build", "--corpus", "mled", "--sample"), "did you mean meld?"),
    "unknown split": (
        (*SAMPLE, "--split", "tset"),
        "expected one of train, dev, test; did you mean test?",
    ),
    "unknown emotion": (
        (*SAMPLE, "--emotion", "saddness"),
        "there is no emotion 'saddness'; did you mean sadness?",
    ),
    "unknown label view": (
        ("build", "--corpus", "crema_d", "--sample", "--label-view", "voise"),
        "no label view 'voise'; expected one of",
    ),
    "twice": (
        (*SAMPLE, "--name", "a", "--name", "b"),
        "--name is given twice: 'a' and 'b'; expected one value; leave one out",
    ),
    "twice, with equals signs": (
        (*SAMPLE, "--limit=3", "--limit", "4"),
        "--limit is given twice: '3' and '4'",
    ),
    "three times": (
        ("status", "x", *("--store", "a", "--store", "b", "--store", "c")),
        "--store is given 3 times: 'a', 'b' and 'c'",
    ),
    "both of two": (
        (*SAMPLE, "--read-back", "--no-read-back"),
        "--read-back and --no-read-back exclude each other; leave one of them out",
    ),
    "no value": ((*SAMPLE, "--limit"), "--limit is given without a value; expected --limit N"),
    "an option for a value": (
        (*SAMPLE, "--name", "--limit", "3"),
        "--name is given without a value",
    ),
    "a value for a flag": ((*SAMPLE, "--text-only=yes"), "--text-only takes no value"),
    "no number": (
        (*SAMPLE, "--limit", "x"),
        "--limit is 'x'; expected a whole number of at least 1",
    ),
    "too small": ((*SAMPLE, "--limit", "-5"), "--limit is '-5'; expected a whole number of at"),
    "too large": ((*SAMPLE, "--top-p", "3"), "--top-p is '3'; expected a number from 0 to 1"),
    "missing option": (("build",), "--corpus is missing; expected"),
    "missing argument": (("status",), "OUTPUT/NAME is missing; expected the folder of a build"),
    "missing choice": (
        ("export", "x", "--to", "y"),
        "--format is missing; expected one of chat, ms-swift",
    ),
    "one argument too many": ((*SAMPLE, "more"), "'more' is one argument too many"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_command_line_is_one_line_that_says_what_is_right(what, tmp_path):
    line, words = WRONG[what]
    ended = hearten(*line, cwd=tmp_path)
    assert words in one_line_error(ended)
    assert ended.code == 2 and " read = " not in ended.out
    assert not list(tmp_path.glob("output/*/manifest.json"))


def test_a_wrong_value_elsewhere_says_where(tmp_path):
    ended = hearten(*SAMPLE, cwd=tmp_path, HEARTEN_MAX_CONCURRENCY="many")
    line = one_line_error(ended)
    assert "--max-concurrency is 'many' in HEARTEN_MAX_CONCURRENCY; expected a whole number" in line
    (tmp_path / "hearten.toml").write_text('[build]\ntop_p = "x"\n')
    line = one_line_error(hearten(*SAMPLE, cwd=tmp_path))
    assert "--top-p is 'x' in hearten.toml; expected a number from 0 to 1" in line


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[build]\nmodle = 1\n", "unknown setting build.modle"),
        ("[build]\nmodle = 1\n", "did you mean model?"),
        (
            '[build]\ncheck = ["vda"]\n',
            "expected one of vad, dnsmos, asr, pitch; did you mean vad?",
        ),
    ],
)
def test_a_wrong_word_in_the_settings_names_the_nearest(settings, words, tmp_path):
    (tmp_path / "hearten.toml").write_text(settings)
    ended = hearten(*SAMPLE, cwd=tmp_path)
    assert words in one_line_error(ended) and ended.code == 1


def test_what_may_be_repeated_and_a_flag_given_twice_are_fine(tmp_path):
    ended = hearten(
        *(*SAMPLE, "--text-only", "--text-only", "--split", "train", "--split", "dev"), cwd=tmp_path
    )
    assert ended.code == 0, ended.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("told", [("corpora",), ("build", "--help"), ("route", "rows.jsonl")])
def test_where_there_is_no_room_for_what_is_printed_is_said_in_one_line(tmp_path, told):
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "utterance": "I am late again."}\n')
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command(*told),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(),
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error: what is printed cannot be written (No space left on device); make room there, or "
        "print to another place\n"
    )
