"""Names of people: replaced by others of their own, in nothing that leaves, kept in the store."""

from __future__ import annotations

import csv
import io
import json
import shutil
from importlib import util
from pathlib import Path

import pytest
from builds import ROOT, hearten, samples
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row, write_meld_csv

from builders.labels.tables import read_rows
from builders.record.types import Dialogue, Utterance
from builders.safety.people import PACKAGE, PeopleFinder, surrogate_names
from builders.safety.replacing import REPLACED, without_personal_data
from builders.safety.surrogates import Surrogates
from builders.store.originals import restored

needs_model = pytest.mark.skipif(util.find_spec(PACKAGE) is None, reason="needs hearten[ner]")


def test_a_surrogate_is_the_same_throughout_and_never_a_name_of_the_dialogue():
    said = ["Hannah Weiss called.", *(f"{name} came." for name in surrogate_names()[:-2])]
    made = Surrogates("dialogue-1", said)
    first, last = made.of("name", "Hannah Weiss").split()
    assert {first, last} == {*surrogate_names()[-2:]}  # all others are said
    assert made.of("name", "Hannah") == first and made.of("name", "HANNAH") == first.upper()
    assert made.of("name", "Weiss") == last
    assert made.of("name", "Someone") == "…"  # none is left, and none is used twice


def test_two_people_of_a_dialogue_have_two_surrogates():
    made = Surrogates("dialogue-2", [])
    names = [f"Person{chr(97 + at)}" for at in range(26)]
    assert len({made.of("name", name) for name in names}) == len(names)


def test_no_surrogate_is_a_name_that_requests_give_out():
    rows = read_rows(ROOT / "prompts/names/en/words.tsv", ("group", "words"), key=())
    given = {
        word
        for row in rows
        if row.cells["group"] == "instead"
        for word in row.cells["words"].split()
    }
    assert not given & {*surrogate_names()}


def test_what_was_replaced_can_be_put_back_in_every_text_of_a_value():
    value = {"a": "Selby Sloan and Selby", "b": ["Sloane, 5"], "c": 1, "d": None}
    told = restored(value, {"Selby Sloan": "Ann Lee", "Selby": "Ann"})
    assert told == {"a": "Ann Lee and Ann", "b": ["Sloane, 5"], "c": 1, "d": None}


def test_without_the_extra_one_line_says_what_to_install(tmp_path):
    if util.find_spec(PACKAGE):
        pytest.skip("it is installed")
    file = tmp_path / "lines.jsonl"
    file.write_text('{"id": "a", "utterance": "Ann called."}\n')
    ended = hearten("redact", file, "--names")
    assert ended.code == 1 and 'pip install "hearten[ner]"' in ended.err


@needs_model
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("My sister Hannah called John Abernathy yesterday.", ["Hannah", "John Abernathy"]),
        ("Thanks, Dr. Okonkwo.", ["Okonkwo"]),
        ("Phoebe, woo!", []),
        ("Sarah, can you hear me?", ["Sarah"]),
        ("Y'know, Grandma and God are fine in Paris.", []),
        ("Will it rain in May? I will hope so.", []),
    ],
)
def test_names_are_found_and_those_of_the_cast_are_none(text, names):
    (spans,) = PeopleFinder(["Phoebe Buffay"]).spans([text])
    assert [text[span.start : span.end] for span in spans] == names


@needs_model
def test_a_name_that_is_found_once_is_replaced_wherever_it_is_said():
    said = ["My sister Hannah called.", "hannah? Hannah!", "I told Hannah's boss.", "Ross knows."]
    turns = [Utterance("1", str(at), at, "Ross", text, None) for at, text in enumerate(said)]
    replaced = without_personal_data(Dialogue("train", "1", turns), "c-1-", PeopleFinder())
    texts = " ".join(turn.text for turn in turns)
    assert "Hannah" not in texts and turns[3].text == "Ross knows."
    assert [REPLACED in turn.findings for turn in turns] == [True, True, True, False]
    assert "Hannah" in replaced.values()


@needs_model
def test_rows_have_names_with_precision_and_recall(tmp_path):
    rows = [
        {
            "id": "a",
            "utterance": "I told Hannah that Ross left.",
            "speakers": ["Ross"],
            "gold": [{"start": 7, "end": 13, "kind": "person"}],
        },
        {"id": "b", "utterance": "Nobody came.", "gold": []},
    ]
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ended = hearten("redact", file, "--names")
    first = json.loads(ended.out.splitlines()[0])
    assert first["spans"][0]["kind"] == "name" and "Hannah" not in first["redacted"]
    assert "Ross" in first["redacted"]
    assert "name: precision 1 of 1, 1.00" in ended.err and "recall 1 of 1" in ended.err


@needs_model
def test_a_planted_name_is_in_no_published_byte_and_the_store_has_it(tmp_path, monkeypatch):
    planted = "Wilhelmina Fotheringay"
    rows = {
        "train": [
            meld_row(0, 0, Utterance=f"I met {planted} at the pond.", Emotion="joy"),
            meld_row(0, 1, Utterance="Wilhelmina looked well, and Monica too."),
        ],
        "dev": [meld_row(0, 0)],
        "test": [meld_row(0, 0)],
    }
    source = make_meld_tree(tmp_path / "source", rows)
    ended = hearten(
        *("build", "--corpus", "meld", "--source", source, "--text-only", "--name", "m"),
        "--replace-names",
        cwd=tmp_path,
    )
    assert ended.code == 0, ended.err
    folder = tmp_path / "output/m"
    first, second = (one for one in samples(folder) if one["id"].startswith("meld-train"))
    assert first["safety"]["pii"] and "Monica" in json.dumps(second)
    ended = hearten(
        *("export", folder, "--format", "trl", "--task", "sft", "--to", "out"), cwd=tmp_path
    )
    assert ended.code == 0, ended.err
    # No Hub is there; a dry run stages what it would send all the same.
    line = ("publish", folder, "--repo", "org/m", "--dry-run", "--allow-phrasebook")
    ended = hearten(*line, cwd=tmp_path, HF_ENDPOINT="http://127.0.0.1:9", HF_TOKEN="hf_test")
    assert ended.code == 0, ended.err
    staged = folder.parent / ".publish" / "m"
    assert (staged / "README.md").is_file()
    stored = {path for path in tmp_path.rglob("hearten.sqlite*")}
    files = {p for p in tmp_path.rglob("*") if p.is_file() and "source" not in p.parts} - stored
    assert any("out" in file.parts for file in files)
    # What is staged has the line, and the other name in it.
    (shard,) = staged.glob("data/record/train*.parquet")
    assert "at the pond" in told_by(shard) and shard in files
    for file in files:
        assert not any(word in told_by(file) for word in planted.split()), file
    shown = hearten("show", folder, first["id"], "--restore-names", cwd=tmp_path)
    assert planted in shown.out, shown.err
    assert planted not in hearten("show", folder, first["id"], cwd=tmp_path).out


def told_by(file: Path) -> str:
    """Return what is in a file, its Parquet unpacked."""
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        return str(pq.read_table(file).to_pylist())
    return file.read_bytes().decode("utf-8", "replace")


@needs_model
@pytest.mark.slow
def test_a_planted_name_is_in_nothing_that_a_judge_a_voter_or_an_ablation_sends(tmp_path):
    planted = "Wilhelmina Fotheringay"
    source = shutil.copytree(ROOT / "builders/corpora/meld/sample", tmp_path / "source")
    (table,) = source.rglob("train_sent_emo.csv")
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"))))
    rows[0]["Utterance"] = f"I met {planted} at the pond."
    write_meld_csv(table, rows)
    with TestEndpoint(any_model=True, keep_bodies=True) as endpoint:
        endpoint.control(knows_voices=True)
        at = ("--base-url", endpoint.base_url)
        ended = hearten(
            *("build", "--corpus", "meld", "--source", source, "--split", "train", "--name", "m"),
            *("--replace-names", "--model", "m", "--vote-model", "v", *at),
            cwd=tmp_path,
        )
        assert ended.code == 0, ended.err
        folder = tmp_path / "output" / "m"
        for line in (
            ("judge", folder, "--test", "score", "--dimension", "aloud", "--model", "j", *at),
            ("ablate", folder, *at),
        ):
            ended = hearten(*line, cwd=tmp_path, HEARTEN_SOURCE_MELD=str(source))
            assert ended.code == 0, ended.err
        bodies = [json.dumps(body) for body in endpoint.log()["bodies"]]
    sent = {model: [b for b in bodies if f'"model": "{model}"' in b] for model in "mvj"}
    for model, asked in sent.items():
        # The voter falls short of qualifying here, so that it is asked about none of the lines.
        assert asked and (model == "v" or any("at the pond" in body for body in asked)), model
        assert not any(word in body for body in asked for word in planted.split()), model
