"""Upgrading a finished build to the newest record version; the old build is kept.

Nothing is requested, measured or decided again: every sample and reject is copied, except
those excluded in the meantime. Review decisions count for the new build as
well, since they are tied to the content.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from builders import report
from builders.errors import ConfigError
from builders.pipeline.copying import CopiedRows
from builders.record.dataset import Build
from builders.record.folder import REDRAFT, BuildFolder, admitted_config, write_json
from builders.record.manifest import SCHEMA_VERSION, read_manifest, versions
from builders.record.manifest_views import Manifest
from builders.record.versions import next_name, version_of
from builders.release.eligibility import Restrictions

# The folder it is written to until it is complete; leftovers of a kill are useless.
_PLACE = ".upgrading"


def upgrade(folder: Path, known: Restrictions) -> Build:
    """Write the upgraded build beside the old one, under the next free number, and return it.

    Args:
        folder: the folder of a finished build of an earlier record version.
        known: the ids that must not be used.

    Raises:
        VerificationError: a file has changed since the build.
        ConfigError: it already has the newest version.
    """
    build = Build(folder).verify()
    if build.manifest["result"]["config"].get("schema_version") == SCHEMA_VERSION:
        raise ConfigError(
            f"{folder} already has record version {SCHEMA_VERSION}",
            do="use it; no upgrade is needed",
        )
    _check_first(build)
    started, to = time.time(), BuildFolder(folder.parent / _PLACE / folder.name)
    with to.hold():
        name = _free(folder)
        config = admitted_config(build.manifest["result"]["config"])
        write_json(to.path / "config.json", config)
        if (folder / REDRAFT).is_file():
            shutil.copyfile(folder / REDRAFT, to.path / REDRAFT)
        rows = CopiedRows(to.start(), known)
        rows.add(build, lambda row: row["source"]["split"])
        manifest = _manifest(build, name, rows, started)
        manifest["result"]["config"] = config
        report.write(to.partial, manifest)
        to.finish(manifest)
        to.path.rename(folder.with_name(name))
    return Build(folder.with_name(name))


def _check_first(build: Build) -> None:
    """Raise ConfigError if a build was already upgraded."""
    stem, _ = version_of(build.folder.name)
    for place in sorted(build.folder.parent.glob(f"{stem}@*/manifest.json")):
        if read_manifest(place.parent)["run"].get("upgraded_from") == build.name:
            raise ConfigError(
                f"{place.parent} is already the upgrade of {build.name}",
                do="use that one, or delete it first",
            )


def _free(folder: Path) -> str:
    """Return the first of the names `NAME@2`, `NAME@3`, … that no folder has."""
    name = next_name(folder.name)
    while folder.with_name(name).exists():
        name = next_name(name)
    return name


def _manifest(build: Build, name: str, rows: CopiedRows, started: float) -> Manifest:
    """Return the old manifest with the new name, counts, files, versions and times."""
    files = rows.close()
    finished = time.time()
    run = build.manifest["run"] | {
        "started": started,
        "finished": finished,
        "seconds": round(finished - started, 3),
        "versions": versions(),
        "requests": 0,
        "upgraded_from": build.name,
    }
    result = build.manifest["result"] | {
        "name": name,
        "files": files,
        "counts": rows.ledger.totals,
        "rejected": rows.ledger.reasons,
        "splits": rows.ledger.by_split(),
    }
    return build.manifest | {"result": result, "run": run}
