"""Scores by judges: each judge comes out as what it is, and one that is not fit gates nothing."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from builds import hearten, one_line_error, samples
from endpoint.judging import JUDGES, judged
from endpoints import TestEndpoint

from builders.errors import ConfigError
from builders.evaluation.decoys import DecoySet, load_decoys, load_voice_twins
from builders.evaluation.dimensions import load_dimensions
from builders.evaluation.fitness import _counted, _fitness, examined
from builders.evaluation.scales import family_of, load_kinds, same_family, scale_of
from builders.evaluation.score_results import ScoresHeld
from builders.evaluation.scoring import same_words
from builders.evaluation.unmatched import voice_words_in
from builders.llm.settings import ModelSettings
from builders.llm.task import Accepted, GivenUp
from builders.record.dataset import Build
from builders.record.schema import Validator
from builders.review.data.events import Decision, Reviews
from builders.review.data.items import Items, reply_of
from builders.review.data.people import People
from builders.review.outcome.applied import applied
from builders.review.outcome.doubt import marks_of
from builders.store.database import Answer, Store
from builders.tasks.question import read_fitting
from builders.tasks.scoring import ShownReply, TwoScores, one_score, two_scores

SCORED = [one.name for one in load_dimensions().values() if one.test == "score"]
JUDGED = [*SCORED, "better", "swap"]
OF_VOICE = {"heard", "better", "swap"}
MODEL = ModelSettings(model="m", base_urls=("http://127.0.0.1:1/v1",))


def outcome_of(who: str, request):
    """Return what a judge of the test endpoint comes to, without a server."""
    schema = request.schema.document
    text = judged(who, schema, {"messages": list(request.messages)}, [])
    answer = Answer("ok", text or "", 0, 0)
    document, fault = read_fitting(answer, Validator(schema), schema)
    return GivenUp("invalid_answer", fault, text or "") if fault else Accepted(document, "k", 1)


@cache
def found(who: str) -> dict[str, dict]:
    told = defaultdict(list)
    for unit in examined(MODEL, JUDGED, DecoySet("en")):
        one = unit.read([outcome_of(who, question.request) for question in unit.questions])
        told[one.dimension].append(one)
    return {name: _fitness(who, name, _counted(told[name])) for name in JUDGED}


# Fitness


@pytest.mark.parametrize("who", JUDGES)
def test_each_judge_comes_out_as_what_it_is(who):
    fit = {name for name, one in found(who).items() if one["fit"]}
    assert fit == {"oracle": set(JUDGED), "deaf": set(JUDGED) - OF_VOICE}.get(who, set())


def test_a_judge_that_does_not_hear_fails_on_the_voice_alone():
    kinds = {one["kind"]: one for one in found("deaf")["heard"]["kinds"]}
    assert kinds["voice_twins"]["right"] == 0 and kinds["voice_twins"]["of"] == 208
    assert kinds["other_root"]["low"] > 0.8


def test_a_judge_that_guesses_is_right_by_chance_and_one_of_places_never():
    guessed = found("random")["better"]["kinds"]
    assert all(0.05 < one["share"] < 0.45 for one in guessed)
    assert 0.05 < found("random")["swap"]["kinds"][0]["share"] < 0.45
    for who in ("first", "always_10"):
        assert {one["right"] for one in found(who)["better"]["kinds"]} == {0}
        assert found(who)["swap"]["kinds"][0]["right"] == 0


def test_no_score_beside_another_makes_up_for_scores_alone():
    """A judge that compares well and scores each reply by itself alike is not fit to score."""
    unit = next(iter(examined(MODEL, ["aloud"], DecoySet("en"))))
    assert len(unit.questions) == 4
    good, bad = Accepted({"a": 9, "b": 2}, "k", 1), Accepted({"a": 2, "b": 9}, "k", 1)
    high, low = Accepted({"score": 8}, "k", 1), Accepted({"score": 7}, "k", 1)
    assert unit.read([good, bad, high, low]).right
    assert not unit.read([good, bad, high, high]).right
    assert not unit.read([good, good, high, low]).right
    assert not unit.read([good, bad, high, GivenUp("invalid_answer", "", "")]).right


def test_too_few_pairs_make_no_fit_judge():
    hundred = [(str(number), True) for number in range(100)]
    assert _fitness("m", "swap", {"voice_twins": hundred})["fit"]
    assert not _fitness("m", "swap", {"voice_twins": hundred[:99]})["fit"]
    assert not _fitness("m", "swap", {})["fit"]


def test_two_pairs_of_a_row_say_less_than_two_rows():
    """88 of 104 pairs are enough of rows of their own, and not where a row fails as a whole."""
    told = [(n, n >= 12) for n in range(104)]
    alone = _fitness("m", "swap", {"voice_twins": [(str(n), right) for n, right in told]})
    twice = _fitness("m", "swap", {"voice_twins": [(str(n // 2), right) for n, right in told]})
    (one,), (two,) = alone["kinds"], twice["kinds"]
    assert one["share"] == two["share"] and one["low"] > 0.8 > two["low"]
    assert alone["fit"] and not twice["fit"]


def test_another_server_is_measured_anew_and_each_dimension_by_itself():
    elsewhere = MODEL.model_copy(update={"base_urls": ("http://127.0.0.1:2/v1",)})
    decoys = DecoySet("en")
    here, there = (
        next(iter(examined(model, ["safe"], decoys))).questions[0] for model in (MODEL, elsewhere)
    )
    assert here.name != there.name
    keys = {decoys.key("m", name) for name in JUDGED}
    assert len(keys) == len(JUDGED)


# Decoys


def test_there_are_enough_decoys_of_every_kind_and_of_like_length():
    kinds = Counter(one.kind for one in load_decoys("en-US"))
    assert set(kinds) == set(load_kinds())
    assert all(kinds[name] >= kind.pairs for name, kind in load_kinds().items() if name in kinds)
    for one in load_decoys("en"):
        good, decoy = len(one.shown.reply.split()), len(one.decoy.split())
        assert abs(good - decoy) <= 0.2 * max(good, decoy), (one.kind, one.decoy)
        assert not same_words(one.shown.reply, one.decoy)
    for kind in kinds:
        emotions = Counter(one.emotion for one in load_decoys("en") if one.kind == kind)
        assert len(emotions) >= 7 and emotions.most_common(1)[0][1] <= 0.4 * emotions.total()


@pytest.mark.parametrize("kind", ["other_root", "voice_twins"])
def test_the_words_of_a_reply_tell_nothing_of_the_right_act(kind):
    twins = [one for one in load_decoys("en") if one.kind == kind]
    assert Counter(one.shown.reply for one in twins) == Counter(one.decoy for one in twins)


def test_voice_twins_are_apart_in_the_voice_alone_and_no_reply_names_it():
    pairs = load_voice_twins("en")
    assert len({pair.one.words for pair in pairs}) == len(pairs) >= 100
    for pair in pairs:
        assert pair.can_be_told and pair.one.root != pair.other.root, pair.one.words
        for member in (pair.one, pair.other):
            assert "!" not in member.reply and voice_words_in(member.reply) is None, member.reply


def test_a_language_without_decoys_is_one_line():
    with pytest.raises(ConfigError, match="no judge can be measured in 'de-DE'"):
        DecoySet("de-DE")


# Margins, families


@pytest.mark.parametrize(
    ("reply", "other", "margin"),
    [
        ((9, 8), (4, 6), 2),
        ((4, 6), (9, 8), -2),
        ((9, 3), (4, 6), 0),
        ((5, 5), (5, 5), 0),
        ((9, 5), (4, 5), 0),
    ],
)
def test_a_preference_needs_both_orders(reply, other, margin):
    assert TwoScores(reply, other).margin == margin


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "qwen"),
        ("gpt-4o-mini", "openai"),
        ("openai/gpt-oss-20b", "openai"),
        ("meta-llama/Llama-3.1-8B", "llama"),
        ("our-own-model", None),
    ],
)
def test_a_family_is_told_by_the_name(model, family):
    assert family_of(model) == family


def test_models_that_nobody_knows_are_of_one_family_only_with_themselves():
    assert same_family("a-model", "a-model") and not same_family("a-model", "b-model")
    assert same_family("gpt-4o", "openai/gpt-oss-20b") and not same_family("gpt-4o", "qwen3")


def test_a_question_tells_no_label_and_answers_stay_on_the_scale():
    shown = ShownReply("id", "I lost it.", "Oh no.", "softer", (("Speaker", "Where is it?"),))
    request = one_score(shown, scale_of("heard"), "m", 100).request
    text = request.messages[0]["content"]
    assert 'Speaker: "Where is it?"' in text and "as measured: softer" in text
    assert not [root for root in ("sadness", "anger", "happiness") if root in text]
    checker = Validator(request.schema.document)
    for answer, fits in (("8", True), ("11", False), ("0", False), ("7.5", False), ('"8"', False)):
        said = Answer("ok", f'{{"score": {answer}}}', 0, 0)
        assert (read_fitting(said, checker, request.schema.document)[1] == "") == fits, answer
    straight, swapped = two_scores(shown, "Hm.", scale_of("better"), "m", 100)
    assert 'Reply A: "Oh no."' in straight.request.messages[0]["content"]
    assert 'Reply B: "Oh no."' in swapped.request.messages[0]["content"]


# By the command


@pytest.fixture(scope="module")
def endpoint():
    with TestEndpoint(any_model=True) as running:
        yield running


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, endpoint: TestEndpoint) -> Path:
    """The folder of a build of MELD's invented sample, two drafts of each reply; only read."""
    output = tmp_path_factory.mktemp("scored")
    drafted = ("--model", "drafter", "--base-url", endpoint.base_url, "--drafts", 2)
    of = ("--corpus", "meld", "--sample", "--text-only", "--output", output, "--show", 0)
    ended = hearten("build", *of, *drafted)
    assert ended.code == 0, ended.err
    return output / "meld-sample"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of that build and its store, to be changed."""
    shutil.copytree(built.parent, tmp_path / "output")
    return tmp_path / "output" / "meld-sample"


def judge(folder: Path, endpoint: TestEndpoint, who: str, *more, model: str = ""):
    endpoint.control(judges=who)
    where = ("--model", model or f"judge-{who}", "--base-url", endpoint.base_url)
    return hearten("judge", folder, *where, *more)


ALOUD = ("--test", "score", "--dimension", "aloud")


def test_scores_of_a_fit_judge_are_in_the_reviewed_copy_and_the_report(folder, endpoint):
    estimate = json.loads(judge(folder, endpoint, "oracle", *ALOUD, "--estimate", "--json").out)
    assert endpoint.log()["count"] == 0 and estimate["replies"] == len(samples(folder))
    ended = judge(folder, endpoint, "oracle", *ALOUD)
    assert ended.code == 0, ended.err
    assert "aloud: judge-oracle is fit to judge it" in ended.out
    assert "aloud: 2.00 on a scale of 1 to 10" in ended.out
    # The probe of the server comes on top.
    assert f"{estimate['to_ask']:,} requests" in ended.out
    again = judge(folder, endpoint, "oracle", *ALOUD)
    assert "0 requests" in again.out, "nothing is asked twice"
    for record in samples(applied(folder, str(folder.parent / "hearten.sqlite"))):
        said = {"test": "score", "dimension": "aloud", "value": 2.0}
        assert record["judgements"] == [said | {"model": "judge-oracle", "fit": True}]
        assert marks_of(record | {"audio": None})["judged_low"] == pytest.approx(8 / 9)
    report = Path(hearten("report", folder).out.strip()).read_text()
    assert "What judges say of the replies" in report and "is fit" in report


@pytest.mark.parametrize("who", ["eleven", "copies"])
def test_an_answer_that_is_no_score_is_asked_again_and_never_counts(folder, endpoint, who):
    ended = judge(folder, endpoint, who, *ALOUD, "--limit", 3)
    assert ended.code == 0, ended.err
    assert "is not fit to judge it, its scores gate nothing" in ended.out
    assert "aloud: no score, 0 judged; 3 without a usable answer (not fit" in ended.out
    asked = Counter(endpoint.log()["requests"].values())
    assert set(asked) == {1}, "each with another seed"
    copy = applied(folder, str(folder.parent / "hearten.sqlite"))
    assert all(record["judgements"] is None for record in samples(copy))


def test_scores_of_an_unfit_judge_are_kept_and_count_for_nothing(folder, endpoint):
    assert judge(folder, endpoint, "always_10", *ALOUD).code == 0
    for record in samples(applied(folder, str(folder.parent / "hearten.sqlite"))):
        (said,) = record["judgements"]
        assert (said["value"], said["fit"]) == (10.0, False)
        assert "judged_low" not in marks_of(record | {"audio": None})
    report = Path(hearten("report", folder).out.strip()).read_text()
    assert "is not fit: bookish 0 of 104" in report and "gate nothing" in report


@pytest.mark.slow
def test_drafts_are_preferred_only_in_both_orders(folder, endpoint):
    pairs = ("--test", "pairs")
    ended = judge(folder, endpoint, "first", *pairs, "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)["pairs"]
    assert row["judged"] == row["even"] > 0 and row["fit"] is False
    (row,) = json.loads(judge(folder, endpoint, "longest", *pairs, "--json").out)["pairs"]
    assert row["reply"] + row["other"] + row["even"] == row["judged"]
    assert row["reply"] and row["other"], "it goes by the length"


WRITTEN = "That is a good deal to take in on one evening."


def decided(folder: Path, *decisions: str) -> list[dict]:
    """Have somebody decide about the first samples; return the records."""
    store = Store(str(folder.parent / "hearten.sqlite"))
    list(Items(store).register(Build(folder)))
    records, reviews = samples(folder), Reviews(store)
    ann = People(store).named("Ann")
    for record, verdict in zip(records, decisions, strict=False):
        reply = {**reply_of(record), "text": WRITTEN}
        wanted = reply if verdict == "edit" else None
        shown = reviews.shown(folder.name, record["id"], ann.id)
        reviews.decide(ann.id, shown, Decision(verdict, reply=wanted, seconds_heard=3.0))
    store.close()
    return records


@pytest.mark.slow
def test_a_reply_is_rated_beside_what_a_reviewer_wrote_and_nowhere_else(folder, endpoint):
    beside = ("--test", "score", "--dimension", "beside_reference")
    ended = judge(folder, endpoint, "longest", *beside)
    assert ended.code == 1 and "so there is no reference" in one_line_error(ended)
    decided(folder, "edit", "accept")
    endpoint.control(judges="longest")
    found = json.loads(judge(folder, endpoint, "longest", *beside, "--json").out)
    (row,) = found["score"]
    assert row["judged"] == 1, "a draft accepted as it is would be its own reference"
    assert row["fit"] is False
    # One that holds the reference to be better, whatever stands beside it.
    endpoint.control(judges="reference", knows=[["", "", WRITTEN]])
    of = ("--model", "copier", "--base-url", endpoint.base_url)
    (row,) = json.loads(hearten("judge", folder, *of, *beside, "--json").out)["score"]
    assert (row["mean"], row["fit"]) == (2.0, False)
    with closing(Store(str(folder.parent / "hearten.sqlite"))) as store:
        held = ScoresHeld(Build(folder), store).judgements("score", "beside_reference")
        told = {one.model: one.detail["reference"] for one, _ in held}
    assert told["copier"] == 10.0


def test_a_judge_of_the_drafters_family_is_warned_of(folder, endpoint):
    ended = judge(folder, endpoint, "first", *ALOUD, "--limit", 1, model="drafter")
    assert "warning: drafter drafted these replies" in ended.err


def test_options_that_fit_nothing_are_one_line(folder, endpoint):
    ended = judge(folder, endpoint, "oracle", "--dimension", "aloud")
    assert ended.code == 2 and "--dimension is for --test score" in one_line_error(ended)
    ended = judge(folder, endpoint, "oracle", "--test", "score", "--dimension", "charm")
    assert ended.code == 2 and "--dimension charm is none" in one_line_error(ended)


def test_whoever_asked_to_be_left_out_is_in_no_question(folder, endpoint, tmp_path):
    record = samples(folder)[0]
    table = tmp_path / "exclusions.tsv"
    table.write_text(f"id\treason\n{record['id']}\tasked to be taken out\n")
    endpoint.control(judges="first", keep_bodies=True)
    ended = judge(folder, endpoint, "first", *ALOUD, "--exclusions", table)
    assert ended.code == 0, ended.err
    sent = json.dumps(endpoint.log()["bodies"], ensure_ascii=False)
    assert record["target_utterance"]["text"] not in sent
