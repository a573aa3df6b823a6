"""The package librosa, an extra: found before any work, and its first compile said.

librosa compiles its functions with numba when it is first used after an installation, which takes
half a minute of a core. What is compiled is kept in the folder that NUMBA_CACHE_DIR names, beside
the package, or in the user's cache.
"""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path

from builders.audio.onnx_models import folder_of, versions_of

AUDIO_EXTRA = "audio"
_PACKAGE = "librosa"
FIRST_COMPILE = "librosa compiles its functions before their first use: a minute or two, once"
# A module whose functions are compiled when it is imported.
_UTILS = "utils.*.nbi"


def librosa_version() -> str:
    """Return its name and version; raises ConfigError if the extra is not installed."""
    return versions_of(AUDIO_EXTRA, _PACKAGE)


def has_librosa() -> bool:
    """Return whether the extra is installed, without importing it."""
    return util.find_spec(_PACKAGE) is not None


def say_first_compile() -> None:
    """Say on the terminal that librosa compiles, if this is its first use on this machine.

    Raises:
        ConfigError: the extra is not installed.
    """
    folder = folder_of(_PACKAGE, AUDIO_EXTRA)
    if _PACKAGE not in sys.modules and not _is_compiled(folder):
        print(FIRST_COMPILE, file=sys.stderr, flush=True)


def _is_compiled(folder: Path) -> bool:
    """Return whether numba kept what it compiled of a package; see the head of this module."""
    import numba  # of the same extra

    named: str = getattr(numba.config, "CACHE_DIR", "")  # set when numba is imported
    user = Path.home() / ".cache" / "numba"
    kept = [Path(named).glob(f"*/{_UTILS}")] if named else []
    kept += [(folder / "util" / "__pycache__").glob(_UTILS), user.glob(f"*/{_UTILS}")]
    return any(any(found) for found in (kept[:1] if named else kept))
