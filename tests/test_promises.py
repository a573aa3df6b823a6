"""The repository keeps its own promises: layers, sizes, names, and what must not be there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "builders").rglob("*.py"))
NAMES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in MODULES
}

# Each layer may import the ones after it, and its own. A module belongs to its longest name here.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"release"},
    {"review"},
    {"evaluation", "tasks.swap"},
    {
        *("pipeline.run", "pipeline.estimate", "pipeline.prompting", "pipeline.combine"),
        "corpora.verify",
    },
    {
        *("pipeline.voting", "pipeline.verdicts", "pipeline.qualifying", "pipeline.drafting"),
        "pipeline.moderating",
    },
    {"pipeline.plan"},
    {
        *("pipeline", "report", "record.dataset", "record.data_file", "record.version_1"),
        *(
            *("record.places", "record.scan", "record.flat", "record.conditions"),
            *("record.notebook", "record.as_dataset", "record.from_hub", "record.clips_by_id"),
            "record.messages",
            "release.eligibility",
            "record.next_turns",
            "record.human_replies",
        ),
    },
    {"release.row_views"},
    {"pipeline.preconditions", "tasks.qualification"},
    {"pipeline.contribution", "tasks.vote"},
    {"pipeline.context", "pipeline.minimal_pairs", "audio.analysis", "tts", "store.side_files"},
    {"record.sample", "record.parquet", "record.manifest", "corpora.published_counts"},
    {"audio.threads"},
    {"tasks", "pipeline.selection"},
    {"llm"},
    {"tasks.reply.checks", "safety", "audio", "corpora", "store", "record.schema"},
    {"labels", "record.folder"},
    {"labels.vocabulary", "settings"},
    {"labels.tables"},
    {
        "record.types",
        "record",
        "errors",
        "masking",
        "resources",
        "llm.interrupts",
        "llm.objects",
        "llm.settings",
        "progress",
        "stats",
    },
]
READERS = {
    "record.types",
    "record.views",
    "record.manifest_views",
    "errors",
    "corpora.files",
    "corpora.json_members",
    "corpora.opening",
    "corpora.clip_files",
    "corpora.damage",
    "corpora.hub_mirrors",
    "labels.tables",
}


def imported(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "builders":
            found |= {
                name.removeprefix("builders.")
                for alias in node.names
                if (name := f"{node.module}.{alias.name}") in NAMES
                or (name := node.module) in NAMES
            }
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("builders.") for a in node.names if "builders." in a.name}
    return found - {"builders"}


def layer(module: str) -> int:
    parts = module.split(".")
    heads = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next(n for head in heads for n, names in enumerate(LAYERS) if head in names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    module = ".".join(path.relative_to(ROOT / "builders").with_suffix("").parts)
    module = module.removesuffix(".__init__")
    if module == "__init__":
        return  # It names what is public, and imports it when it is asked for.
    backwards = [other for other in imported(path) if layer(other) < layer(module)]
    assert not backwards, f"{module} imports {backwards}, which stand above it"


def test_what_asks_models_knows_no_build():
    for path in (ROOT / "builders/llm").rglob("*.py"):
        record = {name for name in imported(path) if name.startswith("record.")}
        rooms = {name.partition(".")[0] for name in imported(path)}
        assert record <= {"record.types", "record.manifest_views", "record.schema"}, path
        assert not rooms & {"settings", "tasks", "pipeline", "evaluation", "tts"}, path


@pytest.mark.parametrize("path", sorted((ROOT / "builders/corpora").glob("*/*.py")), ids=str)
def test_a_reader_imports_nothing_but_what_it_needs_to_parse(path):
    own = f"corpora.{path.parent.name}"
    assert {name for name in imported(path) if not name.startswith(own)} <= READERS


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= 400
    options = path.parent.name == "cli"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not options:
            length = node.end_lineno - node.lineno
            assert length <= 50, f"{node.name} has {length} lines"


# Who opens a build's Parquet: what writes it and its typed reader, and what writes other files.
OPENS_PARQUET = re.compile(r"ParquetFile\(|read_table\(|(scan|read)_parquet\(|ds\.dataset\(")
MAY_OPEN = {"record", "release", "corpora"}


def package(path: Path) -> str:
    """Return the package of ours that a module lies in, its own name where it is loose."""
    return path.relative_to(ROOT / "builders").parts[0]


def test_a_build_is_read_by_its_typed_reader_alone():
    others = [path for path in MODULES if package(path) not in MAY_OPEN]
    assert not [path for path in others if OPENS_PARQUET.search(path.read_text("utf-8"))]


def test_no_public_class_name_stands_in_two_packages():
    packages: dict[str, set[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                packages.setdefault(node.name, set()).add(package(path))
    doubled = {name for name, places in packages.items() if len(places) > 1}
    assert not doubled, "choose another name for what is new"


def test_no_file_is_a_drawer_for_odds_and_ends():
    assert not [p for p in MODULES if p.stem in {"utils", "common", "helpers", "misc"}]


def test_user_input_is_never_checked_by_assert():
    for path in MODULES:
        tree = ast.parse(path.read_text("utf-8"))
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.Assert)], path


def test_nothing_committed_names_this_machine_or_a_registry():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a checkout")
    # Spelt in pieces, so that this file passes its own check.
    places = ("/wo" + "rk/", "files.python" + "hosted", "py" + "pi.org/simple", "--index" + "-url")
    for name in listed.stdout.split("\n"):
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".toml", ".txt", ".j2", ".tsv", ".json", ""}
            and path.is_file()
        ):
            text = path.read_text("utf-8", "ignore")
            assert not [place for place in places if place in text], name


HEAVY = "pandas polars pyarrow aiohttp openai av soundfile librosa torch ray fastapi datasets"


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['build', '--help']\n"
        "from builders.cli import build_main\n"
        "try: build_main()\n"
        "except SystemExit: pass\n"
        f"print([m for m in {HEAVY.split()} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.rstrip().endswith("[]")
