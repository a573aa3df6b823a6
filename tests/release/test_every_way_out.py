"""Who asked to be left out is in nothing that is written, printed, served or sent any more."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from builds import ROOT, Ended, hearten, samples
from deciding import decide
from endpoints import TestEndpoint

from builders.cli import app
from builders.review.data.events import Decision

sys.path.insert(0, str(ROOT / "tests" / "review"))
from serving import Server, Visitor  # noqa: E402 - it lies with the tests of review

WHO = "meld-train-0-1"
# Commands that read no build, or no more of one than its counts.
NOTHING_OF_A_BUILD = {
    "check",
    "tag",
    "route",
    "redact",
    "review-people",
    "corpora",
    "verify",
    "status",
    "store",
} | {
    "config",
    "validate",
}
ADDRESS = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": ""}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a reviewed build whose replies were rejected, among them that to `WHO`."""
    here = tmp_path_factory.mktemp("made")
    ended = hearten("build", "--corpus", "meld", "--sample", "--name", "meld", cwd=here)
    assert ended.code == 0, ended.err
    names = [record["id"] for record in samples(here / "output/meld")]
    verdicts = {
        n: Decision("reject", reason="generic") for n in names if n.startswith("meld-train")
    }
    verdicts[WHO] = Decision("reject", reason="generic", comment="The words of somebody.")
    decide(here / "output/meld", verdicts)
    return here


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    """A copy of it, beside which somebody has asked to be left out since."""
    shutil.copytree(made / "output", tmp_path / "work/output")
    (tmp_path / "work/exclusions.tsv").write_text(f"id\treason\n{WHO}\tasked to be taken out\n")
    return tmp_path / "work"


@pytest.fixture
def told(here: Path) -> dict[str, bytes]:
    """What would give them away: words, reply, digest, clip, and the comment about them."""
    record = next(r for r in samples(here / "output/meld") if r["id"] == WHO)
    return {
        "id": WHO.encode(),
        "words": record["target_utterance"]["text"].encode(),
        "reply": record["desired_response"]["text"].encode(),
        "digest": record["audio_info"]["sha256_pcm"].encode(),
        "clip": record["audio"]["bytes"][200:400],
        "comment": b"The words of somebody.",
    }


def written(folder: Path) -> bytes:
    """Return all that lies in a folder, JSON without its escapes."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def rows(folder: Path) -> bytes:
    """Return what the Parquet files in a folder hold."""
    import pyarrow.parquet as pq

    found = [pq.read_table(path).to_pylist() for path in sorted(folder.rglob("*.parquet"))]
    return repr(found).encode() + b"".join(
        row["audio"]["bytes"] or b""
        for table in found
        for row in table
        if row.get("audio") and row["audio"].get("bytes")
    )


def _run(here: Path, *arguments: object, **env: str) -> bytes:
    ended: Ended = hearten(*arguments, cwd=here, **env)
    assert ended.code == 0, ended.err
    return (ended.out + ended.err).encode()


def review(here: Path) -> bytes:
    with Server(here / "output/meld", "--exclusions", here / "exclusions.tsv") as server:
        visitor = Visitor(server, "Bea")
        for path in ("audio", "drawing", "item", "mel", "spoken"):
            assert visitor.ask("GET", f"/{path}?item={WHO}")[0] == 404
        given = b"".join(visitor.ask("GET", "/items?count=5")[2] for _ in range(2))
        pages = [visitor.ask("GET", f"/{path}")[2] for path in ("review", "mine", "progress")]
        return given + b"".join(pages)


def audit(here: Path) -> bytes:
    server = Server(here / "output/meld", "--exclusions", here / "exclusions.tsv", command="audit")
    with server:
        visitor = Visitor(server, "Bob")
        for path in ("audio", "drawing", "item"):
            assert visitor.ask("GET", f"/{path}?item={WHO}")[0] == 404
        given = b"".join(visitor.ask("GET", "/items?count=5")[2] for _ in range(2))
        pages = [visitor.ask("GET", f"/{path}")[2] for path in ("review", "mine", "progress")]
    out = _run(here, "audit", "output/meld", "--status")
    return given + b"".join(pages) + out + _run(here, "audit", "output/meld", "--status", "--json")


def review_exports(here: Path) -> bytes:
    said = b""
    for form in ("events", "merged", "preferences", "label-studio", "potato"):
        to = here / "out" / form
        said += _run(here, "review-export", "output/meld", "--format", form, "--to", to)
    return said + written(here / "out")


def review_import(here: Path) -> bytes:
    said = _run(here, "review-export", "output/meld", "--to", here / "events.jsonl")
    return said + _run(here, "review-import", "output/meld", here / "events.jsonl")


def judge(here: Path) -> bytes:
    """Pairs are of minimal pairs, which MELD has none of: what matters is that nothing is sent."""
    with TestEndpoint(any_model=True, keep_bodies=True) as endpoint:
        ended = hearten(
            *("judge", "output/meld", "--model", "m", "--base-url", endpoint.base_url), cwd=here
        )
        return (ended.out + ended.err).encode() + json.dumps(endpoint.log()).encode()


def ablate(here: Path) -> bytes:
    """The sample is drafted anew: neither who asked nor what they said before others is sent."""
    with TestEndpoint(any_model=True, keep_bodies=True) as endpoint:
        asked = ("ablate", "output/meld", "--model", "m", "--base-url", endpoint.base_url)
        ended = hearten(*asked, cwd=here)
        kept = here / "output/meld/ablation.json"
        found = kept.read_bytes() if kept.is_file() else b""
        return (ended.out + ended.err).encode() + json.dumps(endpoint.log()).encode() + found


def mine(here: Path) -> bytes:
    """Neither who asked nor who answered them is a row; they are no reply to anybody either."""
    said = _run(here, "mine", "output/meld")
    found = here / "output/meld/human_replies"
    return said + written(found) + rows(found)


def report(here: Path) -> bytes:
    said = _run(here, "report", "output/meld")
    return said + (here / "output/.reviewed/meld/report.html").read_bytes()


def export(here: Path) -> bytes:
    said = b""
    for number, task in enumerate(("sft", "kto")):
        flags = ("--format", "ms-swift", "--task", task, "--to", here / f"rows{number}")
        said += _run(here, "export", "output/meld", *flags) + written(here / f"rows{number}")
    return said


def publish(here: Path) -> bytes:
    rights = [
        word
        for kind in ("audio", "text", "labels", "derived")
        for word in ("--i-have-the-right-to", f"{kind}:meld")
    ]
    flags = ("--repo", "org/meld", "--dry-run", "--allow-phrasebook", *rights)
    said = _run(here, "publish", "output/meld", *flags, **ADDRESS)
    staged = here / "output/.publish/meld"
    texts = b"".join(
        path.read_bytes()
        for path in staged.rglob("*")
        if path.is_file() and "data" not in path.parts
    )
    assert b"excluded" not in texts.replace(b"excluded_", b"")
    return said + texts + rows(staged)


def build(here: Path) -> bytes:
    """Draft again, without those who asked since, and show what was built."""
    base = ("build", "--sample", "--show", 40)
    said = _run(here, *base, "--corpus", "meld", "--name", "meld", "--redraft", "stale")
    said += written(here / "output/meld@2")
    return said + rows(here / "output/meld@2")


def prompt(here: Path) -> bytes:
    """Nobody is asked about them, and nobody sees what was: not beside others, either."""
    said = _run(here, "prompt", "--corpus", "meld", "--sample", "--limit", 40)
    said += _run(here, "prompt", "output/meld", "meld-train-1-2", "--json")
    for asked in (("output/meld", WHO), ("output/meld", "meld-train-0-2")):
        ended = hearten("prompt", *asked, cwd=here)
        assert ended.code == 1 and "somebody asked" in ended.err and not ended.out
    return said


def diff(here: Path) -> bytes:
    """All samples changed, and every one is an example."""
    rows = ("build", "--corpus", "meld", "--sample", "--context-turns", 1, "--exclusions", "none")
    _run(here, *rows, "--name", "other", "--store", here / "its-own.sqlite")
    flags = ("--examples", 40, "--store", "output/hearten.sqlite")
    said = _run(here, "diff", "output/meld", "output/other", *flags)
    return said + _run(here, "diff", "output/other", "output/meld", *flags, "--json")


def stats(here: Path) -> bytes:
    said = _run(here, "stats", "output/meld")
    shown = json.loads(_run(here, "stats", "output/meld", "--json"))
    assert sum(map(sum, (c.values() for c in shown["emotions"].values()))) < 31
    return said + json.dumps(shown).encode()


def show(here: Path) -> bytes:
    page = here / "page.html"
    said = _run(here, "show", "output/meld", "--sample", 40, "--html", page) + page.read_bytes()
    said += _run(here, "show", "output/meld", "--sample", 40, "--where", "words > 0")
    said += _run(here, "show", "output/meld", "--sample", 40)
    said += _run(here, "show", "output/meld", "--sample", 40, "--json")
    ended = hearten("show", "output/meld", WHO, cwd=here)
    assert ended.code == 1 and "somebody asked" in ended.err and not ended.out
    return said + _run(here, "show", "output/meld", "--rejected")


def review_status(here: Path) -> bytes:
    return _run(here, "review-status", "output/meld") + _run(
        here, "review-status", "output/meld", "--json"
    )


WAYS: dict[str, Callable[[Path], bytes]] = {
    "ablate": ablate,
    "audit": audit,
    "build": build,
    "diff": diff,
    "export": export,
    "judge": judge,
    "mine": mine,
    "prompt": prompt,
    "publish": publish,
    "report": report,
    "review": review,
    "review-export": review_exports,
    "review-import": review_import,
    "review-status": review_status,
    "show": show,
    "stats": stats,
}
# Where there is a Hub, and where there are builds of an earlier record version:
# tests/release/hub/test_hydrating.py, tests/record/test_version_1.py; what is imported:
# tests/pipeline/test_importing.py.
ELSEWHERE = {"hydrate", "import", "upgrade"}


def test_every_command_that_reads_a_build_is_tried():
    commands = {*typer.main.get_command(app).commands}
    assert commands == {*WAYS} | NOTHING_OF_A_BUILD | ELSEWHERE


@pytest.mark.parametrize("way", WAYS)
def test_whoever_asked_is_in_nothing_that_goes_out(here, told, way):
    out = WAYS[way](here)
    found = {name for name, secret in told.items() if secret in out}
    assert not found
