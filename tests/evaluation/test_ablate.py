"""`hearten ablate`: drafters who obey the voice, the label or nothing come out as what they are."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest
from builds import hearten, one_line_error, result_bytes, samples
from endpoints import TestEndpoint

from builders.evaluation.ablation.arms import ALSO, BASE, WRONG
from builders.evaluation.ablation.summary import summarised, uses_voice
from builders.store.database import Store

ARMS = (BASE, "another_seed", "label", "voice", WRONG, "neither")
KINDS = ("voice", "label", "nothing")


@pytest.fixture(scope="module")
def endpoint():
    with TestEndpoint(any_model=True, keep_bodies=True) as running:
        yield running


@pytest.fixture(scope="module")
def built(endpoint: TestEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build by a drafter who obeys the voice; only to be read."""
    return build(endpoint, tmp_path_factory.mktemp("built"), "voice")


def build(endpoint: TestEndpoint, output: Path, obeys: str, *more, **env: str) -> Path:
    endpoint.control(obeys=obeys, knows_voices=True)
    of = ("--corpus", "crema_d", "--sample", "--output", output, "--show", 0)
    ended = hearten("build", *of, "--model", "m", "--base-url", endpoint.base_url, *more, **env)
    assert ended.code == 0, ended.err
    return output / "crema_d-sample"


def ablate(folder: Path, endpoint: TestEndpoint, *more):
    return hearten("ablate", folder, "--base-url", endpoint.base_url, *more)


def found_by(folder: Path, endpoint: TestEndpoint, *more) -> dict:
    ended = ablate(folder, endpoint, "--json", *more)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


@pytest.fixture(scope="module")
def ablated(built: Path, endpoint: TestEndpoint, tmp_path_factory) -> dict[str, dict]:
    """What is found of each drafter, with an oracle for a judge, and of how many requests."""
    found = {}
    for kind in KINDS:
        output = tmp_path_factory.mktemp(kind)
        folder = build(endpoint, output, kind)
        before = result_bytes(folder)
        endpoint.control(obeys=kind, knows_voices=True, keep_bodies=True)
        found[kind] = found_by(folder, endpoint, "--judge", "an-oracle")
        found[kind] |= {"bodies": endpoint.log()["bodies"], "folder": folder}
        assert result_bytes(folder) == before, "the build stays as it is"
    return found


def means(found: dict, what: str) -> dict[str, float | None]:
    return {arm["arm"]: arm[what] and arm[what]["mean"] for arm in found["arms"]}


def test_each_drafter_comes_out_as_what_it_obeys(ablated):
    changed = {kind: means(found, "changed") for kind, found in ablated.items()}
    same = dict.fromkeys(ARMS, 0.0)
    assert changed["voice"] == same | {"label": 1.0, WRONG: 1.0, "neither": 1.0}
    assert changed["label"] == same | {"voice": 1.0, "neither": 1.0}
    assert changed["nothing"] == same | {"another_seed": 1.0}
    said = {kind: found["uses_voice"] for kind, found in ablated.items()}
    assert said == {"voice": "yes", "label": "no", "nothing": "no"}


def test_the_judge_matches_the_right_voice_and_not_the_wrong_one(ablated):
    swap = means(ablated["voice"], "swap")
    assert (swap[BASE], swap["voice"]) == (1.0, 1.0)
    assert (swap[WRONG], swap["label"], swap["neither"]) == (0.0, 0.0, 0.0)
    behind = next(arm for arm in ablated["voice"]["arms"] if arm["arm"] == WRONG)["behind"]
    assert behind["mean"] == 1.0 and behind["low"] > 0 and behind["groups"] == 5
    assert set(means(ablated["voice"], "swap_by_people").values()) == {None}


def test_what_an_arm_hides_is_in_no_prompt_of_it(ablated):
    prompts = Counter()
    for body in ablated["voice"]["bodies"]:
        text = "\n".join(str(m["content"]) for m in body["messages"])
        if "Emotion of" not in text:  # the judge, and the probe
            continue
        label = next(x for x in text.splitlines() if x.startswith("Emotion of"))
        hidden, heard = ": unknown (" in label, "Voice of" in text
        prompts[hidden, heard] += 1
        if hidden:
            choices = text.partition("Strategies")[2]
            assert not {"sadness", "anger", "fear"} & {*_emotions_offered(choices)}
    assert prompts == {(False, False): 20, (True, True): 20, (False, True): 40, (True, False): 20}


def _emotions_offered(choices: str) -> list[str]:
    return choices.partition("emotions from ")[2].partition(";")[0].split(", ")


def test_a_wrong_voice_is_that_of_the_other_member_of_the_pair(ablated):
    found = ablated["voice"]
    of = {r["id"]: r for r in samples(found["folder"])}
    wrong = [one for one in found["replies"] if one["arm"] == WRONG]
    assert len(wrong) == 20
    for one in wrong:
        own, other = of[one["id"]], of[one["voice_of"]]
        assert other["voice"]["words"] != own["voice"]["words"]
    paired = [
        one
        for one in wrong
        if of[one["id"]]["contrast"]["group"] == of[one["voice_of"]]["contrast"]["group"]
    ]
    assert len(paired) > 10


def test_every_number_follows_from_what_is_kept(ablated):
    from builders.evaluation.ablation.arms import _ALWAYS

    for found in ablated.values():
        kept = json.loads((found["folder"] / "ablation.json").read_text())
        arms = summarised(_ALWAYS, *(kept[n] for n in ("replies", "verdicts", "comparisons")))
        assert arms == kept["arms"] and list(uses_voice(arms, kept["swap_fit"])) == [
            kept["uses_voice"],
            kept["sentence"],
        ]
        store = Store(str(found["folder"].parent / "hearten.sqlite"), writes=False)
        held = store.held([one["request_key"] for one in kept["replies"]])
        store.close()
        for one in kept["replies"]:
            assert one["reply"] in held[one["request_key"]].text


def test_the_replies_of_the_first_arm_are_those_of_the_build(ablated):
    for found in ablated.values():
        built = {r["id"]: r["desired_response"]["text"] for r in samples(found["folder"])}
        base = {one["id"]: one["reply"] for one in found["replies"] if one["arm"] == BASE}
        assert base == built and found["requests"] == 100, "those were cached"


def test_the_terminal_says_what_was_found(ablated, endpoint):
    found = ablated["label"]
    endpoint.control(obeys="label", knows_voices=True)
    ended = ablate(found["folder"], endpoint, "--judge", "an-oracle", "--sample", 500)
    assert ended.code == 0, ended.err
    assert "replies do not use the voice" in ended.out and "no fit judge" in ended.out
    assert "the build has 20 samples, not 500" in ended.out
    assert "certificate: a ranker picks the right reply in 16 minimal pairs" in ended.out
    assert endpoint.log()["count"] == 0, "all of it was asked before"


def test_report_says_it_too(ablated):
    folder = ablated["label"]["folder"]
    ended = hearten("report", folder)
    assert ended.code == 0, ended.err
    page = Path(ended.out.strip()).read_text()
    assert "replies do not use the voice" in page and "ablation.json" in page


def test_the_preference_of_a_fit_judge_counts_and_of_no_other(ablated, endpoint, tmp_path):
    folder = tmp_path / "output" / "crema_d-sample"
    shutil.copytree(ablated["voice"]["folder"].parent, folder.parent)
    judge = ("--judge", "an-oracle")
    said = [
        [r["target_utterance"]["text"], r["voice"]["words"], r["desired_response"]["text"]]
        for r in samples(folder)
    ]
    endpoint.control(obeys="voice", knows_voices=True, judges="oracle", knows=said)
    assert set(means(found_by(folder, endpoint, *judge), "preferred").values()) == {None}
    of = ("--test", "score", "--dimension", "heard", "--limit", 1)
    where = ("--model", "an-oracle", "--base-url", endpoint.base_url)
    assert "is fit to judge it" in hearten("judge", folder, *of, *where).out
    found = found_by(folder, endpoint, *judge)
    preferred = means(found, "preferred")
    assert (preferred[WRONG], preferred["label"], preferred["neither"]) == (1.0, 1.0, 1.0)
    assert (preferred["another_seed"], preferred[BASE]) == (0.0, None)
    assert found["uses_voice"] == "yes" and "a fit judge prefers" in found["sentence"]


# Stopping, resuming, planner and demonstrations


def test_an_endpoint_that_goes_down_midway_is_gone_on_with(built, tmp_path):
    shutil.copytree(built.parent, tmp_path / "output")
    folder = tmp_path / "output" / built.name
    with TestEndpoint(any_model=True, latency=0.05) as own:
        own.control(obeys="voice")
        killer = Thread(target=_stop_after, args=(own, 30))
        killer.start()
        ended = ablate(folder, own, "--patience", 2, "--max-concurrency", 4)
        killer.join()
        assert ended.code == 3, ended.err
        assert not (folder / "ablation.json").exists()
        own.restart()
        own.control(obeys="voice")
        assert found_by(folder, own)["uses_voice"] == "not_judged"
        # Of 100, 30 were answered; up to four of these were cut off on their way.
        assert 0 < own.log()["count"] <= 74, "what was answered is not asked again"


def _stop_after(own: TestEndpoint, count: int) -> None:
    while own.log()["answered"] < count:
        time.sleep(0.02)
    own.stop()


def test_plans_and_cases_are_left_out_each_alone(endpoint, tmp_path):
    folder = build(endpoint, tmp_path, "label", HEARTEN_PLAN="hash", HEARTEN_DEMONSTRATIONS="ours")
    endpoint.control(obeys="label", keep_bodies=True)
    found = found_by(folder, endpoint)
    names = [arm["arm"] for arm in found["arms"]]
    assert names == [*ARMS, "no_planner", "no_demonstrations"]
    texts = [
        "\n".join(str(m["content"]) for m in body["messages"]) for body in endpoint.log()["bodies"]
    ]
    told = Counter(("What this reply does" in t, "Learn from how" in t) for t in texts)
    assert told[False, True] == 20, "without a plan"
    endpoint.control(obeys="label")
    assert [a["arm"] for a in found_by(folder, endpoint, "--also", "none")["arms"]] == [*ARMS]
    assert found_by(folder, endpoint, "--also", "planner")["arms"][-1]["arm"] == "no_planner"


def test_an_estimate_asks_nothing(built, endpoint):
    endpoint.control(obeys="voice")
    ended = ablate(built, endpoint, "--estimate", "--judge", "j")
    assert "20 targets in 6 arms: 20 responses cached, 100 requests to make" in ended.out
    assert endpoint.log()["count"] == 0


def test_a_larger_sample_contains_the_smaller_one(ablated, endpoint):
    folder = ablated["voice"]["folder"]
    endpoint.control(obeys="voice")
    ids = []
    for count in (4, 8, 20):
        found = found_by(folder, endpoint, "--sample", count)
        ids.append({one["id"] for one in found["replies"]})
        assert found["targets"] >= count
    assert ids[0] < ids[1] < ids[2]


# Bad input


def test_without_voices_there_is_nothing_to_leave_out(endpoint, tmp_path):
    folder = build(endpoint, tmp_path, "label", "--text-only")
    ended = ablate(folder, endpoint)
    assert ended.code == 1 and "no voice in this build is described" in one_line_error(ended)


def test_the_phrasebook_is_told_of_no_voice(endpoint, tmp_path):
    of = ("--corpus", "crema_d", "--sample", "--output", tmp_path, "--show", 0)
    assert hearten("build", *of).code == 0
    folder = tmp_path / "crema_d-sample"
    ended = hearten("ablate", folder)
    assert ended.code == 1 and "--model" in one_line_error(ended)
    endpoint.control(obeys="voice", knows_voices=True)
    found = found_by(folder, endpoint, "--model", "m", "--judge", "j")
    assert found["uses_voice"] == "yes" and found["model"] == "m"


def test_an_unknown_word_after_also_is_named(built, endpoint):
    ended = ablate(built, endpoint, "--also", "planer")
    assert ended.code == 2 and "did you mean planner" in one_line_error(ended)
    assert ALSO == ("planner", "demonstrations")
