"""The repository keeps its own promises: layers, sizes, names, and what must not be there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "builders").rglob("*.py"))

# Each layer may import the ones after it, and its own.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"commands"},
    {"exports", "publishing"},
    {"review"},
    {"judging"},
    {"pipeline", "estimating", "verify", "combine"},
    {"plan"},
    {"leaks", "sink", "targets", "report", "adopt", "progress", "build", "conversation"},
    {"preconditions", "contribution", "voting"},
    {"samples", "context", "contrast", "parquet", "manifest", "hearing", "speaking", "tally"},
    {"engines"},
    {"drafting", "selection"},
    {"checks", "voice", "corpora", "exclusions"},
    {"strategies", "folder", "labelling", "class_views"},
    {"labels", "config"},
    {"records", "errors", "assets", "signals", "shares"},
]
READERS = {"records", "errors", "corpora.files"}


def imported(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "builders":
                found |= {alias.name for alias in node.names}
            elif node.module.startswith("builders."):
                found.add(node.module.removeprefix("builders."))
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("builders.") for a in node.names if "builders." in a.name}
    return found - {"__version__"}


def layer(module: str) -> int:
    top = module.split(".")[0]
    return next(n for n, names in enumerate(LAYERS) if top in names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    module = ".".join(path.relative_to(ROOT / "builders").with_suffix("").parts)
    if module == "__init__":
        assert not imported(path)
        return
    backwards = [other for other in imported(path) if layer(other) < layer(module)]
    assert not backwards, f"{module} imports {backwards}, which stand above it"


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
