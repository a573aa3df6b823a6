"""Pairs that no person made, and builds that were judged and certified, as they are published."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hub.client import REPO
from minimal_pairs import matched, member
from publishable import make_build, sample

from builders.evaluation.ablation.arms import BASE, WRONG
from builders.evaluation.ablation.summary import summarised, uses_voice
from builders.evaluation.kept import ABLATION, CERTIFICATE, keep
from builders.record.manifest import read_manifest

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
