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
from builders.pipeline.selection import rank
from builders.pipeline.split_leakage import Leaks
from builders.record.dataset import Build
from builders.record.folder import BuildFolder, read_json, write_json
from builders.record.manifest import versions
from builders.record.manifest_views import Manifest, ManifestRun
from builders.record.views import SampleRecord
from builders.release.eligibility import Restrictions

ALL = "all"
# Of ten parts of a corpus without splits, one is for testing and one for development.
_PARTS = 10
_SPLIT_OF_PART = {0: "test", 1: "dev"}


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


class Division:
    """Which split of the set each sample of one build goes to."""

    def __init__(self, build: Build) -> None:
        card = load_card(build.manifest["result"]["config"]["corpus"])
        self._folds = {f"{f}:test": s for s, folds in card.combined_folds.items() for f in folds}
        self._groups = _Groups()
        for row in build.rows(["source", "target_utterance", "contrast"], ALL):
            self._groups.join(*_ties(row))

    def split_of(self, row: SampleRecord) -> str:
        """Return the owner's split; if there is none, that of the fold or the group."""
        source = row["source"]
        if source["split"] != ALL:
            return str(source["split"])
        if self._folds:
            return next((self._folds[f] for f in source["folds"] if f in self._folds), "train")
        group = self._groups.of(_ties(row)[0])
        return _SPLIT_OF_PART.get(rank(f"{source['corpus']} {group}") % _PARTS, "train")


def _ties(row: SampleRecord) -> list[str]:
    """Return what must be in one split only: a sample's dialogue, speaker and minimal pair."""
    speaker, group = (
        row["target_utterance"]["speaker"]["id"],
        (row["contrast"] and row["contrast"]["group"]),
    )
    names = {"dialogue": row["source"]["dialogue_id"], "speaker": speaker, "group": group}
    return [f"{kind} {name}" for kind, name in names.items() if name is not None]


class _Groups:
    """Connected groups of names (union-find); a group is named after its smallest name."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def join(self, *names: str) -> None:
        """Put these into one group."""
        tops = sorted({self.of(name) for name in names})
        for top in tops:
            self._above[top] = tops[0]

    def of(self, name: str) -> str:
        """Return the name of the group of a name."""
        while (above := self._above.get(name, name)) != name:
            self._above[name] = self._above.get(above, above)
            name = above
        return name


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
