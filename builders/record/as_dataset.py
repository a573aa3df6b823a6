"""A build as `datasets` has it, whichever release of that library is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builders.errors import ConfigError, suggested
from builders.record.version_1 import is_version_1

if TYPE_CHECKING:
    import datasets

    from builders.record.dataset import Build

_RATE = 16_000
_CLIPS = ("audio", "reply_audio")


def as_dataset(
    build: Build, split: str | None, decode: bool
) -> datasets.Dataset | datasets.DatasetDict:
    """Return the samples of a build as a dataset, or all splits by name; see `Build.to_dataset`."""
    files = _files(build, split)
    try:
        import datasets
    except ImportError as error:
        raise ConfigError(
            "the library datasets is not installed", do='pip install "hearten[publish]"'
        ) from error
    loaded = datasets.load_dataset("parquet", data_files=files)
    for name, rows in loaded.items():
        for column in set(_CLIPS) & {*rows.column_names}:
            rows = rows.cast_column(column, datasets.Audio(sampling_rate=_RATE, decode=decode))
        loaded[name] = rows
    if decode:
        _check_decodes(loaded)
    return loaded if split is None else loaded[split]


def _files(build: Build, split: str | None) -> dict[str, list[str]]:
    """Return the files by split; ConfigError where there are none, or they are of release 0.1."""
    files: dict[str, list[str]] = {}
    for path in build.shards():
        files.setdefault(path.name.partition("-")[0], []).append(str(path))
    if split is not None and split not in files:
        raise ConfigError(
            f"there is no split {split!r}", where=build.folder, **suggested(split, files)
        )
    wanted = {name: paths for name, paths in files.items() if split in (None, name)}
    for path in build.shards(split)[:1]:
        with build.opened(path) as file:
            if is_version_1([leaf.partition(".")[0] for leaf in file.leaves]):
                raise ConfigError(
                    "the build has records of version 1",
                    where=build.folder,
                    expected="version 2",
                    do=f"run hearten upgrade {build.folder} and open the build that it writes",
                )
    return wanted


def _check_decodes(loaded: Any) -> None:
    """Raise ConfigError where the installed release of `datasets` lacks its audio decoder."""
    import datasets

    for rows in loaded.values():
        try:
            for _ in rows.select(range(min(1, len(rows)))):
                pass
        except (ImportError, RuntimeError) as error:
            raise ConfigError(
                f"datasets {datasets.__version__} cannot decode clips here ({error})",
                do="install what it names, or leave out decode=True and decode the bytes with "
                "soundfile",
            ) from error
