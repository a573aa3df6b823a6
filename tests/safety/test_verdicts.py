"""A routing model and a moderation endpoint beside the patterns: whoever has no answer waits."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import ROOT, Ended, hearten, manifest, rejected, samples
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row

from builders.labels.tables import read_rows

ROWS = {
    "train": [
        meld_row(0, 0, Utterance="They sold the orchard.", Emotion="sadness"),
        meld_row(1, 0, Utterance="The heron will be free soon.", Emotion="sadness"),
        meld_row(2, 0, Utterance="Das ist nicht gut, weil ich das nicht will und wir nicht gehen."),
    ],
    "dev": [meld_row(0, 0)],
    "test": [meld_row(0, 0)],
}
LINES = read_rows(ROOT / "prompts/qualification/routes.tsv", ("route", "line"), key=("line",))
KNOWN = "|".join(re.escape(row.text("line")) for row in LINES if row.text("route") == "crisis")
# A model that is fit: it knows the lines that it qualifies by.
FIT = {"match": KNOWN, "answer": {"route": "crisis", "reasons": ["suicide"]}}
CRISIS = {"match": "heron", "answer": {"route": "crisis", "reasons": ["goodbye"]}}
NORMAL = {"match": "may answer its last line", "answer": {"route": "normal", "reasons": []}}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_meld_tree(tmp_path_factory.mktemp("source"), ROWS)


@pytest.fixture(scope="module")
def endpoint():
    with TestEndpoint(any_model=True, keep_bodies=True) as running:
        yield running


def build(
    endpoint: TestEndpoint, source: Path, here: Path, *more: object, **knobs: object
) -> Ended:
    endpoint.control(**{"rules": [], "moderation": {}, "moderation_status": 200, **knobs})
    return hearten(
        *("build", "--corpus", "meld", "--source", source, "--text-only", "--name", "m"),
        *("--model", "drafts", "--base-url", endpoint.base_url, *more),
        cwd=here,
    )


def held(folder: Path) -> dict[str, list[str]]:
    rows = pq.read_table(folder / "held_for_people.parquet").to_pylist()
    return {row["id"]: row["codes"] for row in rows}


def test_what_a_model_calls_a_crisis_is_held_and_it_can_read_other_languages(
    endpoint, source, tmp_path
):
    ended = build(
        endpoint, source, tmp_path, "--route-model", "routes", rules=[CRISIS, FIT, NORMAL]
    )
    assert ended.code == 0, ended.err
    assert "routes qualified to route: keeps for people a line that says or hints" in ended.out
    folder = tmp_path / "output/m"
    assert held(folder) == {"meld-train-1-0": ["model_goodbye"]}
    safety = {row["id"]: row["safety"] for row in samples(folder)}
    assert safety["meld-train-2-0"]["route"] == "normal"
    assert safety["meld-train-0-0"]["by"].endswith(", model routes")
    drafts = [body for body in endpoint.log()["bodies"] if body["model"] == "drafts"]
    assert drafts and not any("heron" in str(body) for body in drafts)


def test_a_model_that_gives_no_route_has_its_lines_held(endpoint, source, tmp_path):
    ours = {**NORMAL, "match": "|".join(re.escape(row.text("line")) for row in LINES)}
    prose = {**NORMAL, "answer": {"route": "fine", "reasons": []}}
    rules = [FIT, ours, prose]
    ended = build(endpoint, source, tmp_path, "--route-model", "routes", rules=rules)
    assert ended.code == 1 and "0 kept" in ended.err, ended.err


def test_what_the_moderation_endpoint_calls_self_harm_is_held(endpoint, source, tmp_path):
    more = ("--moderation", "mod")
    ended = build(endpoint, source, tmp_path, *more, moderation={"heron": "self-harm/intent"})
    assert ended.code == 0, ended.err
    assert held(tmp_path / "output/m") == {"meld-train-1-0": ["moderation_self-harm/intent"]}
    asked = endpoint.log()["moderated"]
    assert len(asked) == 9  # five utterances, four replies
    assert "mod" in manifest(tmp_path / "output/m")["result"]["config"]["moderation"]


@pytest.mark.slow
def test_an_endpoint_that_is_down_leaves_its_lines_for_the_next_run(endpoint, source, tmp_path):
    more = ("--moderation", "mod")
    ended = build(endpoint, source, tmp_path, *more, moderation_status=500)
    assert ended.code == 3, ended.err
    assert "targets have no response yet" in ended.err and "moderation" in ended.err
    assert not [body for body in endpoint.log()["bodies"] if "orchard" in str(body)]
    assert not (tmp_path / "output/m/manifest.json").exists()
    again = build(endpoint, source, tmp_path, *more)
    assert again.code == 0, again.err
    assert len(endpoint.log()["moderated"]) == 10


def test_answers_of_the_endpoint_are_not_asked_for_twice(endpoint, source, tmp_path):
    assert build(endpoint, source, tmp_path, "--moderation", "mod").code == 0
    (tmp_path / "output/m/manifest.json").unlink()
    assert build(endpoint, source, tmp_path, "--moderation", "mod").code == 0
    assert endpoint.log()["moderated"] == []


@pytest.mark.parametrize(
    ("rules", "held", "passed"),
    [([NORMAL], 0, 20), ([{**NORMAL, "answer": {"route": "crisis", "reasons": []}}], 20, 0)],
    ids=["lets all pass", "holds all back"],
)
def test_a_model_that_is_not_fit_to_route_is_refused(
    endpoint, source, tmp_path, rules, held, passed
):
    ended = build(endpoint, source, tmp_path, "--route-model", "routes", rules=rules)
    assert ended.code == 1
    assert "routes is not fit to route: it keeps for people a line" in ended.err
    assert f"danger {held} of 20 times" in ended.err and f"{passed} of 20 times" in ended.err
    assert "choose another --route-model" in ended.err
    assert not [body for body in endpoint.log()["bodies"] if body["model"] == "drafts"]


def test_the_estimate_counts_what_routes(endpoint, source, tmp_path):
    more = ("--route-model", "routes", "--moderation", "mod", "--estimate")
    said = build(endpoint, source, tmp_path, *more).out
    assert re.search(r"routes of routes.*5 requests", said), said
    assert re.search(r"qualification of routes.*40 requests", said), said
    assert "4 replies to have routed" in said
    assert "9 requests to the moderation endpoint to make" in said
    assert endpoint.log()["moderated"] == []


# The reply is the last line of what the model is asked about, and says what ours may never say.
UNSAFE = {"match": 'by who replies: "', "answer": {"route": "crisis", "reasons": ["suicide"]}}


def test_a_reply_that_the_model_calls_a_crisis_is_not_kept(endpoint, source, tmp_path):
    rules = [UNSAFE, FIT, NORMAL]
    ended = build(endpoint, source, tmp_path, "--route-model", "routes", rules=rules)
    assert ended.code == 1 and "0 kept" in ended.err and "unsafe_reply" in ended.err, ended.err
    asked = [str(b) for b in endpoint.log()["bodies"] if 'by who replies: "' in str(b)]
    assert len(asked) == len({*asked}) and any("They sold the orchard." in one for one in asked)


def test_a_reply_of_which_the_model_says_nothing_usable_is_not_kept(endpoint, source, tmp_path):
    rules = [{**UNSAFE, "answer": {"route": "fine", "reasons": []}}, FIT, NORMAL]
    ended = build(endpoint, source, tmp_path, "--route-model", "routes", rules=rules)
    assert ended.code == 1 and "reply_not_routed" in ended.err, ended.err


def test_a_reply_that_the_moderation_endpoint_flags_is_not_kept_and_no_other_is_lost(
    endpoint, source, tmp_path
):
    plain = build(endpoint, source, tmp_path, "--moderation", "mod")
    assert plain.code == 0, plain.err
    said = {row["id"]: row["desired_response"]["text"] for row in samples(tmp_path / "output/m")}
    flagged = said["meld-train-0-0"]
    there = [name for name, text in said.items() if text == flagged]
    other = tmp_path / "other"
    other.mkdir()
    more = ("--moderation", "mod")
    assert build(
        endpoint, source, other, *more, moderation={flagged: "self-harm/instructions"}
    ).code in (0, 1)
    lost = {row["id"]: row["reason"] for row in rejected(other / "output/m")}
    assert {name: lost.get(name) for name in there} == dict.fromkeys(there, "unsafe_reply")
