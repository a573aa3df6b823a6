"""SHA-256 of what builds, exports and publications consist of, so that no change goes unseen.

    python tests/net/digests.py [--write] [--only NAME ...]

Builds are made, exported in every form and staged for publication through the command line alone;
digests.json beside this file holds what is expected. Without --write each file that differs is one
line, and the exit code is 1. NAME is one of `SAMPLES`, `REAL` or `HELD`, such as meld-sample; what
needs real corpus files (HEARTEN_REAL_DATA says where they are) is left out where there are none.

A refusal stands in the place of digests: "refused: " and the one line. Files under audio/ of an
export, and whole folders of the real builds, have one digest for all of them, of their names and
digests. Left out or cut are, because they change without a change of what was made:

- the .lock, report.html, config.json and manifest.json of a build: they hold times and versions;
- "hearten" in export.json and "versions" in a published manifest.json: numbers of versions;
- the address of the Hub in croissant.json: here it is a port of this machine;
- the lines about these two in a published SHA256SUMS.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import runpy
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from hub.server import LoopbackHub  # noqa: E402 - needs the path

EXPECTED = HERE / "digests.json"
HELD_ARCHIVE = HERE / "release_0_1" / "output.tar.xz"
CORPORA = "meld crema_d emorynlp emowoz empathetic_dialogues iemocap mosei".split()
SAMPLES = {f"{corpus}-sample": corpus for corpus in CORPORA}
# Name, and what `build` is told besides where the tables are.
REAL = {
    "meld-real": ("meld", "--no-reply-worthy"),
    "emorynlp-real": ("emorynlp", "--no-reply-worthy", "--split", "dev"),
    "crema_d-real": ("crema_d", "--no-reply-worthy"),
}
# Builds of release 0.1 and their store with answers, decisions, edits, comparisons and verdicts.
HELD = {"release-0.1-meld": "meld", "release-0.1-crema_d": "crema_d"}
_TASKS = ("sft", "dpo", "kto", "grpo")
EXPORTS = {
    **{
        f"{form}-{task}": ("--format", form, "--task", task)
        for form, tasks in {
            "ms-swift": _TASKS,
            "llama-factory": _TASKS[:3],
            "trl": _TASKS,
            "nemo": ("sft",),
            "webdataset": ("sft",),
            "lhotse": ("sft",),
        }.items()
        for task in tasks
    },
    **{
        f"chat-{profile}": ("--format", "chat", "--profile", profile)
        for profile in ("qwen2-audio", "qwen2.5-omni", "qwen3-omni")
    },
    "context-audio": ("--format", "ms-swift", "--context-audio", "--with-voice-words"),
    "strict": ("--format", "ms-swift", "--strict"),
    "weak": ("--format", "ms-swift", "--subset", "weak"),
    "strong": ("--format", "ms-swift", "--subset", "strong"),
}
_PORT = re.compile(rb"http://127\.0\.0\.1:\d+")
_CHANGING = (b" manifest.json\n", b" croissant.json\n")
_UNSET = ("HEARTEN_", "OPENAI_", "HF_", "ANTHROPIC_", "AZURE_OPENAI_")

Digests = dict[str, str]


@dataclass
class Ended:
    """How a command ended: its exit code, and what it printed on stdout and stderr."""

    code: int
    out: str
    err: str


def run(cwd: Path, *arguments: Any, **env: str) -> Ended:
    """Run `python -m builders` with these arguments inside this process, which saves importing."""
    os.environ.update(env)
    sys.argv = ["hearten", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        try:
            runpy.run_module("builders", run_name="__main__")
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Ended(code, out.getvalue(), err.getvalue())


def _need(ended: Ended) -> None:
    if ended.code:
        raise SystemExit(f"a command failed that must not:\n{ended.err}")


def refusal(ended: Ended) -> str:
    """Return the one line a command was refused with."""
    lines = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    if len(lines) != 1:
        raise SystemExit(f"expected one error line, got:\n{ended.err}")
    return f"refused: {lines[0]}"


def sha256(content: bytes) -> str:
    """Return the digest of a content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def files_of(folder: Path) -> Digests:
    """Return the digest of each file of a folder by its path there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if not paths:
        raise SystemExit(f"expected files in {folder}")
    return {path.relative_to(folder).as_posix(): sha256(_kept(path)) for path in paths}


def _kept(path: Path) -> bytes:
    content = path.read_bytes()
    if path.name in ("export.json", "manifest.json"):
        return json.dumps(_cut(json.loads(content)), sort_keys=True).encode()
    if path.name == "croissant.json":
        return _PORT.sub(b"https://hub", content)
    if path.name == "SHA256SUMS":
        return b"".join(line for line in content.splitlines(True) if not line.endswith(_CHANGING))
    return content


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _cut(part) for k, part in value.items() if k not in ("hearten", "versions")}
    return [_cut(part) for part in value] if isinstance(value, list) else value


def listing(digests: Digests) -> str:
    """Return one digest for many files: that of their sorted names and digests."""
    return sha256("".join(f"{name} {digests[name]}\n" for name in sorted(digests)).encode())


def _together(digests: Digests, prefix: str) -> Digests:
    """Return digests with those under a prefix made one."""
    within = {name: digest for name, digest in digests.items() if name.startswith(prefix)}
    rest = {name: digest for name, digest in digests.items() if name not in within}
    return rest | ({prefix + "*": listing(within)} if within else {})


def _under(prefix: str, digests: Digests) -> Digests:
    return {f"{prefix}/{name}": digest for name, digest in digests.items()}


def of_build(output: Path, name: str, hub: str) -> Digests:
    """Return the digests of a build, of its exports and of its staged publication."""
    found = _under("data", files_of(output / name / "data"))
    found["rejected.parquet"] = sha256((output / name / "rejected.parquet").read_bytes())
    for what, options in EXPORTS.items():
        found |= _export(output, name, what, options)
    return found | _publication(output, name, hub)


def _export(output: Path, name: str, what: str, options: tuple[str, ...]) -> Digests:
    to = output / "exports" / what
    ended = run(output, "export", name, "--to", to.relative_to(output), *options)
    if ended.code:
        return {f"export/{what}": refusal(ended)}
    found = _under(f"export/{what}", _together(files_of(to), "audio/"))
    shutil.rmtree(to)
    return found


def _publication(output: Path, name: str, hub: str) -> Digests:
    where = {"HF_ENDPOINT": hub, "HF_TOKEN": "hf_test", "HF_HOME": str(output / "hub-home")}
    how = ("--repo", "org/dataset", "--dry-run", "--allow-phrasebook")
    ended = run(output, "publish", name, *how, HF_HUB_DISABLE_TELEMETRY="1", **where)
    if ended.code:
        return {"publication": refusal(ended)}
    (staged,) = re.findall(r"^files: (.+)$", ended.out, re.MULTILINE)
    return _under("publication", files_of(output / staged))


def of_sample(corpus: str, output: Path, hub: str) -> Digests:
    """Build the invented sample of a corpus with its audio, and return all digests."""
    _need(run(output, "build", "--corpus", corpus, "--sample", "--output", ".", "--show", 0))
    return of_build(output, f"{corpus}-sample", hub)


def of_real(told: tuple[str, ...], output: Path, hub: str) -> Digests:
    """Build real tables, text only, and return one digest for each folder."""
    corpus, *more = told
    how = ("--corpus", corpus, "--source", real_data() / corpus, "--text-only", "--output", ".")
    _need(run(output, "build", *how, "--name", corpus, *more))
    found = of_build(output, corpus, hub)
    folders = {name.rpartition("/")[0] + "/" for name, digest in found.items() if _is_file(digest)}
    for folder in sorted(folders - {"/"}, key=len, reverse=True):
        found = _together(found, folder)
    return found


def _is_file(digest: str) -> bool:
    return not digest.startswith("refused: ")


def of_held(name: str, output: Path, hub: str) -> Digests:
    """Return the digests of a held build of release 0.1 with what people decided about it."""
    with tarfile.open(HELD_ARCHIVE) as archive:
        archive.extractall(output, filter="data")
    _need(run(output, "store", "upgrade", output / "output" / "hearten.sqlite"))
    return of_build(output / "output", name, hub)


def real_data() -> Path:
    """Return the folder of real corpus files, which may not exist."""
    return Path(os.environ.get("HEARTEN_REAL_DATA") or ROOT.parent / "shared" / "data")


def names(only: Iterable[str] = ()) -> list[str]:
    """Return the names of what can be built here, or of these."""
    there = [*SAMPLES, *HELD, *(REAL if real_data().is_dir() else ())]
    return list(only) or there


@contextmanager
def surroundings() -> Iterator[tuple[Path, str]]:
    """Yield a folder for builds, and the address of a Hub on this machine."""
    for name in list(os.environ):
        if name.startswith(_UNSET) and name != "HEARTEN_REAL_DATA":
            del os.environ[name]
    with tempfile.TemporaryDirectory() as folder, LoopbackHub(Path(folder) / "hub") as hub:
        yield Path(folder), hub.url


def digests_of(name: str, folder: Path, hub: str) -> Digests:
    """Make what has this name inside a folder, and return its digests."""
    output = folder / name
    output.mkdir()
    if name in SAMPLES:
        found = of_sample(SAMPLES[name], output, hub)
    elif name in HELD:
        found = of_held(HELD[name], output, hub)
    else:
        found = of_real(REAL[name], output, hub)
    shutil.rmtree(output)
    return dict(sorted(found.items()))


def differences(name: str, expected: Digests, found: Digests) -> list[str]:
    """Return one line for each file that is missing, new or other than expected."""
    lines = []
    for path in sorted(expected.keys() | found.keys()):
        was, now = expected.get(path), found.get(path)
        if was != now:
            kind = "is missing" if now is None else "is new" if was is None else "differs"
            refused = f": {now}" if now and not _is_file(now) else ""
            lines.append(f"{name} {path} {kind}{refused}")
    return lines


def main() -> int:
    """Compare or write the digests; return the exit code."""
    known = [*SAMPLES, *HELD, *REAL]
    parser = argparse.ArgumentParser(description="Compare digests of builds with those expected.")
    parser.add_argument("--write", action="store_true", help="write what was found as expected")
    parser.add_argument("--only", action="append", default=[], choices=known, metavar="NAME")
    asked = parser.parse_args()
    expected = json.loads(EXPECTED.read_text("utf-8")) if EXPECTED.exists() else {}
    lines: list[str] = []
    with surroundings() as (folder, hub):
        for name in names(asked.only):
            found = digests_of(name, folder, hub)
            lines += differences(name, expected.get(name, {}), found)
            expected[name] = found
    print("\n".join(lines) or "nothing differs")
    if asked.write:
        ordered = {name: expected[name] for name in known if name in expected}
        EXPECTED.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")
    return 1 if lines and not asked.write else 0


if __name__ == "__main__":
    sys.exit(main())
