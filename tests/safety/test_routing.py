"""Routes by patterns: a crisis however it is spelt, and nothing that is a way of speaking."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from builds import ROOT, hearten
from invented import target

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import read_rows
from builders.pipeline.routing import NO_CHECKS, RouteVerdict, by_patterns, routed, sent_on
from builders.record.safety import Safety
from builders.record.types import Reject
from builders.safety import routing
from builders.safety.reading import read_hasty
from builders.safety.routing import SaidBefore as Before
from builders.safety.routing import refused_in_reply, route
from builders.safety.tables import forget_safety_tables, tables_of
from builders.tasks.reply.checks.patterns import Pattern

LINES = read_rows(ROOT / "tests/safety/lines.tsv", ("kind", "line"), key=("line",))


def routes(kind: str) -> dict[str, str]:
    lines = [row.cells["line"] for row in LINES if row.cells["kind"] == kind]
    return {line: route(line).route for line in lines}


def test_what_is_said_outright_is_a_crisis():
    found = routes("explicit")
    assert sum(at == "crisis" for at in found.values()) >= 0.95 * len(found), found


def test_indirect_signs_are_seen():
    found = routes("indirect")
    assert sum(at != "normal" for at in found.values()) >= 0.9 * len(found), found


@pytest.mark.parametrize("kind", ["idiom", "ordinary"])
def test_ways_of_speaking_and_ordinary_sadness_are_no_crisis(kind):
    found = routes(kind)
    assert sum(at == "crisis" for at in found.values()) <= 0.03 * len(found), found


def test_a_line_of_another_language_that_speaks_of_death_is_never_normal():
    found = routes("other_language")
    assert len(found) > 60
    assert {line: at for line, at in found.items() if at in ("normal", "sensitive")} == {}


@pytest.mark.parametrize(
    "line", ["Mort?", "Leben is a German word.", "Mate, hand me the tot.", "Die Hard!", "Viva!"]
)
def test_a_word_of_another_language_is_no_line_of_it(line):
    assert route(line).route == "normal"


@pytest.mark.parametrize(
    "line",
    [
        "I want to kill myself",
        "I WANT TO KILL MYSELF",
        "i wanna kil myslef",
        "im gonna k1ll myself",
        "I want to k*ll myself",
        "i want to... kill... myself",
        "I just, like, really want to kill myself",
        "i wanna dieeee",
        "thinking about su1cide",
        "idk i dont wanna live anymore tbh",
    ],
)
def test_haste_and_signs_for_letters_hide_nothing(line):
    assert route(line).route == "crisis"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("I'm not going to hurt myself.", "sensitive"),
        ("I would never kill myself.", "sensitive"),
        ("I was suicidal years ago and therapy saved me.", "sensitive"),
        ("My brother killed himself last year.", "sensitive"),
        ("My friend says she wants to die.", "crisis"),
        ("I don't want to kill myself but I can't stop thinking about it", "crisis"),
        ("I'm not joking, I'm going to kill myself.", "crisis"),
        ("Jeder sagt, dass ich nicht mehr leben will, und sie haben recht.", "unknown_language"),
        ("我真的不想活了", "unknown_language"),
        ("", "normal"),
        ("😀😀", "normal"),
        ("so " * 5000, "normal"),
    ],
)
def test_what_is_denied_past_or_of_others_is_told_apart(line, expected):
    assert route(line).route == expected


@pytest.mark.parametrize(
    ("before", "line", "expected"),
    [
        (
            [Before(True, "I want to kill myself."), Before(False, "Please stay.")],
            "Why?",
            "crisis",
        ),
        ([Before(True, "i just want")], "to die", "crisis"),
        ([Before(False, "Are you thinking of killing yourself?")], "Yeah.", "crisis"),
        ([Before(False, "Are you thinking of killing yourself?")], "yes, every day", "crisis"),
        ([Before(False, "Are you thinking of killing yourself?")], "No.", "sensitive"),
        ([Before(False, "Are you hungry?")], "Yes.", "normal"),
        ([Before(False, "I want to kill myself.")], "Don't say that!", "sensitive"),
        ([Before(True, "I feel hopeless.")], "I'm such a burden.", "crisis"),
    ],
)
def test_what_was_said_before_counts(before, line, expected):
    assert route(line, before).route == expected


def test_a_language_without_tables_cannot_be_routed():
    assert route("Je suis triste.", language="fr").route == "unknown_language"


@pytest.mark.parametrize(
    ("reply", "refused"),
    [
        ("Maybe that would be the best for everybody, you have suffered enough by now.", True),
        ("If you take all of them at once it will be quick and quiet.", True),
        ("You should just kill yourself then.", True),
        ("I am really worried about you; is there someone who can sit with you?", False),
        ("You miss him so much, and the house is quiet now.", False),
    ],
)
def test_no_reply_may_urge_or_ease_death(reply, refused):
    assert bool(refused_in_reply(reply)) is refused


def test_a_reply_that_urges_death_is_refused_and_the_line_goes_to_people(tmp_path):
    rows = [
        {"id": "urges", "utterance": "He left me.", "reply": "You should just kill yourself then."},
        {
            "id": "crisis",
            "utterance": "I want to end it all tonight.",
            "reply": "What a day.",
        },
    ]
    file = tmp_path / "replies.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    urges, crisis = map(json.loads, hearten("check", file).out.splitlines())
    assert "unsafe" in {one["code"] for one in urges["codes"]} and urges["verdict"] == "reject"
    assert crisis["verdict"] == "crisis"


def test_rows_come_out_with_route_reasons_and_scores(tmp_path):
    rows = [
        {"id": "a", "utterance": "I want to die.", "gold": "crisis", "mark": 1},
        {"id": "b", "utterance": "This queue is killing me.", "gold": "normal"},
        {
            "id": "c",
            "context": [{"role": "user", "text": "i just want"}],
            "utterance": "to die",
            "gold": "sensitive",
            "reply": "You should just kill yourself then.",
        },
        {"id": "d", "utterance": "Ça va.", "lang": "fr"},
    ]
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ended = hearten("route", file)
    assert ended.code == 0
    a, b, c, d = map(json.loads, ended.out.splitlines())
    assert (a["route"], a["mark"], b["route"], c["route"]) == ("crisis", 1, "normal", "crisis")
    assert {"code": "suicide_intent", "route": "crisis", "start": 2, "end": 13} in a["codes"]
    assert [one["code"] for one in c["reply_codes"]]
    assert d["route"] == "unknown_language"
    assert "4 rows: 1 normal, 2 crisis, 1 unknown_language" in ended.err
    assert "crisis: precision 1 of 2, 0.50 (0.09 to 0.91), recall 1 of 1, 1.00" in ended.err
    scores = json.loads(hearten("route", file, "--json").out)["scores"]
    assert scores["by_route"]["crisis"]["recall"]["count"] == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", ":1: no JSON"),
        ('{"utterance": "x"}', ":1: no id; expected an object with the text id"),
        (
            '{"id": "a", "gold": "keep"}',
            ":1: gold is 'keep'; expected one of normal, sensitive, crisis, exclude",
        ),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path, line, said):
    file = tmp_path / "lines.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    ended = hearten("route", file)
    assert ended.code == 1 and f"lines.jsonl{said}" in ended.err


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path):
    ended = hearten("route", tmp_path / "none.jsonl")
    assert ended.code == 1 and ended.err.startswith("error: cannot read")


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A copy of the tables, in use."""
    shutil.copytree(resources.label_maps(), tmp_path / "maps")
    monkeypatch.setattr(resources, "label_maps", lambda: tmp_path / "maps")
    forget_safety_tables()
    yield tmp_path / "maps/safety"
    monkeypatch.undo()
    forget_safety_tables()


def test_a_code_without_patterns_or_without_a_row_is_an_error(tables: Path):
    (tables / "en/new.tsv").write_text("kind\twhen\tpattern\treason\nhit\t\tsquid\tA squid.\n")
    with pytest.raises(LabelError, match="patterns and reasons of safety differ in new"):
        tables_of("en")


def test_a_team_may_change_what_a_code_leads_to(tables: Path):
    reasons = tables / "_reasons.tsv"
    text = reasons.read_text().replace("panic\tsensitive", "panic\tcrisis")
    reasons.write_text(text)
    assert route("I am having a panic attack.").route == "crisis"
    reasons.write_text(text.replace("panic\tcrisis", "panic\tscary"))
    forget_safety_tables()
    with pytest.raises(LabelError, match="effect is 'scary'"):
        route("I am having a panic attack at home.")


SAID = [
    "I lost my job on Monday.",
    "Did you tell your sister?",
    "Not yet, she worries too much.",
    "You could call her tonight.",
    "She would only cry again.",
    "Then wait until Sunday.",
    "I cannot sleep at all.",
    "That sounds exhausting, honestly.",
]


def test_each_turn_of_a_dialogue_is_read_once(monkeypatch):
    read, looked = Counter[str](), Counter[str]()
    real = routing.read_hasty
    monkeypatch.setattr(
        routing, "read_hasty", lambda text, how: read.update([text]) or real(text, how)
    )
    patterns = type(tables_of("en").patterns)
    find = patterns.find
    monkeypatch.setattr(
        patterns, "find", lambda self, text: looked.update([text.raw]) or find(self, text)
    )
    lines = [f"{line} We talked in room {len(SAID)}." for line in SAID]  # seen nowhere else
    for at, line in enumerate(lines):
        before = [Before((at - n) % 2 == 0, lines[n]) for n in range(at)]
        assert route(line, before).route == "normal"
    assert {text: read[text] for text in lines} == dict.fromkeys(lines, 1)
    assert looked == Counter(dict.fromkeys(lines, 1))  # and no text of several turns as one


def test_few_of_the_patterns_are_looked_for_in_a_line(monkeypatch):
    searched: list[str] = []

    class Seen:
        def __init__(self, pattern):
            self.pattern = pattern

        def __getattr__(self, name):
            searched.append(self.pattern.source)
            return getattr(re.compile(self.pattern.expression), name)

    monkeypatch.setattr(Pattern, "compiled", property(Seen))
    tables = tables_of("en")
    assert len(tables.patterns.patterns) > 900
    for line in SAID:
        searched.clear()
        tables.patterns.find(read_hasty(line, tables.spelling))
        assert len(searched) <= 3, (line, searched)


def test_given_words_in_a_language_that_nothing_reads_are_normal_and_flagged():
    said = target(1)
    said.utterance.text, said.utterance.language = "小船在中午前回来了。", "zh"
    known = routed(routed(said, "en", given_words=True), "en", given_words=True)
    assert known.safety == Safety("normal", ("no_tables",), by_patterns())
    assert known.utterance.flags == ("language_unchecked",)
    german = target(2)
    german.utterance.text = "Der Lappen liegt auf dem Eisschrank."
    assert routed(german, "de", given_words=True).utterance.flags == ("language_unchecked",)
    # In a language with tables they are read, given or not.
    english = target(3)
    english.utterance.text = "I want to kill myself."
    assert routed(english, "en", given_words=True).safety.route == "crisis"
    assert not english.utterance.flags


def test_no_model_opens_a_language_in_which_no_reply_can_be_checked():
    said = target(1)
    said.utterance.text, said.utterance.language = "小船在中午前回来了。", "zh"
    known = routed(said, "en")
    assert known.safety == Safety("unknown_language", ("no_tables", NO_CHECKS), by_patterns())
    (reject,) = sent_on(iter([known]), {known.id: [RouteVerdict("normal", (), "m")]})
    assert isinstance(reject, Reject) and reject.reason == "unknown_language"
    assert "replies in its language cannot be checked" in reject.detail
    said.utterance.language = None  # only by its letters: English replies are checked
    (open_,) = sent_on(iter([routed(said, "en")]), {said.id: [RouteVerdict("normal", (), "m")]})
    assert open_ is said and said.safety.route == "normal"
