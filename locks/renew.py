"""Write the locks anew from pyproject.toml: each version that is installed, with its hashes.

Versions that still fit stay as they are; `--upgrade` takes the newest. Run it by `make lock`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).resolve().parent
PYPROJECT = LOCKS.parent / "pyproject.toml"
OLDEST_PYTHON = "3.11"
OWN_UV = str(Path(sys.executable).with_name("uv"))
HEADER = """\
# {about}
# Written by `make lock`, do not edit. Hashes of every file of a release, so that it holds on each
# platform and Python; `pip install --require-hashes -r` takes nothing else.
"""
NO_TORCH = """\
# PyTorch is not here: nothing that is built or tested in this environment needs it. The trainers
# whose readers are tested do, each in an environment of its own, by pinned version alone: builds of
# one release for different devices have different hashes, and which one is right the machine says.
"""
TEST = "Everything: what a build needs, all extras, and what the tests need."
CORE = "What a build needs, without extras."
BUILD = "What builds the package itself."
SSSOM = "The library of the standard for label maps, for one test in an environment of its own."


def write(uv: str, name: str, about: str, *wanted: str) -> None:
    """Write one lock; what is wanted is said in uv's words."""
    path = LOCKS / f"{name}.txt"
    line = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST_PYTHON]
    line += ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header"]
    subprocess.run(
        [*line, *wanted, "--output-file", str(path)], check=True, stdout=subprocess.DEVNULL
    )
    pins = "".join(
        line for line in path.read_text("utf-8").splitlines(keepends=True) if line[0] != "#"
    )
    path.write_text(
        HEADER.format(about=about) + (NO_TORCH if name == "test" else "") + pins, "utf-8"
    )


def main() -> None:
    """Write all locks, the largest first: the others take its versions."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--uv", default=OWN_UV, help="the program uv")
    options.add_argument("--upgrade", action="store_true", help="take the newest versions")
    said = options.parse_args()
    more = ["--upgrade"] if said.upgrade else []
    same = ["--constraints", str(LOCKS / "test.txt"), *more]
    write(said.uv, "test", TEST, str(PYPROJECT), "--extra", "test", *more)
    write(said.uv, "core", CORE, str(PYPROJECT), *same)
    write(said.uv, "build", BUILD, "--group", f"{PYPROJECT}:build", *same)
    write(said.uv, "sssom", SSSOM, "--group", f"{PYPROJECT}:sssom", *same)


if __name__ == "__main__":
    main()
