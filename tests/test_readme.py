"""The README is true: its output, flags, links, table and Python are the real ones."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from builds import ROOT, environment, hearten

from builders.corpora import load_card, slugs

README = (ROOT / "README.md").read_text("utf-8")
MARK = "<!-- corpora: written from the cards -->\n"


def row(slug: str) -> str:
    """Return the line of the corpora table that a card makes."""
    card = load_card(slug)
    rights = card.rights.model_dump()
    kinds = [kind for kind in ("audio", "text", "labels", "derived") if rights[kind] == "yes"]
    sent = [kind for kind, may in card.send_to_third_party.model_dump().items() if may == "yes"]
    published = ", ".join(kinds) or "ids and counts only"
    cells = (f"`{slug}`", card.title, card.licence, published, ", ".join(sent) or "nothing")
    return f"| {' | '.join(cells)} |"


def test_golden_table_of_corpora_is_what_the_cards_say(request):
    before, _, rest = README.partition(MARK)
    table, _, after = rest.partition("<!--")
    wanted = [*table.splitlines()[:2], *(row(slug) for slug in slugs())]
    if request.config.getoption("--update-golden"):
        text = "\n".join(wanted)
        (ROOT / "README.md").write_text(f"{before}{MARK}{text}\n<!--{after}", "utf-8")
        return
    assert table.splitlines() == wanted


def test_output_of_the_demonstration_is_what_it_prints(tmp_path):
    shown = README.split("$ make demo\n")[1].split("$ make test")[0]
    ended = hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path)
    # It is spelt as it was called, so that its lines may break elsewhere.
    broken, program = re.compile(r" \\\n\s+"), re.compile(r"^  \S*(build --|hearten show)")
    told = [broken.sub(" ", text).splitlines() for text in (ended.out, shown)]
    printed, wanted = ([program.sub(r"  \1", one) for one in lines] for lines in told)
    printed = [line.replace("hearten build", "build") for line in printed]
    for line in wanted:
        assert line == "[…]" or line in printed, line


def test_every_flag_named_in_the_readme_exists():
    known = hearten("build", "--help").out + hearten("verify", "--help").out
    ours = README.split("## Corpora")[0].replace("--port", "")
    for flag in set(re.findall(r"--[a-z][a-z-]+", ours)):
        assert flag in known, flag


def test_every_file_the_readme_links_to_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https:") or (ROOT / target).exists(), target


def test_python_lines_of_the_readme_run(tmp_path):
    ended = hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path)
    assert ended.code == 0
    code = README.split("```python\n")[1].split("```")[0]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(HF_HOME=str(tmp_path / "hub"), HF_HUB_OFFLINE="1"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert " -> " in done.stdout


PLACES = re.compile(r"`((?:builders|label_maps|prompts|schemas|tests|bench|docs)/[^` ]+)")
PLANNED = {"builders/evaluation/question_sets/"}


@pytest.mark.parametrize("page", ["DESIGN.md", "CONTRIBUTING.md"])
def test_every_place_that_a_page_names_is_there(page):
    named = {one for one in PLACES.findall((ROOT / page).read_text("utf-8")) if "<" not in one}
    assert named
    gone = [one for one in named - PLANNED if not list(ROOT.glob(one.rstrip("/")))]
    assert not gone
