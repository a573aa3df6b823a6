"""What labels, votes and intensities mean together, by rules that stand in tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import resources
from builders.errors import LabelError, UsageError
from builders.labels.aggregation import (
    LOW_AGREEMENT,
    RULES,
    TIE,
    Labelling,
    check_view,
    load_labelling,
)
from builders.labels.vocabulary import LabelMap, vocabulary
from builders.record.types import Annotation, Utterance

HEADER = (resources.label_maps() / "emotion" / "meld.sssom.tsv").read_text("utf-8")
COLUMNS = next(line for line in HEADER.splitlines() if line.startswith("subject_id"))
TOP = HEADER[: HEADER.index(COLUMNS)]
NODES = (
    *("anger", "rage", "frustration", "sadness", "grief", "happiness", "fear", "disgust"),
    *("surprise", "neutral"),
)


@pytest.fixture
def labelling(tmp_path: Path):
    """Make a labelling whose labels are named as our emotions, with the rules that are given."""

    def make(view: str | None = None, **rules: float) -> Labelling:
        rows = [f"x:{n}\t{n}\tskos:exactMatch\temotion:{n}\t{n}" for n in NODES]
        for label in (TIE, LOW_AGREEMENT, "unclear", "(none, sentiment clear)"):
            rows.append(f"x:u\t{label}\tskos:broadMatch\temotion:ambiguous\tambiguous")
        rows.append("x:n\t(none, sentiment near zero)\tskos:closeMatch\temotion:neutral\tneutral")
        rows.append("x:o\tnoise\tskos:exactMatch\tsssom:NoTermFound\t")
        path = tmp_path / "x.sssom.tsv"
        ending = "\tsemapv:ManualMappingCuration\ta reason here\t{}\n"
        text = "".join(
            row + ending.format("none" if "ambiguous" in row or "NoTerm" in row else "exact")
            for row in rows
        )
        path.write_text(f"{TOP}{COLUMNS}\n{text}", encoding="utf-8")
        return Labelling(LabelMap(path, vocabulary()), rules, "1", view)

    return make


def voted(label: str | None, *votes: str, **more) -> Utterance:
    counted = [{"rater": f"r{n}", "label": vote, "count": 1} for n, vote in enumerate(votes)]
    said = Annotation(votes=counted or None, **more)
    return Utterance("1", "1", 1, "Mira", "Well.", label, annotation=said)


def felt(sentiment: float | None = None, **intensities: float) -> Utterance:
    values = {"sentiment": sentiment, **intensities}
    given = [
        {"name": n, "value": v, "minimum": 0.0, "maximum": 3.0, "rater": None}
        for n, v in values.items()
        if v is not None
    ]
    return Utterance("1", "1", 1, "Mira", "Well.", None, annotation=Annotation(dimensions=given))


def read(labelling: Labelling, utterance: Utterance):
    labelling.settle(utterance)
    return labelling.emotions(utterance)


def test_a_minority_vote_is_the_second_emotion(labelling):
    meaning = read(labelling(secondary_share=0.25), voted("sadness", "sadness", "sadness", "rage"))
    assert (meaning.primary, meaning.secondary, meaning.alternatives) == ("sadness", "rage", ())


def test_without_a_rule_votes_change_nothing(labelling):
    meaning = read(labelling(), voted("sadness", "sadness", "sadness", "rage"))
    assert (meaning.primary, meaning.secondary) == ("sadness", None)


def test_two_second_emotions_of_one_strength_are_other_readings_and_none_is_the_second(labelling):
    votes = ("sadness", "sadness", "fear", "rage")
    meaning = read(labelling(secondary_share=0.25), voted("sadness", *votes))
    assert (meaning.secondary, meaning.alternatives) == (None, ("fear", "rage"))


def test_a_vote_below_the_share_is_no_second_emotion(labelling):
    votes = ("sadness",) * 9 + ("fear",)
    assert read(labelling(secondary_share=0.25), voted("sadness", *votes)).secondary is None


def test_neutral_has_no_second_emotion_and_is_none(labelling):
    rules = labelling(secondary_share=0.25)
    assert read(rules, voted("neutral", "neutral", "neutral", "rage")).secondary is None
    assert read(rules, voted("rage", "rage", "rage", "neutral")).secondary is None


def test_agreement_is_the_share_of_votes_for_what_the_label_means(labelling):
    utterance = voted("sadness", "sadness", "sadness", "fear")
    labelling().settle(utterance)
    assert utterance.annotation.agreement == 0.6667


def test_a_label_that_nobody_chose_has_no_agreement(labelling):
    utterance = voted("fear", "sadness", "sadness", "rage")
    labelling(root_share=0.5).settle(utterance)
    assert utterance.annotation.agreement == 0


def test_a_rater_who_chose_two_counts_once(labelling):
    utterance = voted("sadness", "sadness", "sadness", "sadness")
    more = {"rater": "r2", "label": "fear", "count": 1}
    utterance.annotation.votes.append(more)
    labelling().settle(utterance)
    assert utterance.annotation.agreement == 1


def test_the_agreement_on_an_unsettled_label_is_that_on_its_root_else_the_largest(labelling):
    utterance = voted("unclear", "rage", "frustration", "fear")
    labelling(root_share=0.5).settle(utterance)
    assert utterance.annotation.agreement == 0.6667
    utterance = voted("unclear", "rage", "fear", "sadness")
    labelling(root_share=0.5).settle(utterance)
    assert utterance.annotation.agreement == 0.3333


def test_agreement_that_a_corpus_gives_is_kept(labelling):
    utterance = voted("sadness", "sadness", "fear", agreement=0.9)
    labelling().settle(utterance)
    assert utterance.annotation.agreement == 0.9


def test_a_label_that_too_few_agree_on_is_ambiguous_with_what_was_voted_for(labelling):
    rules = labelling(least_agreement=0.6, secondary_share=0.25)
    votes = ("sadness", "sadness", "fear", "fear", "neutral", "neutral", "neutral")
    meaning = read(rules, voted("neutral", *votes))
    assert (meaning.primary, meaning.root) == ("ambiguous", "unknown")
    assert meaning.alternatives == ("sadness", "fear", "neutral")
    enough = read(rules, voted("sadness", "sadness", "sadness", "sadness", "fear", "fear"))
    assert (enough.primary, enough.secondary) == ("sadness", "fear")


def test_a_tie_is_ambiguous_whatever_the_label_says(labelling):
    rules = labelling(least_agreement=0.1)
    assert read(rules, voted("rage:fear", "rage", "fear")).primary == "ambiguous"


def test_an_unsettled_label_becomes_the_root_that_half_of_the_votes_lie_under(labelling):
    rules = labelling(root_share=0.5, secondary_share=0.25)
    meaning = read(rules, voted("unclear", "rage", "frustration", "fear"))
    assert (meaning.primary, meaning.root, meaning.valence) == ("anger", "anger", "negative")
    assert (meaning.match_leaf, meaning.match_root) == ("broad", "broad")
    assert set(meaning.alternatives) == {"fear", "rage", "frustration"}


def test_two_roots_of_half_the_votes_each_leave_a_label_unsettled(labelling):
    rules = labelling(root_share=0.5, secondary_share=0.25)
    meaning = read(rules, voted("unclear", "rage", "anger", "fear", "fear"))
    assert (meaning.primary, meaning.secondary) == ("ambiguous", None)
    assert meaning.alternatives == ("anger", "fear", "rage")


def test_an_unsettled_label_that_most_heard_as_neutral_names_no_feeling(labelling):
    rules = labelling(root_share=0.5, secondary_share=0.25)
    meaning = read(rules, voted("unclear", "neutral", "neutral", "fear"))
    assert (meaning.primary, meaning.alternatives) == ("neutral", ())


def test_votes_for_nothing_in_particular_settle_nothing(labelling):
    rules = labelling(root_share=0.5, secondary_share=0.25)
    meaning = read(rules, voted("unclear", "unclear", "unclear", "sadness"))
    assert (meaning.primary, meaning.match_root) == ("ambiguous", "none")
    assert meaning.alternatives == ("sadness",)


def test_a_vote_without_a_row_is_named_as_a_label_is(labelling):
    rules = labelling(secondary_share=0.25)
    with pytest.raises(KeyError, match="bewildered"):
        read(rules, voted("sadness", "sadness", "sadness", "bewildered"))


def test_a_view_gives_the_label_its_votes_and_its_source(labelling):
    views = [
        {"name": "intended", "label": "rage", "votes": None, "agreement": None, "level": 3.0},
        {
            "name": "voice",
            "label": "fear",
            "votes": [{"rater": None, "label": "fear", "count": 4}],
            "agreement": 1.0,
            "level": 61.5,
        },
    ]
    heard = voted(None, views=views)
    assert read(labelling("voice", least_agreement=0.6), heard).primary == "fear"
    assert (heard.label, heard.annotation.source, heard.annotation.intensity) == (
        *("fear", "voice"),
        61.5,
    )
    asked = voted(None, views=views)
    assert read(labelling("intended", least_agreement=0.6), asked).primary == "rage"
    assert (asked.annotation.source, asked.annotation.votes) == ("intended", None)


INTENSITIES = {"secondary_of_strongest": 0.5, "near_zero_sentiment": 0.5}


def test_the_strongest_intensity_is_the_label_and_half_as_strong_the_second(labelling):
    utterance = felt(-1.0, sadness=2.0, fear=1.0, disgust=0.6)
    meaning = read(labelling(**INTENSITIES), utterance)
    assert (meaning.primary, meaning.secondary, meaning.alternatives) == ("sadness", "fear", ())
    assert (utterance.label, utterance.annotation.intensity) == ("sadness", 2.0)
    assert utterance.sentiment == "negative"


def test_intensities_of_one_strength_are_a_tie_with_both_as_readings(labelling):
    meaning = read(labelling(**INTENSITIES), felt(0.0, happiness=1.0, surprise=1.0, fear=0.4))
    assert meaning.primary == "ambiguous"
    assert meaning.alternatives == ("happiness", "surprise")


def test_tied_intensities_under_one_root_are_that_root(labelling):
    meaning = read(labelling(**INTENSITIES), felt(-2.0, rage=1.0, frustration=1.0, fear=0.5))
    assert (meaning.primary, meaning.match_leaf) == ("anger", "broad")
    assert set(meaning.alternatives) == {"rage", "frustration", "fear"}


@pytest.mark.parametrize(
    ("sentiment", "primary", "valence"),
    [
        (0.4, "neutral", "neutral"),
        (-0.5, "ambiguous", "negative"),
        (1.0, "ambiguous", "positive"),
        (None, "neutral", "neutral"),
    ],
)
def test_no_intensity_at_all_is_neutral_only_without_sentiment(
    labelling, sentiment, primary, valence
):
    meaning = read(labelling(**INTENSITIES), felt(sentiment, happiness=0.0, fear=0.0))
    assert (meaning.primary, meaning.valence) == (primary, valence)


def test_surprise_takes_its_valence_from_the_sentiment(labelling):
    assert read(labelling(**INTENSITIES), felt(2.0, surprise=1.0)).valence == "positive"


# The tables


def rules_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    folder = tmp_path / "emotion"
    folder.mkdir()
    (folder / "meld.sssom.tsv").write_text(HEADER, encoding="utf-8")
    (folder / "meld.rules.tsv").write_text(text, encoding="utf-8")
    monkeypatch.setattr(resources, "label_maps", lambda: tmp_path)


def test_rules_are_read_from_a_table_and_are_part_of_the_version(tmp_path, monkeypatch):
    plain = load_labelling("meld").version
    rules_file(tmp_path, monkeypatch, "rule\tvalue\treason\nroot_share\t0.5\thalf of the votes\n")
    found = load_labelling("meld")
    assert found.rules == {"root_share": 0.5}
    assert found.version.startswith(plain) and found.version != plain


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            "loudness\t1\tno such rule",
            f"rule is 'loudness' .*:2; expected one of {next(iter(RULES))}",
        ),
        ("root_share\thalf\ta word", "value is 'half' .*:2; expected a number"),
        ("root_share\t0.5\t", "reason is '' .*:2; expected some text"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(row, words, tmp_path, monkeypatch):
    rules_file(tmp_path, monkeypatch, f"rule\tvalue\treason\n{row}\n")
    with pytest.raises(LabelError, match=words):
        load_labelling("meld")


def test_a_view_that_a_corpus_has_not_is_a_usage_error():
    with pytest.raises(
        UsageError, match=r"meld has no label view 'face'; leave out --label-view: it has"
    ):
        check_view("meld", "face", ())
    with pytest.raises(
        UsageError, match=r"expected one of voice, intended; leave out --label-view"
    ):
        check_view("crema_d", "face", ("voice", "intended"))
