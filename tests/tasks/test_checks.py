"""The registry of checks of replies: a row and a function each, and what follows from a hit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from invented import HAPPY, answer_text, reply, target

from builders import resources
from builders.errors import LabelError
from builders.llm.request import Request, key
from builders.llm.settings import Sampling
from builders.llm.task import GivenUp
from builders.record.planned_reply import CheckNote
from builders.record.types import Caption, Contrast, Emotions, Target, Voice
from builders.store.database import Answer
from builders.tasks.reply.asking import PromptExtras
from builders.tasks.reply.checks import registry
from builders.tasks.reply.checks.candidate import CHECKS, Candidate
from builders.tasks.reply.checks.reading import rule_faults
from builders.tasks.reply.checks.registry import (
    ReplyFault,
    checks_digest,
    forget_tables,
    load_checks,
    read_checks,
    run_checks,
)
from builders.tasks.reply.draft import Draft, Drafter

TABLE = resources.label_maps() / "reply" / "_checks.tsv"
DRAFTER = Drafter("a-model", "assistant", "voice", Sampling())
FIRST = Drafter("a-model", "assistant", "voice", Sampling(), extras=PromptExtras(prompt=1))
CAPTION = "a low and trembling voice, close to tears"
REPEATS = "I hear a low and trembling voice in there."
LENGTH_ROW = "length\tlength\t1\treject\t1\ttext: it has {words} words; a reply has {limits}\n"
CALM = Emotions("neutral", "neutral", "neutral", "low")


def described() -> Target:
    voice = Voice([], "speaker", "softer", reliable=True)
    return replace(target(1), caption=Caption(CAPTION, None, 1), voice=voice)


def twin() -> Target:
    return replace(target(1, CALM), contrast=Contrast("g", "neutral", ("other",)))


def asked_again(one: Target, answer: str) -> Request:
    """Return the request that follows an answer under version 1 of the prompt."""
    first = FIRST.first_request(one)
    steps = FIRST.steps(one, first)
    assert next(steps) == first
    return steps.send(Answer("ok", answer))


def outcome(one: Target, answer: str) -> Draft | GivenUp:
    """Return what comes of a target whose every answer is the same."""
    steps = DRAFTER.steps(one, DRAFTER.first_request(one))
    next(steps)
    try:
        while True:
            steps.send(Answer("ok", answer))
    except StopIteration as end:
        return end.value


CALM_REPLY = {
    "emotion": "neutral",
    "strategies": ["open_ended_questioning"],
    "awareness": {"act": "respects", "emotions": ["neutral"]},
}
# The first 16 digits of the key of the request that corrects an answer, as it always was.
CORRECTED = {
    "ba7d6b89fe8bbd61": (target, {"text": "**Great!**", "strategies": ["inquiry", "celebration"]}),
    "fe24ab5859115ed9": (
        target,
        {"text": "Look at www.example.org tonight :) and say (sighs) nothing."},
    ),
    "3665cbb69691b91d": (target, {"text": "Your pitch is high."}),
    "65c56dc78a971099": (
        target,
        {"awareness": {"act": "names", "emotions": ["happiness", "happiness"]}},
    ),
    "fdb2d8cb522f6e33": (lambda _: described(), {"text": REPEATS}),
    "03734ef27e1fb776": (lambda _: described(), {"text": f"{REPEATS} :)"}),
    "7d1acb4f2abb7b48": (
        lambda _: twin(),
        {**CALM_REPLY, "text": "How sad! What happened to you next?"},
    ),
}


@pytest.mark.parametrize("digest", CORRECTED)
def test_an_answer_is_corrected_in_the_words_it_always_was(digest):
    of, parts = CORRECTED[digest]
    assert key(asked_again(of(1), answer_text(**parts)))[:16] == digest


def test_every_check_has_a_function_and_a_row_and_says_what_it_found():
    assert set(CHECKS) <= {check.code for check in load_checks()}
    heard = "Sad? Your pitch is high. Oh :)"
    candidate = Candidate(
        reply(
            text=heard,
            strategies=["inquiry", "celebration"],
            awareness={"act": "names", "emotions": ["happiness", "happiness"]},
        ),
        HAPPY,
        neutral_twin=True,
    )
    assert run_checks(candidate).faults == (
        ReplyFault("strategy_order", "inquiry asks a question, so it must come last."),
        ReplyFault("emotion_repeated", "awareness: happiness is named more than once"),
        ReplyFault(
            "feeling_named",
            "text: it names a feeling ('Sad'), but the speaker's voice shows none; "
            "answer what was said and name no feeling",
        ),
        ReplyFault("not_speakable", "text: it holds an emoticon (':)'), which nobody speaks"),
        ReplyFault(
            "acoustic_talk",
            "text: it talks of how the voice measures ('Your pitch is high'); answer the speaker",
        ),
    )


def test_a_repeated_description_is_looked_for_in_replies_that_nothing_else_refuses():
    said = "text: it repeats how the voice was described; answer the speaker"
    known = Candidate(reply(text=REPEATS), HAPPY, caption=CAPTION)
    assert run_checks(known).faults == (ReplyFault("acoustic_talk", said),)
    worse = Candidate(reply(text=f"{REPEATS} :)"), HAPPY, caption=CAPTION)
    assert [fault.code for fault in run_checks(worse).faults] == ["not_speakable"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Return a function that edits a copy of the table, which is then used."""

    def edit(old: str, new: str) -> Path:
        text = TABLE.read_text("utf-8")
        assert text.count(old) == 1
        path = tmp_path / "reply" / "_checks.tsv"
        shutil.copytree(TABLE.parent, path.parent, dirs_exist_ok=True)
        path.write_text(text.replace(old, new), encoding="utf-8")
        monkeypatch.setattr(resources, "label_maps", lambda: tmp_path)
        forget_tables()
        return path

    yield edit
    monkeypatch.undo()
    forget_tables()


def test_a_check_that_a_team_makes_a_note_of_refuses_nothing_and_is_handed_on(table):
    table("length\tlength\t1\treject", "length\tlength\t1\tnote")
    drafted = outcome(target(1), answer_text(text="How lovely!"))
    detail = "text: it has 2 words; a reply has 3 to 60"
    assert isinstance(drafted, Draft)
    assert drafted.notes == (CheckNote("length", "note", 2, detail),)
    assert rule_faults(reply(text="How lovely!"), HAPPY) == []
    refused = outcome(target(1), answer_text(text="So lovely! :)"))
    assert isinstance(refused, GivenUp) and refused.reason == "not_speakable"


def test_a_good_reply_has_no_notes():
    drafted = outcome(target(1), answer_text())
    assert isinstance(drafted, Draft) and drafted.notes == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("length\tlength\t1\treject\t1", "length\tlength\t1\treject\t2"),
        ("length\tlength\t1\treject", "length\tlength\t1\tnote"),
        ("length\tlength\t1\treject", "length\ttoo_long\t1\treject"),
        ("a reply has {limits}", "a good reply has {limits}"),
    ],
)
def test_the_digest_changes_with_all_that_bears_on_replies(table, old, new):
    before = checks_digest()
    table(old, new)
    assert checks_digest() != before


def test_the_digest_is_that_of_the_checks_and_not_of_the_file(table):
    before = checks_digest()
    table("code\treason", "# what is checked\ncode\treason")
    assert checks_digest() == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("length\tlength\t1", "size\tlength\t1", "code is 'size' in "),
        ("1\treject\t1\ttext: it has", "1\twarn\t1\ttext: it has", "severity is 'warn' in "),
        ("1\treject\t1\ttext: it has", "4\treject\t1\ttext: it has", "stage is '4' in "),
        ("1\treject\t1\ttext: it has", "1\treject\t\ttext: it has", "version is '' in "),
        (
            "has {limits}",
            "has {most}",
            "sentence is 'text: it has {words} words; a reply has {most",
        ),
        (
            "has {limits}",
            "has {limits",
            "sentence is 'text: it has {words} words; a reply has {lim",
        ),
        ("emotion_repeated\temotion_repeated", "length\temotion_repeated", "code is 'length' in "),
        (
            "length\tlength\t1\treject\t1\ttext: it has {words} words; a reply has {limits}\n",
            "",
            "no row for length in ",
        ),
    ],
)
def test_a_wrong_row_is_one_line(table, old, new, words):
    path = table(old, new)
    with pytest.raises(LabelError) as error:
        read_checks(path)
    line = str(error.value)
    assert line.startswith(words) and str(path) in line and "; expected " in line
    assert "\n" not in line


def test_the_severities_are_those_that_the_readme_names():
    readme = (resources.label_maps() / "README.md").read_text("utf-8")
    assert "`severity` (`" + "`, `".join(registry.SEVERITIES) + "`" in readme
