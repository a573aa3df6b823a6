"""Hearten: builds empathetic spoken-dialogue datasets.

Public names:
    Build: a finished build, opened to be read.
    build: makes one, or goes on with it: ``build("meld", source="MELD", model="…")``.
    load: opens one: ``load("output/meld-sample")``.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builders.pipeline.run import build_dataset as build
    from builders.record.dataset import Build, load

__version__ = "0.2.0"
__all__ = ["Build", "__version__", "build", "load"]


def __getattr__(name: str) -> object:
    # Imported when asked for, so that `build --help` loads no table library.
    if name in ("Build", "load"):
        from builders.record import dataset

        return getattr(dataset, name)
    if name == "build":
        from builders.pipeline.run import build_dataset

        return build_dataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
