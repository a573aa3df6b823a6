"""The swap test: a judge matches replies to voices, and is right who is right in both orders."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from builds import hearten, manifest, one_line_error, samples
from endpoints import TestEndpoint
from exporting import changed, small_build, spoken

from builders.evaluation.decoys import load_voice_twins
from builders.evaluation.dimensions import SWAP
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.pairs import chosen, pairs_of
from builders.evaluation.results import judged, results
from builders.record.dataset import Build
from builders.record.schema import validator, violations
from builders.review.data.events import Decision, Reviews
from builders.review.data.items import Items, reply_of
from builders.review.data.people import People
from builders.review.outcome.applied import applied
from builders.store.database import Store
from builders.tasks.swap import SwapVerdict, value_of, verdict

FIRST = [{"match": "", "answer": {"voice_1": "A"}}]
OTHERWISE = {"match": "", "answer": {"voice_1": "B"}}
ROOTS = ("happiness", "sadness", "anger", "fear", "disgust", "surprise")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build of CREMA-D's invented sample, with sound; only to be read."""
    output = tmp_path_factory.mktemp("built")
    ended = hearten("build", "--corpus", "crema_d", "--sample", "--output", output, "--show", 0)
    assert ended.code == 0, ended.err
    return output / "crema_d-sample"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of that build and its store, to be changed."""
    shutil.copytree(built.parent, tmp_path / "output")
    return tmp_path / "output" / "crema_d-sample"


@pytest.fixture
def endpoint():
    with TestEndpoint(any_model=True, keep_bodies=True) as running:
        yield running


def judge(folder: Path, endpoint: TestEndpoint, *more, model="a-judge"):
    where = ("--model", model, "--base-url", endpoint.base_url)
    return hearten("judge", folder, *where, *more)


def knowing(folder: Path, least: int = 0) -> list[dict]:
    """Return rules of a judge who matches all pairs but the first `least` of them."""
    pairs = [pair for pair in pairs_of(Build(folder)) if pair.can_be_told][least:]
    shown = (
        rf"Voice 1: {re.escape(pair.one.voice)}\nVoice 2: {re.escape(pair.other.voice)}\n.*"
        rf'Reply A: "{re.escape(pair.one.reply)}"\nReply B: "{re.escape(pair.other.reply)}"'
        for pair in pairs
    )
    return [*({"match": one, "answer": {"voice_1": "A"}} for one in shown), OTHERWISE]


def swap_of(folder: Path, endpoint: TestEndpoint, *more, **asked) -> dict:
    ended = judge(folder, endpoint, "--json", *more, **asked)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)["swap"]


# Verdicts


@pytest.mark.parametrize(
    ("straight", "swapped", "expected"),
    [
        ("A", "B", "right"),
        ("B", "A", "wrong"),
        ("A", "A", "flipped"),
        ("B", "B", "flipped"),
        ("A", "cannot_tell", "cannot_tell"),
        ("cannot_tell", "cannot_tell", "cannot_tell"),
        (None, "B", "refused"),
        ("cannot_tell", None, "refused"),
    ],
)
def test_only_both_orders_together_are_right(straight, swapped, expected):
    assert verdict(straight, swapped) == expected


def test_a_judge_who_goes_by_the_place_is_never_right(folder, endpoint):
    endpoint.control(rules=FIRST)
    found = swap_of(folder, endpoint)
    assert found["pairs"] == found["flips"] == 15
    assert (found["right"], found["accuracy"], found["low"]) == (0, 0.0, 0.0)
    assert found["untold"] == 1, "one pair's voices are described alike"
    assert found["groups"] == 5


def test_a_judge_who_hears_the_difference_is_right(folder, endpoint):
    endpoint.control(rules=knowing(folder))
    ended = judge(folder, endpoint)
    assert ended.code == 0, ended.err
    assert "15 of 15 pairs matched in both orders: 100.0%" in ended.out
    assert "over 5 groups" in ended.out and "0 answers changed with the order" in ended.out
    assert "1 pairs cannot be matched" in ended.out and "hearten report" in ended.out
    assert "238 requests; in all" in ended.out and "warning" not in ended.err
    assert "swap: a-judge is not fit to judge it, its scores gate nothing" in ended.out
    assert "voice_twins (the reply answers the same words in another voice): 0 of 104" in ended.out


def test_the_judge_sees_words_voices_and_replies_and_no_label(folder, endpoint):
    endpoint.control(rules=FIRST, keep_bodies=True)
    assert judge(folder, endpoint).code == 0
    texts = [
        text
        for body in endpoint.log()["bodies"]
        if "Voice 1" in (text := "\n".join(m["content"] for m in body["messages"]))
    ]
    ours = {pair.one.words for pair in load_voice_twins("en")}
    texts = [text for text in texts if not any(f'Words: "{words}"' in text for words in ours)]
    assert len(texts) == 30
    replies = {record["desired_response"]["text"] for record in samples(folder)}
    for text in texts:
        shown = re.findall(r'^Reply [AB]: "(.*)"$', text, re.MULTILINE)
        assert len(shown) == 2 and set(shown) <= replies
        rest = re.sub(r"^Reply.*$", "", text, flags=re.MULTILINE)
        assert not [root for root in (*ROOTS, "neutral") if root in rest]
        assert "in pitch" in rest or "melody" in rest or "monotone" in rest or "faster" in rest


# Holding, stopping, counting


def test_judgements_are_held_and_never_asked_for_twice(folder, endpoint):
    endpoint.control(rules=knowing(folder, least=3))
    first = swap_of(folder, endpoint)
    assert (first["right"], first["pairs"]) == (12, 15)
    asked = endpoint.log()["count"]
    assert swap_of(folder, endpoint) == first and endpoint.log()["count"] == asked


def test_a_budget_stops_it_and_the_same_command_goes_on(folder, endpoint):
    endpoint.control(rules=knowing(folder))
    ended = judge(folder, endpoint, "--max-tokens", 3000, "--max-concurrency", 1)
    assert ended.code == 3 and "--max-tokens 3000 is reached" in one_line_error(ended)
    so_far = results(Build(folder), str(folder.parent / "hearten.sqlite"))
    assert not so_far or so_far[0]["left"] > 0
    assert swap_of(folder, endpoint)["right"] == 15
    bodies = [json.dumps(body, sort_keys=True) for body in endpoint.log()["bodies"]]
    assert len(bodies) == len(set(bodies)), "nothing was asked twice"
    assert not manifest(folder)["run"]["cost"]["prompt_tokens"], "the build itself cost nothing"


def test_answers_that_cannot_be_used_are_counted_apart(folder, endpoint):
    pair = next(pair for pair in pairs_of(Build(folder)) if pair.can_be_told)
    refused = f'Reply A: "{pair.one.reply}"'.replace('"', '\\"')
    endpoint.control(rules=knowing(folder), faults=[{"kind": "refusal", "match": refused}])
    found = swap_of(folder, endpoint)
    assert found["refused"] > 0 and found["pairs"] == 15 - found["refused"] == found["right"]
    assert found["accuracy"] == 1.0


@pytest.mark.slow
def test_what_is_left_without_an_answer_is_asked_next_time(folder, endpoint):
    pair = next(pair for pair in pairs_of(Build(folder)) if pair.can_be_told)
    broken = f'Reply A: "{pair.one.reply}"'.replace('"', '\\"')
    endpoint.control(rules=FIRST, faults=[{"kind": "error_500", "match": broken}])
    ended = judge(folder, endpoint)
    assert ended.code == 3 and "2 pairs have no response yet" in one_line_error(ended)
    endpoint.control(faults=[])
    assert swap_of(folder, endpoint)["pairs"] == 15


def test_a_limit_takes_pairs_by_hash_and_a_larger_one_contains_it(folder, endpoint):
    endpoint.control(rules=FIRST)
    assert swap_of(folder, endpoint, "--limit", 4)["pairs"] == 4
    found = swap_of(folder, endpoint, "--limit", 6)
    assert (found["pairs"], found["left"]) == (6, 9)
    pairs = pairs_of(Build(folder))
    assert set(chosen(pairs, 4)) < set(chosen(pairs, 6)) < set(chosen(pairs, None))


def test_an_estimate_asks_nothing(folder, endpoint):
    ended = judge(folder, endpoint, "--estimate")
    assert ended.code == 0 and "15 pairs: 0 responses cached, 238 requests to make" in ended.out
    assert endpoint.log()["count"] == 0


def test_a_judge_who_matches_our_own_pairs_is_fit(folder, endpoint):
    endpoint.control(judges="oracle", knows=[])
    found = swap_of(folder, endpoint)
    assert found["fit"] and (found["kinds"][0]["right"], found["kinds"][0]["of"]) == (104, 104)
    assert found["right"] == 0, "and says that these replies do not follow the voice"


# What cannot be judged


def test_without_a_contrast_group_there_is_nothing_to_judge(endpoint, tmp_path):
    row = spoken(1)
    folder = small_build(tmp_path / "meld", [row])
    ended = judge(folder, endpoint)
    assert ended.code == 1
    assert "there is no minimal pair" in one_line_error(ended)


def test_voices_that_nobody_described_cannot_be_matched(endpoint, tmp_path):
    of = ("--corpus", "crema_d", "--sample", "--text-only", "--show", 0)
    assert hearten("build", *of, "--output", tmp_path).code == 0
    ended = judge(tmp_path / "crema_d-sample", endpoint)
    assert ended.code == 1
    line = one_line_error(ended)
    assert "none of 16 pairs can be matched" in line and "without --text-only" in line


def grouped(number: int, root: str, words: str, corpus: str):
    voice = {"descriptors": [], "reference": "speaker", "words": words, "caption": None}
    row = changed(
        spoken(number, corpus=corpus, split="all"),
        contrast={"group": "g", "role": root, "twin_of": []},
        voice={**voice, "reliable": True},
    )
    row[0]["target_utterance"]["emotions"] |= {"primary": root, "root": root}
    row[0]["source"]["corpus"] = corpus
    return row


def test_what_may_not_be_sent_to_a_third_party_is_not(tmp_path):
    rows = [grouped(1, "anger", "louder", "iemocap"), grouped(2, "neutral", "faster", "iemocap")]
    folder = small_build(tmp_path / "iemocap", rows)
    asked = ("judge", folder, "--model", "m", "--base-url", "https://api.example.com/v1")
    ended = hearten(*asked)
    assert ended.code == 1 and "may not be sent to a third party" in one_line_error(ended)
    # Who has a right of their own; nothing is asked for an estimate.
    assert hearten(*asked, "--i-may-send", "iemocap", "--estimate").code == 0
    ended = hearten(*asked, "--i-may-send", "mosei", "--estimate")
    assert "--i-may-send mosei is about another corpus" in one_line_error(ended)


def test_a_judge_that_drafted_the_replies_is_warned_of(endpoint, tmp_path):
    rows = [grouped(1, "anger", "louder", "crema_d"), grouped(2, "neutral", "faster", "crema_d")]
    folder = small_build(tmp_path / "own", rows, model="a-drafter")
    ended = judge(folder, endpoint, model="a-drafter")
    assert ended.code == 0
    assert "warning: a-drafter drafted these replies" in ended.err


# What is made of it


def test_the_report_shows_the_test_and_the_build_stays_as_it_is(folder, endpoint):
    endpoint.control(rules=knowing(folder, least=3))
    before = {
        p.name: p.read_bytes() for p in folder.rglob("*") if p.suffix in (".parquet", ".json")
    }
    assert judge(folder, endpoint).code == 0
    ended = hearten("report", folder)
    assert ended.code == 0, ended.err
    page = Path(ended.out.strip()).read_text()
    assert "12 of 15 pairs matched to their voices in both orders, 80.0" in page
    assert "In 0 the match changed" not in page and "is chance" in page
    assert "in 5 groups" in page
    assert "It is not fit, as it does not match our own minimal pairs" in page
    after = {p.name: p.read_bytes() for p in folder.rglob("*") if p.suffix in (".parquet", ".json")}
    assert after == before


def test_what_is_published_carries_the_judge_of_each_record(folder, endpoint):
    endpoint.control(rules=FIRST)
    assert judge(folder, endpoint, model="a-first-judge").code == 0
    endpoint.control(rules=knowing(folder))
    assert judge(folder, endpoint).code == 0
    copy = applied(folder, str(folder.parent / "hearten.sqlite"))
    assert copy != folder
    told = {
        member.id
        for pair in pairs_of(Build(folder))
        if pair.can_be_told
        for member in (pair.one, pair.other)
    }
    for record in samples(copy):
        assert violations(validator("sample"), {**record, "audio": None}) == []
        if record["id"] in told:
            judged = {"test": "swap", "dimension": "swap", "value": 1.0}
            assert record["judgements"] == [judged | {"model": "a-judge", "fit": False}]
        else:
            assert record["judgements"] is None
    assert "agreement" not in manifest(copy)["result"], "nobody has reviewed anything"
    assert {record["judgements"] and 1 for record in samples(folder)} == {None}


def test_a_judgement_counts_no_more_once_the_reply_is_another_one(folder, endpoint):
    endpoint.control(rules=knowing(folder))
    assert judge(folder, endpoint).code == 0
    store = Store(str(folder.parent / "hearten.sqlite"))
    items = Items(store)
    list(items.register(Build(folder)))
    pair = next(pair for pair in pairs_of(Build(folder)) if pair.can_be_told)
    record = next(record for record in samples(folder) if record["id"] == pair.one.id)
    reply = {**reply_of(record), "text": "That is a good deal to take in on one evening."}
    ann, reviews = People(store).named("Ann"), Reviews(store)
    shown = reviews.shown("crema_d-sample", pair.one.id, ann.id)
    reviews.decide(ann.id, shown, Decision("edit", reply=reply, seconds_heard=3.0))
    store.close()
    copy = applied(folder, str(folder.parent / "hearten.sqlite"))
    found = {record["id"]: record for record in samples(copy)}
    assert found[pair.one.id]["desired_response"]["text"] == reply["text"]
    assert found[pair.one.id]["judgements"] is None
    assert found[pair.other.id]["judgements"], "its other pairs still count"


def swapped(seen: str, ids: tuple[str, str], said: SwapVerdict, key: str | None) -> Judgement:
    keys = {"straight": key, "swapped": None}
    return Judgement(seen, *ids, SWAP, SWAP, value_of(said), said, "m", "judge/swap 1", keys)


def test_an_event_belongs_to_what_was_seen(folder, store):
    build = Build(folder)
    pair = next(pair for pair in pairs_of(build) if pair.can_be_told)
    events = Judgements(store)
    assert not events.any() and judged(build, store) == {}
    ids = (pair.one.id, pair.other.id)
    other = swapped("0" * 64, ids, "wrong", None)
    events.append([other])
    assert events.any() and judged(build, store) == {}
    mine = swapped(pair.seen, ids, "flipped", "a" * 64)
    events.append([mine, mine])
    events.append([mine])
    assert list(events.about([pair.seen], SWAP)) == [mine]
    assert list(events.about([pair.seen], "another test")) == []
    assert judged(build, store)[pair.one.id] == [
        {"test": "swap", "dimension": "swap", "value": 0.0, "model": "m", "fit": None}
    ]
    assert judged(build, store, without={pair.other.id}) == {}


def test_whoever_asked_to_be_left_out_is_not_sent_to_a_judge(folder, endpoint, tmp_path):
    pair = pairs_of(Build(folder))[0]
    table = tmp_path / "exclusions.tsv"
    table.write_text(f"id\treason\n{pair.one.id}\tasked to be taken out\n")
    ended = judge(folder, endpoint, "--exclusions", table)
    assert ended.code == 0, ended.err
    sent = json.dumps(endpoint.log(), ensure_ascii=False)
    others = {m.reply for p in pairs_of(Build(folder)) for m in (p.one, p.other) if m != pair.one}
    assert endpoint.log()["count"] and pair.one.id not in sent
    assert pair.one.reply in others or pair.one.reply not in sent
    report = hearten("report", folder, "--exclusions", table)
    assert report.code == 0 and pair.one.id not in Path(report.out.strip()).read_text()
