"""A finished build written anew in the record's newest version; the old one stays as it is.

Nothing is asked, measured or decided again: every sample and every reject is carried over. What
people decided counts for the new build as well, since it hangs on what they saw.
"""

from __future__ import annotations

import time
from pathlib import Path

from builders import report
from builders.errors import ConfigError
from builders.record.dataset import Build
from builders.record.folder import BuildFolder, admitted_config, write_json
from builders.record.manifest import versions
from builders.record.manifest_views import Manifest, ManifestFile
from builders.record.parquet import RejectWriter, SplitWriter, describe_file
from builders.record.sample import SCHEMA_VERSION


def upgrade(folder: Path) -> Build:
    """Write a build anew beside the old one, under the next free number, and return it.

    Args:
        folder: the folder of a finished build of an earlier record version.

    Raises:
        VerificationError: a file of it is not what it was when it was built.
        ConfigError: it is of the newest version already.
    """
    build = Build(folder).verify()
    if build.manifest["result"]["config"].get("schema_version") == SCHEMA_VERSION:
        raise ConfigError(
            f"{build.name} is of record version {SCHEMA_VERSION} already",
            do="use it as it is",
        )
    started = time.time()
    to = BuildFolder(_free(build.folder))
    with to.hold():
        config = admitted_config(build.manifest["result"]["config"])
        write_json(to.path / "config.json", config)
        files = _write(build, to.start())
        manifest = _manifest(build, to.path.name, files, started)
        manifest["result"]["config"] = config
        report.write(to.partial, manifest)
        to.finish(manifest)
    return Build(to.path)


def _free(folder: Path) -> Path:
    """Return the first folder of `NAME@2`, `NAME@3`, … that nothing is in."""
    stem, _, number = folder.name.rpartition("@")
    name, version = (stem, int(number)) if stem and number.isdecimal() else (folder.name, 1)
    while True:
        version += 1
        place = folder.with_name(f"{name}@{version}")
        if not place.exists():
            return place


def _write(build: Build, partial: Path) -> list[ManifestFile]:
    """Write samples and rejects, row group by row group, and describe the files."""
    shards: list[Path] = []
    for split in dict.fromkeys(path.name.split("-")[0] for path in build.shards()):
        writer = SplitWriter(partial / "data", split)
        for table in build.groups(split=split):
            writer.add_table(table)
        shards += writer.close()
    rejects = RejectWriter(partial / "rejected.parquet")
    for row in build.rejects():
        rejects.add(row)
    rejects.close()
    return [describe_file(path, partial) for path in (*shards, partial / "rejected.parquet")]


def _manifest(build: Build, name: str, files: list[ManifestFile], started: float) -> Manifest:
    """Return the old manifest with the new name, files, versions and times."""
    finished = time.time()
    run = build.manifest["run"] | {
        "started": started,
        "finished": finished,
        "seconds": round(finished - started, 3),
        "versions": versions(),
        "requests": 0,
        "upgraded_from": build.name,
    }
    result = build.manifest["result"] | {"name": name, "files": files}
    return build.manifest | {"result": result, "run": run}
