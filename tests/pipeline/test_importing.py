"""`hearten import` and `hearten validate`: records of one's own, and what is wrong with them."""

from __future__ import annotations

import copy
import json
import resource
import subprocess
import sys
import tracemalloc

import pytest
import soundfile
from builds import environment, hearten, one_line_error, samples
from deciding import decide
from endpoints import TestEndpoint
from hub.client import REPO
from hub.server import LoopbackHub
from publishable import make_build, sample

from builders.corpora.given_files import given_rows
from builders.errors import SourceError
from builders.pipeline.importing.column_map import ColumnMap
from builders.pipeline.importing.validating import validate
from builders.review.data.events import Decision

OWNERS = {
    "id": "talk_001",
    "audio": {"path": "clips/one.wav"},
    "text_context": [
        {"speaker": "User", "text": "I sang at the market today."},
        {"speaker": "Assistant", "text": "How was it?"},
    ],
    "target_utterance": {
        "text": "Nobody stopped to listen, and then it rained on my guitar.",
        "emotions": {"primary": "disappointed", "secondary": "frustrated"},
    },
    "desired_response": {
        "text": "That sounds disappointing and frustrating, after all you prepared. What helped?",
        "response_strategy": "validation_then_exploration",
        "emotion Awareness": "acknowledges_disappointment_and_frustration",
    },
}
ROW = {"utt": "u1", "words": "It rained on my guitar.", "feels": "sad", "wav": "clips/one.wav"}
MAP = '[columns]\nid = "utt"\ntext = "words"\nemotion = "feels"\naudio = "wav"\n'


@pytest.fixture
def place(tmp_path):
    """A folder with one clip of a second."""
    (tmp_path / "clips").mkdir()
    soundfile.write(tmp_path / "clips/one.wav", [0.1, -0.1] * 8000, 16_000)
    return tmp_path


def given(place, *records, name="mine.jsonl"):
    path = place / name
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def changed(**fields):
    return copy.deepcopy(OWNERS) | fields


def test_the_owners_record_goes_in_is_built_and_stays_here_until_the_card_says_otherwise(place):
    given(place, OWNERS, changed(id="talk_002"))
    ended = hearten("import", "mine.jsonl", "--corpus", "mine", cwd=place)
    assert ended.code == 0, ended.err
    assert "corpora/mine: 2 all; 2 clips, 2 labels" in ended.out
    ended = hearten("validate", "corpora/mine/samples.jsonl", "--text-only", cwd=place)
    assert ended.out == "corpora/mine/samples.jsonl: 2 valid records\n", ended.err
    ended = hearten("build", "--corpus", "mine", cwd=place)
    assert ended.code == 0, ended.err
    first = samples(place / "output/mine")[0]
    assert first["id"] == "mine-all-talk_001-target" and first["audio"]["bytes"]
    assert first["target_utterance"]["emotions"]["primary"] == "disappointment"
    assert [turn["role"] for turn in first["text_context"]] == ["user", "assistant"]
    card = place / "corpora/mine/card.toml"
    out = ("publish", "output/mine", "--repo", "org/mine", "--dry-run", "--allow-phrasebook")
    error = one_line_error(hearten(*out, cwd=place))
    assert "the card of mine allows nothing to be published in corpora/mine/card.toml" in error
    card.write_text(card.read_text().replace('title = "mine"', 'title = "Market talk"'))
    assert hearten("import", "mine.jsonl", "--corpus", "mine", cwd=place).code == 0
    assert "Market talk" in card.read_text()  # a card that was filled in is kept


def test_rows_with_a_map_are_dialogues(place):
    rows = [ROW | {"utt": f"u{n}", "talk": f"d{n // 2}", "who": f"S{n % 2}"} for n in range(4)]
    given(place, *rows)
    more = 'dialogue = "talk"\nspeaker = "who"\n[emotions]\nglumpy = "sadness"\n'
    (place / "map.toml").write_text(MAP + more)
    ended = hearten(
        *("import", "mine.jsonl", "--corpus", "mine", "--map", "map.toml", "--json"), cwd=place
    )
    assert json.loads(ended.out)["records"] == {"all": 4}, ended.err
    lines = (place / "corpora/mine/records/all.jsonl").read_text().splitlines()
    assert [[u["id"] for u in json.loads(line)["utterances"]] for line in lines] == [
        ["u0", "u1"],
        ["u2", "u3"],
    ]


def test_a_build_is_taken_in_but_not_who_asked_to_be_left_out(place):
    make_build(place / "output/meld", [sample(n) for n in (2, 40)])
    (place / "exclusions.tsv").write_text("id\treason\nmeld-train-1-40\tasked\n")
    ended = hearten("import", "output/meld", "--corpus", "mine", cwd=place)
    assert ended.code == 0 and "1 left out" in ended.out, ended.err
    told = [path.read_bytes() for path in (place / "corpora/mine").rglob("*") if path.is_file()]
    assert not any(b"meld-train-1-40" in text for text in told)
    assert (place / "corpora/mine/audio/00000001.flac").is_file()


def test_votes_and_second_emotions_are_read_mapped_and_built(place):
    votes = [{"label": "sad", "rater": "a"}, {"label": "sad", "rater": "b"}, {"label": "angry"}]
    owners = changed(id="talk_003")
    owners["target_utterance"] |= {"votes": votes}
    rows = [ROW | {"utt": "u1", "also": "angry", "said": "sad; sad|angry,huh"}]
    given(place, owners, changed(id="talk_004"))
    given(place, *rows, name="rows.jsonl")
    more = 'secondary = "also"\nvotes = "said"\n[emotions]\nhuh = ""\n'
    (place / "map.toml").write_text(MAP + more)
    told = ("import", "rows.jsonl", "--corpus", "rows", "--map", "map.toml", "--text-only")
    for line in (("import", "mine.jsonl", "--corpus", "mine", "--text-only"), told):
        ended = hearten(*line, cwd=place)
        assert ended.code == 0, ended.err
        assert hearten("build", "--corpus", line[3], cwd=place).code == 0
    first, second = samples(place / "output/mine")
    (third,) = samples(place / "output/rows")
    for one, words, share in (
        (first, ("disappointment", "frustration"), 0.0),
        (second, ("disappointment", "frustration"), None),
        (third, ("sadness", "anger"), 0.5),
    ):
        emotions, said = one["target_utterance"]["emotions"], one["annotation"]
        assert (emotions["primary"], emotions["secondary"]) == words
        assert said["agreement"] == share
    assert [v["label"] for v in third["annotation"]["votes"]] == ["sad", "sad", "angry", "huh"]
    # A record of ours says the same when it is taken in again, in our words.
    ended = hearten("import", "output/rows", "--corpus", "again", "--text-only", cwd=place)
    assert ended.code == 0, ended.err
    assert hearten("build", "--corpus", "again", cwd=place).code == 0
    (again,) = samples(place / "output/again")
    for part in ("primary", "secondary"):
        assert (
            again["target_utterance"]["emotions"][part]
            == (third["target_utterance"]["emotions"][part])
        )
    unknown = ROW | {"also": "glumpy", "said": {"sad": 2, "blah": 1}}
    given(place, unknown, name="rows.jsonl")
    error = one_line_error(hearten(*told, cwd=place))
    assert "without an emotion: 'glumpy' (1 seen), 'blah' (1 seen)" in error


@pytest.mark.slow
def test_own_records_are_drafted_reviewed_published_and_loaded(place, monkeypatch):
    given(place, OWNERS, changed(id="talk_002"))
    assert hearten("import", "mine.jsonl", "--corpus", "mine", cwd=place).code == 0
    card = place / "corpora/mine/card.toml"
    open_ = card.read_text().replace('= "unknown"', '= "yes"')
    card.write_text(open_.replace('licence = "yes"', 'licence = "cc-by-4.0"'))
    with TestEndpoint(any_model=True) as endpoint, LoopbackHub(place / "hub") as hub:
        around = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_test", "HF_HOME": str(place / "home")}
        around["HF_HUB_DISABLE_XET"] = "1"
        build = ("build", "--corpus", "mine", "--model", "a-drafter", "--base-url")
        ended = hearten(*build, endpoint.base_url, cwd=place)
        assert ended.code == 0, ended.err
        first, second = samples(place / "output/mine")
        rejected = Decision("reject", reason="generic")
        decide(place / "output/mine", {first["id"]: Decision("accept"), second["id"]: rejected})
        ended = hearten(*("publish", "output/mine", "--repo", REPO, "--json"), cwd=place, **around)
        assert ended.code == 0, ended.err
        config = next(iter(json.loads(ended.out)["configs"]))
        load = (
            "import datasets, json;"
            f"splits = datasets.load_dataset('{REPO}', '{config}');"
            "print(json.dumps([name for rows in splits.values() for name in rows['id'][:]]))"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", load],
            env=environment() | around,
            capture_output=True,
            text=True,
            check=False,
        )
    assert loaded.returncode == 0, loaded.stderr[-2000:]
    assert json.loads(loaded.stdout) == [first["id"]]


WRONG = {
    "without id": ([{k: v for k, v in OWNERS.items() if k != "id"}], "", "'without id': the record "
        "itself breaks the rule required ('id' is a required property)"),
    "a wrong type": ([changed(text_context=[{"text": 5}])], "", "'talk_001': text_context.0.text "
        "breaks the rule type (5 is not of type 'string')"),
    "outside": ([changed(audio={"path": "../one.wav"})], "", "audio.path is '../one.wav', outside"),
    "absolute": ([changed(audio={"path": "/etc/passwd"})], "", "is '/etc/passwd', outside"),
    "no audio": ([changed(audio={"path": "two.wav"})], "", "'two.wav', which is not there"),
    "twice": ([OWNERS, OWNERS], "", "record 'talk_001' comes twice"),
    "another version": ([{"schema_version": "1", "id": "x"}], "", "is of version '1'"),
    "a field left out": ([ROW], MAP.replace('text = "words"\n', ""), "leaves out columns.text"),
    "unknown column": ([ROW], MAP.replace('"words"', '"wordz"'), "no column 'wordz'"),
    "unknown field": ([ROW], MAP + 'mood = "feels"\n', "unknown field columns.mood"),
    "unmapped": ([ROW | {"feels": "glumpy"}], MAP, "without an emotion: 'glumpy' (1 seen)"),
    "no emotion": ([ROW], MAP + '[emotions]\nsad = "sadnes"\n', "did you mean sadness"),
    "no object": ([5], "", "is no JSON object"),
    "nothing": ([], "", "there are no records in mine.jsonl"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_no_corpus(place, what):
    records, column_map, said = WRONG[what]
    given(place, *records)
    (place / "map.toml").write_text(column_map)
    more = ("--map", "map.toml") if column_map else ()
    error = one_line_error(hearten("import", "mine.jsonl", "--corpus", "mine", *more, cwd=place))
    assert said in error
    assert "; " in error and not (place / "corpora/mine/records").exists()


@pytest.mark.parametrize("name", ["huge.jsonl", "huge.json", "huge.parquet"])
def test_a_file_of_ten_gigabytes_is_refused_in_little_memory(tmp_path, name):
    path = tmp_path / name
    with path.open("wb") as stream:
        stream.truncate(10 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    with pytest.raises(SourceError, match="longer than 1 MB|larger than 64 MB|no Parquet file"):
        [*given_rows(path)]
    assert tracemalloc.get_traced_memory()[1] < 200 << 20
    tracemalloc.stop()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


SCHEMAS = {
    '{"properties": {"language": {"type": "integer"}}}': "language contradicts our schema: it",
    '{"required": ["mood"]}': "it requires 'mood'",
    '{"additionalProperties": false, "properties": {}}': "it has no ",
    '{"properties": {"target_utterance": {"properties": {"text": {"type": "null"}}}}}': (
        "target_utterance.text contradicts"
    ),
    '{"type": 5}': "is no schema",
    "{": "not valid JSON",
}


@pytest.mark.parametrize("text", SCHEMAS)
def test_a_schema_that_contradicts_ours_is_one_line(tmp_path, text):
    (tmp_path / "my.schema.json").write_text(text)
    ended = hearten("validate", "my.schema.json", cwd=tmp_path)
    lines = ended.err.splitlines()
    assert ended.code == 1 and lines
    assert all(line.startswith("error: ") and SCHEMAS[text] in line for line in lines)


def test_what_goes_with_ours_is_valid(tmp_path):
    path = tmp_path / "my.schema.json"
    path.write_text('{"properties": {"language": {"enum": ["en"]}}, "required": ["id"]}')
    assert validate(path, ColumnMap(), None) == "a valid schema that goes with ours"
    settings = tmp_path / "hearten.toml"
    settings.write_text("[build]\nlimit = 5\n")
    assert validate(settings, ColumnMap(), None) == "valid settings"
    settings.write_text("[build]\nlimits = 5\n")
    assert "unknown setting build.limits" in one_line_error(
        hearten("validate", settings, cwd=tmp_path.parent)
    )
