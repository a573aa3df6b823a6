"""The phrasebook: replies without a model, and the tables they come from."""

import copy
import json
import re
from collections import Counter
from functools import cache

import jsonschema
import orjson
import pytest

from builders import resources
from builders.errors import LabelError
from builders.labels import strategies, vocabulary
from builders.labels.tables import read_rows
from builders.llm.providers import phrasebook
from builders.record.schema import load_schema
from builders.record.types import Emotions
from builders.tasks.reply.checks.candidate import Candidate, Scene
from builders.tasks.reply.checks.reading import rule_faults
from builders.tasks.reply.checks.registry import run_checks

SEEDS = range(60)
SCHEMA = load_schema("reply")
NODES = vocabulary.vocabulary().nodes


def emotions_of(node: str, valence: str | None = None) -> Emotions:
    words = vocabulary.vocabulary()
    return Emotions(node, words.root_of(node), valence or words.valence(node), words.arousal(node))


def narrowed(allowed, emotions) -> dict:
    schema = copy.deepcopy(SCHEMA)
    schema["properties"]["strategies"]["items"]["enum"] = list(allowed)
    schema["properties"]["awareness"]["properties"]["emotions"]["items"]["enum"] = list(emotions)
    return schema


def replies(schema: dict, seeds=SEEDS) -> list[dict]:
    return [json.loads(phrasebook.answer(schema, seed)) for seed in seeds]


def usual(node: str, own_turns: int = 2) -> dict:
    emotions = emotions_of(node)
    return narrowed(strategies.allowed(emotions, own_turns), vocabulary.allowed_emotions(emotions))


CASES = [(node, own, None) for node in NODES for own in (0, 2)]
CASES += [("surprise", 2, valence) for valence in ("positive", "negative", "neutral")]


@pytest.mark.parametrize(("node", "own_turns", "valence"), CASES)
def test_every_reply_is_valid_speakable_and_in_legal_order(node, own_turns, valence):
    emotions = emotions_of(node, valence)
    allowed = strategies.allowed(emotions, own_turns)
    schema = narrowed(allowed, vocabulary.allowed_emotions(emotions))
    validator = jsonschema.Draft202012Validator(schema)
    for reply in replies(schema):
        validator.validate(reply)
        scene = Scene("The boat left at noon, and nobody waved.")
        assert run_checks(Candidate(reply, emotions, scene=scene)).faults == ()
        assert "?" not in reply["text"][:-1]
        assert reply["awareness"]["emotions"] == [node]


def test_each_allowed_strategy_that_may_stand_alone_does_when_it_is_the_only_one():
    for node in NODES:
        emotions = emotions_of(node)
        for strategy in strategies.allowed(emotions, 2):
            if not strategies.order_errors([strategy], emotions):
                (reply,) = replies(narrowed([strategy], [node]), seeds=[7])
                assert reply["strategies"] == [strategy]


def test_same_seed_gives_the_same_bytes_and_other_seeds_other_replies():
    schema = usual("sadness")
    assert phrasebook.answer(schema, 5) == phrasebook.answer(copy.deepcopy(schema), 5)
    assert len({phrasebook.answer(schema, seed) for seed in range(300)}) > 60


def test_about_one_reply_in_three_carries_two_strategies():
    for node in ("sadness", "neutral", "happiness"):
        lengths = Counter(len(reply["strategies"]) for reply in replies(usual(node), range(3000)))
        assert lengths.keys() == {1, 2}
        assert 900 < lengths[2] < 1100, node


def test_first_choices_of_the_policy_are_the_commonest_single_strategies():
    for node in ("sadness", "anger", "happiness", "neutral"):
        first = strategies.first_choices(emotions_of(node))
        used = [reply["strategies"] for reply in replies(usual(node), range(1000))]
        singles = Counter(names[0] for names in used if len(names) == 1)
        assert {name for name, _ in singles.most_common(len(first))} == set(first), node


def test_second_strategy_asks_or_is_one_that_may_not_come_first():
    emotions = emotions_of("sadness")
    seconds = {
        reply["strategies"][1]
        for reply in replies(usual("sadness"), range(1000))
        if len(reply["strategies"]) == 2
    }
    assert {"open_ended_questioning", "problem_solving"} <= seconds
    for second in seconds:
        asks = strategies.strategies()[second].kind == "question"
        assert asks or strategies.order_errors([second], emotions)


@pytest.mark.parametrize(
    ("node", "strategy", "source"),
    [
        ("disappointment", "validation", "disappointment"),
        ("embarrassment", "validation", "sadness"),
        ("rage", "summarization", "anger"),
    ],
)
def test_phrases_are_the_most_specific_there_are(node, strategy, source):
    texts = {reply["text"] for reply in replies(narrowed([strategy], [node]))}
    assert texts == {row[2] for row in phrases() if row[:2] == [strategy, source]}


def test_general_phrases_are_dealt_out_among_the_roots_that_have_none_of_their_own():
    dealt = {
        root: {reply["text"] for reply in replies(narrowed(["summarization"], [root]))}
        for root in ("disgust", "surprise", "unknown")
    }
    general = {row[2] for row in phrases() if row[:2] == ["summarization", "*"]}
    assert set().union(*dealt.values()) == general
    assert sum(map(len, dealt.values())) == len(general)


def test_no_reply_is_given_to_two_emotions_of_different_roots_whatever_the_seeds():
    """By the phrases that a reply can begin with: each tells the root, and begins no other."""
    began: dict[str, str] = {}
    for node in NODES:
        root = vocabulary.vocabulary().root_of(node)
        for strategy in strategies.strategies():
            for text in phrasebook._phrases_for(strategy, node, root):
                assert began.setdefault(text, root) == root, text
    texts = sorted(row[2] for row in phrases())
    assert len(texts) == len(set(texts))
    assert not [a for a, b in zip(texts, texts[1:], strict=False) if b.startswith(f"{a} ")]


def test_too_few_general_phrases_to_deal_out_are_refused(edited_tables, tmp_path):
    path = tmp_path / "phrasebook" / "phrases.tsv"
    rows = path.read_text().splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith("inquiry\t*\tW")]
    path.write_text("".join(kept))
    with pytest.raises(LabelError, match=r"inquiry has 1 general phrases for 7 emotions"):
        phrasebook.answer(usual("mixed"), 1)


def test_a_leaf_is_answered_in_the_manner_of_its_root_unless_it_has_its_own():
    manners = {
        node: (reply["emotion"], reply["awareness"]["act"])
        for node in ("grief", "apologetic", "rage", "neutral", "ambiguous")
        for reply in replies(usual(node), seeds=[1])
    }
    assert manners == {
        "grief": ("sadness", "acknowledges"),
        "apologetic": ("neutral", "acknowledges"),
        "rage": ("neutral", "acknowledges"),
        "neutral": ("neutral", "respects"),
        "ambiguous": ("neutral", "checks"),
    }


def test_strategies_none_of_which_can_stand_alone_are_an_error():
    with pytest.raises(LabelError, match=r"strategies redirection can stand alone .*_policy\.tsv"):
        phrasebook.answer(narrowed(["redirection"], ["sadness"]), 1)


# The tables.


@cache
def phrases() -> list[list[str]]:
    lines = (resources.prompts() / "phrasebook" / "phrases.tsv").read_text().splitlines()
    return [line.split("\t") for line in lines[1:]]


def test_each_strategy_has_four_general_phrases_and_each_group_at_least_four():
    groups = Counter((strategy, emotion) for strategy, emotion, _ in phrases())
    assert {strategy for strategy, emotion in groups if emotion == "*"} == set(
        strategies.strategies()
    )
    assert min(groups.values()) >= 4


def test_replies_to_a_neutral_speaker_name_no_feeling():
    calm = emotions_of("neutral")
    for reply in replies(usual("neutral"), range(500)):
        assert rule_faults(reply, calm, neutral_twin=True) == []


def test_no_phrase_stands_where_its_strategy_is_never_allowed():
    words = vocabulary.vocabulary()
    for strategy, emotion in {(row[0], row[1]) for row in phrases()}:
        nodes = [node for node in NODES if emotion in (node, words.root_of(node), "*")]
        assert any(strategy in strategies.allowed(emotions_of(node), 2) for node in nodes), (
            strategy,
            emotion,
        )


NEVER_SAID = {
    "a life of the speaker's own": r"\b(my|mine|we used|i (was|went|had|felt|remember|know how))\b",
    "acoustics": r"\b(voice|tone|pitch|loud|louder|volume|you sound)\b",
    "the sorry formula": r"sorry to hear|i'm sorry",
    "diagnosis": r"\b(depress\w*|trauma\w*|disorder|clinical|therap\w*|doctor)\b",
    "an assistant's name for itself": r"\b(as an ai|assistant|language model|program)\b",
    "what cannot be spoken": r"[^A-Za-z0-9 .,;'?!-]|--|\.\.\.",
}


@pytest.mark.parametrize("what", NEVER_SAID)
def test_no_phrase_holds(what):
    held = [row for row in phrases() if re.search(NEVER_SAID[what], row[2].lower())]
    assert held == []


@pytest.mark.parametrize("root", ["neutral", "unknown"])
def test_phrases_for_neutral_and_unknown_name_no_feeling(root):
    table = resources.label_maps() / "emotion" / "_vocabulary.tsv"
    rows = read_rows(table, ("emotion", "adjective"), key=("emotion",))
    named = {row.cells[column] for row in rows for column in ("emotion", "adjective")}
    named -= {"other", "neutral", "mixed", "unknown", "ambiguous"}
    for _, emotion, text in phrases():
        if emotion in (root, "*"):
            spoken = set(re.findall(r"[a-z]+", text.lower()))
            assert not spoken & named, text


def test_no_opener_of_three_words_begins_more_than_one_phrase_in_fifty():
    openers = Counter(" ".join(row[2].lower().split()[:3]) for row in phrases())
    assert openers.most_common(1)[0][1] <= len(phrases()) / 50


@pytest.fixture
def edited_tables(tmp_path, monkeypatch):
    """Return a function that appends a row to a copy of a phrase table, which is then used."""
    folder = tmp_path / "phrasebook"
    folder.mkdir()
    for path in (resources.prompts() / "phrasebook").glob("*.tsv"):
        (folder / path.name).write_bytes(path.read_bytes())

    def append(name: str, row: str) -> int:
        with (folder / name).open("a") as file:
            file.write(row + "\n")
        return len((folder / name).read_text().splitlines())

    monkeypatch.setattr(resources, "prompts", lambda: tmp_path)
    forget_tables()
    yield append
    forget_tables()


def forget_tables() -> None:
    for cached in (phrasebook._phrases, phrasebook._manners, phrasebook._repertoire):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("phrases.tsv", "hugging\tsadness\tCome here, you.", "strategy is 'hugging'"),
        ("phrases.tsv", "validation\tblue\tIt makes sense.", "emotion is 'blue'"),
        ("phrases.tsv", "validation\tsadness\t", "expected some text"),
        ("phrases.tsv", "validation\tsadness\tWell then.", "expected 3 to 30 words"),
        ("phrases.tsv", "validation\tsadness\tIsn't that so?", "expected no '?'"),
        ("phrases.tsv", "inquiry\thappiness\tTell me more.", "expected its only '?' at its end"),
        ("phrases.tsv", "inquiry\thappiness\tOh? And then?", "expected its only '?' at its end"),
        ("phrases.tsv", "validation\tsadness", "2 cells"),
        ("phrases.tsv", "inquiry\ttrust\tIs it so?\ninquiry\ttrust\tIs it so?", "only once"),
        ("replies.tsv", "blue\tneutral\tchecks", "emotion is 'blue'"),
        ("replies.tsv", "grief\tpity\tchecks", "reply_emotion is 'pity'"),
        ("replies.tsv", "grief\tneutral\tconsoles", "act is 'consoles'"),
        ("replies.tsv", "fear\tneutral\tchecks", "expected each emotion only once"),
    ],
)  # fmt: skip
def test_bad_row_is_named_with_its_file_and_line(edited_tables, name, row, words):
    line = edited_tables(name, row)
    with pytest.raises(LabelError, match=re.escape(words)) as caught:
        phrasebook.answer(usual("sadness"), 1)
    assert f"phrasebook/{name}:{line};" in str(caught.value)


def test_table_without_its_header_is_refused(edited_tables, tmp_path):
    (tmp_path / "phrasebook" / "replies.tsv").write_text("")
    with pytest.raises(LabelError, match=r"no column emotion, .* in .*replies\.tsv; expected"):
        phrasebook.answer(usual("sadness"), 1)


def test_root_without_a_reply_row_is_refused(edited_tables, tmp_path):
    (tmp_path / "phrasebook" / "replies.tsv").write_text("emotion\treply_emotion\tact\n")
    with pytest.raises(LabelError, match="no row for happiness, sadness"):
        phrasebook.answer(usual("sadness"), 1)


def test_answer_is_json_text_of_the_reply_alone():
    text = phrasebook.answer(usual("fear"), 3)
    assert isinstance(text, str)
    assert list(orjson.loads(text)) == ["text", "emotion", "strategies", "awareness"]
