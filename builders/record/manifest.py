"""The manifest: what was built, from what, with which counts. Written last, it completes a build.

Its `result` object is the same whenever the responses are; its `run` object contains what varies:
times, spend, hosts, versions. In every split: read = kept + rejected + held for people + not
selected, the last three by reason.
"""

from __future__ import annotations

import platform
from collections import Counter
from functools import cache
from importlib import metadata
from itertools import chain
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from builders import __version__
from builders.errors import ConfigError, VerificationError, nearest
from builders.record.manifest_views import (
    CaptionCounts,
    Manifest,
    SplitCounts,
    TotalCounts,
)

# What to do about a damaged file of a build.
SCHEMA_VERSION = "2"
RESTORE = "restore it, or delete that folder and build again; cached responses are kept"
_TIMES = {"started", "finished", "seconds", "host", "store", "endpoints", "requests"}
_PACKAGES = ("pyarrow", "soundfile", "soxr", "av", "jinja2", "jsonschema-rs", "sqlalchemy")


class Ledger:
    """Counts each utterance of a build once as read, and once as what became of it."""

    def __init__(self) -> None:
        self._read: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._rejected: dict[str, Counter[str]] = {}
        self._not_selected: dict[str, Counter[str]] = {}
        self._held: dict[str, Counter[str]] = {}
        self._captions: Counter[str | None] = Counter()
        self._summaries: Counter[str | None] = Counter()

    def read(self, split: str, count: int) -> None:
        """Count utterances that were read."""
        self._read[split] += count

    def kept(self, split: str) -> None:
        """Count one that became a sample."""
        self._kept[split] += 1

    def rejected(self, split: str, reason: str) -> None:
        """Count one that became a reject."""
        self._rejected.setdefault(split, Counter())[reason] += 1

    def not_selected(self, split: str, reason: str, count: int = 1) -> None:
        """Count utterances that were not selected."""
        self._not_selected.setdefault(split, Counter())[reason] += count

    def held(self, split: str, route: str) -> None:
        """Count one that is kept for people, by its route."""
        self._held.setdefault(split, Counter())[route] += 1

    def captioned(self, dropped: str | None) -> None:
        """Count a clip with a requested caption; None if the caption was kept, else the reason."""
        self._captions[dropped] += 1

    @property
    def captions(self) -> CaptionCounts:
        """Return how many captions were kept, and the others by reason."""
        return _kept_or_dropped(self._captions)

    def summarised(self, dropped: str | None) -> None:
        """Count a summary of the turns before; None if it was kept, else the reason."""
        self._summaries[dropped] += 1

    @property
    def summaries(self) -> CaptionCounts:
        """Return how many summaries were kept, and the others by reason."""
        return _kept_or_dropped(self._summaries)

    def left(self, kind: str) -> None:
        """Count an utterance without a response, by kind; it keeps the build incomplete."""
        self._left[kind] += 1

    @property
    def left_by_kind(self) -> dict[str, int]:
        """Return the number of utterances without a response, by kind."""
        return dict(self._left.most_common())

    @property
    def totals(self) -> TotalCounts:
        """Return read, kept, rejected, held and not selected over all splits."""
        return {
            "read": self._read.total(),
            "kept": self._kept.total(),
            "rejected": sum(counts.total() for counts in self._rejected.values()),
            "held": sum(counts.total() for counts in self._held.values()),
            "not_selected": sum(counts.total() for counts in self._not_selected.values()),
        }

    @property
    def reasons(self) -> dict[str, int]:
        """Return the rejects by reason, the most common first."""
        every: Counter[str] = Counter()
        for counts in self._rejected.values():
            every.update(counts)
        return dict(sorted(every.items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def passed_over(self) -> dict[str, int]:
        """Return the utterances that were not selected by reason, the most common first."""
        every: Counter[str] = Counter()
        for counts in self._not_selected.values():
            every.update(counts)
        return dict(sorted(every.items(), key=lambda pair: (-pair[1], pair[0])))

    def by_split(self) -> dict[str, SplitCounts]:
        """Return the counts of each split.

        Raises:
            RuntimeError: they do not add up, which is a bug.
        """
        counts = (self._read, self._kept, self._rejected, self._held, self._not_selected)
        return {split: self._split(split) for split in dict.fromkeys(chain(*counts))}

    def _split(self, split: str) -> SplitCounts:
        rejected = self._rejected.get(split, Counter())
        passed_over = self._not_selected.get(split, Counter())
        held = self._held.get(split, Counter())
        out = self._kept[split] + rejected.total() + held.total() + passed_over.total()
        if self._read[split] != out:
            raise RuntimeError(f"{split}: {self._read[split]} read, but {out} accounted for")
        return {
            "read": self._read[split],
            "kept": self._kept[split],
            "rejected": dict(sorted(rejected.items())),
            "held": dict(sorted(held.items())),
            "not_selected": dict(sorted(passed_over.items())),
        }


def _kept_or_dropped(counts: Counter[str | None]) -> CaptionCounts:
    dropped = {reason: count for reason, count in counts.items() if reason}
    return {"kept": counts[None], "dropped": dict(sorted(dropped.items()))}


def versions() -> dict[str, str]:
    """Return the versions of all that affects output bytes: Hearten, Python and the libraries."""
    found = {name: metadata.version(name) for name in _PACKAGES}
    return {"hearten": __version__, "python": platform.python_version(), **found}


def _other_build(folder: Path) -> str:
    """Return what to do if there is no build: suggest the build with the nearest name, if any."""
    beside = [
        p.parent for at in (folder.parent, Path("output")) for p in at.glob("*/manifest.json")
    ]
    near = nearest(folder.name, [path.name for path in beside])
    found = next((path for path in beside if path.name == near), None)
    return f"did you mean {found}?" if found else "pass the folder of a build, such as output/NAME"


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a finished build.

    Raises:
        ConfigError: there is no build in the folder, or it is not complete.
        VerificationError: `manifest.json` is truncated, or is not the manifest of a build.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        started = (folder / "config.json").is_file()
        raise ConfigError(
            "the build is not complete" if started else "there is no build",
            where=folder,
            expected="a folder with manifest.json",
            do="run the build command again to finish it" if started else _other_build(folder),
        )
    try:
        found: Manifest = orjson.loads(path.read_bytes())
        _check_version(found, folder)
        _checker().validate_python(found, strict=True)
        missing = sorted(_TIMES - found["run"].keys())
    except (OSError, orjson.JSONDecodeError) as error:
        raise _no_manifest(f"cannot be read ({error})", path) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        raise _no_manifest(
            f"is not the manifest of a build ({field}: {first['msg']})", path
        ) from error
    if missing and "hydrated" not in found:
        raise _no_manifest(
            f"is not the manifest of a build (run.{missing[0]}: Field required)", path
        )
    return found


def _check_version(found: object, folder: Path) -> None:
    """Raise ConfigError for a build of a later release, whose record has another form."""
    result = found.get("result") if isinstance(found, dict) else None
    config = result.get("config") if isinstance(result, dict) else None
    version = str(config.get("schema_version")) if isinstance(config, dict) else ""
    if version.isdecimal() and int(version) > int(SCHEMA_VERSION):
        raise ConfigError(
            f"the build has record version {version}",
            where=folder,
            expected=f"version {SCHEMA_VERSION} or an earlier one",
            do="read it with the release of Hearten that made it, or a later one",
        )


@cache
def _checker() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def _no_manifest(what: str, path: Path) -> VerificationError:
    return VerificationError(
        f"manifest.json {what}",
        where=path.parent,
        expected="the manifest that the build wrote",
        do=RESTORE,
    )


def summary_line(totals: TotalCounts) -> str:
    """Return the counts in one line; held for people only where some are."""
    held = totals.get("held", 0)
    return (
        f"{totals['read']:,} read = {totals['kept']:,} kept + {totals['rejected']:,} rejected "
        + (f"+ {held:,} held for people " if held else "")
        + f"+ {totals['not_selected']:,} not selected"
    )
