"""Pairs that no person made, and builds that were judged and certified, as they are published."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import ROOT, hearten, samples
from hub.client import REPO, client_of
from minimal_pairs import matched, member
from publishable import make_build, sample

from builders.corpora import Rights, load_card
from builders.evaluation.ablation.arms import BASE, WRONG
from builders.evaluation.ablation.summary import summarised, uses_voice
from builders.evaluation.kept import ABLATION, CERTIFICATE, keep
from builders.pipeline import plan
from builders.pipeline.run import build as build_dataset
from builders.record.manifest import read_manifest
from builders.release import rights
from builders.release.hub.hydrating import hydrate
from builders.settings import make_config

GROUPS = 4


def paired(number: int, group: int, root: str, **more) -> dict:
    """Return a record that may be published, a member of a minimal pair."""
    from_pair, _ = member(number, group, root)
    one = sample(number)
    for name in ("id", "source", "contrast", "voice", "annotation", "target_utterance"):
        one[name] = from_pair[name]
    one["audio"]["path"] = f"{one['id']}.flac"
    one["desired_response"]["text"] = from_pair["desired_response"]["text"]
    one["text_context"] = []
    return one | more


def build(tmp_path: Path, **more) -> Path:
    records = [
        paired(2 * group + place, group, root, **more)
        for group in range(GROUPS)
        for place, root in enumerate(("happiness", "sadness"))
    ]
    return make_build(tmp_path / "output" / "b", records)


def test_pairs_of_contrast_and_planted_faults_are_a_config_of_their_own(
    hub, tmp_path, terms, release
):
    """The release checks itself by loading every config with `load_dataset` before it is merged."""
    terms()
    folder = build(tmp_path)
    matched(folder)
    done = release(folder, pairs_from=("contrast", "planted"))
    assert done.version == 1 and "preference" not in done.staged.configs
    told = {one["origin"]: one for one in done.staged.words_alone}
    assert told["contrast"]["pairs"] == 2 * GROUPS and told["contrast"]["lowered"] is None
    assert told["planted"]["pairs"] > 0
    published = json.loads(hub.read(REPO, "manifest.json"))["published"]["configs"]
    rows = [
        row
        for path in sorted(done.staged.folder.rglob("*.parquet"))
        if "preference_ai" in str(path)
        for row in pq.read_table(path).to_pylist()
    ]
    assert sum(split["rows"] for split in published["preference_ai"].values()) == sum(
        one["pairs"] for one in told.values()
    )
    assert not rows or {row["origin"] for row in rows} == {"contrast", "planted"}
    card = hub.read(REPO, "README.md").decode()
    assert f"| contrast | {2 * GROUPS} | `preference_ai` |" in card
    assert "No person preferred anything in `preference_ai`, and no pair here is people's" in card
    assert f"our rewards prefer the same in {told['planted']['lowered']:,}" in card


def test_a_judge_that_is_not_fit_makes_no_pair_to_publish(tmp_path, terms, release):
    terms()
    folder = build(tmp_path)
    matched(folder, fit=False)
    done = release(folder, pairs_from=("contrast",), dry_run=True)
    assert "preference_ai" not in done.staged.configs


def proven(folder: Path, right: str, wrong: str, swap_fit: bool) -> None:
    """Keep an ablation whose first arm was matched as `right`, and that of a wrong voice not."""
    from builders.evaluation.ablation.arms import _ALWAYS

    told = {arm.name: right if arm.name != WRONG else wrong for arm in _ALWAYS}
    replies = [
        {"arm": arm, "id": f"r{n}", "dialogue": f"d{n}", "reply": f"{arm if said else ''} {n}"}
        for arm, said in told.items()
        for n in range(8)
    ]
    verdicts = [
        {"arm": arm, "one": f"a{n}", "other": f"b{n}", "group": f"g{n}", "verdict": said}
        for arm, said in told.items()
        for n in range(8)
    ]
    arms = summarised(_ALWAYS, replies, verdicts, None)
    used, sentence = uses_voice(arms, swap_fit)
    found = {"model": "m", "judge": "j", "targets": 8, "dialogues": 8, "swap_fit": swap_fit}
    found |= {"arms": arms, "uses_voice": used, "sentence": sentence}
    keep(folder, ABLATION, read_manifest(folder), found)
    share = {"share": 0.5, "low": 0.4, "high": 0.6}
    names = ("voice", "voice_beyond_label", "label", "words", "shuffled_voice")
    certificate = {"pairs": 16, "speakers": 4, "sentences": 5, "sentence": "nothing is shown"}
    certificate |= {"told_by": dict.fromkeys(names, share)}
    keep(folder, CERTIFICATE, read_manifest(folder), certificate)


@pytest.mark.parametrize(
    ("right", "wrong", "fit", "sentence"),
    [
        ("right", "wrong", True, "the right voice beats a wrong one"),
        ("right", "right", True, "replies do not use the voice"),
        ("right", "wrong", False, "no fit judge has judged whether the right voice beats"),
    ],
)
def test_the_card_tells_what_the_voice_adds_and_which_judge_is_fit(
    tmp_path, terms, release, right, wrong, fit, sentence
):
    terms()
    score = {"test": "score", "dimension": "aloud", "value": 8.0, "model": "j", "fit": fit}
    swap = {"test": "swap", "dimension": "swap", "value": 1.0, "model": "j", "fit": None}
    folder = build(tmp_path, judgements=[score, swap])
    proven(folder, right, wrong, fit)
    done = release(folder, dry_run=True)
    card = (done.staged.folder / "README.md").read_text("utf-8")
    assert f"Found: {sentence}" in card and f"| {BASE} |" not in card
    assert "Certificate of the config `default`: nothing is shown" in card
    scored = [line for line in card.splitlines() if "is better)" in line]
    lines = {line.split("|")[1].split("(")[0].strip(): line for line in scored}
    assert ("did not tell good replies" in lines["aloud"]) is not fit and "8.00" in lines["aloud"]
    assert "not measured" in lines["swap"] and "not measured" not in lines["aloud"]


@pytest.mark.slow
def test_pairs_come_back_with_the_words_that_were_withheld(hub, tmp_path, release, monkeypatch):
    card = load_card("crema_d")
    closed = Rights(**{**card.rights.model_dump(), "text": "no"})
    card = card.model_copy(update={"rights": closed})
    for module in (plan, rights):
        monkeypatch.setattr(module, "load_card", lambda slug: card)
    monkeypatch.setattr("builders.release.hub.release.check_loads", lambda *given: None)
    source = ROOT / "builders" / "corpora" / "crema_d" / "sample"
    config = make_config(corpus="crema_d", source=source, name="b", output=tmp_path / "output")
    build_dataset(config, {}, quiet=True)
    matched(config.folder)
    release(config.folder, pairs_from=("contrast",), allow_phrasebook=True)
    out = json.loads(hub.read(REPO, "manifest.json"))["published"]["configs"]["preference_ai"]
    count = sum(split["rows"] for split in out.values())
    given = {"revision": None, "name": "back", "output": tmp_path / "back"}
    done = hydrate(client_of(hub), source, **given)
    assert done.pairs == count > 0 and f"{count} preference pairs were restored" in done.as_text()
    said = {row["id"]: row["target_utterance"]["text"] for row in samples(config.folder)}
    path = done.folder / "pairs" / "preference_ai.jsonl"
    back = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in back:
        assert said[row["id"]] in row["prompt"][-1]["content"]
        assert row["chosen"] != row["rejected"] and row["by"] == "a-judge"
    gone = back[0]["id"]
    table = tmp_path / "exclusions.tsv"
    table.write_text(f"id\treason\n{gone}\tasked\n")
    less = hydrate(client_of(hub), source, **{**given, "name": "less"}, exclusions=table)
    left = (less.folder / "pairs" / "preference_ai.jsonl").read_text("utf-8")
    rejected = {row["chosen"][0]["content"] for row in back if row["id"] == gone}
    kept = [json.loads(line) for line in left.splitlines()]
    assert gone not in left and less.pairs == len(kept) < count
    halves = [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in kept]
    assert all(half[::-1] in halves for half in halves) and rejected


def test_the_command_publishes_pairs_that_no_person_made(tmp_path):
    folder = build(tmp_path)
    matched(folder)
    line = ("publish", folder, "--repo", "org/m", "--dry-run", "--pairs-from", "contrast")
    ended = hearten(*line, HF_ENDPOINT="http://127.0.0.1:9", HF_TOKEN="hf_test")
    assert ended.code == 0, ended.err
    staged = folder.parent / ".publish" / folder.name
    (shard,) = staged.glob("data/preference_ai/*.parquet")
    rows = pq.read_table(shard).to_pylist()
    assert len(rows) == 2 * GROUPS and {row["by"] for row in rows} == {"a-judge"}
    ended = hearten(*line[:-1], "people", HF_ENDPOINT="http://127.0.0.1:9", HF_TOKEN="hf_test")
    assert ended.code == 2 and "people" in ended.err
