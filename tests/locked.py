"""What the locks say: names, versions and hashes."""

from __future__ import annotations

import re
from pathlib import Path

from builds import ROOT

LOCKS = ROOT / "locks"
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^ ;]+)(?: ; ([^\\]+?))? \\")


def name_of(package: str) -> str:
    """Return the name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def pins(lock: str) -> dict[str, str]:
    """Return the version of each package in a lock."""
    return {name_of(pin[1]): pin[2] for pin in _PIN.finditer((LOCKS / f"{lock}.txt").read_text())}


def constraints(lock: str, to: Path) -> Path:
    """Write the versions of a lock without hashes, for what installs a part of it; return `to`."""
    to.write_text("".join(f"{name}=={version}\n" for name, version in pins(lock).items()))
    return to
