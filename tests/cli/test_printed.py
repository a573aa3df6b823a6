"""What commands print with --json: one value of the documented shape on stdout, nothing else."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tarfile
from collections import Counter

import jsonschema
import pytest
import typer.main
from builds import ROOT, command, environment, hearten, one_line_error, samples
from cli_page import commands
from endpoints import TestEndpoint
from hub.client import REPO
from hub.server import LoopbackHub

from builders.cli import app
from builders.resources import corpora

SCHEMA = ROOT / "schemas" / "printed.json"
PAGE = ROOT / "docs" / "scripts.md"
SHAPES = json.loads(SCHEMA.read_text("utf-8"))["$defs"]
HEAD = "| command | JSON | fields |\n| --- | --- | --- |\n"
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
    "import": ("rows.jsonl", "--corpus", "mine", "--map", "map.toml"),
    "validate": ("rows.jsonl", "--map", "map.toml"),
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


# What asks a server of models, by names of the settings file, or the Hub; in this order.
SPOKEN = "output/crema_d-sample"
SERVED = (
    ("build", "--corpus", "crema_d", "--sample", "--model", "drafting"),
    ("build", "--corpus", "crema_d", "--sample", "--model", "drafting", "--redraft", "ID"),
    ("judge", SPOKEN, "--model", "judging"),
    ("judge", SPOKEN, "--model", "judging", "--test", "score", "--dimension", "heard"),
    ("ablate", SPOKEN, "--judge", "judging"),
    ("publish", BUILD, "--repo", REPO, "--allow-phrasebook"),
    ("hydrate", "--dataset", REPO, "--source", corpora() / "meld" / "sample"),
)
MODELS = """
[models.drafting]
model = "a-drafter"
address = "{url}"
key = "DRAFTING_KEY"
[models.judging]
model = "an-oracle"
address = "{url}"
key = "JUDGING_KEY"
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    place = tmp_path_factory.mktemp("printed")
    assert hearten("build", "--corpus", "meld", "--sample", cwd=place).code == 0
    row = {"id": "a", "text": "My dog died.", "reply": "I am sorry to hear that. What happened?"}
    (place / "map.toml").write_text('[columns]\nid = "id"\ntext = "text"\nemotion = "feels"\n')
    row["feels"] = "sad"
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
    assert names.keys() == SHAPES.keys()
    run = {*LINES, *(line[0] for line in SERVED)}
    assert SHAPES.keys() - run == {"review"}, "a command is documented and not run"
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


@pytest.mark.slow
def test_what_needs_a_server_prints_its_shape_with_models_named_by_their_tables(here, tmp_path):
    shutil.copytree(here / "output", tmp_path / "output")
    hub_of = {"HF_TOKEN": "hf_test", "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    keys = {"DRAFTING_KEY": "a-key-of-drafting", "JUDGING_KEY": "a-key-of-judging"}
    with (
        TestEndpoint(any_model=True, keep_bodies=True) as endpoint,
        LoopbackHub(tmp_path / "hub") as hub,
    ):
        endpoint.control(obeys="voice", knows_voices=True, keep_bodies=True)
        (tmp_path / "hearten.toml").write_text(MODELS.format(url=endpoint.base_url))
        for line in SERVED:
            around = hub_of | keys | {"HF_ENDPOINT": hub.url}
            first = samples(tmp_path / SPOKEN)[0]["id"] if "ID" in line else ""
            words = [first if word == "ID" else word for word in line]
            ended = hearten(*words, "--json", cwd=tmp_path, **around)
            assert ended.code == 0, f"{line}: {ended.err}"
            jsonschema.validate(json.loads(ended.out), SHAPES[line[0]])
        asked = Counter(body["model"] for body in endpoint.log()["bodies"])
    assert asked.keys() == {"a-drafter", "an-oracle"}


def test_the_review_says_where_it_is_before_it_serves(here):
    line = command("review", BUILD, "--port", "0", "--invite", "Ada", "--json")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, **pipes, cwd=here, env=environment(), text=True) as serving:
        told = json.loads(serving.stdout.readline())
        serving.send_signal(signal.SIGINT)
        assert serving.communicate() == ("", "") and serving.returncode == 0
    jsonschema.validate(told, SHAPES["review"])
    (link,) = told["invited"]
    assert (link["role"], link["name"]) == ("annotator", "Ada") and "/join#" in link["link"]


# Each takes up to half a second to import, of the one in which the first line is to be there.
LATER = ("sqlalchemy", "pandas", "polars", "datasets", "scipy", "jinja2", "rich")
FIRST = """
import builtins, sys
from builders.cli import main
said = print
def first(*told, **how):
    said([name for name in {later} if name in sys.modules], flush=True)
    raise SystemExit
builtins.print = first
sys.argv = {line}
main()
"""


@pytest.mark.parametrize("name", ["show", "stats", "diff"])
def test_the_first_line_waits_for_no_library_that_it_does_not_need(here, name):
    line = ["hearten", name, *(BUILD for _ in range(2 if name == "diff" else 1))]
    code = FIRST.format(later=LATER, line=line)
    ended = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("[]\n", "")


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
    after = rest[rest.index("\nA command that asks models") :]
    wanted = before + HEAD + "".join(rows) + after
    if request.config.getoption("--update-golden"):
        PAGE.write_text(wanted, "utf-8")
    assert PAGE.read_text("utf-8") == wanted
