"""What commands print with --json: one value of the documented shape on stdout, nothing else."""

from __future__ import annotations

import json
import subprocess
import tarfile

import jsonschema
import pytest
import typer.main
from builds import ROOT, command, environment, hearten, one_line_error, samples
from cli_page import commands

from builders.cli import app
from builders.resources import corpora

SCHEMA = ROOT / "schemas" / "printed.json"
PAGE = ROOT / "docs" / "scripts.md"
SHAPES = json.loads(SCHEMA.read_text("utf-8"))["$defs"]
HEAD = "| command | JSON | fields |\n| --- | --- | --- |\n"
# Documented as not promised: they need a server of models, or the Hub.
NOT_PROMISED = {"judge", "ablate", "publish", "hydrate"}
BUILD = "output/meld-sample"

LINES = {
    "build": ("--corpus", "meld", "--sample", "--name", "other"),
    "verify": ("--corpus", "meld", "--source", corpora() / "meld" / "sample", "--text-only"),
    "corpora": (),
    "check": ("rows.jsonl",),
    "redact": ("rows.jsonl",),
    "route": ("rows.jsonl",),
    "tag": ("rows.jsonl",),
    "show": (BUILD,),
    "stats": (BUILD,),
    "diff": (BUILD, BUILD),
    "status": (BUILD,),
    "report": (BUILD,),
    "mine": (BUILD,),
    "prompt": ("--corpus", "meld", "--sample", "--limit", "2"),
    "review-people": (BUILD,),
    "review-status": (BUILD,),
    "review-export": (BUILD, "--to", "events.jsonl"),
    "review-import": (BUILD, "empty.jsonl"),
    "audit": (BUILD, "--status"),
    "export": (BUILD, "--format", "ms-swift", "--to", "export"),
    "store upgrade": (),
    "store backup": ("--to", "copy.sqlite"),
    "store status": (),
    "store forget": ("--dry-run", "ID"),
    "upgrade": ("old/output/meld", "--store", "output/hearten.sqlite"),
    "config": ("build", "--corpus", "meld"),
}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    place = tmp_path_factory.mktemp("printed")
    assert hearten("build", "--corpus", "meld", "--sample", cwd=place).code == 0
    row = {"id": "a", "text": "My dog died.", "reply": "I am sorry to hear that. What happened?"}
    (place / "rows.jsonl").write_text(json.dumps(row) + "\n")
    (place / "empty.jsonl").write_text("")
    with tarfile.open(ROOT / "tests" / "net" / "release_0_1" / "output.tar.xz") as held:
        held.extractall(place / "old", filter="data")
    return place


def words_of(name: str, here) -> list[str]:
    first = samples(here / BUILD)[0]["id"] if "ID" in LINES[name] else ""
    line = [first if word == "ID" else str(word) for word in LINES[name]]
    return (
        [*name.split(), "--json", *line] if name == "config" else [*name.split(), *line, "--json"]
    )


def test_every_command_takes_json_and_has_its_shape():
    names = {" ".join(words): words for words in commands()}
    assert names.keys() - NOT_PROMISED == SHAPES.keys()
    assert SHAPES.keys() - LINES.keys() == {"review"}, "a command is documented and not run"
    for words in names.values():
        found = typer.main.get_command(app)
        for word in words:
            found = found.commands[word]
        assert any("--json" in param.opts for param in found.params), words


@pytest.mark.parametrize("name", LINES)
def test_stdout_is_one_value_of_the_documented_shape(here, name):
    ended = hearten(*words_of(name, here), cwd=here)
    assert ended.code == (4 if name == "verify" else 0), ended.err
    jsonschema.validate(json.loads(ended.out), SHAPES[name])


def test_the_review_says_where_it_is_before_it_serves(here):
    line = command("review", BUILD, "--port", "0", "--invite", "Ada", "--json")
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, cwd=here, env=environment(), text=True
    ) as serving:
        told = json.loads(serving.stdout.readline())
        serving.terminate()
    jsonschema.validate(told, SHAPES["review"])
    (link,) = told["invited"]
    assert (link["role"], link["name"]) == ("annotator", "Ada") and "/join#" in link["link"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("status", "output/none"), 1),
        (("show", "output/none"), 1),
        (("export", "output/none", "--format", "no", "--to", "x"), 2),
        (("store", "forget", "no id"), 2),
    ],
)
def test_an_error_is_one_line_and_stdout_stays_empty(here, line, code):
    ended = hearten(*line, "--json", cwd=here)
    one_line_error(ended)
    assert (ended.code, ended.out) == (code, "")


def test_golden_table_of_what_is_printed_is_what_the_schema_says(request):
    rows = [
        f"| `{name}` | {shape['description']} | "
        f"{', '.join(f'`{field}`' for field in shape.get('properties', ()))} |\n"
        for name, shape in SHAPES.items()
    ]
    before, _, rest = PAGE.read_text("utf-8").partition(HEAD)
    after = rest[rest.index("\nWhat `hearten judge`") :]
    wanted = before + HEAD + "".join(rows) + after
    if request.config.getoption("--update-golden"):
        PAGE.write_text(wanted, "utf-8")
    assert PAGE.read_text("utf-8") == wanted
