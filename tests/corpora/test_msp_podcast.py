import shutil
from pathlib import Path

import pytest

from builders import resources
from builders.corpora import load_card, open_reader
from builders.corpora.verify import verify
from builders.labels.aggregation import load_labelling
from builders.record.types import Dialogue, Reject, Utterance

SAMPLE = resources.corpora() / "msp_podcast" / "sample"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "MSP-Podcast"))


def items(folder: Path, media: bool = False) -> list[Dialogue | Reject]:
    reader = open_reader("msp_podcast", folder, media)
    return [item for split in reader.splits for item in reader.read(split)]


def turns(folder: Path, media: bool = False) -> dict[str, Utterance]:
    found = [item for item in items(folder, media) if isinstance(item, Dialogue)]
    return {d.id: d.utterances[0] for d in found}


def test_nothing_of_it_may_go_out():
    card = load_card("msp_podcast")
    said = {*card.rights.model_dump().values(), *card.send_to_third_party.model_dump().values()}
    assert said == {card.licence, "no"}


def test_each_of_the_three_test_sets_is_a_fold():
    folds = {i.id: (i.split, i.folds) for i in items(SAMPLE) if isinstance(i, Dialogue)}
    assert folds["0005_0001"] == ("test", ("test1:test",))
    assert folds["0006_0001"] == ("test", ("test2:test",))
    assert folds["0007_0001"] == ("test", ("test3:test",))
    assert folds["0001_0001"] == ("train", ())


def test_votes_and_values_are_those_of_each_rater():
    said = turns(SAMPLE)["0003_0001"]
    assert said.annotation and said.annotation.votes and said.annotation.dimensions
    votes = [(vote["rater"], vote["label"]) for vote in said.annotation.votes]
    assert votes == [
        ("WORKER00000001", "Angry"),
        ("WORKER00000002", "Sad"),
        ("WORKER00000003", "Other"),
    ]
    means = {d["name"]: d["value"] for d in said.annotation.dimensions if d["rater"] is None}
    assert means == {"valence": 3.5, "activation": 4.0, "dominance": 4.0}
    own = [d["value"] for d in said.annotation.dimensions if d["name"] == "valence" and d["rater"]]
    assert own == [1.0, 2.0, 3.0]
    assert said.speaker is None and said.sex is None


def test_no_agreement_stays_ambiguous_and_a_minority_is_a_second_emotion():
    labelling = load_labelling("msp_podcast")
    found = {}
    for name, said in turns(SAMPLE).items():
        labelling.settle(said)
        found[name] = labelling.emotions(said)
    assert found["0003_0001"].primary == "ambiguous"
    assert (found["0001_0001"].primary, found["0001_0001"].secondary) == ("anger", "disgust")


def test_without_the_file_of_votes_labels_and_means_are_read(copy):
    (copy / "Labels" / "Labels.txt").unlink()
    said = turns(copy)["0001_0001"]
    assert said.label == "A" and said.annotation and said.annotation.votes is None
    assert len(said.annotation.dimensions or ()) == 3


def test_a_turn_without_words_or_clip_is_told(copy):
    (copy / "Transcripts" / "MSP-PODCAST_0001_0001.txt").unlink()
    (copy / "Transcripts" / "MSP-PODCAST_0001_0002.txt").write_text(" \n")
    (copy / "Audios" / "MSP-PODCAST_0002_0001.wav").unlink()
    rejects = [item for item in items(copy) if isinstance(item, Reject)]
    assert [r.reason for r in rejects] == ["no_transcript", "no_transcript", "broken_value"]
    assert turns(copy, media=True)["0002_0001"].findings == ("clip_missing",)


def test_it_can_be_verified_although_no_count_is_published():
    assert verify("msp_podcast", SAMPLE, (), text_only=True).ok
