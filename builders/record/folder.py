"""The folder of one build: one writer at a time; the manifest is written last.

output/<name>/
  config.json      the settings that identify the build, written first
  redraft.json     of a redraft: which samples, and the reviewers' notes on them
  left.json        of one that stopped: the targets without a response, and why
  fits/            results of passes over the whole corpus, written before any request
  .partial/        results while they are being written; useless after a kill
  data/ rejected.parquet held_for_people.parquet report.html
  manifest.json    written last: if it exists, the build is complete
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from builders.errors import ConfigError, OutputError
from builders.masking import mask_bytes
from builders.record.manifest_views import Manifest
from builders.settings import BuildConfig
from builders.settings.identity import chosen, whole

REDRAFT = "redraft.json"
LEFT = "left.json"
FITS = "fits"
# Settings that builds of release 0.1 do not have.
_ADDED = ("checks_version", "safety_version")
_RESULTS = ("data", "rejected.parquet", "held_for_people.parquet", "report.html")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR),
    *(errno.EEXIST, errno.ENOENT),
}


class BuildFolder:
    """The folder of one build; use `hold` around everything that writes to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path / ".partial"
        self.manifest = path / "manifest.json"

    @contextmanager
    def hold(self, option: str = "--output") -> Iterator[None]:
        """Lock the folder, which `option` names, for one process.

        Raises:
            OutputError: it cannot be written, or another build has locked it.
        """
        with writable(self.path, option):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock", timeout=0)
            try:
                lock.acquire()
            except Timeout as error:
                raise OutputError(
                    f"another build named {self.path.name} is running",
                    where=self.path,
                    do="wait for it, stop it, or choose another --name",
                ) from error
        try:
            with writable(self.path, option):
                yield
        finally:
            lock.release()

    def is_held(self) -> bool:
        """Return whether a build is running in the folder now."""
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return True
        lock.release()
        return False

    def keep_redraft(self, identity: Mapping[str, object], config: BuildConfig) -> None:
        """Save what a redraft covers, since review decisions may change before it is resumed.

        Raises:
            ConfigError: a setting differs from the earlier build's, so more would be redrafted;
                or stale samples are requested and there are none.
        """
        redraft = config.redraft
        if redraft is None:
            return
        earlier = config.output / redraft.of
        held = admitted_config(read_json(earlier / "config.json"), identity)
        fields = (held.keys() | identity.keys()) - {"redraft"}
        changed = sorted(field for field in fields if held.get(field) != identity.get(field))
        if redraft.which == "stale":
            if not changed and _told(earlier) in (None, redraft.prompt_version):
                raise _nothing_stale(earlier)
            changed = [field for field in changed if field in chosen(config)]
        # A setting first: versions that follow from it differ with it.
        for field in sorted(changed, key=lambda field: field not in chosen(config)):
            raise ConfigError(
                f"{field} changed from {_shown(held.get(field))} to "
                f"{_shown(identity.get(field))} since {redraft.of} was built",
                where=self.path,
                do="use the settings it was built with, since its other replies are kept"
                if field in chosen(config)
                else "first draft again what this makes stale: --redraft stale",
            )
        if config.resume == "never" or not (self.path / "config.json").is_file():
            write_json(self.path / REDRAFT, redraft.model_dump(mode="json"))

    def admit(self, identity: Mapping[str, object], config: BuildConfig) -> None:
        """Check that this run may continue the build in the folder; save the settings if it is new.

        Raises:
            ConfigError: `--resume always` finds no build, or a setting differs that must not.
        """
        path = self.path / "config.json"
        held = read_json(path) if path.is_file() else None
        if held is None and config.resume == "always":
            raise ConfigError(
                f"there is no build named {config.name} to resume",
                where=self.path,
                do="leave out --resume to start it",
            )
        over = config.resume == "never" and not self.manifest.exists()
        if held is None or over:
            shutil.rmtree(self.path / FITS, ignore_errors=True)
            write_json(path, identity)
            return
        before, now = whole(admitted_config(held, identity)), whole(identity)
        # The prompt first: most often, the rest comes with it.
        fields = sorted(before.keys() | now.keys(), key=lambda f: (f != "prompt_version", f))
        changed = {
            field: (before.get(field), now.get(field))
            for field in fields
            if before.get(field) != now.get(field)
        }
        if "prompt_version" in changed:  # under another prompt, other parts may be there or not
            changed = {
                field: both
                for field, both in changed.items()
                if not (field.endswith("_version") and None in both)
            }
        if changed:
            raise self._changed(changed)

    def _changed(self, changed: Mapping[str, tuple[object, object]]) -> ConfigError:
        """Return the error for settings that differ: each, with what it was and what it is."""
        again = (
            f"delete {self.path} to build it again (cached responses are kept)"
            if self.manifest.exists()
            else "start this one over with --resume never"
        )
        if any(_of_version_1(field, before) for field, (before, _) in changed.items()):
            again = f"go on with --prompt-version 1, or {again}"
        told = ", ".join(
            f"{field}{'' if number else ' changed'} from {_shown(before)} to {_shown(now)}"
            for number, (field, (before, now)) in enumerate(changed.items())
        )
        return ConfigError(
            f"{told} since this build was started",
            where=self.path,
            do=f"choose another --name, or {again}",
        )

    def keep_left(self, left: Sequence[tuple[str, str, str]]) -> None:
        """Keep the targets without a response: id, kind of failure, what the server said."""
        path = self.path / LEFT
        if left:
            names = ("id", "kind", "detail")
            write_json(path, {"left": [dict(zip(names, one, strict=True)) for one in left]})
        else:
            path.unlink(missing_ok=True)

    def left(self) -> list[dict[str, str]]:
        """Return the targets that the last run left without a response."""
        path = self.path / LEFT
        found: list[dict[str, str]] = read_json(path)["left"] if path.is_file() else []
        return found

    def start(self) -> Path:
        """Empty the folder for results and return it."""
        if self.partial.exists():
            shutil.rmtree(self.partial)
        (self.partial / "data").mkdir(parents=True)
        return self.partial

    def finish(self, manifest: Manifest) -> None:
        """Move the results to their final names, then write the manifest: the build is complete."""
        for path in self.partial.rglob("*.parquet"):
            settle(path)  # a manifest must not outlive the files it describes
        self.manifest.unlink(missing_ok=True)
        for name in _RESULTS:
            target = self.path / name
            if target.is_dir():
                shutil.rmtree(target)
            (self.partial / name).replace(target)
        for path in self.partial.glob(f"{FITS}/*"):
            path.replace(self.path / FITS / path.name)
        shutil.rmtree(self.partial)
        config = self.path / "config.json"
        if config.is_file() and read_json(config).get("schema_version") == "1":
            # Release 0.1 started it; this release finishes it.
            write_json(config, manifest["result"]["config"])
        settle(self.path / "data")
        write_json(self.manifest, manifest)
        settle(self.path)


def _of_version_1(field: str, before: object) -> bool:
    """Return whether a build was started with version 1 of the prompt for replies."""
    return field == "prompt_version" and str(before).startswith("draft 1.")


def admitted_config(
    held: Mapping[str, object], identity: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the settings of a build started by release 0.1 in this release's form.

    Its record has version 1; a build that continues it writes the newest version, from the same
    responses. Settings new in this release are taken from `identity`, or left out.
    """
    if held.get("schema_version") != "1":
        return dict(held)
    added = {name: value for name, value in (identity or {}).items() if name in _ADDED}
    return {**held, **added, "schema_version": "2"}


def _told(folder: Path) -> str | None:
    """Return the version of the redraft prompt a build used; None if it used none."""
    path = folder / REDRAFT
    return str(read_json(path)["prompt_version"]) if path.is_file() else None


def _nothing_stale(folder: Path) -> ConfigError:
    return ConfigError(
        f"nothing in {folder} is stale",
        expected="a prompt, table, voice or corpus file that has changed since it was built",
        do="choose other samples to draft again: --redraft rejected, or --redraft with their ids",
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return what `write_json` wrote; OutputError if it is no longer a JSON object."""
    try:
        loaded = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        loaded = None
    if not isinstance(loaded, dict):
        raise OutputError(
            "the file is damaged: it is not a JSON object",
            where=path,
            do="restore it, or delete that folder and build again; cached responses are kept",
        )
    return loaded


def write_json(path: Path, document: object) -> None:
    """Write JSON as `write_whole` does."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    write_whole(path, mask_bytes(orjson.dumps(document, option=options)))


def write_whole(path: Path, content: bytes) -> None:
    """Write atomically and durably: a temporary file beside it, flushed, then renamed."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def settle(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def writable(path: Path, option: str = "--output") -> Iterator[None]:
    """Turn operating system errors on writing below `path`, set by `option`, into one line."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            what, do = "the disk is full", "free some space and run the same command again"
        elif error.errno in _REFUSED and _concerns(error, path.absolute()):
            what, do = f"cannot write ({error.strerror})", f"choose another {option}"
        else:
            raise
        raise OutputError(what, where=path, do=f"{do}; cached responses are kept") from error


def _concerns(error: OSError, path: Path) -> bool:
    """Return whether an error is about `path` or what is below or above it, not about a source."""
    named = Path(error.filename).absolute() if isinstance(error.filename, str) else path
    return named.is_relative_to(path) or path.is_relative_to(named)


def _shown(value: object) -> str:
    return orjson.dumps(value).decode()
