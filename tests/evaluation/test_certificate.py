"""The certificate: planted dependence is found, and none where there is none."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from builds import hearten, one_line_error
from exporting import small_build
from synthetic_pairs import pairs_by
from test_judge import grouped as member

from builders.evaluation.certificate.certifying import Certificate, certify, depends, shares
from builders.evaluation.certificate.members import MatchedPairs
from builders.evaluation.certificate.ranker import ComparedPairs, cells, folds
from builders.tasks.reply.meaning import open_embeddings

ACTORS = 20


def certificate(found: MatchedPairs) -> Certificate:
    return certify(found, *open_embeddings())


@pytest.fixture(scope="module")
def made() -> dict[str, Certificate]:
    """The certificate of a drafter of each kind."""
    return {kind: certificate(pairs_by(kind, ACTORS, 1)) for kind in ("voice", "label", "nothing")}


def interval(found: Certificate, name: str) -> tuple[float, float]:
    told = found["told_by"][name]
    assert told["low"] <= told["share"] <= told["high"]
    return told["low"], told["high"]


def test_three_drafters_are_told_apart(made):
    said = {kind: found["depends"] for kind, found in made.items()}
    assert said == {"voice": "voice", "label": "label", "nothing": "neither"}


def test_independent_replies_are_matched_by_chance(made):
    for name in ("voice", "voice_beyond_label", "label", "shuffled_voice"):
        low, high = interval(made["nothing"], name)
        assert low <= 0.5 <= high, name


def test_whoever_obeys_the_label_is_found_by_the_voice_that_goes_with_it_and_no_further(made):
    found = made["label"]
    assert interval(found, "label")[0] > 0.8
    assert interval(found, "voice")[0] > 0.5
    low, high = interval(found, "voice_beyond_label")
    assert low <= 0.5 <= high


@pytest.mark.parametrize("kind", ["voice", "label", "nothing"])
def test_the_words_and_shuffled_voices_tell_nothing(made, kind):
    assert made[kind]["told_by"]["words"]["share"] == 0.5, "both members have the same words"
    low, high = interval(made[kind], "shuffled_voice")
    assert low <= 0.5 <= high


def test_every_number_follows_from_what_is_kept(made):
    for found in made.values():
        held = json.loads(json.dumps(found))
        chances = {name: one["by_chance"] for name, one in held["told_by"].items()}
        assert shares(held["picks"], chances) == found["told_by"]
        assert depends(held["told_by"]) == found["depends"]


def test_nothing_is_learnt_of_a_speaker_or_sentence_that_is_asked_about():
    pairs = pairs_by("voice", 7, 2, sentences=5).pairs
    speakers = [one.speaker for one, _ in pairs]
    sentences = [one.sentence for one, _ in pairs]
    compared = ComparedPairs(
        np.zeros((len(pairs), 1)), folds(speakers, 5), folds(sentences, 4), None
    )
    asked_about = np.zeros(len(pairs), int)
    for asked, learnt in cells(compared):
        for names in (speakers, sentences):
            seen = {name for name, there in zip(names, learnt, strict=True) if there}
            assert not seen & {name for name, there in zip(names, asked, strict=True) if there}
        asked_about += asked
    assert (asked_about == 1).all()


def test_it_does_not_depend_on_which_member_comes_first(made):
    found = pairs_by("voice", ACTORS, 1)
    turned = replace(found, pairs=[(other, one) for one, other in found.pairs])
    again = certificate(turned)
    assert again["told_by"]["voice"]["share"] == made["voice"]["told_by"]["voice"]["share"]
    assert again["digest"] != made["voice"]["digest"], "the digest is of what was given"


def test_equal_replies_tell_nothing():
    found = pairs_by("voice", 5, 1)
    same = {one.id: "All right." for pair in found.pairs for one in pair}
    told = certificate(found.with_replies(same))["told_by"]
    assert {one["share"] for one in told.values()} == {0.5}


# Bad input


def certified(folder):
    return hearten("ablate", folder, "--certificate")


def test_without_minimal_pairs_there_is_none(tmp_path):
    row = member(1, "anger", "louder", "crema_d")
    row[0]["contrast"] = None
    ended = certified(small_build(tmp_path / "b", [row]))
    assert ended.code == 1 and "there is no minimal pair" in one_line_error(ended)


def test_of_one_speaker_there_is_none(tmp_path):
    rows = [member(1, "anger", "louder", "crema_d"), member(2, "neutral", "faster", "crema_d")]
    rows[1][0]["target_utterance"]["speaker"] = rows[0][0]["target_utterance"]["speaker"]
    ended = certified(small_build(tmp_path / "b", rows))
    line = one_line_error(ended)
    assert ended.code == 1 and "all 1 minimal pairs are of one speaker" in line
    assert "--limit" in line


def test_without_voices_there_is_none(tmp_path):
    rows = [member(1, "anger", "louder", "crema_d"), member(2, "neutral", "faster", "crema_d")]
    for row in rows:
        row[0]["voice"] = None
    ended = certified(small_build(tmp_path / "b", rows))
    assert ended.code == 1
    assert "no voice was measured in 1 minimal pairs" in one_line_error(ended)
