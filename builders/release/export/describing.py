"""The description of an export: `export.json`, and a README that `datasets` reads too."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import orjson

from builders import __version__
from builders.record.folder import write_json
from builders.record.manifest_views import ManifestResult
from builders.record.parquet import file_digest
from builders.release.export.counting import Counts
from builders.release.export.format_table import start_line, with_rewards
from builders.release.export.options import Options
from builders.release.pairs.bag_of_words import ToldByWords, said_of
from builders.release.splits import TEST, TRAIN, split_name

TEST_ONLY = (
    "All rows are of the corpus's own test split: measure on them, and train on none. "
    "There is no start line."
)
_PLUGIN = Path(__file__).with_name("rewards_plugin.py.txt")
MARKER = "export.json"
LEFT_OUT = "left_out.jsonl"


def describe(
    to: Path,
    result: ManifestResult,
    options: Options,
    counts: Counts,
    files: dict[str, list[str]],
    words_alone: Sequence[ToldByWords] = (),
) -> str | None:
    """Write `export.json` and `README.md`, and return the command that starts a run.

    None if there are rows of the test split only: nothing is to be trained on these.

    Args:
        to: the folder of the export.
        result: the `result` object of the build's manifest; its digest is included.
        options: the export options.
        counts: the counts of records.
        files: the files with the rows, by split.
        words_alone: what the words of the replies alone tell of the pairs, by origin.
    """
    names = [LEFT_OUT, *(name for names in files.values() for name in names)]
    told = {
        "hearten": __version__,
        "build": result["name"],
        "build_sha256": sha256(orjson.dumps(result, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        "options": options.as_json(),
        "splits": counts.by_split(),
        "licences": dict(sorted(counts.licences.items())),
        "files": [{"path": name, "sha256": file_digest(to / name)} for name in names],
    }
    if words_alone:
        told["pairs"] = list(words_alone)
    write_json(to / MARKER, told)
    start, split = None, _trained_on(files)
    if split is not None:
        start = start_line(options.format, options.task, options.model, split)
    if options.rewards:
        shutil.copyfile(_PLUGIN, to / "rewards.py")
        start = start and with_rewards(options.format, start)
    title = f"{result['name']} for {options.format} ({options.task})"
    page = _page(title, start, counts, files if options.facts.datasets else {})
    page += "".join(f"\n- {said_of(one)}" for one in words_alone) + ("\n" if words_alone else "")
    (to / "README.md").write_text(page, encoding="utf-8")
    return start


def _trained_on(files: Iterable[str]) -> str | None:
    """Return the split of a start line: train, else another one; None if all are for testing."""
    fit = [name for name in files if name.partition(".")[0] != TEST]
    return next((name for name in fit if name.partition(".")[0] == TRAIN), next(iter(fit), None))


def _page(title: str, start: str | None, counts: Counts, files: dict[str, list[str]]) -> str:
    left_out = counts.totals["left_out"]
    lines = [
        *(_data_files(files) if files else []),
        f"# {title}",
        "",
        f"{counts.rows:,} rows; {left_out:,} records were left out, see `{LEFT_OUT}`. "
        f"Licences of the sources: {', '.join(sorted(counts.licences))}.",
        "",
        *(["From inside this folder:", "", f"    {start}"] if start else [TEST_ONLY]),
        "",
    ]
    return "\n".join(lines)


def _data_files(files: dict[str, list[str]]) -> list[str]:
    """Return the front matter that tells `load_dataset` which files have the rows."""
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split, names in files.items():
        lines += [f"  - split: {split_name(split)}", "    path:", *(f"    - {n}" for n in names)]
    return [*lines, "---", ""]
