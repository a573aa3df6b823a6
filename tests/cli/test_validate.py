"""`hearten validate`: every fault of what somebody wrote or edited, each in one line."""

from __future__ import annotations

import json
import shutil

import pytest
from builds import ROOT, hearten

from builders import resources
from builders.cli.valid_tables import table_faults
from builders.llm.prompts import Template, given_parts

TABLES = sorted(
    path.relative_to(ROOT)
    for folder in ("label_maps", "prompts")
    for path in (ROOT / folder).rglob("*.tsv")
    if path.name != "_parts.tsv"
)


def told(*line, cwd):
    """Return the lines about faults, and the exit code."""
    ended = hearten("validate", *line, cwd=cwd)
    assert all(line.startswith("error: ") for line in ended.err.splitlines()), ended.err
    return [line.removeprefix("error: ") for line in ended.err.splitlines()], ended.code


def edited(place, relative, *changes):
    """Copy a file of ours, with other words in it."""
    text = (ROOT / relative).read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = place / relative.rpartition("/")[2]
    path.write_text(text, "utf-8")
    return path


RECORDS = """\
{"id": "a", "target_utterance": {"text": 5, "emotions": {}}}
{broken
{"target_utterance": {"text": "x", "emotions": {"primary": "sad"}}}
{"id": "b", "target_utterance": {"text": "x", "emotions": {"primary": "glumpy"}}}
{"id": "b", "target_utterance": {"text": "x", "emotions": {"primary": "sad"}}}
"""
SETTINGS = """\
[build]
limits = 5
limit = "many"
temperature = 9
model = "m"
[profiles.x]
modell = 3
[models.a]
key = "sk-123-secret"
price = 3
[corpra]
"""
FAULTS = {
    "mine.jsonl": (RECORDS, [
        "record 'a': target_utterance.text breaks the rule type (5 is not of type 'string') in "
        "mine.jsonl:1; expected string",
        "record 'a': target_utterance.emotions breaks the rule required",
        "it is not valid JSON (unexpected character",
        "record 'without id': the record itself breaks the rule required ('id' is",
        "record 'b' comes twice in mine.jsonl:5; expected each id once; the first is in mine.json",
        "emotion labels without an emotion: 'glumpy' (1 seen) in mine.jsonl; expected one of",
    ]),
    "hearten.toml": (SETTINGS, [
        "unknown top-level name corpra in hearten.toml",
        "unknown setting build.limits in hearten.toml; did you mean limit?",
        "unknown setting profiles.x.modell in hearten.toml; did you mean model?",
        "models.a.key is not the name of an environment variable in hearten.toml",
        "models.a has a key and no address in hearten.toml",
        "models.a.price is 3 in hearten.toml; expected prompt and completion",
        "build.limit is 'many' in hearten.toml; expected a valid integer",
        "build.temperature is 9 in hearten.toml; expected less than or equal to 2",
    ]),
    "map.toml": ('[columns]\nid = "a"\nmood = "b"\n[emotions]\nx = "sadnes"\n', [
        "the map leaves out columns.text in map.toml; expected the name of the column",
        "the map leaves out columns.emotion in map.toml",
        "unknown field columns.mood in map.toml; expected one of id, text, emotion",
        "emotions.x is 'sadnes' in map.toml; did you mean sadness?",
    ]),
    "my.schema.json": (
        '{"properties": {"language": {"type": "integer"}, "id": {"type": "null"}}, '
        '"required": ["mood"]}', [
        "the record itself contradicts our schema: it requires 'mood' in my.schema.json",
        "id contradicts our schema: its type is null in my.schema.json; expected string",
        "language contradicts our schema: its type is integer in my.schema.json",
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_of_a_file_is_one_line(tmp_path, name):
    text, expected = FAULTS[name]
    (tmp_path / name).write_text(text)
    lines, code = told(name, cwd=tmp_path)
    assert code == 1 and len(lines) == len(expected), lines
    for line, said in zip(lines, expected, strict=True):
        assert line.startswith(said)
    assert "sk-123-secret" not in "".join(lines)


def test_faults_of_a_prompt_name_its_lines(tmp_path):
    edited(
        tmp_path,
        "prompts/draft/user.j2",
        ("{{ utterance }}", "{{ utterence }}"),
        ("label_note,", "label_nota,"),
        ("{{ label_note }}", "{{ label_nota }}"),
    )
    lines, code = told("user.j2", cwd=tmp_path)
    assert code == 1
    first, second, *unused = lines
    assert first.startswith("there is no part utterence in user.j2:")
    assert "; expected exactly addressee, " in first and "did you mean utterance?" in first
    assert second.startswith("there is no part label_nota in user.j2:")
    assert [line.partition(" in ")[0] for line in unused] == [
        "part label_note is never used",
        "part utterance is never used",
    ]


def test_faults_of_a_card_name_its_fields(tmp_path):
    (tmp_path / "mine").mkdir()
    edited(
        tmp_path / "mine",
        "builders/corpora/meld/card.toml",
        ("\nowner =", "\nownr ="),
        ("\n[send_to_third_party]\ntext =", "\n[send_to_third_party]\ntxt ="),
        ('audio_origin = "acted"', 'audio_origin = "loud"'),
    )
    lines, code = told("mine/card.toml", cwd=tmp_path)
    assert code == 1 and {line.partition(" in ")[0] for line in lines} == {
        "the card has no owner",
        "unknown field ownr",
        "audio_origin is 'loud'",
        "the card has no send_to_third_party.text",
        "unknown field send_to_third_party.txt",
    }


def test_each_row_of_a_table_with_a_fault_is_one_line(tmp_path):
    table = edited(tmp_path, "label_maps/strategy/_policy.tsv")
    rows = table.read_text().split("\n")
    rows[4] = rows[4].replace("\tlater\t", "\tsometime\t")
    rows[6] = "happiness\tnonsense\tfirst\tIt is.\t"
    table.write_text("\n".join([*rows, "happiness\tcelebration\tfirst", ""]))
    lines, code = told(table.name, cwd=tmp_path)
    assert code == 1 and len(lines) == 3, lines
    assert lines[0].startswith(f"3 cells in _policy.tsv:{len(rows) + 1}; expected 5")
    assert lines[1].startswith("place is 'sometime' in _policy.tsv:5; expected one of first, later")
    assert lines[2].startswith("strategy is 'nonsense' in _policy.tsv:7; expected one of")
    labels = edited(tmp_path, "label_maps/emotion/meld.sssom.tsv", ("emotion:anger", "emotion:x"))
    assert any(f" in {labels}:" in str(fault) for fault in table_faults(labels))
    nowhere = tmp_path / "_polici.tsv"
    shutil.copy(table, nowhere)
    (line,), code = told(nowhere.name, cwd=tmp_path)
    assert "no table is _polici.tsv in _polici.tsv" in line and "did you mean _policy.tsv?" in line


@pytest.mark.slow
def test_our_own_tables_and_prompts_have_no_faults():
    templates = sorted((ROOT / "prompts").rglob("*.j2"))
    ended = hearten("validate", *TABLES, *templates, cwd=ROOT)
    assert (ended.code, ended.err) == (0, "")
    assert len(ended.out.splitlines()) == len(TABLES) + len(templates)


def test_what_prompts_are_given_is_what_they_name():
    root = resources.prompts()
    named = {
        str(path.relative_to(root).with_suffix("")): Template(path).parts
        for path in root.rglob("*.j2")
    }
    assert given_parts() == named


def test_faults_are_one_json_object_and_what_is_valid_is_told(tmp_path):
    (tmp_path / "mine.jsonl").write_text(RECORDS)
    (tmp_path / "hearten.toml").write_text("[build]\nlimit = 5\n")
    ended = hearten("validate", "mine.jsonl", "hearten.toml", "none.toml", "--json", cwd=tmp_path)
    found = json.loads(ended.out)
    assert ended.code == 1 and ended.err == "error: 7 faults in mine.jsonl, none.toml; fix them\n"
    assert found["valid"] == {"hearten.toml": "valid settings"}
    assert [(one["file"], one["where"]) for one in found["faults"]] == [
        *(("mine.jsonl", f"mine.jsonl:{n}") for n in (1, 1, 2, 3, 5)),
        ("mine.jsonl", "mine.jsonl"),
        ("none.toml", None),
    ]


def test_a_fault_of_every_record_is_told_once_and_counted(tmp_path):
    rows = [{"utt": str(n), "feels": "sad"} for n in range(40)]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "map.toml").write_text('[columns]\nid = "utt"\ntext = "said"\nemotion = "feels"\n')
    lines, code = told("mine.jsonl", "--map", "map.toml", cwd=tmp_path)
    first, again = lines
    assert code == 1 and "there is no column 'said', which the map has for text" in first
    assert again.startswith(first.partition(" in ")[0]) and "the same in 39 more places" in again
