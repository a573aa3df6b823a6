"""Models that packages carry: each an extra, looked for before any work, run on one thread."""

from __future__ import annotations

from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from builders.errors import ConfigError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def folder_of(package: str, extra: str) -> Path:
    """Return where an installed package lies, without importing it.

    Raises:
        ConfigError: it is not installed; the line names the extra that brings it.
    """
    found = util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ConfigError(
            f"the package {package} is not installed", do=f'pip install "hearten[{extra}]"'
        )
    return Path(found.submodule_search_locations[0])


def versions_of(extra: str, *packages: str) -> str:
    """Return names and versions of packages in one line; raises ConfigError as `folder_of`."""
    for package in packages:
        folder_of(package, extra)
    return " ".join(f"{package} {metadata.version(package)}" for package in packages)


def session_of(model: Path) -> InferenceSession:
    """Return a session of an ONNX model, for one thread at a time and no others of its own."""
    import onnxruntime  # of an extra

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model, sess_options=options, providers=["CPUExecutionProvider"]
    )
