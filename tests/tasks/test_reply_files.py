"""`hearten check` and `hearten tag`: rows in, rows with verdicts, codes and strategies out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builds import ROOT, Ended, hearten

from builders.labels.strategies import strategies
from builders.labels.vocabulary import vocabulary
from builders.tasks.reply.tagging import UNKNOWN, tag

ROWS = [
    {
        "id": "label",
        "utterance": "They sold the orchard.",
        "label": "sadness",
        "reply": "Listener: That was yours to decide.",
        "gold": "reject",
        "mark": [1, 2],
    },
    {
        "id": "fine",
        "context": [{"role": "user", "text": "I planted it with Marco 30 years ago."}],
        "utterance": "They sold the orchard.",
        "label": "joy",
        "voice": ["quiet"],
        "strategies": ["inquiry"],
        "reply": "You and Marco gave it 30 years.",
        "reply_emotion": "happy",
        "lang": "en",
        "gold": "keep",
    },
    {"id": "codes", "reply": "“That was yours to decide.”", "gold": ["quoted"]},
    {"id": "nothing"},
]


def written(path: Path, rows: list[object]) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows_of(ended: Ended) -> list[dict]:
    return [json.loads(line) for line in ended.out.splitlines()]


def test_rows_come_out_with_verdicts_codes_and_places(tmp_path):
    ended = hearten("check", written(tmp_path / "replies.jsonl", ROWS))
    assert ended.code == 0
    label, fine, codes, nothing = rows_of(ended)
    assert label["verdict"] == "reject" and label["mark"] == [1, 2]
    assert label["codes"] == [{"code": "role_prefix", "severity": "reject", "start": 0, "end": 10}]
    assert (fine["verdict"], fine["codes"]) == ("keep", [])
    assert [one["code"] for one in codes["codes"]] == ["quoted"]
    assert [one["code"] for one in nothing["codes"]] == ["length"]
    assert "4 rows: 3 reject, 1 keep" in ended.err
    assert "quoted: precision 1 of 1, 1.00 (0.21 to 1.00), recall 1 of 1" in ended.err


def test_json_is_one_object_with_scores_and_rows(tmp_path):
    ended = hearten("check", written(tmp_path / "replies.jsonl", ROWS), "--json")
    found = json.loads(ended.out)
    assert found["scores"]["by_verdict"]["reject"]["recall"]["share"] == 1
    assert found["scores"]["by_code"]["quoted"]["precision"]["of"] == 1
    assert len(found["rows"]) == 4 and len(found["checks"]) == 12 and found["bad_rows"] == []


BAD = {
    "not json": "no JSON (",
    '["a list"]': "no id; expected an object with the text id",
    '{"reply": "No id here."}': "no id; expected an object with the text id",
    '{"id": "a", "reply": 3}': "reply is 3; expected a text",
    '{"id": "a", "strategies": "inquiry"}': "strategies is 'inquiry'; expected a list of texts",
    '{"id": "a", "context": ["Hello."]}': "context is no list of turns; expected objects",
    '{"id": "a", "awareness": "names"}': "awareness is 'names'; expected an object",
    '{"id": "a", "label": "blueish"}': "label is 'blueish'; expected an emotion, such as",
    '{"id": "a", "lang": "tlh"}': "lang is 'tlh'; expected one that has tables: en",
    '{"id": "a", "gold": "maybe"}': "gold is 'maybe'; expected one of reject, note, keep",
}


@pytest.mark.parametrize("command", ["check", "tag"])
def test_each_bad_row_is_one_line_and_the_others_are_read(tmp_path, command):
    path = written(tmp_path / "replies.jsonl", [*BAD, ROWS[0]])
    ended = hearten(command, path)
    assert ended.code == 1 and [row["id"] for row in rows_of(ended)] == ["label"]
    said = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert len(said) == len(BAD)
    for number, (line, words) in enumerate(zip(said, BAD.values(), strict=True), start=1):
        assert f"{path.name}:{number}: {words}" in line
    assert said[-1].endswith("; correct them; the others were " + ("read"))


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    ended = hearten("check", tmp_path / "none.jsonl")
    assert ended.code == 1 and "expected a file of rows, one JSON object a line" in ended.err


def test_a_row_tells_what_was_shown_as_texts_or_as_cases(tmp_path):
    reply = {"utterance": "They took it.", "reply": "I know, that corner must look so bare."}
    shown = "That corner must look so bare."
    rows = [
        {"id": "a", **reply, "shown": [shown]},
        {"id": "b", **reply, "shown": [{"utterance": "They took the piano.", "reply": shown}]},
        {"id": "c", **reply},
        {"id": "d", **reply, "shown": [7]},
    ]
    ended = hearten("check", written(tmp_path / "replies.jsonl", rows))
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [["copies" in str(one["codes"]), one["verdict"]] for one in found] == [
        *([True, "reject"], [True, "reject"], [False, "keep"])
    ]
    assert "shown is [7]; expected a list of texts, or of objects with texts" in ended.err


def test_a_reply_that_recites_a_corpus_is_told_when_the_corpus_is_named(tmp_path):
    source = ROOT / "builders/corpora/emorynlp/sample"
    line = "So there is water coming through the ceiling, you say."
    said = {"id": "a", "reply": line, "utterance": "What now?"}
    path = written(tmp_path / "replies.jsonl", [said])
    assert "recites" not in hearten("check", path).out
    ended = hearten("check", path, "--corpus", "emorynlp", "--source", source)
    assert ended.code == 0 and "recites" in ended.out
    ended = hearten("check", path, "--corpus", "emorynlp")
    assert ended.code == 2
    assert "--source is missing; name --corpus and --source together" in ended.err


def test_tags_come_out_in_order_with_places_and_unknown_is_no_guess(tmp_path):
    rows = [
        {
            "id": "two",
            "label": "sadness",
            "strategies": ["problem_solving"],
            "reply": "No wonder that hurts. What happened after that?",
            "gold": ["acknowledgement", "open_ended_questioning"],
        },
        {"id": "none", "reply": "The geese flew over the frozen lake.", "gold": ["validation"]},
    ]
    ended = hearten("tag", written(tmp_path / "replies.jsonl", rows))
    two, none = rows_of(ended)
    assert two["strategies"] == [
        {"strategy": "validation", "start": 0, "end": 21},
        {"strategy": "open_ended_questioning", "start": 22, "end": 47},
    ]
    assert [one["strategy"] for one in none["strategies"]] == [UNKNOWN]
    assert "2 rows; unknown: 1 of 2" in ended.err
    assert "the same strategies in the same order: 1 of 2" in ended.err
    assert "validation: precision 1 of 1, 1.00 (0.21 to 1.00), recall 1 of 2" in ended.err


def test_the_example_of_each_strategy_is_tagged_as_it(tmp_path):
    for name, strategy in strategies().items():
        valence = "positive" if strategy.family == "positive" else "negative"
        assert name in {one.strategy for one in tag(strategy.example, valence)}


@pytest.mark.parametrize("text", ["", "?", "😢", "word " * 5000, "…"])
def test_odd_replies_are_unknown(text):
    assert {one.strategy for one in tag(text, "negative")} <= {UNKNOWN}


def test_a_question_to_good_news_inquires():
    question = "What was the best part of it?"
    assert vocabulary().valence("happiness") == "positive"
    assert [one.strategy for one in tag(question, "positive")] == ["inquiry"]
    assert [one.strategy for one in tag(question, "negative")] == ["open_ended_questioning"]
