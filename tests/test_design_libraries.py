"""The libraries that DESIGN.md names do the work in the files that it names."""

import ast
import re

import pytest
from builds import ROOT

NAMED = {
    *("datasets", "huggingface-hub", "jsonschema", "librosa"),
    *("openai", "pandas", "polars", "pydantic"),
}


def rows() -> list[tuple[str, str]]:
    """Return library and file of each row of the table of libraries."""
    text = (ROOT / "DESIGN.md").read_text("utf-8")
    table = text.split("| library | file | for |\n| --- | --- | --- |\n")[1].split("\n\n")[0]
    found = []
    for line in table.splitlines():
        library, files, purpose = (cell.strip() for cell in line.strip("|").split("|"))
        assert len(purpose.split()) > 2, line
        paths = re.findall(r"`([\w/]+\.py)`", files)
        assert paths, line
        found += [(library, path) for path in paths]
    return found


def imported(path: str) -> set[str]:
    """Return the packages that a file imports for more than types."""
    tree = ast.parse((ROOT / "builders" / path).read_text("utf-8"))
    typed = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typed:
            continue
        if isinstance(node, ast.Import):
            names |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_each_library_is_named_once():
    assert {library for library, _ in rows()} == NAMED


@pytest.mark.parametrize(("library", "path"), rows())
def test_a_file_imports_the_library_that_it_is_named_for(library, path):
    assert library.replace("-", "_") in imported(path)
