"""Questions that several commands ask, and that have one answer: the rules, and people's pairs."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import Ended, hearten, one_line_error, samples
from deciding import compare, decide, edits

from builders.review.data.events import Decision

REJECT, ACCEPT = Decision("reject", reason="generic"), Decision("accept")
ADDRESS = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": ""}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reviewed build, twelve of whose replies were rejected and four accepted."""
    output = tmp_path_factory.mktemp("made") / "output"
    assert build(output).code == 0
    names = [record["id"] for record in samples(output / "meld")][:16]
    decide(output / "meld", {n: REJECT if k < 12 else ACCEPT for k, n in enumerate(names)})
    return output / "meld"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made.parent, tmp_path / "output") / "meld"


def build(output: Path, *more: str) -> Ended:
    wanted = ("--corpus", "meld", "--sample", "--name", "meld", "--output", output)
    return hearten("build", *wanted, *more)


def publish(folder: Path) -> Ended:
    flags = ("--repo", "org/meld", "--dry-run", "--allow-phrasebook")
    right = ("--i-have-the-right-to", "text:meld", "--i-have-the-right-to", "derived:meld")
    return hearten("publish", folder, *flags, *right, cwd=folder.parent.parent, **ADDRESS)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("reviewed_share = 0.5", "16 of 31 samples are reviewed and undisputed; 50% are required"),
        ("reviewed_share = 0.6", "16 of 31 samples are reviewed and undisputed; 60% are required"),
        (
            "alpha_strategy = 0.7",
            "0 items have two answers on strategies; the rule applies from 50 items",
        ),
    ],
)
def test_both_commands_judge_a_rule_in_the_same_words(folder, rule, sentence):
    here = folder.parent.parent
    (here / "hearten.toml").write_text(f"[publish]\n{rule}\n")
    met = "0.6" not in rule
    line = f"{'met' if met else 'not met'}: {rule.split()[0]}: {sentence}"
    status = hearten("review-status", folder, cwd=here)
    assert line in " ".join(status.out.split())
    ended = publish(folder)
    assert (ended.code == 0) == met, ended.err
    if not met:
        assert one_line_error(ended).startswith(f"error: {line}; have more samples reviewed")


@pytest.mark.parametrize("wrong", ["-0.5", "1.5", "true", '"much"'])
def test_both_commands_refuse_the_same_rules(folder, wrong):
    here = folder.parent.parent
    (here / "hearten.toml").write_text(f"[publish]\nalpha_strategy = {wrong}\n")
    said = [one_line_error(hearten("review-status", folder, cwd=here))]
    said.append(one_line_error(publish(folder)))
    assert said[0] == said[1] and "expected a number from 0 to 1" in said[0]


def pairs_by_all_ways(folder: Path, to: Path) -> list[set[tuple[str, str, str, str]]]:
    """Return the pairs of review-export, of each trainer's export, and of the staged version."""
    file = to / "pairs.jsonl"
    assert hearten("review-export", folder, "--format", "preferences", "--to", file).code == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows = [pair for pair in rows if pair["chosen"]]
    found = [{(p["id"], p["origin"], p["chosen"]["text"], p["rejected"]["text"]) for p in rows}]
    read = {
        "trl": lambda r: (r["chosen"][0]["content"], r["rejected"][0]["content"]),
        "ms-swift": lambda r: (r["messages"][-1]["content"], r["rejected_response"]),
        "llama-factory": lambda r: (r["chosen"]["content"], r["rejected"]["content"]),
    }
    for name, texts in read.items():
        flags = ("--format", name, "--task", "dpo", "--to", to / name)
        ended = hearten("export", folder, *flags)
        assert ended.code == 0, ended.err
        files = [p for p in (to / name).glob("*.jsonl") if p.name != "left_out.jsonl"]
        rows = [json.loads(line) for path in files for line in path.read_text().splitlines()]
        assert f"pairs: {len(rows)}" in ended.out
        found.append({(r["id"], r["origin"], *texts(r)) for r in rows})
    ended = publish(folder)
    assert ended.code == 0, ended.err
    staged = sorted((folder.parent / ".publish" / folder.name / "data/preference").glob("*"))
    rows = [row for path in staged for row in pq.read_table(path).to_pylist()]
    found.append(
        {
            (r["id"], r["origin"], r["chosen"][0]["content"], r["rejected"][0]["content"])
            for r in rows
        }
    )
    return found


@pytest.mark.slow
def test_rejections_and_comparisons_reach_every_way_out(folder, tmp_path):
    assert build(folder.parent, "--redraft", "rejected").code == 0
    again = folder.with_name("meld@2")
    before, after = (
        {r["id"]: r["desired_response"]["text"] for r in samples(f)} for f in (folder, again)
    )
    names = [name for name in before if before[name] != after[name]]
    assert len(names) >= 10
    decide(again, dict.fromkeys(names, ACCEPT))
    compare(folder, again, dict.fromkeys(names, "b"))
    last = samples(folder)[20]["id"]
    decide(folder, {last: edits(folder, last, "You have carried that on your own for long.")})
    for of in (folder, again):
        first, *others = pairs_by_all_ways(of, tmp_path / of.name)
        assert all(other == first for other in others)
        origins = Counter(origin for _, origin, _, _ in first)
        assert origins == {"rejection": len(names), "compared": len(names), "edit": 1}


def test_without_a_store_there_are_no_pairs_and_a_line_says_so(folder):
    (folder.parent / "hearten.sqlite").unlink()
    ended = publish(folder)
    assert ended.code == 0 and "no preference pairs: there is no store" in ended.out
    assert not (folder.parent / ".publish" / "meld" / "data" / "preference").exists()
