"""The numbered migrations by their names alone: what opens a store takes a quarter of a second."""

from __future__ import annotations

import pkgutil
from pathlib import Path

STEPS = {
    int(module.name[1:5]): module.name
    for module in pkgutil.iter_modules([str(Path(__file__).parent / "migrations")])
    if module.name.startswith("m0")
}
NEWEST = max(STEPS)
