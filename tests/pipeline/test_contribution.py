"""What the audio adds: votes from the words alone, evidence from the voice, classes, the report."""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter

import pandas as pd
import pytest
from builds import hearten, manifest, one_line_error, result_bytes, samples
from endpoints import TestEndpoint
from invented import target
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from builders.errors import ConfigError
from builders.llm.settings import KEY_VARIABLES
from builders.llm.task import Accepted, GivenUp, Pending
from builders.pipeline.contribution import Ballots, needed
from builders.record.types import Emotions
from builders.release.export import export
from builders.release.export.options import make_options
from builders.report.contribution import agreement, of_root
from builders.settings import STORE_FILE, make_config, voting

# Three voters: one who always says neutral, one who never tells, one who always says anger.
NEUTRAL = {"match": "^always-neutral\n", "answer": {"emotion": "neutral"}}
SILENT = {"match": "^never-tells\n", "answer": {"emotion": "cannot_tell"}}
ANGRY = {"match": "^always-angry\n", "answer": {"emotion": "anger"}}
VOTERS = ("always-neutral", "never-tells", "always-angry")


_READERS = (*VOTERS, "one", "two", "reads-well", "reads-too")


def _named(endpoint: TestEndpoint, voters) -> list[str]:
    return [part for model in voters for part in ("--vote-model", f"{model}@{endpoint.base_url}")]


def vote(endpoint: TestEndpoint, corpus: str, folder, *more, voters=VOTERS, sound=False):
    """Build a sample whose replies are the phrasebook's and whose votes are the endpoint's.

    The models have qualified before, by the store that is put in place.
    """
    folder.mkdir(exist_ok=True)
    if not (folder / STORE_FILE).exists():
        shutil.copy(endpoint.qualified, folder / STORE_FILE)
    named = _named(endpoint, voters)
    return hearten(
        *("build", "--corpus", corpus, "--sample", "--output", folder, "--show", 0),
        *(*named, *more, *(() if sound else ("--text-only",))),
    )


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """Start an endpoint whose models have qualified once, in the store `qualified`."""
    folder = tmp_path_factory.mktemp("qualified")
    with TestEndpoint(any_model=True, reads=True) as running:
        ended = hearten(
            *("build", "--corpus", "emowoz", "--sample", "--output", folder, "--limit", 1),
            *_named(running, _READERS),
        )
        assert ended.code == 0, ended.err
        running.qualified = folder / STORE_FILE
        yield running


@pytest.fixture
def endpoint(readers):
    readers.control(rules=[NEUTRAL, SILENT, ANGRY], faults=[], keep_bodies=True)
    return readers


def classes(folder) -> Counter:
    found = Counter()
    for record in samples(folder):
        root = record["target_utterance"]["emotions"]["root"]
        measured = record["audio_contribution"]
        found[root, measured and measured["class"]] += 1
    return found


# Who is right, and what follows from it


@pytest.mark.parametrize(("voters", "enough"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4)])
def test_two_thirds_of_the_models_must_find_the_emotion(voters, enough):
    assert needed(voters) == enough


def decided(*votes: str | None, root: str = "happiness", heard: float | None = None):
    ballots = Ballots(tuple(f"m{n}" for n in range(len(votes))))
    one = target(1, Emotions(root, root, "positive", "unknown"))
    for model, chosen in zip(ballots.voters, votes, strict=True):
        said = Accepted({"emotion": chosen}, "a" * 64, 1) if chosen else GivenUp("refusal", "", "")
        ballots.take(model, one, said)
    return ballots.contribution(one, heard)


def test_the_class_follows_from_the_votes_and_what_was_heard():
    assert decided("happiness", "happiness", "anger").kind == "text_solvable"
    assert decided("happiness", "happiness", "anger", heard=0.1).kind == "text_solvable"
    assert decided("happiness", "cannot_tell", "anger", heard=0.6).kind == "audio_solvable"
    assert decided("happiness", "cannot_tell", "anger", heard=0.59).kind == "unsupported"
    nobody_asked = decided("happiness", "cannot_tell", "anger")
    assert (nobody_asked.kind, nobody_asked.audio_votes, nobody_asked.text_votes) == (None, None, 1)


def test_that_the_words_do_not_tell_is_never_a_hit():
    found = decided("cannot_tell", "cannot_tell", "cannot_tell", root="neutral", heard=1.0)
    assert (found.text_votes, found.kind) == (0, "audio_solvable")


def test_a_vote_that_failed_leaves_it_open_only_where_it_could_decide():
    assert decided("happiness", None, "anger", heard=1.0) is None
    assert decided(None, None, None) is None
    assert decided("happiness", "happiness", None).kind == "text_solvable"
    settled = decided("fear", "anger", None, heard=1.0)
    assert settled.kind == "audio_solvable" and settled.votes == (("m0", "fear"), ("m1", "anger"))


def test_an_unknown_label_is_not_voted_about():
    ballots = Ballots(("m",))
    unclear = target(1, Emotions("ambiguous", "unknown", "unknown", "unknown"))
    assert ballots.contribution(unclear, 1.0) is None
    ballots.take("m", unclear, Pending("connection", "refused"))
    assert ballots.left == {"connection": 1}


# Builds


def test_crema_ds_voices_tell_what_the_same_twelve_sentences_cannot(endpoint, tmp_path):
    ended = vote(endpoint, "crema_d", tmp_path)
    assert ended.code == 0, ended.err
    folder = tmp_path / "crema_d-sample"
    found = classes(folder)
    # One of three is right about neutral and about anger, which is not two thirds.
    heard = {kind for (root, kind), _ in found.items() if root != "unknown"}
    assert heard == {"audio_solvable"}
    assert {kind for (root, kind), _ in found.items() if root == "unknown"} == {None}
    for record in samples(folder):
        if measured := record["audio_contribution"]:
            cast = {vote["model"]: vote["emotion"] for vote in measured["votes"]}
            assert cast == dict(zip(VOTERS, ("neutral", "cannot_tell", "anger"), strict=True))
            assert measured["audio_votes"] == record["annotation"]["agreement"] >= 0.6
    report = (folder / "report.html").read_text()
    assert "What the audio adds: crema_d" in report and "always-neutral" in report
    assert "misleading" in report and "About ten raters heard each clip" in report


def test_the_intended_emotion_is_unsupported_where_listeners_did_not_hear_it(endpoint, tmp_path):
    assert vote(endpoint, "crema_d", tmp_path, "--label-view", "intended").code == 0
    unheard = [
        record["audio_contribution"]
        for record in samples(tmp_path / "crema_d-sample")
        if record["id"].endswith("1006_IEO-ANG_LO")
    ]
    assert [one["class"] for one in unheard] == ["unsupported"]
    assert unheard[0]["audio_votes"] < 0.6


def truths(folder) -> list[dict]:
    """Return rules of a voter who reads the label off the words."""
    said = {}
    for record in samples(folder):
        emotions = record["target_utterance"]["emotions"]
        said[record["target_utterance"]["text"]] = emotions["root"]
    return [
        {"match": rf'The last line[^\n]*"{re.escape(text)}"', "answer": {"emotion": root}}
        for text, root in said.items()
    ]


@pytest.mark.slow
def test_melds_words_are_solved_or_left_open_since_nobody_judged_the_voice_alone(
    endpoint, tmp_path
):
    assert vote(endpoint, "meld", tmp_path / "first").code == 0
    knowing = [rule | {"share": 0.7} for rule in truths(tmp_path / "first" / "meld-sample")]
    endpoint.control(rules=[*knowing, {"match": "", "answer": {"emotion": "cannot_tell"}}])
    ended = vote(endpoint, "meld", tmp_path, voters=("reads-well", "reads-too"))
    assert ended.code == 0, ended.err
    found = classes(tmp_path / "meld-sample")
    kinds = {kind for root, kind in found if root != "unknown"}
    assert kinds == {"text_solvable", None}
    for record in samples(tmp_path / "meld-sample"):
        measured = record["audio_contribution"]
        assert measured["audio_votes"] is None
        assert (measured["class"] == "text_solvable") == (measured["text_votes"] == 2)
        assert len(measured["votes"]) == 2


def test_a_vote_sees_words_and_context_and_nothing_that_tells(endpoint, tmp_path):
    endpoint.control(rules=[], keep_bodies=True)
    assert vote(endpoint, "meld", tmp_path, voters=("one", "two")).code == 0
    asked = {}
    for body in endpoint.log()["bodies"]:
        text = "\n".join(message["content"] for message in body["messages"])
        if found := re.search(r'^The last line, by [^:]*: "(.*)"$', text, re.MULTILINE):
            asked.setdefault(found[1], []).append((body["model"], text))
    orders = set()
    for record in samples(tmp_path / "meld-sample"):
        utterance = " ".join(record["target_utterance"]["text"].split())
        for model, text in asked[utterance]:
            assert "Voice" not in text and "Emotion of" not in text
            options = re.findall(r"^- (\w+):", text, re.MULTILINE)
            assert set(options) == {
                *("happiness", "sadness", "anger", "fear", "disgust", "surprise", "neutral"),
                "cannot_tell",
            }
            orders.add((model, tuple(options)))
        reference = record["reference_response"]
        turns = {turn["text"] for turn in record["text_context"]}
        if reference and reference["text"] not in {*turns, utterance}:
            assert not [t for _, t in asked[utterance] if reference["text"] in t]
    assert len({order for _, order in orders}) > 20
    assert {model for model, _ in orders} == {"one", "two"}


def test_votes_are_held_and_never_asked_for_twice(endpoint, tmp_path):
    assert vote(endpoint, "crema_d", tmp_path).code == 0
    asked = endpoint.log()["count"]
    assert asked > 30
    again = vote(endpoint, "crema_d", tmp_path, "--name", "again")
    assert again.code == 0 and endpoint.log()["count"] == asked
    assert [r["audio_contribution"] for r in samples(tmp_path / "again")] == [
        r["audio_contribution"] for r in samples(tmp_path / "crema_d-sample")
    ]


@pytest.mark.slow
def test_a_budget_holds_over_votes_and_the_same_command_goes_on_to_the_same_bytes(
    endpoint, tmp_path
):
    assert vote(endpoint, "crema_d", tmp_path / "whole").code == 0
    ended = vote(endpoint, "crema_d", tmp_path, "--max-tokens", 3000, "--max-concurrency", 1)
    assert ended.code == 3 and "--max-tokens 3000 is reached" in one_line_error(ended)
    assert not (tmp_path / "crema_d-sample" / "manifest.json").exists()
    assert vote(endpoint, "crema_d", tmp_path).code == 0
    assert result_bytes(tmp_path / "crema_d-sample") == result_bytes(
        tmp_path / "whole" / "crema_d-sample"
    )
    assert manifest(tmp_path / "crema_d-sample")["run"]["cost"]["prompt_tokens"] > 1000


@pytest.mark.slow
def test_a_vote_that_is_left_without_an_answer_is_asked_for_next_time(endpoint, tmp_path):
    endpoint.control(faults=[{"kind": "drop", "match": "eleven o'clock"}])
    ended = vote(endpoint, "crema_d", tmp_path)
    assert ended.code == 3
    assert "votes have no response yet" in one_line_error(ended)
    endpoint.control(faults=[])
    assert not (tmp_path / "crema_d-sample" / "manifest.json").exists()
    assert vote(endpoint, "crema_d", tmp_path).code == 0
    assert samples(tmp_path / "crema_d-sample")[0]["audio_contribution"]


def test_votes_that_make_no_sense_are_counted_and_the_record_has_none(endpoint, tmp_path):
    # A first question to the server is answered as it should be, and no vote is.
    senseless = {
        "match": r"^always-neutral\n[\s\S]*The last line, by ",
        "answer": {"emotion": "blue"},
    }
    endpoint.control(rules=[senseless, NEUTRAL, SILENT, ANGRY])
    ended = vote(endpoint, "crema_d", tmp_path, voters=("always-neutral", "always-angry"))
    assert ended.code == 0, ended.err
    folder = tmp_path / "crema_d-sample"
    known = [r for r in samples(folder) if r["target_utterance"]["emotions"]["root"] != "unknown"]
    failed = manifest(folder)["result"]["contribution"]["failed"]
    assert failed == {"always-neutral": {"invalid_answer": len(known)}}
    for record in known:
        # Both must agree: where the one that answered is wrong, the other cannot change it.
        measured, root = (
            record["audio_contribution"],
            record["target_utterance"]["emotions"]["root"],
        )
        assert (measured is None) == (root == "anger")
    page = (folder / "report.html").read_text()
    angry = sum(r["target_utterance"]["emotions"]["root"] == "anger" for r in known)
    assert f"and {angry} without enough valid votes" in page
    assert f"{len(samples(folder)) - len(known)} samples without a known label" in page
    assert "invalid_answer" in page


def test_nothing_is_sent_to_a_third_party_that_votes_where_the_card_says_no(tmp_path):
    ended = hearten(
        *("build", "--corpus", "iemocap", "--sample", "--text-only", "--output", tmp_path),
        *("--vote-model", "a-model@https://api.example.com/v1"),
    )
    assert ended.code == 1
    line = one_line_error(ended)
    assert "IEMOCAP" in line and "may not be sent to a third party" in line
    assert not list(tmp_path.glob("*"))


def test_an_estimate_says_what_the_votes_would_take(endpoint, tmp_path):
    ended = vote(endpoint, "crema_d", tmp_path, "--estimate")
    assert ended.code == 0
    assert re.search(
        r"votes of always-neutral: 0 cached, 1\d requests to make, about [\d,]+ prompt", ended.out
    )
    assert endpoint.log()["count"] == 0


def test_models_that_vote_identify_a_build_and_their_addresses_do_not(endpoint, tmp_path):
    assert vote(endpoint, "crema_d", tmp_path, voters=VOTERS[:1]).code == 0
    with TestEndpoint(any_model=True) as elsewhere:
        assert vote(elsewhere, "crema_d", tmp_path, voters=VOTERS[:1]).code == 0
        assert elsewhere.log()["count"] == 0
        other = vote(elsewhere, "crema_d", tmp_path, voters=VOTERS[1:2])
    assert other.code == 1 and "vote_models" in one_line_error(other)


def test_a_model_is_named_with_or_without_an_address():
    assert voting("m@http://127.0.0.1:1/v1") == ("m", "http://127.0.0.1:1/v1")
    assert voting("m@001") == ("m@001", None)
    assert voting("m@001@https://x/v1") == ("m@001", "https://x/v1")
    with pytest.raises(ConfigError, match="m is listed more than once"):
        make_config(corpus="meld", source=".", name="x", vote_models=("m", "m@http://x/v1"))


def test_a_model_at_an_address_of_its_own_has_a_key_of_its_own():
    here, there = "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"
    voters = (f"a-reader@{there}", "another")
    config = make_config(corpus="meld", source=".", name="a", base_urls=(here,), vote_models=voters)
    asked = {one.model: (one.base_urls, one.keys, one.sent) for one in config.models}
    assert asked == {
        "a-reader": ((there,), ("HEARTEN_VOTE_API_KEY",), {"text"}),
        "another": ((here,), KEY_VARIABLES, {"text"}),
    }


def test_weak_and_strong_are_subsets_of_what_goes_out(endpoint, tmp_path):
    endpoint.control(rules=[{"match": "", "answer": {"emotion": "anger"}}])
    assert vote(endpoint, "crema_d", tmp_path, sound=True).code == 0
    folder, rows = tmp_path / "crema_d-sample", {}
    for word in ("weak", "strong"):
        to = tmp_path / word
        export(folder, to, make_options(format="ms-swift", subset=word))
        rows[word] = len((to / "left_out.jsonl").read_text().splitlines())
    found = classes(folder)
    weak = sum(n for (_, kind), n in found.items() if kind == "text_solvable")
    strong = sum(n for (_, kind), n in found.items() if kind == "audio_solvable")
    assert (rows["weak"], rows["strong"]) == (found.total() - weak, found.total() - strong)
    assert weak == found["anger", "text_solvable"] > 0 < strong


# The report's measures


def test_measures_are_those_of_scikit_learn():
    dice = random.Random(3)
    names = ["neutral", "anger", "fear", "happiness"]
    labels = dice.choices(names, weights=[8, 3, 1, 2], k=400)
    chosen = [
        label if dice.random() < 0.5 else dice.choice([*names, "cannot_tell"]) for label in labels
    ]
    counts = pd.DataFrame({"root": labels, "vote": chosen}).groupby(["root", "vote"]).size()
    found = agreement("a model", counts)
    assert found.votes == 400
    assert found.kappa == pytest.approx(cohen_kappa_score(labels, chosen))
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert found.balanced == pytest.approx(balanced_accuracy_score(labels, chosen))
    is_anger = [[name == "anger" for name in column] for column in (labels, chosen)]
    one = of_root("anger", counts)
    assert one.votes == labels.count("anger")
    assert one.kappa == pytest.approx(cohen_kappa_score(*is_anger))
    assert one.balanced == pytest.approx(balanced_accuracy_score(*is_anger))


def test_who_always_says_neutral_has_a_high_share_and_no_kappa():
    index = pd.MultiIndex.from_tuples(
        [("neutral", "neutral"), ("anger", "neutral")], names=["root", "vote"]
    )
    lazy = agreement("lazy", pd.Series([90, 10], index=index))
    assert (lazy.right, lazy.balanced, lazy.kappa) == (0.9, 0.5, 0.0)
    alone = agreement("one root", pd.Series([5], index=index[:1]))
    assert (alone.right, alone.kappa) == (1.0, None)
    assert of_root("fear", pd.Series([5], index=index[:1])).votes == 0
