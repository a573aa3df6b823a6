"""The tables in ``label_maps`` keep their own promises, and agree with the schemas."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from builders import resources
from builders.labels import strategies
from builders.labels.tables import normalise, read_rows
from builders.labels.vocabulary import AROUSALS, MATCHES, VALENCES, LabelMap, label_map, vocabulary
from builders.record.schema import load_schema

EMOTION = resources.label_maps() / "emotion"
STRATEGY = resources.label_maps() / "strategy"
MAPS = sorted(EMOTION.glob("*.sssom.tsv"))

# The terms of two vocabularies for EmotionML, a Note of the W3C (1 April 2014).
BIG6 = {"anger", "disgust", "fear", "happiness", "sadness", "surprise"}
EVERYDAY_CATEGORIES = {
    *("affectionate", "afraid", "amused", "angry", "bored", "confident", "content"),
    *("disappointed", "excited", "happy", "interested", "loving", "pleased", "relaxed"),
    *("sad", "satisfied", "worried"),
}


def column(path: Path, name: str) -> list[str]:
    return [row.cells[name] for row in read_rows(path, (name,), key=())]


def test_the_roots_come_first_and_every_leaf_lies_under_one():
    words = vocabulary()
    assert words.nodes[: len(words.roots)] == words.roots
    assert {words.root_of(node) for node in words.nodes} == set(words.roots)
    assert BIG6 | {"neutral"} <= set(words.roots)


def test_valences_arousals_and_matches_are_those_of_the_sample_schema():
    defs = load_schema("sample")["$defs"]
    emotions = load_schema("sample")["properties"]["target_utterance"]["properties"]["emotions"]
    assert defs["match"]["enum"] == list(MATCHES)
    assert emotions["properties"]["valence"]["enum"] == list(VALENCES)
    assert emotions["properties"]["arousal"]["enum"] == list(AROUSALS)


def test_the_emotions_a_reply_may_be_spoken_in_are_big6_and_neutral():
    spoken = load_schema("reply")["properties"]["emotion"]["enum"]
    assert set(spoken) == BIG6 | {"neutral"}
    assert set(spoken) <= set(vocabulary().roots)


def test_a_reply_takes_as_many_strategies_as_the_schema_says():
    reply = load_schema("reply")["properties"]["strategies"]
    assert reply["maxItems"] == strategies.MAX_STRATEGIES


def test_every_adjective_is_a_word_for_its_own_emotion():
    for row in read_rows(EMOTION / "_vocabulary.tsv", ("emotion", "adjective"), key=()):
        assert vocabulary().resolve(row.text("adjective")) == row.cells["emotion"]


def test_every_definition_is_one_sentence_of_its_own():
    definitions = [vocabulary().definition(node) for node in vocabulary().nodes]
    definitions += [s.definition for s in strategies.strategies().values()]
    assert len(set(definitions)) == len(definitions)
    assert [d for d in definitions if not d.endswith(".") or d.count(".") > 1] == []


def test_emotionml_terms_are_of_the_vocabulary_that_the_level_uses():
    for row in read_rows(EMOTION / "_vocabulary.tsv", ("emotion", "emotionml"), key=()):
        is_root = row.cells["emotion"] in vocabulary().roots
        terms = BIG6 if is_root else EVERYDAY_CATEGORIES
        assert row.cells["emotionml"] in terms | {""}, row.where
        assert not is_root or bool(row.cells["emotionml"]) == (row.cells["emotion"] in BIG6)


@pytest.mark.parametrize("path", [EMOTION / "_aliases.tsv", STRATEGY / "_aliases.tsv"])
def test_aliases_are_sorted_and_in_the_form_they_are_looked_up_in(path: Path):
    words = column(path, "alias")
    assert words == sorted(words)
    assert [
        word for word in words if normalise(word).replace("_", " ") != word.replace("-", " ")
    ] == []


def test_every_alias_resolves_to_what_its_row_says():
    for row in read_rows(EMOTION / "_aliases.tsv", ("alias", "emotion"), key=()):
        assert vocabulary().resolve(row.cells["alias"]) == row.cells["emotion"], row.where
    for row in read_rows(STRATEGY / "_aliases.tsv", ("alias", "strategy", "valence"), key=()):
        valence = row.cells["valence"] or "unknown"
        found = strategies.resolve(row.cells["alias"], valence)
        assert found == row.cells["strategy"], row.where


def test_questions_ask_and_statements_do_not():
    for strategy in strategies.strategies().values():
        asks = strategy.kind == "question"
        assert strategy.example.endswith("?") == ("?" in strategy.example) == asks, strategy.id


def test_every_example_can_be_spoken_in_six_to_twenty_five_words():
    lengths = {s.id: len(s.example.split()) for s in strategies.strategies().values()}
    assert {name: n for name, n in lengths.items() if not 6 <= n <= 25} == {}


def test_every_root_has_a_policy_with_a_first_choice():
    rows = read_rows(STRATEGY / "_policy.tsv", ("emotion", "place"), key=())
    first = {row.cells["emotion"] for row in rows if row.cells["place"] == "first"}
    assert set(vocabulary().roots) <= first


def test_the_policy_stands_in_one_block_for_each_emotion_under_its_root():
    blocks = [node for node, _ in groupby(column(STRATEGY / "_policy.tsv", "emotion"))]
    roots = [node for node, _ in groupby(map(vocabulary().root_of, blocks))]
    assert len(blocks) == len(set(blocks))
    assert roots == [node for node in blocks if node in vocabulary().roots]


def test_redirection_is_never_a_first_choice():
    rows = read_rows(STRATEGY / "_policy.tsv", ("strategy", "place"), key=())
    places = {row.cells["place"] for row in rows if row.cells["strategy"] == "redirection"}
    assert places == {"later", "avoid"}


def test_meld_maps_its_seven_labels():
    labels = label_map("meld")
    found = {raw: labels.emotions(raw).primary for raw in labels.labels}
    assert found == {
        **{raw: raw for raw in ("anger", "disgust", "fear", "neutral", "sadness", "surprise")},
        "joy": "happiness",
    }


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.name)
def test_a_map_of_a_corpus_is_whole_sorted_and_has_standard_columns(path: Path):
    slug = path.name.removesuffix(".sssom.tsv")
    labels = LabelMap(path, vocabulary())
    rows = read_rows(
        path, ("subject_id", "subject_label", "mapping_justification", "comment"), key=()
    )
    assert labels.labels == tuple(sorted(labels.labels))
    for row in rows:
        assert row.cells["subject_id"].startswith(f"{slug}:"), row.where
        assert row.cells["mapping_justification"] == "semapv:ManualMappingCuration", row.where
        assert len(row.cells["comment"]) >= 10, row.where


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.name)
def test_the_header_of_a_map_says_what_sssom_wants(path: Path):
    lines = path.read_text(encoding="utf-8").split("\n")
    header = [line for line in lines if line.startswith("#")]
    slug = path.name.removesuffix(".sssom.tsv")
    assert lines[: len(header)] == header
    assert f'#mapping_set_id: "urn:hearten:mapping:emotion:{slug}"' in header
    assert "#license: https://www.apache.org/licenses/LICENSE-2.0" in header
    assert "#- slot_name: match_root" in header


def test_the_readme_names_every_table():
    readme = (resources.label_maps() / "README.md").read_text(encoding="utf-8")
    tables = [
        p.relative_to(resources.label_maps()) for p in resources.label_maps().glob("*/_*.tsv")
    ]
    assert len(tables) >= 7
    assert [table for table in tables if f"`{table}`" not in readme] == []


def test_phrases_that_name_feelings_are_there_for_the_emotions_and_each_once():
    phrases = column(EMOTION / "_feelings.tsv", "phrase")
    assert len(phrases) == len(set(phrases))
    named = set(column(EMOTION / "_feelings.tsv", "emotion"))
    roots = {"neutral", "unknown"}
    unnamed = [node for node in vocabulary().nodes if vocabulary().root_of(node) not in roots]
    # Their words (sorry, trust, expect) are said of anything, and name no feeling by themselves.
    assert set(unnamed) - named == {"apologetic", "trust", "anticipation"}
