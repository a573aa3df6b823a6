"""Fits: what is found out about a whole corpus before the first draft, as files with digests.

Each is an object that one pass fills in; then it is frozen, and the drafting reads it as it is. Its
file `fits/<name>.json` and the digest in the manifest show that it was the same in every run. A new
one, such as demonstrations, is an object with `document`: add it to `Plan.fits`, before anything is
asked, where neither `--limit` nor an answer may reach it; else to those that `run` keeps last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Protocol

import orjson

from builders.errors import ConfigError
from builders.record.folder import FITS, BuildFolder, write_whole


class Fit(Protocol):
    """What was found out in a pass over a corpus, and is not changed any more."""

    @property
    def document(self) -> object:
        """Return all of it as a JSON value, the same whatever workers, kills or order there were.

        `--limit` does not change it, so that a larger limit only adds to a build.
        """
        ...


def keep(fits: Mapping[str, Fit], folder: BuildFolder, *, may_change: bool) -> dict[str, str]:
    """Keep fits by name before anything is asked; return their digests.

    Args:
        fits: those of this run.
        folder: the build's.
        may_change: whether an earlier run's are replaced; they stop the build otherwise.

    Raises:
        ConfigError: the build was started with another one.
    """
    place = folder.path / FITS
    place.mkdir(exist_ok=True)
    kept = {}
    for name, content in _contents(fits):
        path = place / f"{name}.json"
        before = path.read_bytes() if path.is_file() else None
        if before not in (None, content) and not may_change:
            raise _changed(name, folder)
        if before != content:
            write_whole(path, content)
        kept[name] = sha256(content).hexdigest()
    return kept


def keep_last(fits: Mapping[str, Fit], folder: BuildFolder) -> dict[str, str]:
    """Keep fits that answers have made, to be moved beside the others with the results.

    Returns:
        Their digests by name.
    """
    place = folder.partial / FITS
    place.mkdir()
    kept = {}
    for name, content in _contents(fits):
        write_whole(place / f"{name}.json", content)
        kept[name] = sha256(content).hexdigest()
    return kept


def _contents(fits: Mapping[str, Fit]) -> Iterator[tuple[str, bytes]]:
    options = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    for name, fit in fits.items():
        yield name, orjson.dumps(fit.document, option=options)


def _changed(name: str, folder: BuildFolder) -> ConfigError:
    again = "choose another --name"
    if not folder.manifest.exists():
        again += ", or start this one over with --resume never"
    return ConfigError(
        f"{name.replace('_', ' ')} of this corpus changed since this build was started",
        where=folder.path / FITS / f"{name}.json",
        expected="the clips and tables it was started with",
        do=f"restore them, or {again}; cached responses are kept",
    )
