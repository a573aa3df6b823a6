"""Sets of invented replies with one planted sickness each, beside invented turns of people."""

from __future__ import annotations

import csv
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from builds import hearten, manifest
from pages import make_build, sample, section, written

from builders.errors import OutputError
from builders.record.manifest_views import SetCheck
from builders.report.set_checks import check_set, telling
from builders.report.set_checks.acts import with_acts
from builders.report.set_checks.comparing import compare
from builders.report.set_checks.gates import gated, write_gates
from builders.report.set_checks.measures import EXAMPLES, MEASURES, Texts
from builders.report.set_checks.near_same import jaccard, near_same
from builders.report.set_checks.reading import SCHEMA, WORD, replies
from builders.tasks.reply.demonstration_tables import built_in, read_cases
from builders.tasks.reply.tagging import tag

WORDS = [
    a + b for a in "ba de fi lo mu ra se ti vo zu".split() for b in "nak rel som tir vul".split()
]
ROOTS = ("anger", "sadness", "happiness", "fear", "neutral")


def sentence(draw: random.Random) -> list[str]:
    return draw.choices(WORDS, k=draw.randint(6, 14))


def sayings() -> list[str]:
    """Return replies of our own cases, of which cues tell what they do."""
    return [case.reply for case in read_cases(built_in("en")) if done(case.reply)]


def done(text: str) -> tuple[str, ...]:
    return tuple(one.strategy for one in tag(text, "negative") if one.strategy != "unknown")


def frame(replies: list[list[str]], **columns: list[Any]) -> pl.DataFrame:
    """Return a set of replies to targets of 40 dialogues, each with a turn that people said."""
    draw, count = random.Random(7), len(replies)
    said, other = sayings(), random.Random(12)
    rows = {
        "language": ["en"] * count,
        "valence": ["negative"] * count,
        "text": [" ".join(words) for words in replies],
        "executed": [done(" ".join(other.sample(said, 2))) for _ in range(count)],
        "next": [" ".join(other.sample(said, 2)) for _ in range(count)],
        "before": [other.choice(said) for _ in range(count)],
        "id": [f"meld-train-{n // 10}-{n}" for n in range(count)],
        "corpus": ["meld"] * count,
        "dialogue": [f"d{n % 40}" for n in range(count)],
        "root": [ROOTS[n % 5] for n in range(count)],
        "emotion": [draw.choice(ROOTS) for _ in range(count)],
        "words": replies,
        "next_id": [f"next-{n}" for n in range(count)],
        "next_root": [draw.choice(ROOTS) for _ in range(count)],
        "next_words": [sentence(draw) for _ in range(count)],
    }
    return pl.DataFrame(rows | columns, schema=SCHEMA)


def varied(count: int = 600, seed: int = 1) -> list[list[str]]:
    draw = random.Random(seed)
    return [sentence(draw) for _ in range(count)]


def out(found: list[SetCheck]) -> set[str]:
    return {one["code"] for one in found if one["out"]}


def test_replies_as_varied_as_people_are_not_named() -> None:
    found = compare(frame(varied()))
    assert not out(found)
    assert all(one["people"] is not None for one in found)
    assert telling.lines(found) == []


def one_for_all(replies: list[list[str]]) -> list[list[str]]:
    return [["oh", "no", "that", "is", "so", "very", "hard"] for _ in replies]


def some_twice(replies: list[list[str]]) -> list[list[str]]:
    return [*replies[:-30], *replies[:30]]


def a_word_changed(replies: list[list[str]]) -> list[list[str]]:
    near = [[*words, *words[::-1], "end"] for words in replies[:40]]
    return [*replies[:-80], *near, *([*words[:-1], "stop"] for words in near)]


def one_opening(replies: list[list[str]]) -> list[list[str]]:
    return [
        ["it", "sounds", "like", *words[3:]] if n % 3 else words for n, words in enumerate(replies)
    ]


def few_openings(replies: list[list[str]]) -> list[list[str]]:
    openings = [WORDS[n : n + 3] for n in range(8)]
    return [[*openings[n % 8], *words[3:]] if n % 2 else words for n, words in enumerate(replies)]


def few_words(replies: list[list[str]]) -> list[list[str]]:
    return [[WORDS[WORDS.index(word) % 12] for word in words] for words in replies]


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (one_for_all, {"same", "opener", "openers", "distinct_1", "distinct_2"}),
        (some_twice, {"same"}),
        (a_word_changed, {"near_same"}),
        (one_opening, {"opener", "openers"}),
        (few_openings, {"openers"}),
        (few_words, {"distinct_1", "distinct_2"}),
    ],
)
def test_each_planted_sickness_is_named(plant: Any, expected: set[str]) -> None:
    assert expected <= out(compare(frame(plant(varied()))))


def test_a_set_that_is_always_spoken_in_one_emotion_is_named() -> None:
    found = compare(frame(varied(), emotion=["neutral"] * 600))
    assert out(found) == {"emotions"}
    (line,) = telling.lines(found)
    assert re.match(
        r"replies are spoken in few emotions: entropy 0\.00 bits; people's next turns: "
        r"2\.\d\d bits \(2\.\d\d bits to 2\.\d\d bits, 600 turns\)$",
        line,
    )


def test_a_line_says_the_share_beside_that_of_people() -> None:
    lines = telling.lines(compare(frame(one_for_all(varied()))))
    assert re.match(
        r"100\.0 % of the replies are word for word another reply; people's next turns: "
        r"0\.0 % \(0\.0 % to \d\.\d %, \d+ turns\)$",
        lines[0],
    )


def test_a_turn_that_two_utterances_share_was_said_once() -> None:
    shared = frame(some_twice(varied()))
    doubled = shared.with_columns(
        pl.concat([shared["next_id"][:300], shared["next_id"][:300]]),
        pl.concat([shared["next_words"][:300], shared["next_words"][:300]]),
    )
    (same,) = [one for one in compare(doubled) if one["code"] == "same"]
    assert same["people"] == 0.0 and same["out"]


def test_people_are_matched_by_corpus_emotion_and_length() -> None:
    replies = frame(varied())
    # What people say after anger is always the same, and no reply answers anger.
    other = replies.with_columns(
        pl.when(pl.col("root") == "anger")
        .then(pl.lit(["so", "what", "is", "it", "to", "you", "now"]))
        .otherwise(pl.col("next_words"))
        .alias("next_words")
    ).filter((pl.col("root") != "anger") | (pl.col("id").str.ends_with("5")))
    (same,) = [one for one in compare(other) if one["code"] == "same"]
    short = pl.col("words").list.len() <= 9  # as long as what is always said
    anger = other.filter((pl.col("root") == "anger") & short).height
    assert same["people"] == pytest.approx(anger / same["texts"], abs=1e-6)


def test_nothing_is_out_where_people_are_too_few() -> None:
    few = frame(one_for_all(varied()), dialogue=["d1", "d2"] * 300)
    found = compare(few)
    assert not out(found)
    assert {one["people"] for one in found} == {None}
    assert {one["code"]: one["value"] for one in found}["same"] == 1.0


def test_no_corpus_without_answers_is_compared() -> None:
    alone = frame(varied(), next_words=[None] * 600, next_root=[None] * 600)
    assert {one["people"] for one in compare(alone)} == {None}


def test_an_empty_set_has_measures_of_nothing() -> None:
    assert {one["value"] for one in compare(frame([]))} == {0.0}


def test_each_measure_is_its_formula() -> None:
    texts = Texts(
        [("a", "b", "c", "d"), ("a", "b", "c", "e"), ("a", "b", "c", "d"), ("x", "y")],
        ["anger", "anger", "fear", None],
        tokens=8,
        acts=[("v", "q"), ("v", "r", "q"), ("v", "q"), ("r",)],
        before=[("q",), ("s",), (), ("r",)],
        halves=[False, False, True, True],
    )
    found = {code: measure(texts) for code, measure in MEASURES.items()}
    assert found["same"] == 2 / 4
    assert found["near_same"] == 0  # a b c d and a b c e share two of four pairs
    assert (found["opener"], found["openers"]) == (1.0, 1.0)  # x y is too short for an opening
    assert found["distinct_1"] == 5 / 8
    assert found["distinct_2"] == 4 / 6
    assert found["emotions"] == pytest.approx(0.9183, abs=1e-4)
    assert found["sequences"] == 1.5
    assert found["acts_kept"] == 2 / 3
    # "v, then q" is learnt on either half, and fits half of one and all of the other.
    assert found["template"] == (1 / 2 + 1.0) / 2
    assert EXAMPLES["template"](texts) == "v, then q"
    assert EXAMPLES["opener"](texts) == "a b c"


def test_a_template_is_tried_on_what_it_was_not_learnt_from() -> None:
    first, second = [("v", "q")] * 3 + [("r", "s")], [("a", "b")] * 4
    texts = Texts([], [], 0, acts=first + second, halves=[False] * 4 + [True] * 4)
    assert MEASURES["template"](texts) == 0.0


def test_what_a_record_says_is_executed_counts_and_unknown_is_no_strategy() -> None:
    given = [["validation"], ["unknown"], None, []]
    rows = frame([["that", "must", "be", "hard"]] * 4, executed=given, before=[None] * 4)
    found = with_acts(rows.with_columns(pl.col("id").alias("order")))
    assert found["acts"].to_list() == [["validation"], [], list(done("that must be hard")), []]
    assert found["before_acts"].to_list() == [[]] * 4
    other = with_acts(rows.with_columns(order="id", language=pl.lit("xx")))
    assert other["acts"].to_list() == [["validation"], [], [], []]


def test_what_was_said_before_is_another_ones_last_turn(tmp_path: Path) -> None:
    one = sample(1, turns=3)
    said = [("other", "No."), ("assistant", "Yes."), ("user", "So?")]
    turn = one["text_context"][0]
    one["text_context"] = [turn | {"role": role, "text": text} for role, text in said]
    one["executed"] = {
        "strategies": [{"strategy": "validation", "start": 0, "end": 3}],
        "by": "cues",
        "adherence": None,
    }
    make_build(tmp_path / "b", [one, sample(2)])
    found = replies(sorted((tmp_path / "b" / "data").glob("train*.parquet")))
    assert found["before"].to_list() == ["Yes.", None]
    assert found["executed"].to_list() == [["validation"], None]


def test_the_index_finds_what_comparing_all_pairs_finds() -> None:
    draw = random.Random(3)
    texts = [tuple(draw.choices(WORDS, k=12)) for _ in range(150)]
    texts += [(*words[:-1], draw.choice(WORDS)) for words in texts[:60]]
    texts += [tuple(draw.choices(WORDS[:4], k=5)) for _ in range(60)]
    different = list(dict.fromkeys(texts))
    pairs = [frozenset(zip(words, words[1:], strict=False)) for words in different]
    slow = {
        name
        for one in range(len(pairs))
        for other in range(one)
        if jaccard(pairs[one], pairs[other]) >= 0.7
        for name in (one, other)
    }
    fast = {name for group in near_same(different) for name in group}
    assert len(slow) > 60 and fast <= slow
    assert len(slow - fast) <= 0.02 * len(slow)


def gates(replies: list[list[str]]) -> tuple[pl.DataFrame, dict[str, str]]:
    table = frame(replies)
    return table, gated(table, compare(table))


def test_one_of_the_same_replies_stays() -> None:
    table, found = gates(one_for_all(varied()))
    assert Counter(found.values()) == {"set_same": 599}
    assert not out(compare(table.filter(~pl.col("id").is_in(list(found)))))


@pytest.mark.parametrize("plant", [some_twice, a_word_changed, one_opening])
def test_what_is_left_is_as_varied_as_people(plant: Any) -> None:
    table, found = gates(plant(varied()))
    left = table.filter(~pl.col("id").is_in(list(found)))
    assert found and not out(compare(left)) & {"same", "near_same", "opener"}


def test_a_list_that_cannot_be_written_is_one_line_and_a_broken_off_one_leaves_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [one(n, "That is hard, and it is not your fault.") for n in range(120)]
    make_build(tmp_path / "b", records)
    shards = sorted((tmp_path / "b" / "data").glob("*.parquet"))
    checks = check_set(shards)
    assert write_gates(tmp_path / "b", shards, checks) == 119
    before = (tmp_path / "b" / "gated.tsv").read_bytes()
    # What a kill leaves at the last moment before the new list is in place.
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(Path, "replace", _killed)
        write_gates(tmp_path / "b", shards, checks)
    assert (tmp_path / "b" / "gated.tsv").read_bytes() == before
    (tmp_path / "b" / "gated.tsv").unlink()
    (tmp_path / "b" / "gated.tsv").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        write_gates(tmp_path / "b", shards, checks)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_nothing_is_kept_back_where_nothing_is_out() -> None:
    assert gates(varied())[1] == {}


def test_which_one_stays_does_not_depend_on_the_order() -> None:
    table, found = gates(some_twice(varied()))
    assert gated(table.reverse(), compare(table)) == found


def test_the_report_shows_each_measure_beside_people(tmp_path: Path) -> None:
    reply = "That is hard, and it is not your fault."
    records = [one(n, reply) for n in range(120)]
    page = section(
        written(tmp_path / "b", make_build(tmp_path / "b", records)), "The replies as a set"
    )
    assert (
        page.row("same outsidereplies whose words another reply has too, of all replies")[1]
        == "100.0 %"
    )


def test_words_are_those_of_any_script() -> None:
    text = pl.Series(["Don\u2019t -- go, it\u2019s 5:30! \u00c4rger \u043d\u0435\u0442"])
    assert text.str.to_lowercase().str.extract_all(WORD).to_list() == [
        ["don\u2019t", "go", "it\u2019s", "5", "30", "\u00e4rger", "\u043d\u0435\u0442"]
    ]


def one(number: int, reply: str) -> dict[str, Any]:
    draw = random.Random(number)
    record = sample(number, reply=reply)
    record["source"]["dialogue_id"] = str(number % 30)
    said = " ".join(sentence(draw))
    record["reference_response"] = {"id": f"meld-train-9-{number}", "speaker": "Bo", "text": said}
    return record


def test_ids_that_somebody_excluded_are_not_measured(tmp_path: Path) -> None:
    records = [
        one(n, "So that is how it went." if n % 2 else f"Reply {n} stands alone here.")
        for n in range(100)
    ]
    make_build(tmp_path / "b", records)
    shards = sorted((tmp_path / "b" / "data").glob("*.parquet"))
    every, some = (
        {row["code"]: row["value"] for row in check_set(shards, out)}
        for out in ((), [record["id"] for record in records[1::2]])
    )
    assert every["same"] > 0.2 and some["same"] == 0.0


def test_a_finished_build_says_that_an_earlier_list_still_keeps_replies_back(
    tmp_path: Path,
) -> None:
    build = ("build", "--corpus", "meld", "--sample", "--text-only", "--output", tmp_path)
    first = hearten(*build, "--show", "0")
    assert first.code == 0 and "kept back" not in first.out
    (tmp_path / "meld-sample" / "gated.tsv").write_text("id\treason\na\tset_same\nb\tset_same\n")
    second = hearten(*build, "--show", "0")
    assert (
        "  2 replies are kept back by gated.tsv of an earlier run; delete it to use them\n"
        in second.out
    )


@pytest.mark.slow
def test_gated_replies_of_a_real_build_are_not_exported(tmp_path: Path, real_data: Path) -> None:
    build = ["build", "--corpus", "meld", "--source", real_data / "meld", "--text-only"]
    build += ["--split", "dev", "--output", tmp_path]
    first = hearten(*build)
    assert "the replies as a set:" in first.out and "word for word another reply" in first.out
    assert not (tmp_path / "meld" / "gated.tsv").exists()
    second = hearten(*build, "--enforce-set-gates")
    rows = list(csv.reader((tmp_path / "meld" / "gated.tsv").open(), delimiter="\t"))
    assert f"{len(rows) - 1:,} replies are kept back by gated.tsv" in second.out
    to = tmp_path / "sft"
    ended = hearten("export", tmp_path / "meld", "--format", "trl", "--to", to)
    assert ended.code == 0, ended.err
    out = [orjson.loads(line) for line in (to / "left_out.jsonl").open()]
    assert {(line["id"], line["reason"]) for line in out} == {tuple(row) for row in rows[1:]}
    assert {line["detail"] for line in out} == {"gated.tsv of the build excludes the reply"}
    kept = manifest(tmp_path / "meld")["result"]["counts"]["kept"]
    assert sum(1 for _ in (to / "dev.jsonl").open()) == kept - len(out)
