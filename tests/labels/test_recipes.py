"""A strategy or an emotion is added by rows alone; half added, it ends before the first draft.

Each test builds a sample by the real command over a copy of the content folders.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builds import samples

from builders import resources

FOLDERS = ("schemas", "label_maps", "prompts")
STRATEGIES, POLICY = "label_maps/strategy/_strategies.tsv", "label_maps/strategy/_policy.tsv"
VOCABULARY = "label_maps/emotion/_vocabulary.tsv"
PHRASES = "prompts/phrasebook/phrases.tsv"
ADVICE = "label_maps/reply/_advice.tsv"
MELD = "label_maps/emotion/meld.sssom.tsv"

TEASING = (
    "gentle_teasing\tneutral\tstatement\tTakes the moment lightly, without making light of it.\t"
    "Careful now, or they will put a plaque with your name on that bench.\n"
)
TEASING_SUITS = "happiness\tgentle_teasing\tfirst\tWho is glad likes to be teased a little.\n"
TEASED = "".join(
    f"gentle_teasing\t*\tOh, they will soon paint the bench {colour} for you.\n"
    for colour in "red blue green white black brown pink grey yellow".split()
)
TEASING_ADVISES = "gentle_teasing\tno\tA joke is no advice.\n"
DREAD = "stagefright\tfear\tnegative\thigh\tstage-struck\t\tFear of standing before people.\n"
MAPPED = ("\temotion:fear\tfear\t", "\temotion:stagefright\tstagefright\t")


@pytest.fixture
def content(tmp_path: Path) -> Path:
    for name in FOLDERS:
        shutil.copytree(resources.content_root() / name, tmp_path / "content" / name)
    return tmp_path / "content"


def add(content: Path, table: str, rows: str) -> None:
    """Put rows at the end of a table, or for the policy at the end of their emotion's block."""
    path = content / table
    lines = path.read_text("utf-8").splitlines(keepends=True)
    own = [n for n, line in enumerate(lines) if line.split("\t")[0] == rows.split("\t")[0]]
    at = own[-1] + 1 if own and table == POLICY else len(lines)
    path.write_text("".join([*lines[:at], rows, *lines[at:]]), encoding="utf-8")


def replace(content: Path, table: str, old: str, new: str) -> None:
    text = (content / table).read_text("utf-8")
    assert text.count(old) == 1
    (content / table).write_text(text.replace(old, new), encoding="utf-8")


def build(content: Path, *options: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys\nfrom pathlib import Path\nfrom builders import resources\n"
        f"resources.content_root = lambda: Path({str(content)!r})\n"
        f"sys.argv = ['build', '--sample', '--text-only', *{options!r}]\n"
        "from builders.cli import build_main\nbuild_main()\n"
    )
    where = content.parent / "work"
    where.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=where, capture_output=True, text=True, check=False
    )


def output(content: Path) -> Path:
    return content.parent / "work" / "output"


def refused(content: Path, *options: str) -> str:
    """Return the one line that a build ends with, which has written nothing."""
    done = build(content, "--corpus", "meld", *options)
    assert done.returncode == 1, done.stdout
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert not output(content).exists() or not list(output(content).iterdir())
    return line


def test_a_strategy_is_added_by_rows_alone(content):
    add(content, STRATEGIES, TEASING)
    add(content, ADVICE, TEASING_ADVISES)
    add(content, POLICY, TEASING_SUITS)
    add(content, PHRASES, TEASED)
    for corpus in ("meld", "empathetic_dialogues"):
        done = build(content, "--corpus", corpus)
        assert done.returncode == 0, done.stderr
    said = [
        strategy
        for corpus in ("meld", "empathetic_dialogues")
        for sample in samples(output(content) / f"{corpus}-sample")
        for strategy in sample["desired_response"]["strategies"]
    ]
    assert "gentle_teasing" in said


def test_an_emotion_is_added_by_rows_alone(content):
    add(content, VOCABULARY, DREAD)
    replace(content, MELD, *MAPPED)
    done = build(content, "--corpus", "meld")
    assert done.returncode == 0, done.stderr
    found = [s["target_utterance"]["emotions"] for s in samples(output(content) / "meld-sample")]
    afraid = [one for one in found if one["primary"] == "stagefright"]
    assert {(one["root"], one["valence"]) for one in afraid} == {("fear", "negative")}


def test_the_adjective_of_an_emotion_is_a_word_for_it_and_may_be_missing(content):
    add(content, VOCABULARY, DREAD)
    replace(content, MELD, *MAPPED)
    done = build(content, "--corpus", "meld", "--emotion", "Stage Struck")
    assert done.returncode == 0, done.stderr
    assert samples(output(content) / "meld-sample")
    replace(content, VOCABULARY, "stage-struck", "")
    assert (
        "there is no emotion 'Stage Struck'"
        in build(content, "--corpus", "meld", "--emotion", "Stage Struck").stderr
    )


HALF_ADDED = {
    "a strategy without a policy": (
        [(STRATEGIES, TEASING), (ADVICE, TEASING_ADVISES), (PHRASES, TEASED)],
        "strategy gentle_teasing has no row in ",
    ),
    "a strategy without phrases": (
        [(STRATEGIES, TEASING), (ADVICE, TEASING_ADVISES), (POLICY, TEASING_SUITS)],
        "strategy gentle_teasing has 0 general phrases for 9 emotions in ",
    ),
    "a strategy without its row": (
        [(POLICY, TEASING_SUITS), (PHRASES, TEASED)],
        "strategy is 'gentle_teasing' in ",
    ),
    "a strategy that stands twice": (
        [(STRATEGIES, TEASING * 2), (POLICY, TEASING_SUITS), (PHRASES, TEASED)],
        "strategy is 'gentle_teasing' in ",
    ),
    "a strategy of an unknown family": (
        [(STRATEGIES, TEASING.replace("\tneutral\t", "\tcheerful\t"))],
        "family is 'cheerful' in ",
    ),
    "a strategy whose name would read as two": (
        [(STRATEGIES, TEASING.replace("gentle_teasing", "smile_then_tease"))],
        "strategy is 'smile_then_tease' in ",
    ),
    "a strategy whose name is no identifier": (
        [(STRATEGIES, TEASING.replace("gentle_teasing", "Gentle teasing"))],
        "strategy is 'Gentle teasing' in ",
    ),
    "a strategy named as another one's alias": (
        [(STRATEGIES, TEASING.replace("gentle_teasing", "grounding"))],
        "alias is 'grounding' in ",
    ),
    "an emotion of two words": (
        [(VOCABULARY, DREAD.replace("stagefright", "stage_fright"))],
        "emotion is 'stage_fright' in ",
    ),
    "an emotion that stands twice": ([(VOCABULARY, DREAD * 2)], "emotion is 'stagefright' in "),
    "an emotion under no root": (
        [(VOCABULARY, DREAD.replace("\tfear\t", "\tterror\t", 1))],
        "root is 'terror' in ",
    ),
    "an emotion whose adjective is another one's word": (
        [(VOCABULARY, DREAD.replace("stage-struck", "proud"))],
        "adjective is 'proud' in ",
    ),
    "an emotion named as another one's alias": (
        [(VOCABULARY, DREAD.replace("stagefright", "joy"))],
        "alias is 'joy' in ",
    ),
    "a root that nothing is said to": (
        [(VOCABULARY, DREAD.replace("\tfear\t", "\tstagefright\t", 1))],
        "emotion stagefright has no first choice in ",
    ),
    "a phrase that stands twice": (
        [(PHRASES, "inquiry\t*\tWhat happened then?\n" * 2)],
        "text is 'What happened then?' in ",
    ),
    "words for a feeling that stand twice": (
        [("label_maps/emotion/_feelings.tsv", "stage-struck\tfear\n" * 2)],
        "phrase is 'stage-struck' in ",
    ),
    "a style of speech that stands twice": (
        [("prompts/voice/styles.tsv", "anger\tCalm.\n")],
        "emotion is 'anger' in ",
    ),
}


@pytest.mark.parametrize("case", HALF_ADDED)
def test_what_is_half_added_ends_in_one_line_before_anything_is_written(content, case):
    rows, words = HALF_ADDED[case]
    for table, text in rows:
        add(content, table, text)
    line = refused(content)
    assert line.startswith(f"error: {words}"), line
    assert "; expected " in line


def test_an_estimate_is_refused_with_the_same_line(content):
    add(content, STRATEGIES, TEASING)
    assert refused(content, "--estimate") == refused(content)


def test_the_line_about_missing_phrases_can_be_followed_in_the_same_folder(content):
    add(content, STRATEGIES, TEASING)
    add(content, ADVICE, TEASING_ADVISES)
    add(content, POLICY, TEASING_SUITS)
    assert "add rows for *" in refused(content)
    add(content, PHRASES, TEASED)
    assert build(content, "--corpus", "meld").returncode == 0


def test_a_model_needs_no_phrases_for_a_strategy(content):
    add(content, STRATEGIES, TEASING)
    add(content, ADVICE, TEASING_ADVISES)
    add(content, POLICY, TEASING_SUITS)
    options = ("--model", "some-model", "--base-url", "http://127.0.0.1:9/v1", "--estimate")
    done = build(content, "--corpus", "meld", "--json", *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["to_ask"] > 0


@pytest.mark.slow
def test_a_root_needs_a_policy_a_class_in_every_set_phrases_and_a_manner(content):
    add(content, VOCABULARY, DREAD.replace("\tfear\t", "\tstagefright\t", 1))
    add(content, POLICY, "stagefright\tvalidation\tfirst\tIt is said to be nothing to fear.\n")
    for table, cell in (("_reply_emotions", "neutral"), ("_acts", "acknowledges")):
        assert f"no row for stagefright in {content}/label_maps/reply/{table}" in refused(content)
        add(content, f"label_maps/reply/{table}.tsv", f"stagefright\t{cell}\tCalm.\n")
    for name in ("iemocap4", "iemocap6", "seven"):
        assert f"no row for stagefright in {content}/label_maps/emotion/views/{name}" in refused(
            content
        )
        row = "stagefright\tskos:broadMatch\tsssom:NoTermFound\t\tno class of it\n"
        table = f"label_maps/emotion/views/{name}.sssom.tsv"
        add(content, table, as_in(content, table, row))
    assert "general phrases for" in refused(content)
    add(content, PHRASES, general_phrases(content))
    assert f"no row for stagefright in {content}/prompts/phrasebook/replies.tsv" in refused(content)
    add(content, "prompts/phrasebook/replies.tsv", "stagefright\tneutral\tacknowledges\n")
    assert build(content, "--corpus", "meld").returncode == 0


def as_in(content: Path, table: str, row: str) -> str:
    """Return the cells of a row in the columns of a table; what has no cell is empty."""
    lines = (content / table).read_text("utf-8").splitlines()
    header = next(line for line in lines if not line.startswith("#")).split("\t")
    names = ("subject_label", "predicate_id", "object_id", "object_label", "comment")
    cells = dict(zip(names, row.rstrip("\n").split("\t"), strict=True))
    return "\t".join(cells.get(column, "") for column in header) + "\n"


def general_phrases(content: Path) -> str:
    """Return a phrase more of each strategy, for an emotion that no phrase is for."""
    found = []
    for line in (content / STRATEGIES).read_text("utf-8").splitlines()[1:]:
        strategy, _, kind = line.split("\t")[:3]
        words = strategy.replace("_", " ")
        asks = kind == "question"
        found.append(f"{strategy}\t*\tThis is {words} for you{'?' if asks else '.'}\n")
    return "".join(found)
