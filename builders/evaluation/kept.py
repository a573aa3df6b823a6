"""What an evaluation keeps beside the manifest of a build, as files that go with that build alone.

`certificate.json` and `ablation.json` name the build they are of by a digest of its result. Of a
build that was made larger since, they are no longer read.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from builders.record.folder import read_json, writable, write_json
from builders.record.manifest import read_manifest
from builders.record.manifest_views import Manifest

CERTIFICATE, ABLATION = "certificate.json", "ablation.json"


def keep(folder: Path, name: str, manifest: Manifest, found: Mapping[str, object]) -> None:
    """Write what was found about a build into its folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    with writable(folder, "OUTPUT/NAME"):
        write_json(folder / name, {"build": _digest(manifest), **found})


def kept(folder: Path, name: str, manifest: Manifest) -> dict[str, Any] | None:
    """Return what was found about a build as it is now, or None."""
    path = folder / name
    if not path.is_file():
        return None
    found = read_json(path)
    return found if found.get("build") == _digest(manifest) else None


def proof_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the ablation and the certificate of a finished build, where it has them."""
    manifest = read_manifest(folder)
    names = {"ablation": ABLATION, "certificate": CERTIFICATE}
    found = {part: kept(folder, name, manifest) for part, name in names.items()}
    return {part: value for part, value in found.items() if value}


def _digest(manifest: Manifest) -> str:
    """Return the SHA-256 of what was built."""
    said = orjson.dumps(manifest["result"], option=orjson.OPT_SORT_KEYS)
    return sha256(said).hexdigest()
