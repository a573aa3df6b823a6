"""Which language a line is in: other scripts, little words, letters."""

from __future__ import annotations

import csv

import pytest
from builds import ROOT

from builders.labels.tables import read_rows
from builders.tasks.reply.checks.foreign import (
    UNDETERMINED,
    is_in_other_language,
    told_language,
)

ROWS = read_rows(
    ROOT / "tests/tasks/other_languages.tsv", ("language", "set", "line"), key=("line",)
)


@pytest.mark.parametrize(("part", "least"), [("first", 0.96), ("second", 0.9)])
def test_most_short_lines_in_other_languages_are_told_and_few_by_a_wrong_name(part, least):
    rows = [row for row in ROWS if row.text("set") == part]
    told = [(told_language(row.text("line"), "en"), row.text("language")) for row in rows]
    assert sum(code != "en" for code, _ in told) >= least * len(rows)
    assert sum(code == right for code, right in told) >= 0.8 * len(rows)
    assert sum(code not in ("en", UNDETERMINED, right) for code, right in told) <= 1


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("Ya no quiero vivir.", "es"),
        ("Je veux mourir.", "fr"),
        ("Ik wil dood.", "nl"),
        ("死にたい", "ja"),
        ("我不想活了。", "zh"),
        ("ฉันไม่อยากมีชีวิตอยู่", "th"),
        ("Ti odio.", UNDETERMINED),  # Italian, or Spanish, or Croatian
    ],
)
def test_a_line_says_which_language_it_is_in(line, language):
    assert told_language(line, "en") == language


@pytest.mark.parametrize(
    "line",
    [
        "",
        "No.",
        "Hi!",
        "Uh-huh. Yeah.",
        "Come on, Rosalind Vanterpool!",
        "Okay, okay, bye.",
        "They sang Guten Morgen to me all day.",
        "3 - 2 - 1",
        "I never said ça va to him.",
    ],
)
def test_english_stays_english(line):
    assert not is_in_other_language(line, "en")
    assert told_language(line, "en-AU") == "en-AU"


def test_a_language_without_tables_is_believed_unless_the_script_is_another():
    assert told_language("Das Tuch liegt auf dem Eisschrank.", "de") == "de"
    assert told_language("我不想活了。", "de") == "zh"
    assert told_language("我真的很高兴。", "zh") == "zh"
    assert told_language("ok", "zh") == "zh"
    assert told_language("I am so happy to see you.", "zh") == "en"


def test_few_real_turns_are_taken_for_others(real_data):
    said: list[str] = []
    for path in real_data.glob("meld/*.csv"):
        with path.open(newline="", encoding="utf-8") as stream:
            said += [row["Utterance"] for row in csv.DictReader(stream)]
    assert len(said) > 13_000
    assert sum(is_in_other_language(text, "en") for text in said) <= len(said) / 1000
