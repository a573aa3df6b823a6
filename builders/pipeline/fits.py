"""Fits: results of passes over the whole corpus before the first draft, as files with digests.

Each is an object filled in by one pass and then frozen; drafting only reads it. Its
file `fits/<name>.json` and the digest in the manifest show that it was the same in every run. A new
one, such as demonstrations, is an object with `document`: add it to `Plan.fits`, before any
request, if it depends on neither `--limit` nor responses; else to those that `run` keeps last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Protocol

import orjson

from builders.errors import ConfigError
from builders.record.folder import FITS, BuildFolder, write_whole


class Fit(Protocol):
    """The result of a pass over a corpus, which no longer changes."""

    @property
    def document(self) -> object:
        """Return all of it as a JSON value, independent of workers, kills and order.

        It does not depend on `--limit`, so that a larger limit only adds to a build.
        """
        ...


def keep(fits: Mapping[str, Fit], folder: BuildFolder, *, may_change: bool) -> dict[str, str]:
    """Save fits by name before any request; return their digests.

    Args:
        fits: those of this run.
        folder: the build's.
        may_change: whether those of an earlier run may be replaced; otherwise a difference stops
        the build.

    Raises:
        ConfigError: the build was started with a different one.
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
    """Save fits made from responses, to be moved to the others with the results.

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
