"""A combined dataset of several finished builds, with as little overlap between splits as possible.

A corpus with its own splits keeps them. One without is divided here: dialogues that share a
speaker or a minimal pair stay together, and the hash of such a group decides the split, unless
the corpus's card maps its folds to splits. Remaining overlap (a scene cut twice,
a voice in train and test, two corpora of one show) is listed in the manifest. The
licences of the corpora are incompatible, so the set is for local use and is never published.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import orjson

from builders import report
from builders.corpora import Card, load_card
from builders.errors import ConfigError
from builders.pipeline.copying import CopiedRows
from builders.pipeline.division import ALL, Division
from builders.pipeline.split_leakage import Leaks
from builders.record.dataset import Build
from builders.record.folder import BuildFolder, read_json, write_json
from builders.record.manifest import versions
from builders.record.manifest_views import Manifest, ManifestRun
from builders.record.views import SampleRecord
from builders.release.eligibility import Restrictions


def combine(builds: Sequence[Build], path: Path, known: Restrictions) -> Manifest:
    """Write the samples of finished builds as one set, and return its manifest.

    Args:
        builds: the builds, one per corpus.
        path: the folder of the set; its content is replaced.
        known: ids that must not be used, even if a build is older than their exclusion.

    Raises:
        ConfigError: the folder holds a build of one corpus.
    """
    folder, started = BuildFolder(path), time.time()
    with folder.hold():
        _check_free(path)
        partial = folder.start()
        write_json(path / "config.json", {"combined": [_named(b)["name"] for b in builds]})
        writing = _Writing(partial, known)
        for build in builds:
            writing.add(build)
        manifest = writing.close(path.name, builds, started)
        report.write(partial, manifest)
        folder.finish(manifest)
    return manifest


def _check_free(path: Path) -> None:
    """Raise ConfigError if the folder contains a build of one corpus."""
    config = path / "config.json"
    if config.is_file() and "combined" not in read_json(config):
        raise ConfigError(f"{path} is already a build of one corpus", do="choose another --name")


class _Writing:
    """The set being written: its rows, and the overlap of its splits."""

    def __init__(self, folder: Path, known: Restrictions) -> None:
        self._rows = CopiedRows(folder, known)
        self._leaks = Leaks()

    def add(self, build: Build) -> None:
        """Add the samples and the rejects of a build."""
        division = Division(build)

        def split_of(row: SampleRecord) -> str:
            split = division.split_of(row)
            self._leaks.add(row, split)
            return split

        self._rows.add(build, split_of)

    def close(self, name: str, builds: Sequence[Build], started: float) -> Manifest:
        """Finish the files and return the manifest."""
        files, ledger = self._rows.close(), self._rows.ledger
        configs = [build.manifest["result"]["config"] for build in builds]
        return {
            "result": {
                "name": name,
                "limit": None,
                "config": _common(configs),
                "counts": ledger.totals,
                "rejected": ledger.reasons,
                "splits": ledger.by_split(),
                "notes": [],
                "combined": [_named(build) for build in builds],
                "leaks": self._leaks.found(config["corpus"] for config in configs),
                "files": files,
            },
            "run": _run(builds, started),
        }


def _named(build: Build) -> dict[str, object]:
    """Return the manifest entry for a build in the set."""
    result = build.manifest["result"]
    card: Card = load_card(result["config"]["corpus"])
    return {
        "name": result["name"],
        "corpus": card.slug,
        "licence": card.licence,
        "counts": result["counts"],
        "result_sha256": _digest(result),
    }


def _common(configs: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the settings that all builds share, and their drafting models."""
    first = configs[0]
    same = {name: v for name, v in first.items() if all(c.get(name) == v for c in configs)}
    joined = {
        name: ", ".join(sorted({str(c[name]) for c in configs})) for name in ("model", "provider")
    }
    return same | joined | {"corpus": ALL}


def _run(builds: Sequence[Build], started: float) -> ManifestRun:
    """Return the part that varies: the total requests and cost of the builds."""
    runs = [build.manifest["run"] for build in builds]
    known = [usd for run in runs if (usd := run["cost"]["usd"]) is not None]
    finished = time.time()
    return {
        "started": started,
        "finished": finished,
        "seconds": round(finished - started, 3),
        "host": runs[0]["host"],
        "versions": versions(),
        "store": runs[0]["store"],
        "endpoints": sorted({address for run in runs for address in run["endpoints"]}),
        "requests": sum(run["requests"] for run in runs),
        "cost": {
            "prompt_tokens": sum(run["cost"]["prompt_tokens"] for run in runs),
            "completion_tokens": sum(run["cost"]["completion_tokens"] for run in runs),
            "usd": sum(known) if len(known) == len(runs) else None,
        },
    }


def _digest(document: object) -> str:
    return sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
