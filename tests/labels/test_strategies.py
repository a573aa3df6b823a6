"""Which strategies suit an emotion and in which order, by the tables and by the rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from tables import edited_tables

from builders.errors import LabelError
from builders.labels import strategies
from builders.labels.strategies import StrategyTables, allowed, first_choices, order_errors, resolve
from builders.labels.vocabulary import vocabulary
from builders.record.types import Emotions


def emotion(node: str, valence: str | None = None, secondary: str | None = None) -> Emotions:
    words = vocabulary()
    valence = valence or words.valence(node)
    return Emotions(node, words.root_of(node), valence, words.arousal(node), secondary=secondary)


def edited(folder: Path, name: str, old: str, new: str) -> StrategyTables:
    """Return the shipped tables with one text changed."""
    return StrategyTables(edited_tables(folder, f"strategy/{name}", old, new)[0].parent)


@pytest.mark.parametrize("word", ["problem_solving", "Problem-Solving", "problem solving"])
def test_any_spelling_of_a_strategy_is_understood(word: str):
    assert resolve(word) == "problem_solving"


@pytest.mark.parametrize(
    ("word", "strategy"),
    [
        ("acknowledgment", "validation"),
        ("acknowledgement", "validation"),
        ("reflection of feelings", "validation"),
        ("empathy", "empathetic_response"),
        ("Amplification", "celebration"),
        ("grounding", "mindful_presence"),
        ("presence", "mindful_presence"),
        ("summary", "summarization"),
        ("de escalation", "de_escalation"),
    ],
)
def test_another_word_for_a_strategy_is_understood(word: str, strategy: str):
    assert resolve(word) == strategy
    assert resolve(word, "positive") == strategy


def test_exploration_of_good_news_is_inquiry_and_otherwise_open():
    assert resolve("exploration", "positive") == "inquiry"
    assert resolve("exploration", "negative") == "open_ended_questioning"
    assert resolve("exploration") == "open_ended_questioning"


def test_a_word_that_is_no_strategy_becomes_nothing():
    assert resolve("hypnosis") is None
    assert resolve("") is None


def test_allowed_strategies_fit_the_valence_in_table_order():
    assert allowed(emotion("happiness"), 0) == (
        *("celebration", "inquiry", "gratitude_expression", "reciprocal_enthusiasm"),
        *("future_oriented_discussion", "clarification", "open_ended_questioning"),
        "mindful_presence",
    )


def test_a_neutral_target_gets_the_neutral_family_alone():
    assert allowed(emotion("neutral"), 2) == (
        *("clarification", "open_ended_questioning", "mindful_presence", "summarization"),
    )


def test_an_open_valence_allows_both_families_and_an_unknown_one_no_cheering():
    assert {"celebration", "validation"} <= set(allowed(emotion("surprise"), 0))
    assert "empathetic_response" in allowed(emotion("ambiguous"), 0)
    assert "celebration" not in allowed(emotion("ambiguous"), 0)


def test_surprise_follows_the_valence_it_turned_out_to_have():
    welcome, unwelcome = emotion("surprise", "positive"), emotion("surprise", "negative")
    assert "celebration" in allowed(welcome, 0) and "validation" not in allowed(welcome, 0)
    assert "validation" in allowed(unwelcome, 0) and "celebration" not in allowed(unwelcome, 0)


def test_summarization_needs_two_earlier_turns_of_the_speaker():
    assert "summarization" not in allowed(emotion("sadness"), 1)
    assert "summarization" in allowed(emotion("sadness"), 2)


def test_the_policy_adds_a_strategy_of_another_family():
    assert "future_oriented_discussion" in allowed(emotion("disappointment"), 0)
    assert "future_oriented_discussion" not in allowed(emotion("sadness"), 0)


def test_the_policy_takes_away_what_is_to_be_avoided():
    assert "normalization" not in allowed(emotion("anger"), 0)
    assert "redirection" not in allowed(emotion("grief"), 0)


def test_a_leaf_without_rows_has_those_of_its_root():
    assert first_choices(emotion("rage")) == first_choices(emotion("anger"))
    assert "normalization" not in allowed(emotion("rage"), 0)


def test_a_leaf_overrides_a_row_of_its_root():
    assert "normalization" in allowed(emotion("jealousy"), 0)
    assert "normalization" not in allowed(emotion("frustration"), 0)


def test_first_choices_are_those_of_the_leaf_in_file_order():
    assert first_choices(emotion("grief")) == ("mindful_presence", "empathetic_response")
    assert first_choices(emotion("hope")) == ("future_oriented_discussion", "inquiry")


def test_a_secondary_emotion_adds_what_suits_its_own_valence():
    assert "gratitude_expression" not in allowed(emotion("sadness"), 0)
    assert "gratitude_expression" in allowed(emotion("sadness", secondary="excitement"), 0)


def test_a_secondary_emotion_does_not_add_what_it_avoids_itself():
    assert "de_escalation" in allowed(emotion("happiness", secondary="anger"), 0)
    assert "normalization" not in allowed(emotion("happiness", secondary="anger"), 0)


def test_a_secondary_emotion_never_adds_what_the_primary_avoids():
    assert "celebration" in allowed(emotion("pride"), 0)
    assert "celebration" not in allowed(emotion("sadness", secondary="pride"), 0)


def test_disappointment_with_frustration_allows_validation_then_an_open_question():
    emotions = emotion("disappointment", secondary="frustration")
    assert {"validation", "open_ended_questioning"} <= set(allowed(emotions, 0))
    assert order_errors(["validation", "open_ended_questioning"], emotions) == []


def test_every_emotion_allows_something_and_all_its_first_choices():
    for node in vocabulary().nodes:
        names = allowed(emotion(node), 0)
        assert names, node
        assert set(first_choices(emotion(node))) <= set(names), node
        assert first_choices(emotion(node)), node


SAD = emotion("sadness")


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (
            ["validation", "empathetic_response", "normalization", "clarification"],
            "At most 3 strategies may be named, not 4.",
        ),
        (["validation", "validation"], "validation is named more than once."),
        (
            ["clarification", "inquiry"],
            "At most one strategy may ask a question, not clarification and inquiry.",
        ),
        (
            ["clarification", "validation"],
            "clarification asks a question, so it must come last.",
        ),
        (
            ["redirection", "validation"],
            "redirection must not come first: acknowledge the feeling first.",
        ),
        (["redirection"], "redirection must not stand alone: acknowledge the feeling first."),
        (
            ["problem_solving"],
            "problem_solving must not come first when the speaker feels sadness.",
        ),
    ],
)
def test_an_illegal_order_is_said_in_one_sentence(ids: list[str], message: str):
    assert order_errors(ids, SAD) == [message]


@pytest.mark.parametrize(
    "ids", [["validation"], ["validation", "problem_solving"], ["validation", "redirection"], []]
)
def test_a_legal_order_has_no_errors(ids: list[str]):
    assert order_errors(ids, SAD) == []


def test_advice_may_open_a_reply_where_there_is_no_heavy_feeling():
    assert order_errors(["problem_solving"], emotion("disgust")) == []


def test_the_future_never_opens_a_reply_to_anxiety_but_may_open_one_to_hope():
    assert order_errors(["future_oriented_discussion"], emotion("anxiety"))
    assert not order_errors(["future_oriented_discussion"], emotion("hope"))


def test_a_strategy_that_the_policy_puts_first_may_open_a_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    old = "distress\tproblem_solving\tlater"
    tables = edited(tmp_path, "_policy.tsv", old, old.replace("later", "first"))
    assert order_errors(["problem_solving"], emotion("distress"))
    monkeypatch.setattr(strategies, "_tables", lambda: tables)
    first_choices.cache_clear()
    assert not order_errors(["problem_solving"], emotion("distress"))
    first_choices.cache_clear()


def test_the_published_string_of_strategies_splits_into_the_same_list():
    ids = ["validation", "problem_solving", "clarification"]
    assert strategies.join(ids) == "validation_then_problem_solving_then_clarification"
    assert strategies.split(strategies.join(ids)) == ids


def test_no_strategy_contains_what_joins_them():
    assert all(strategies.split(name) == [name] for name in strategies.strategies())


def test_the_version_changes_with_any_table(tmp_path: Path):
    changed = {
        edited(tmp_path / name, name, old, new).version
        for name, old, new in [
            ("_aliases.tsv", "praise\t", "praising\t"),
            ("_policy.tsv", "Thanks are answered", "Thanks get answered"),
            ("_strategies.tsv", "Praises the good event", "Honours the good event"),
        ]
    }
    same = edited(tmp_path / "same", "_aliases.tsv", "praise", "praise")
    assert len(changed) == 3
    assert strategies.tables_version() not in changed
    assert same.version == strategies.tables_version()


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("_strategies.tsv", "validation\tnegative", "validation\tsad", "family is 'sad'"),
        (
            "_strategies.tsv",
            "inquiry\tpositive\tquestion",
            "inquiry\tpositive\task",
            "kind is 'ask'",
        ),
        ("_strategies.tsv", "\nsummarization\t", "\nvalidation\t", "strategy is 'validation'"),
        ("_aliases.tsv", "praise\tcelebration", "praise\tflattery", "strategy is 'flattery'"),
        ("_aliases.tsv", "praise\t", "Validation\t", "alias is 'Validation'"),
        ("_aliases.tsv", "praise\t", "grounding\t", "alias is 'grounding'"),
        ("_aliases.tsv", "exploring\tinquiry", "inquiry\tinquiry", "alias is 'inquiry'"),
        (
            "_aliases.tsv",
            "exploring\tinquiry\tpositive",
            "exploring\tinquiry\tgood",
            "valence is 'good'",
        ),
        ("_policy.tsv", "grief\tmindful_presence", "gloom\tmindful_presence", "emotion is 'gloom'"),
        (
            "_policy.tsv",
            "grief\tmindful_presence\tfirst",
            "grief\tmindful_presence\tsoon",
            "place is 'soon'",
        ),
        (
            "_policy.tsv",
            "grief\tredirection",
            "grief\tnormalization",
            "strategy is 'normalization'",
        ),
        ("_policy.tsv", "Thanks are answered with thanks.", "", "reason is ''"),
    ],
)
def test_a_wrong_cell_is_named_with_file_and_line(
    tmp_path: Path, name: str, old: str, new: str, message: str
):
    path, line = edited_tables(tmp_path, f"strategy/{name}", old, new)
    with pytest.raises(LabelError) as error:
        StrategyTables(path.parent)
    assert str(error.value).startswith(f"{message} in {path}:{line}; expected ")
