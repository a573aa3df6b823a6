"""The documentation is true: its blocks run, its output, options, links and tables are real."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from builds import ROOT, hearten
from cli_page import cli_page
from documents import CLI, OURS, PAGES, README, Document
from endpoints import TestEndpoint
from following import Place, check_install, prepare
from hub.server import LoopbackHub

from builders.corpora import load_card, slugs
from builders.release.export.format_table import formats, start_line
from builders.tasks.reply.checks.registry import load_checks

TABLE = "<!-- corpora: written from the cards -->\n"
WRITTEN = [page for page in PAGES if page is not CLI]
WORDS = {"README.md": 1500, "DESIGN.md": 3000}
WIDTH = 120
# The models that the pages ask.
MODELS = ["MODEL", "READER-1", "READER-2", "READER-3", "JUDGE"]
# Words that were ours alone, and what the field says; `docs/glossary.md` has the rest.
PRIVATE = {
    r"held": "cached, kept, stored",
    r"whom": "a noun",
    r"dialects?": "structured-output mode",
    r"heard otherwise": "ASR error rate",
    r"read back|reading back": "ASR check",
    r"voice words": "prosody description",
    r"findings|(?:a|the|each|no) finding": "quality flag",
    r"contrast groups?": "minimal pair",
    r"roots?|leaf": "coarse label, fine label",
    r"comes? along": "is included",
}


def named(pages: list[Document]) -> pytest.MarkDecorator:
    """Run a test for each page, by its name."""
    return pytest.mark.parametrize("page", pages, ids=[page.name for page in pages])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as it is after the README's first command, made once."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestEndpoint, LoopbackHub]]:
    """A server of models, and a Hub."""
    hub = tmp_path_factory.mktemp("hub")
    with (
        TestEndpoint(audio=["input_audio"], models=MODELS) as endpoint,
        LoopbackHub(hub) as running,
    ):
        yield endpoint, running


@pytest.fixture
def place(prepared: Path, servers: tuple[TestEndpoint, LoopbackHub], tmp_path: Path) -> Place:
    """A copy of the prepared folder for one page, with the servers."""
    folder = tmp_path / "here"
    shutil.copytree(prepared, folder, symlinks=True)
    return Place(folder, *servers)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=() if page is README else pytest.mark.slow)
        for page in WRITTEN
        if page.blocks
    ],
)
def test_every_block_of_a_page_runs_and_prints_what_is_shown(place, page):
    place.follow(page)


def test_golden_page_of_the_command_line_is_what_the_commands_say(request):
    wanted = cli_page()
    if request.config.getoption("--update-golden"):
        CLI.path.write_text(wanted, "utf-8")
    assert CLI.path.read_text("utf-8") == wanted, "docs/cli.md is out of date; run make docs"


def row(slug: str) -> str:
    """Return the line of the corpora table that a card makes."""
    card = load_card(slug)
    rights = card.rights.model_dump()
    kinds = [kind for kind in ("audio", "text", "labels", "derived") if rights[kind] == "yes"]
    sent = [kind for kind, may in card.send_to_third_party.model_dump().items() if may == "yes"]
    published = ", ".join(kinds) or "ids and counts only"
    title = re.split("[:,]", card.title)[0]
    cells = (f"`{slug}`", title, card.licence, published, ", ".join(sent) or "nothing")
    return f"| {' | '.join(cells)} |"


def test_golden_table_of_the_page_of_corpora_is_what_the_command_prints(request):
    path = ROOT / "docs" / "corpora.md"
    before, _, rest = path.read_text("utf-8").partition(TABLE)
    table, _, after = rest.partition("<!--")
    wanted = hearten("corpora", "--markdown").out
    if request.config.getoption("--update-golden"):
        path.write_text(f"{before}{TABLE}{wanted}<!--{after}", "utf-8")
        return
    assert table == wanted, "docs/corpora.md is out of date; run make docs"


def test_golden_table_of_corpora_is_what_the_cards_say(request):
    before, _, rest = README.text.partition(TABLE)
    table, _, after = rest.partition("<!--")
    wanted = [*table.splitlines()[:2], *(row(slug) for slug in slugs())]
    if request.config.getoption("--update-golden"):
        lines = "\n".join(wanted)
        README.path.write_text(f"{before}{TABLE}{lines}\n<!--{after}", "utf-8")
        return
    assert table.splitlines() == wanted


def test_the_start_line_of_every_format_is_shown():
    shown = (ROOT / "docs" / "training.md").read_text("utf-8").split("<!-- start lines: ")[1]
    lines = [line for line in shown.split("```")[1].splitlines()[1:] if line[0] != "#"]
    assert lines == [start_line(name, "sft", None) for name in formats()]


@cache
def all_help() -> str:
    """Return the help of all commands."""
    return cli_page()


@named([*WRITTEN, *OURS])
def test_every_option_named_on_a_page_exists(page):
    # What begins a line of code is another program's line.
    ours = [one for one in page.code if not one.startswith(FOREIGN)]
    options = {found for one in ours for found in re.findall(r"--[a-z][a-z-]+", one)}
    for option in options - TESTS_OWN:
        assert re.search(rf"{option}(?![a-z-])", all_help()), option


FOREIGN = ("llama-server", "python ", "pytest", "PYTHONPATH", "uvx", "pip ")
TESTS_OWN = {"--upgrade", "--update-golden", "--write", "--seconds", "--seed"}


@named([*WRITTEN, *OURS])
def test_every_command_and_variable_named_on_a_page_exists(page):
    commands = {one.split()[1] for one in page.code if re.match(r"hearten [a-z]", one)}
    assert not [one for one in commands if not re.search(rf"## hearten {one}\b", all_help())]
    files = [*(ROOT / "builders").rglob("*.py"), ROOT / "tests" / "conftest.py"]
    source = "\n".join(path.read_text("utf-8") for path in files)
    for name in {found for one in page.code for found in re.findall(r"HEARTEN_[A-Z_]+", one)}:
        short = name.removeprefix("HEARTEN_")
        asked = "HEARTEN_SOURCE_{slug" if short.startswith("SOURCE_") else f'{short}"'
        assert asked in source or name in all_help(), name


@named([*WRITTEN, *OURS])
def test_every_extra_named_on_a_page_exists(page):
    for line in page.code:
        if line.startswith("pip install"):
            check_install(shlex.split(line)[1:])


@named([*WRITTEN, *OURS, Document(ROOT / "bench" / "README.md")])
def test_every_link_of_a_page_leads_somewhere(page):
    for link in page.links:
        target, _, anchor = link.partition("#")
        if target.startswith("https:"):
            continue
        path = (page.path.parent / target).resolve() if target else page.path
        assert path.exists(), link
        assert not anchor or anchor in Document(path).anchors, link


def test_the_readme_leads_to_every_page():
    linked = {(ROOT / link.split("#")[0]).resolve() for link in README.links}
    assert not [page.name for page in PAGES if page is not README and page.path not in linked]


@pytest.mark.parametrize(("name", "most"), WORDS.items())
def test_a_page_is_short(name, most):
    assert len((ROOT / name).read_text("utf-8").split()) <= most


@named([*WRITTEN, *OURS])
def test_no_line_is_long(page):
    # Rows of tables cannot be broken; those of the README are short all the same.
    lines = page.text.splitlines() if page is README else page.unfenced.splitlines()
    long = [one for one in lines if len(one) > WIDTH and (page is README or one[0] != "|")]
    assert not long


@named([*WRITTEN, *OURS])
def test_no_page_uses_words_that_are_ours_alone(page):
    for word, better in PRIVATE.items():
        found = re.search(rf"[^.|]*\b(?:{word})\b[^.|]*", page.prose, re.I)
        assert not found, f"{found[0].strip()!r}: say {better}"


PLACES = re.compile(r"`((?:builders|label_maps|prompts|schemas|tests|bench|docs)/[^` ]+)")
PLANNED = {"builders/evaluation/question_sets/"}


@named([*WRITTEN, *OURS])
def test_every_place_that_a_page_names_is_there(page):
    places = {one for one in PLACES.findall(page.text) if "<" not in one}
    gone = [one for one in places - PLANNED if not list(ROOT.glob(one.rstrip("/")))]
    assert not gone


def test_every_check_that_a_page_names_exists():
    page = Document(ROOT / "docs" / "replies.md")
    table = page.text.split("| group |")[1].split("\n\n")[0]
    known = {check.code for check in load_checks()}
    assert not [code for code in re.findall(r"`(\w+)`", table) if code not in known]
